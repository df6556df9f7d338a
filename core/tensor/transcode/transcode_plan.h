/* transcode_plan.h - what becomes of each tensor of a file, and what would be lost. Private to core/tensor/transcode.
 */
#ifndef RESIDENCY_TENSOR_TRANSCODE_PLAN_H
#define RESIDENCY_TENSOR_TRANSCODE_PLAN_H

#include "core/tensor/transcode/transcode.h"

/* One tensor of the new file. */
struct transcode_step {
	const struct weights_tensor *from;
	const struct scaled_layer *unscales; /* its scales are multiplied in; NULL: it has none, or keeps them */
	struct weights_type type;
	bool converts;
	uint64_t element_count; /* of the values, which may be packed in the file */
	size_t rank; /* in the new file */
	const int64_t *shape; /* the tensor's own, or own_shape where rank or columns had to change */
	int64_t own_shape[2];
};

/* Fills steps, of which there is room for one a tensor, in the file's order, and the counts of the result. ERROR_UNSUPPORTED names
 * what would be lost. */
bool transcode_plan(const struct transcode_request *request, const struct weights *weights, struct transcode_step *steps,
		    size_t *count, struct transcode_result *result, struct error *e);

#endif
