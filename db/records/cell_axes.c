/* cell_axes.c - the axes as rows of data, for whoever goes through them at run time.
 *
 * Made of the list in the header, in its order, so that a loop over cell_axes says axes in the order in which a cell's record has them.
 */
#include "db/records/cell_axes.h"

#define ROW(NAME, member_, capacity, option_, usual_, ...)                                                                     \
	[CELL_AXIS_##NAME] = { .member = #member_, .option = (option_), .usual = (usual_) },

const struct cell_axis cell_axes[CELL_AXIS_COUNT] = { CELL_AXES(ROW, ) };
