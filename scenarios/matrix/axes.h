/* axes.h - the values along each axis of the matrix, by name and by number, and where matrix_axes chooses among them.
 *
 * The axes themselves are db/records/cell_axes.h's; flows alone have no values here, since they are files, too. A row of the table is
 * an axis: a number is a bit of its member of struct matrix_axes. Constant; nothing fails; any thread may read it.
 */
#ifndef RESIDENCY_SCENARIOS_AXES_H
#define RESIDENCY_SCENARIOS_AXES_H

#include <stddef.h>
#include <stdint.h>

#include "db/records/cell_axes.h"
#include "scenarios/matrix/matrix.h"

struct matrix_axis {
	const char *(*name)(size_t index); /* NULL past the last */
	int (*index)(const char *name); /* of a name or one of its aliases; -1: not found */
	size_t offset; /* of the axis' bits in struct matrix_axes */
};

/* By enum cell_axis_id; the functions of CELL_AXIS_FLOW are NULL. */
extern const struct matrix_axis matrix_axis_table[CELL_AXIS_COUNT];

/* The bits of an axis, to choose along it. */
uint64_t *matrix_axis_bits(struct matrix_axes *axes, enum cell_axis_id axis);

/* The bit of a value; 0 if not found. */
uint64_t matrix_axis_bit(enum cell_axis_id axis, const char *name);

#endif
