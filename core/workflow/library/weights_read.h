/* weights_read.h - a described model's bytes out of files: which tensors, or which rows of them, go where, and what is done to
 * them on the way. Private to core/workflow/library.
 *
 * On host nearly all bytes are read straight to where they rest, several reads in flight. Those that change on the way (rows that
 * become columns, halves that become floats, heads whose rows are reordered) are read beside it first. Off host all pass through
 * the host's memory, a few parameters at a time.
 */
#ifndef RESIDENCY_WORKFLOW_WEIGHTS_READ_H
#define RESIDENCY_WORKFLOW_WEIGHTS_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/detect/layout.h"
#include "core/model/model.h"
#include "core/model/tensors/tensor_table.h"
#include "core/tensor/transcode/bulk.h"

/* Where a parameter's bytes come from. */
struct parameter_origin {
	const char *path; /* of the file, where rows do not name their own; NULL: it comes from no file. Borrowed */
	const struct tensor_row *rows[LAYOUT_PIECES_MAX]; /* borrowed */
	unsigned part[LAYOUT_PIECES_MAX], part_count[LAYOUT_PIECES_MAX]; /* as in struct origin_piece */
	size_t piece_count;
	bool transposed;
	bool converted; /* the rows become numbers of the parameter's type */
	bool alternates; /* two rows' places alternate along the parameter's third dimension */
	unsigned heads; /* whose rows llama.cpp interleaved; 0: it did not */
};

/* Fills every parameter that has an origin; origins are by parameter. watcher may be NULL. */
bool weights_read(struct model *model, const struct parameter_origin *origins, const struct bulk_watcher *watcher,
		  struct error *e);

#endif
