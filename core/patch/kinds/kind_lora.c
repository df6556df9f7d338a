/* LoRA and LoCon: up times down, both flattened from their second dimension; with a middle, down is first put through it. */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"

enum { UP, DOWN, MID };

/* down [rank, in, 1, 1] and mid [rank, rank, h, w] make [rank, in, h, w]: to[q, i, x] is the sum over p of down[p, i] mid[q, p, x].
 * As upstream has it: down transposed times mid with its first two dimensions exchanged. */
static float *through_mid(const struct change *change, const float *down, struct error *e)
{
	const struct safetensors_tensor *mid = change->adapter->parts[MID];
	size_t rank = adapter_tensor_rows(change->adapter->parts[DOWN]);
	size_t in = adapter_tensor_columns(change->adapter->parts[DOWN]);
	size_t inner = mid->element_count / rank / rank;
	float *turned = array_new(rank * in, sizeof(*turned), e);
	float *middle = adapter_part_values(change, MID, e);
	float *exchanged = array_new(mid->element_count, sizeof(*exchanged), e);
	float *sums = array_new(rank * in * inner, sizeof(*sums), e);
	float *to = array_new(rank * in * inner, sizeof(*to), e);
	bool fine = turned && middle && exchanged && sums && to;

	if (fine) {
		arith_transpose(down, turned, rank, in);
		for (size_t q = 0; q < rank; q++) {
			for (size_t p = 0; p < rank; p++) {
				for (size_t x = 0; x < inner; x++)
					exchanged[(p * rank + q) * inner + x] = middle[(q * rank + p) * inner + x];
			}
		}
		fine = arith_product(change->dtype, turned, exchanged, sums, in, rank, rank * inner, e);
		for (size_t i = 0; i < in; i++) {
			for (size_t q = 0; q < rank; q++) {
				for (size_t x = 0; x < inner; x++)
					to[(q * in + i) * inner + x] = sums[(i * rank + q) * inner + x];
			}
		}
	}
	if (!fine) {
		free(to);
		to = NULL;
	}
	free(turned);
	free(middle);
	free(exchanged);
	free(sums);
	return to;
}

/* Where the factors' product has as many elements as the weight, its shape is the weight's. */
static bool fits(const struct change *change, size_t *columns, struct error *e)
{
	const struct safetensors_tensor *up = change->adapter->parts[UP];
	const struct safetensors_tensor *down = change->adapter->parts[DOWN];
	const struct safetensors_tensor *mid = change->adapter->parts[MID];
	uint64_t rank = adapter_tensor_rows(down);
	uint64_t elements;

	*columns = adapter_tensor_columns(down);
	if (rank == 0 || adapter_tensor_columns(up) != rank)
		return adapter_misfit(change, DOWN, e, "the other factor, %s, has %llu columns", up->name,
				      (unsigned long long)adapter_tensor_columns(up));
	if (mid) {
		if (mid->rank != 4 || mid->shape[0] != rank || mid->shape[1] != rank)
			return adapter_misfit(change, MID, e, "the rank is %llu", (unsigned long long)rank);
		*columns *= mid->shape[2] * mid->shape[3];
	}
	if (__builtin_mul_overflow(adapter_tensor_rows(up), (uint64_t)*columns, &elements) ||
	    elements != adapter_weight_count(change->weight))
		return adapter_misfit(change, UP, e, "with %s it makes %llu x %zu", down->name,
				      (unsigned long long)adapter_tensor_rows(up), *columns);
	return true;
}

static bool difference(const struct change *change, struct difference *difference, struct error *e)
{
	const struct adapter *adapter = change->adapter;
	float *up = NULL;
	float *down = NULL;
	float *wide = NULL;
	size_t columns;
	bool fine = false;

	if (!fits(change, &columns, e))
		return false;
	up = adapter_part_values(change, UP, e);
	down = adapter_part_values(change, DOWN, e);
	difference->alpha = adapter_alpha(change, adapter_tensor_rows(adapter->parts[DOWN]));
	difference->values = array_new(adapter_weight_count(change->weight), sizeof(*difference->values), e);
	if (!up || !down || !difference->values)
		goto out;
	if (adapter->parts[MID] && !(wide = through_mid(change, down, e)))
		goto out;
	fine = arith_product(change->dtype, up, wide ? wide : down, difference->values, adapter_tensor_rows(adapter->parts[UP]),
			     adapter_tensor_rows(adapter->parts[DOWN]), columns, e);
out:
	free(up);
	free(down);
	free(wide);
	return fine;
}

const struct adapter_kind kind_lora = {
	.name = "lora",
	.parts = {
		[UP] = { { ".lora_up.weight", "_lora.up.weight", ".lora_B.weight", ".lora.up.weight", ".lora_B",
			   ".lora_linear_layer.up.weight", ".lora_B.default.weight" },
			 PART_SIGNAL, 0 },
		[DOWN] = { { ".lora_down.weight", "_lora.down.weight", ".lora_A.weight", ".lora.down.weight", ".lora_A",
			     ".lora_linear_layer.down.weight", ".lora_A.default.weight" },
			   PART_NEEDED, 0 },
		[MID] = { { ".lora_mid.weight" }, PART_OPTIONAL, 0 },
	},
	.may_reshape = true,
	.difference = difference,
};
