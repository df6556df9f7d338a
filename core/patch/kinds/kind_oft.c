/* OFT: the weight's rows, block by block, turned by a rotation. Its alpha is no scale: it bounds how far a rotation goes. The
 * strength counts twice, in the rotation and in the sum, as upstream has it. */
#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/kinds/cayley.h"

enum { BLOCKS, RESCALE };

static bool difference(const struct change *change, struct difference *difference, struct error *e)
{
	const struct safetensors_tensor *tensor = change->adapter->parts[BLOCKS];
	const struct weight_values *weight = change->weight;
	size_t count = tensor->shape[0];
	size_t size = tensor->shape[1];
	size_t columns;
	float *rotations;

	if (weight->rank == 0 || count == 0 || size == 0 || tensor->shape[2] != size ||
	    (uint64_t)weight->shape[0] != count * size)
		return adapter_misfit(change, BLOCKS, e, "its blocks are square and fill the rows");
	columns = adapter_weight_count(weight) / (count * size);
	rotations = cayley_rotations(change, BLOCKS, count, size, e);
	if (!rotations)
		return false;
	difference->alpha = change->adapter->dora_scale && !isnan(change->adapter->alpha) ? change->adapter->alpha : 1.0;
	difference->values = array_new(adapter_weight_count(weight), sizeof(*difference->values), e);
	for (size_t row = 0; difference->values && row < count * size; row++) {
		const float *rotation = rotations + row / size * size * size;
		const float *rows = weight->values + row / size * size * columns;
		float *to = difference->values + row * columns;

		for (size_t n = 0; n < size; n++) {
			float strength = (float)change->strength;
			float factor = rotation[n * size + row % size] * strength - (n == row % size ? strength : 0);

			for (size_t x = 0; x < columns; x++)
				to[x] = fmaf(factor, rows[n * columns + x], to[x]);
		}
	}
	free(rotations);
	return difference->values != NULL;
}

const struct adapter_kind kind_oft = {
	.name = "oft",
	.parts = {
		[BLOCKS] = { { ".oft_blocks" }, PART_SIGNAL, 3 },
		[RESCALE] = { { ".rescale" }, PART_OPTIONAL, 0 },
	},
	.difference = difference,
};
