/* GLoRA: a low-rank product, and another of the weight itself with two factors. Files of the first way of writing it have their
 * factors the other way round; upstream tells them by their shapes, and so do we. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"

enum { A1, A2, B1, B2 };

struct glora {
	const struct change *change;
	float *parts[4];
	float *weight; /* in the differences' type */
	float *halfway; /* weight times the first factor */
	float *twice; /* and times the second */
	size_t rank, rows, columns, inner;
	bool old;
};

static bool is_old(const struct change *change)
{
	const struct safetensors_tensor *const *p = change->adapter->parts;
	uint64_t rows = (uint64_t)change->weight->shape[0];
	uint64_t columns = (uint64_t)change->weight->shape[1];
	uint64_t rank = adapter_tensor_rows(p[A1]);
	bool old = adapter_tensor_columns(p[B2]) == rank && adapter_tensor_rows(p[B1]) == rank &&
		   adapter_tensor_columns(p[A2]) == rank;
	bool fresh = adapter_tensor_rows(p[B2]) == adapter_tensor_columns(p[A1]) &&
		     adapter_tensor_columns(p[B1]) == adapter_tensor_columns(p[A1]) &&
		     adapter_tensor_rows(p[A2]) == adapter_tensor_columns(p[A1]);

	return old && (!fresh || (adapter_tensor_rows(p[A2]) == rows && rows == columns));
}

static bool part_is(const struct glora *glora, unsigned part, size_t rows, size_t columns, struct error *e)
{
	const struct safetensors_tensor *tensor = glora->change->adapter->parts[part];

	if (adapter_tensor_rows(tensor) == rows && adapter_tensor_columns(tensor) == columns)
		return true;
	return adapter_misfit(glora->change, part, e, "it should be %zu x %zu", rows, columns);
}

static bool fits(struct glora *glora, struct error *e)
{
	const struct weight_values *weight = glora->change->weight;
	const struct safetensors_tensor *const *p = glora->change->adapter->parts;
	size_t count = adapter_weight_count(weight);

	if (weight->rank < 2 || count == 0)
		return adapter_misfit(glora->change, A1, e, "only weights of two dimensions or more can be multiplied");
	glora->old = is_old(glora->change);
	glora->rank = glora->old ? adapter_tensor_rows(p[A1]) : adapter_tensor_columns(p[A1]);
	glora->rows = (size_t)weight->shape[0];
	glora->columns = glora->old ? count / glora->rows : (size_t)weight->shape[1];
	glora->inner = count / glora->rows / glora->columns;
	if (glora->old)
		return part_is(glora, A2, glora->columns, glora->rank, e) &&
		       part_is(glora, A1, glora->rank, glora->columns, e) && part_is(glora, B2, glora->rows, glora->rank, e) &&
		       part_is(glora, B1, glora->rank, glora->columns, e);
	return part_is(glora, A1, glora->columns, glora->rank, e) && part_is(glora, A2, glora->rank, glora->columns, e) &&
	       part_is(glora, B1, glora->rows, glora->rank, e) &&
	       part_is(glora, B2, glora->rank, glora->columns * glora->inner, e);
}

/* from [rows, depth, inner] times by [depth, columns]: the sum over the middle dimension. */
static void multiply(const struct glora *glora, const float *from, const float *by, float *to, size_t depth, size_t columns)
{
	size_t inner = glora->inner;

	for (size_t o = 0; o < glora->rows; o++) {
		for (size_t j = 0; j < columns; j++) {
			for (size_t x = 0; x < inner; x++) {
				float sum = 0;

				for (size_t i = 0; i < depth; i++)
					sum += from[(o * depth + i) * inner + x] * by[i * columns + j];
				to[(o * columns + j) * inner + x] = round_value(glora->change->dtype, sum);
			}
		}
	}
}

static bool compute(struct glora *glora, struct difference *difference, struct error *e)
{
	enum dtype dtype = glora->change->dtype;
	size_t count = adapter_weight_count(glora->change->weight);

	for (unsigned i = 0; i < 4; i++) {
		glora->parts[i] = adapter_part_values(glora->change, i, e);
		if (!glora->parts[i])
			return false;
	}
	glora->weight = array_new(count, sizeof(float), e);
	glora->twice = array_new(count, sizeof(float), e);
	glora->halfway = array_new(glora->rows * glora->rank * glora->inner, sizeof(float), e);
	difference->values = array_new(count, sizeof(float), e);
	if (!glora->weight || !glora->twice || !glora->halfway || !difference->values)
		return false;
	memcpy(glora->weight, glora->change->weight->values, count * sizeof(float));
	round_values(dtype, glora->weight, count);
	multiply(glora, glora->weight, glora->parts[glora->old ? A2 : A1], glora->halfway, glora->columns, glora->rank);
	multiply(glora, glora->halfway, glora->parts[glora->old ? A1 : A2], glora->twice, glora->rank, glora->columns);
	if (!arith_product(dtype, glora->parts[glora->old ? B2 : B1], glora->parts[glora->old ? B1 : B2], difference->values,
			   glora->rows, glora->rank, count / glora->rows, e))
		return false;
	for (size_t i = 0; i < count; i++)
		difference->values[i] = round_value(dtype, glora->twice[i] + difference->values[i]);
	return true;
}

static bool difference(const struct change *change, struct difference *difference, struct error *e)
{
	struct glora glora = { .change = change };
	bool fine = fits(&glora, e) && compute(&glora, difference, e);

	difference->alpha = adapter_alpha(change, glora.rank);
	for (unsigned i = 0; i < 4; i++)
		free(glora.parts[i]);
	free(glora.weight);
	free(glora.halfway);
	free(glora.twice);
	return fine;
}

const struct adapter_kind kind_glora = {
	.name = "glora",
	.parts = {
		[A1] = { { ".a1.weight" }, PART_SIGNAL, 0 },
		[A2] = { { ".a2.weight" }, PART_NEEDED, 0 },
		[B1] = { { ".b1.weight" }, PART_NEEDED, 0 },
		[B2] = { { ".b2.weight" }, PART_NEEDED, 0 },
	},
	.difference = difference,
};
