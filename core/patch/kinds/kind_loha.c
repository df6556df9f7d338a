/* LoHa: the elementwise product of two low-rank products; for convolutions each may go through a core. */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"

enum { W1A, W1B, W2A, W2B, T1, T2 };

/* core [i, j, inner], b [j, r], a [i, p] make [p, r, inner]: first over j, then over i, as upstream's einsum does. */
static float *through_core(const struct change *change, unsigned core_part, const float *a, const float *b, size_t rows,
			   size_t columns, struct error *e)
{
	const struct safetensors_tensor *core = change->adapter->parts[core_part];
	size_t is = core->shape[0];
	size_t js = core->shape[1];
	size_t inner = core->shape[2] * core->shape[3];
	float *values = adapter_part_values(change, core_part, e);
	float *halfway = array_new(is * columns * inner, sizeof(*halfway), e);
	float *turned = array_new(rows * is, sizeof(*turned), e);
	float *to = array_new(rows * columns * inner, sizeof(*to), e);

	bool fine = values && halfway && turned && to;

	if (fine) {
		for (size_t i = 0; i < is; i++) {
			for (size_t r = 0; r < columns; r++) {
				for (size_t x = 0; x < inner; x++) {
					float sum = 0;

					for (size_t j = 0; j < js; j++)
						sum += values[(i * js + j) * inner + x] * b[j * columns + r];
					halfway[(i * columns + r) * inner + x] = round_value(change->dtype, sum);
				}
			}
		}
		arith_transpose(a, turned, is, rows);
		fine = arith_product(change->dtype, turned, halfway, to, rows, is, columns * inner, e);
	}
	if (!fine) {
		free(to);
		to = NULL;
	}
	free(values);
	free(halfway);
	free(turned);
	return to;
}

/* One of the two products. */
static float *one_side(const struct change *change, unsigned a_part, unsigned b_part, unsigned core_part, struct error *e)
{
	const struct safetensors_tensor *a_tensor = change->adapter->parts[a_part];
	const struct safetensors_tensor *b_tensor = change->adapter->parts[b_part];
	bool has_core = change->adapter->parts[T1] != NULL;
	float *a = adapter_part_values(change, a_part, e);
	float *b = adapter_part_values(change, b_part, e);
	float *to = NULL;

	if (a && b && has_core) {
		to = through_core(change, core_part, a, b, adapter_tensor_columns(a_tensor), adapter_tensor_columns(b_tensor),
				  e);
	} else if (a && b) {
		to = array_new(adapter_weight_count(change->weight), sizeof(*to), e);
		if (to && !arith_product(change->dtype, a, b, to, adapter_tensor_rows(a_tensor), adapter_tensor_rows(b_tensor),
					 adapter_tensor_columns(b_tensor), e)) {
			free(to);
			to = NULL;
		}
	}
	free(a);
	free(b);
	return to;
}

static bool makes(const struct change *change, uint64_t rows, uint64_t columns, uint64_t inner)
{
	uint64_t elements;

	return !__builtin_mul_overflow(rows, columns, &elements) && !__builtin_mul_overflow(elements, inner, &elements) &&
	       elements == adapter_weight_count(change->weight);
}

static bool side_fits(const struct change *change, unsigned a_part, unsigned b_part, unsigned core_part, struct error *e)
{
	const struct safetensors_tensor *a = change->adapter->parts[a_part];
	const struct safetensors_tensor *b = change->adapter->parts[b_part];
	const struct safetensors_tensor *core = change->adapter->parts[core_part];

	if (a->rank != 2 || b->rank != 2)
		return adapter_misfit(change, a_part, e, "factors have two dimensions");
	if (!change->adapter->parts[T1]) {
		if (a->shape[1] != b->shape[0] || !makes(change, a->shape[0], b->shape[1], 1))
			return adapter_misfit(change, a_part, e, "the other factor is %s", b->name);
		return true;
	}
	if (!core || core->rank != 4 || core->shape[0] != a->shape[0] || core->shape[1] != b->shape[0] ||
	    !makes(change, a->shape[1], b->shape[1], core->shape[2] * core->shape[3]))
		return adapter_misfit(change, core_part, e, "its factors are %s and %s", a->name, b->name);
	return true;
}

static bool difference(const struct change *change, struct difference *difference, struct error *e)
{
	float *second = NULL;
	bool fine;

	if (!side_fits(change, W1A, W1B, T1, e) || !side_fits(change, W2A, W2B, T2, e))
		return false;
	difference->alpha = adapter_alpha(change, adapter_tensor_rows(change->adapter->parts[W1B]));
	difference->values = one_side(change, W1A, W1B, T1, e);
	if (difference->values)
		second = one_side(change, W2A, W2B, T2, e);
	fine = second != NULL;
	if (fine) {
		size_t count = adapter_weight_count(change->weight);

		for (size_t i = 0; i < count; i++)
			difference->values[i] *= second[i];
		round_values(change->dtype, difference->values, count);
	}
	free(second);
	return fine;
}

const struct adapter_kind kind_loha = {
	.name = "loha",
	.parts = {
		[W1A] = { { ".hada_w1_a" }, PART_SIGNAL, 0 },
		[W1B] = { { ".hada_w1_b" }, PART_NEEDED, 0 },
		[W2A] = { { ".hada_w2_a" }, PART_NEEDED, 0 },
		[W2B] = { { ".hada_w2_b" }, PART_NEEDED, 0 },
		[T1] = { { ".hada_t1" }, PART_OPTIONAL, 0 },
		[T2] = { { ".hada_t2" }, PART_OPTIONAL, 0 },
	},
	.difference = difference,
};
