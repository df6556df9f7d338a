/* cell_axes.h - the axes along which the cells of a matrix differ, said once.
 *
 * Each row is X(NAME, member, capacity, option, usual, ...): the constant CELL_AXIS_NAME; the member of a cell's record, which is its
 * column in the store and its member in JSON, with the room of its text in bytes; the option of `residency matrix` that chooses along
 * it, and the value that goes without saying ("": every value is said). What follows `usual` is passed on. Records, the names of
 * cells, the queries of reports, replay lines, matrix_axes and the command line are made of these rows: a new axis is a row here, its
 * values in scenarios/matrix/axes.c, and a migration. Constant; any thread may read it.
 */
#ifndef RESIDENCY_DB_CELL_AXES_H
#define RESIDENCY_DB_CELL_AXES_H

/* What runs, and how: the axes of a sweep's cell, too, whose policy and cache are the server's own. */
#define CELL_AXES_OF_WHAT(X, ...)                                                                                              \
	X(MATRIX, matrix, 32, "matrices", "", __VA_ARGS__)                                                                     \
	X(FLOW, flow, 32, "flows", "", __VA_ARGS__)
#define CELL_AXES_OF_MODES(X, ...)                                                                                             \
	X(DEVICE_MODE, device_mode, 16, "device-modes", "split", __VA_ARGS__)                                                  \
	X(NODE_FLAGS, node_flags, 16, "node-flags", "real", __VA_ARGS__)
#define SWEEP_AXES(X, ...)                                                                                                     \
	CELL_AXES_OF_WHAT(X, __VA_ARGS__)                                                                                      \
	CELL_AXES_OF_MODES(X, __VA_ARGS__)

/* Those that have a usual value. */
#define CELL_AXES_UNUSUAL(X, ...)                                                                                              \
	X(CACHE, cache, 16, "caches", "classic", __VA_ARGS__)                                                                  \
	CELL_AXES_OF_MODES(X, __VA_ARGS__)

#define CELL_AXES(X, ...)                                                                                                      \
	X(POLICY, policy, 32, "policies", "", __VA_ARGS__)                                                                     \
	CELL_AXES_OF_WHAT(X, __VA_ARGS__)                                                                                      \
	CELL_AXES_UNUSUAL(X, __VA_ARGS__)

#define CELL_AXIS_CONSTANT(NAME, member, capacity, option, usual, ...) CELL_AXIS_##NAME,
enum cell_axis_id { CELL_AXES(CELL_AXIS_CONSTANT, ) CELL_AXIS_COUNT };
#undef CELL_AXIS_CONSTANT

struct cell_axis {
	const char *member, *option, *usual;
};

extern const struct cell_axis cell_axes[CELL_AXIS_COUNT];

/* Pieces of SQL. ", c.policy, c.matrix, ..." of an alias "c"; a list may not begin with it. */
#define CELL_AXIS_COLUMN(NAME, member, capacity, option, usual, alias) ", " alias "." #member
/* " AND a.matrix = b.matrix ..." of two aliases. */
#define CELL_AXIS_EQUAL(NAME, member, capacity, option, usual, a, b) " AND " a "." #member " = " b "." #member
/* " AND c.cache = 'classic' ..." */
#define CELL_AXIS_USUAL(NAME, member, capacity, option, usual, alias) " AND " alias "." #member " = '" usual "'"
/* " || ', ' || c.cache ..." */
#define CELL_AXIS_LISTED(NAME, member, capacity, option, usual, alias) " || ', ' || " alias "." #member

/* An expression: "BEFOREcache, device mode, node flagsAFTER" of a cell where one of them is not as usual, else "". */
#define CELL_UNUSUAL_MODES(alias, before, after)                                                                               \
	"CASE WHEN 1" CELL_AXES_UNUSUAL(CELL_AXIS_USUAL, alias) " THEN '' ELSE '" before "' || substr(''" CELL_AXES_UNUSUAL(   \
		CELL_AXIS_LISTED, alias) ", 3) || '" after "' END"

#endif
