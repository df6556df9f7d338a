/* axes.h - options that choose along the axes of a matrix: --policies stock,strict --caches all.
 *
 *	struct axis_lists lists = { .lists = { [CELL_AXIS_CACHE] = "classic,lru" } };
 *	const struct option options[] = { AXIS_OPTION(CELL_AXIS_CACHE, "executor caches: ...", &lists), ... };
 *	axes_choose(&lists, &axes, &e)
 *
 * Lists are borrowed from argv. Errors: ERROR_USAGE. One thread.
 */
#ifndef RESIDENCY_CLI_AXES_H
#define RESIDENCY_CLI_AXES_H

#include "cli/options.h"
#include "core/base/error.h"
#include "scenarios/matrix/axes.h"

/* What the command line says of each axis; NULL: nothing. */
struct axis_lists {
	const char *lists[CELL_AXIS_COUNT];
};

#define AXIS_OPTION(axis, help, into) TEXT_OPTION(cell_axes[axis].option, "LIST", help, &(into)->lists[axis])

/* Chooses along an axis by the list of an option; no list leaves the axis as it is. */
bool axes_choose_one(const char *option, const char *list, enum cell_axis_id axis, struct matrix_axes *axes, struct error *e);

/* The same along each axis but that of flows (cli/find/flow_find.h). */
bool axes_choose(const struct axis_lists *lists, struct matrix_axes *axes, struct error *e);

#endif
