/* axes.c - lists of names become bits of matrix_axes, an axis after the other.
 *
 * What names there are is scenarios/matrix/axes.h's to say, and how an option is called db/records/cell_axes.h's. Axes are asked in
 * their order, so that of several mistakes always the same one is said.
 */
#include "cli/axes.h"

#include "cli/choices.h"

bool axes_choose_one(const char *option, const char *list, enum cell_axis_id axis, struct matrix_axes *axes, struct error *e)
{
	const struct matrix_axis *values = &matrix_axis_table[axis];

	return !list || choices_parse(option, list, values->index, values->name, matrix_axis_bits(axes, axis), e);
}

bool axes_choose(const struct axis_lists *lists, struct matrix_axes *axes, struct error *e)
{
	for (enum cell_axis_id axis = 0; axis < CELL_AXIS_COUNT; axis++) {
		if (axis != CELL_AXIS_FLOW && !axes_choose_one(cell_axes[axis].option, lists->lists[axis], axis, axes, e))
			return false;
	}
	return true;
}
