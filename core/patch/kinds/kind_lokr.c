/* LoKr: the Kronecker product of a small matrix and a larger one, each whole or in two factors; the larger one may be a
 * convolution's, and then go through a core. */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"

enum { W1, W2, W1A, W1B, W2A, W2B, T2 };

/* One of the two sides: [rows, columns, inner]. */
struct side {
	float *values;
	size_t rows, columns, inner;
	uint64_t rank; /* of its factors; 0 where it is whole */
};

static bool take_whole(const struct change *change, unsigned part, struct side *side, struct error *e)
{
	const struct safetensors_tensor *tensor = change->adapter->parts[part];

	if (tensor->rank != 2 && (tensor->rank != 4 || part != W2))
		return adapter_misfit(change, part, e, "it must have two dimensions");
	side->rows = tensor->shape[0];
	side->columns = tensor->shape[1];
	side->inner = tensor->rank == 4 ? tensor->shape[2] * tensor->shape[3] : 1;
	side->values = adapter_part_values(change, part, e);
	return side->values != NULL;
}

static bool multiply(const struct change *change, unsigned a_part, unsigned b_part, struct side *side, struct error *e)
{
	const struct safetensors_tensor *a = change->adapter->parts[a_part];
	const struct safetensors_tensor *b = change->adapter->parts[b_part];
	float *left = NULL;
	float *right = NULL;
	uint64_t elements;
	bool fine;

	if (!a || !b)
		return adapter_misfit(change, a ? a_part : b_part, e, "its other factor is missing");
	if (a->rank != 2 || b->rank != 2 || a->shape[1] != b->shape[0] ||
	    __builtin_mul_overflow(a->shape[0], b->shape[1], &elements) || elements > adapter_weight_count(change->weight))
		return adapter_misfit(change, a_part, e, "the other factor is %s", b->name);
	*side = (struct side) { .rows = a->shape[0], .columns = b->shape[1], .inner = 1, .rank = b->shape[0] };
	left = adapter_part_values(change, a_part, e);
	right = adapter_part_values(change, b_part, e);
	side->values = array_new(elements, sizeof(*side->values), e);
	fine = left && right && side->values &&
	       arith_product(change->dtype, left, right, side->values, side->rows, side->rank, side->columns, e);
	free(left);
	free(right);
	return fine;
}

/* core [i, j, inner], a [i, p], b [j, r] make [p, r, inner]. Upstream's result is no contiguous tensor, which its Kronecker
 * product cannot take: the weight stays as it is. */
static bool through_core(const struct change *change, struct side *side, struct error *e)
{
	const struct safetensors_tensor *core = change->adapter->parts[T2];
	const struct safetensors_tensor *a = change->adapter->parts[W2A];
	const struct safetensors_tensor *b = change->adapter->parts[W2B];
	float *c = NULL;
	float *left = NULL;
	float *right = NULL;
	uint64_t elements;
	bool fine;

	if (change->as_upstream)
		return adapter_misfit(change, T2, e, "upstream cannot multiply a side that went through a core");
	if (!a || !b || a->rank != 2 || b->rank != 2 || core->rank != 4 || core->shape[0] != a->shape[0] ||
	    core->shape[1] != b->shape[0] || __builtin_mul_overflow(a->shape[1], b->shape[1], &elements) ||
	    __builtin_mul_overflow(elements, core->shape[2] * core->shape[3], &elements) ||
	    elements > adapter_weight_count(change->weight))
		return adapter_misfit(change, T2, e, "its factors do not fit it");
	*side = (struct side) {
		.rows = a->shape[1], .columns = b->shape[1], .inner = core->shape[2] * core->shape[3], .rank = b->shape[0]
	};
	c = adapter_part_values(change, T2, e);
	left = adapter_part_values(change, W2A, e);
	right = adapter_part_values(change, W2B, e);
	side->values = array_new(elements, sizeof(*side->values), e);
	for (size_t n = 0; c && left && right && side->values && n < elements; n++) {
		size_t p = n / side->inner / side->columns;
		size_t r = n / side->inner % side->columns;
		float sum = 0;

		for (size_t i = 0; i < a->shape[0]; i++) {
			float part = 0;

			for (size_t j = 0; j < side->rank; j++)
				part += c[(i * side->rank + j) * side->inner + n % side->inner] * right[j * side->columns + r];
			sum += round_value(change->dtype, part) * left[i * side->rows + p];
		}
		side->values[n] = round_value(change->dtype, sum);
	}
	fine = c && left && right && side->values;
	free(c);
	free(left);
	free(right);
	return fine;
}

static bool take_sides(const struct change *change, struct side *first, struct side *second, struct error *e)
{
	const struct adapter *adapter = change->adapter;
	bool fine = adapter->parts[W1] ? take_whole(change, W1, first, e) : multiply(change, W1A, W1B, first, e);

	if (!fine)
		return false;
	if (adapter->parts[W2])
		return take_whole(change, W2, second, e);
	return adapter->parts[T2] ? through_core(change, second, e) : multiply(change, W2A, W2B, second, e);
}

static bool makes(const struct side *first, const struct side *second, size_t count)
{
	const size_t sizes[] = { first->columns, second->rows, second->columns, second->inner };
	size_t elements = first->rows;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (__builtin_mul_overflow(elements, sizes[i], &elements))
			return false;
	}
	return elements == count && count > 0;
}

static void kronecker(const struct change *change, const struct side *first, const struct side *second, float *to)
{
	size_t columns = first->columns * second->columns;

	for (size_t i = 0; i < first->rows * second->rows; i++) {
		const float *left = first->values + i / second->rows * first->columns;
		const float *right = second->values + i % second->rows * second->columns * second->inner;

		for (size_t j = 0; j < columns; j++) {
			for (size_t x = 0; x < second->inner; x++)
				to[(i * columns + j) * second->inner + x] =
					round_value(change->dtype,
						    left[j / second->columns] * right[j % second->columns * second->inner + x]);
		}
	}
}

/* alpha counts only where a side is in factors; the second side's rank wins. */
static bool difference(const struct change *change, struct difference *difference, struct error *e)
{
	struct side first = { .values = NULL };
	struct side second = { .values = NULL };
	size_t count = adapter_weight_count(change->weight);
	bool fine = take_sides(change, &first, &second, e);

	if (fine && !makes(&first, &second, count))
		fine = adapter_misfit(change, change->adapter->parts[W2] ? W2 : W2A, e,
				      "with the first side it makes %zu x %zu", first.rows * second.rows,
				      first.columns * second.columns * second.inner);
	if (fine) {
		difference->alpha = adapter_alpha(change, second.rank ? second.rank : first.rank);
		difference->values = array_new(count, sizeof(*difference->values), e);
		fine = difference->values != NULL;
	}
	if (fine)
		kronecker(change, &first, &second, difference->values);
	free(first.values);
	free(second.values);
	return fine;
}

const struct adapter_kind kind_lokr = {
	.name = "lokr",
	.parts = {
		[W1] = { { ".lokr_w1" }, PART_SIGNAL, 0 },
		[W2] = { { ".lokr_w2" }, PART_SIGNAL, 0 },
		[W1A] = { { ".lokr_w1_a" }, PART_SIGNAL, 0 },
		[W1B] = { { ".lokr_w1_b" }, PART_OPTIONAL, 0 },
		[W2A] = { { ".lokr_w2_a" }, PART_SIGNAL, 0 },
		[W2B] = { { ".lokr_w2_b" }, PART_OPTIONAL, 0 },
		[T2] = { { ".lokr_t2" }, PART_OPTIONAL, 0 },
	},
	.difference = difference,
};
