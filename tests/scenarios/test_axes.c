/* The axes of the matrix: said once, every usual value is a value, and cells come in one order. */
#include <stdlib.h>
#include <string.h>

#include "scenarios/flow/flows.h"
#include "scenarios/matrix/axes.h"
#include "scenarios/subject/subject.h"
#include "tests/harness/harness.h"

START_TEST(what_is_usual_along_an_axis_is_what_runs_by_default)
{
	struct matrix_axes axes = matrix_axes_default();

	for (enum cell_axis_id axis = 0; axis < CELL_AXIS_COUNT; axis++) {
		if (!cell_axes[axis].usual[0])
			continue;
		ck_assert_uint_ne(matrix_axis_bit(axis, cell_axes[axis].usual), 0);
		ck_assert_uint_eq(*matrix_axis_bits(&axes, axis), matrix_axis_bit(axis, cell_axes[axis].usual));
	}
}
END_TEST

START_TEST(every_value_along_an_axis_is_found_by_its_name)
{
	for (enum cell_axis_id axis = 0; axis < CELL_AXIS_COUNT; axis++) {
		const struct matrix_axis *values = &matrix_axis_table[axis];

		if (axis == CELL_AXIS_FLOW)
			continue;
		ck_assert_ptr_nonnull(values->name(0));
		for (size_t i = 0; values->name(i); i++)
			ck_assert_int_eq(values->index(values->name(i)), (int)i);
		ck_assert_int_eq(values->index("no-such-value"), -1);
	}
}
END_TEST

/* Cells of all modes: as many as are counted, no two alike, the last axis turning fastest. */
START_TEST(as_many_cells_are_found_by_number_as_are_counted)
{
	struct matrix_axes axes = matrix_axes_default();
	struct flow_set flows = { .flows = NULL };
	struct matrix_cell before = { .matrix = NULL };
	struct matrix_cell cell;
	struct error e = ERROR_INIT;
	size_t count = 0;

	ck_assert_ok(flow_set_add_builtin(&flows, &e), &e);
	axes.flows = flow_set_put_default_first(&flows);
	axes.flow_count = 3;
	axes.policies = 1;
	axes.device_modes = (1u << DEVICE_MODE_COUNT) - 1;
	axes.node_flags = (1u << NODE_FLAGS_COUNT) - 1;
	while (matrix_cell_at(&axes, count, &cell)) {
		ck_assert_uint_eq(matrix_cell_count(&cell.axes, NULL), 1);
		if (count % 2 == 1) {
			ck_assert_str_eq(cell.device_mode, before.device_mode);
			ck_assert_str_eq(before.node_flags, subject_node_flags_name(NODE_FLAGS_REAL));
			ck_assert_str_eq(cell.node_flags, subject_node_flags_name(NODE_FLAGS_SUPPRESSED));
		}
		before = cell;
		count++;
	}
	ck_assert_uint_gt(count, 8);
	ck_assert_uint_eq(count, matrix_cell_count(&axes, NULL));
	flow_set_free(&flows);
}
END_TEST

HARNESS_SUITE(axes_suite)
{
	Suite *suite = suite_create("axes");
	TCase *tests = tcase_create("axes");

	tcase_add_test(tests, what_is_usual_along_an_axis_is_what_runs_by_default);
	tcase_add_test(tests, every_value_along_an_axis_is_found_by_its_name);
	tcase_add_test(tests, as_many_cells_are_found_by_number_as_are_counted);
	suite_add_tcase(suite, tests);
	return suite;
}
