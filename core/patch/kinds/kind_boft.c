/* BOFT: rotations in stages, between which the weight's rows are exchanged as in a fast Fourier transform. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/kinds/cayley.h"

enum { BLOCKS, RESCALE };

struct boft {
	size_t stages, count, size; /* of a stage: so many blocks of so many rows */
	size_t columns;
	float *rotations;
	float *now, *next; /* the weight as the stages turn it */
};

/* Where a row goes before a stage: of each two groups of `stride` rows, row by row from one and the other. */
static size_t exchanged(size_t row, size_t stride)
{
	size_t within = row % (2 * stride);

	return row - within + within % stride * 2 + within / stride;
}

/* Below full strength a rotation goes part of the way. */
static float factor(const float *rotation, size_t size, size_t i, size_t j, float strength)
{
	float value = rotation[i * size + j];

	if (strength == 1.0F)
		return value;
	return value * strength + (i == j ? 1.0F - strength : 0);
}

static void turn(struct boft *boft, size_t stage, float strength)
{
	size_t rows = boft->count * boft->size;
	size_t stride = ((size_t)1 << stage) * (boft->size / 2);
	float *swapped = boft->now;

	memset(boft->next, 0, rows * boft->columns * sizeof(float));
	for (size_t row = 0; row < rows; row++) {
		size_t at = exchanged(row, stride);
		size_t block = at / boft->size;
		const float *rotation = boft->rotations + (stage * boft->count + block) * boft->size * boft->size;

		for (size_t i = 0; i < boft->size; i++) {
			float value = factor(rotation, boft->size, i, at % boft->size, strength);

			/* next is kept in exchanged order until the stage is done */
			for (size_t x = 0; x < boft->columns; x++)
				boft->next[(block * boft->size + i) * boft->columns + x] +=
					value * boft->now[row * boft->columns + x];
		}
	}
	for (size_t row = 0; row < rows; row++)
		memcpy(swapped + row * boft->columns, boft->next + exchanged(row, stride) * boft->columns,
		       boft->columns * sizeof(float));
}

static bool fits(const struct change *change, struct boft *boft, struct error *e)
{
	const struct safetensors_tensor *tensor = change->adapter->parts[BLOCKS];
	const struct weight_values *weight = change->weight;
	uint64_t rows = weight->rank ? (uint64_t)weight->shape[0] : 0;

	*boft = (struct boft) { .stages = tensor->shape[0], .count = tensor->shape[1], .size = tensor->shape[2] };
	if (rows == 0 || boft->size < 2 || boft->size % 2 || tensor->shape[3] != boft->size ||
	    rows / boft->size != boft->count || rows % boft->size || boft->stages == 0 || boft->stages > 32 ||
	    rows % (((uint64_t)1 << (boft->stages - 1)) * boft->size))
		return adapter_misfit(change, BLOCKS, e,
				      "its blocks are square, fill the rows, and their stages divide them");
	boft->columns = adapter_weight_count(weight) / rows;
	return true;
}

static bool finish(const struct change *change, const struct boft *boft, struct difference *difference, struct error *e)
{
	const struct safetensors_tensor *tensor = change->adapter->parts[RESCALE];
	size_t rows = boft->count * boft->size;
	float *rescale = NULL;

	if (tensor && tensor->element_count != rows && tensor->element_count != 1)
		return adapter_misfit(change, RESCALE, e, "it must have a value a row");
	if (tensor && !(rescale = adapter_part_values(change, RESCALE, e)))
		return false;
	for (size_t i = 0; i < rows * boft->columns; i++) {
		float value = boft->now[i];

		if (rescale)
			value *= rescale[tensor->element_count == 1 ? 0 : i / boft->columns];
		difference->values[i] = value - change->weight->values[i];
	}
	free(rescale);
	return true;
}

static bool difference(const struct change *change, struct difference *difference, struct error *e)
{
	size_t count = adapter_weight_count(change->weight);
	struct boft boft;
	bool fine;

	if (!fits(change, &boft, e))
		return false;
	difference->alpha = change->adapter->dora_scale && !isnan(change->adapter->alpha) ? change->adapter->alpha : 1.0;
	boft.rotations = cayley_rotations(change, BLOCKS, boft.stages * boft.count, boft.size, e);
	boft.now = array_new(count, sizeof(*boft.now), e);
	boft.next = array_new(count, sizeof(*boft.next), e);
	difference->values = array_new(count, sizeof(*difference->values), e);
	fine = boft.rotations && boft.now && boft.next && difference->values;
	if (fine) {
		memcpy(boft.now, change->weight->values, count * sizeof(*boft.now));
		for (size_t stage = 0; stage < boft.stages; stage++)
			turn(&boft, stage, (float)change->strength);
		fine = finish(change, &boft, difference, e);
	}
	free(boft.rotations);
	free(boft.now);
	free(boft.next);
	return fine;
}

const struct adapter_kind kind_boft = {
	.name = "boft",
	.parts = {
		[BLOCKS] = { { ".oft_blocks" }, PART_SIGNAL, 4 },
		[RESCALE] = { { ".rescale" }, PART_OPTIONAL, 0 },
	},
	.difference = difference,
};
