/* diff: the tensor itself is what is added, in the weight's own type. Norms' changes are such, and biases'. */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"
#include "core/tensor/convert/convert.h"

enum { DIFF };

static bool same_shape(const struct safetensors_tensor *tensor, const struct weight_values *weight)
{
	bool same = tensor->rank == weight->rank;

	for (unsigned i = 0; same && i < weight->rank; i++)
		same = tensor->shape[i] == (uint64_t)weight->shape[i];
	return same;
}

static bool apply(const struct change *change, struct error *e)
{
	const struct safetensors_tensor *tensor = change->adapter->parts[DIFF];
	struct weight_values *weight = change->weight;
	size_t count = adapter_weight_count(weight);
	float *values;

	if (change->strength == 0)
		return true;
	if (!same_shape(tensor, weight))
		return adapter_misfit(change, DIFF, e, "the shapes must be the same");
	values = array_new(count, sizeof(*values), e);
	if (!values || !convert_to_f32(tensor->dtype, tensor->bytes, values, count, e)) {
		free(values);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		float value = round_value(weight->dtype, values[adapter_change_source(change, count, i)]);

		value = round_value(weight->dtype, (float)change->strength * value);
		weight->values[i] = round_value(weight->dtype, weight->values[i] + value);
	}
	free(values);
	return true;
}

const struct adapter_kind kind_norm = { .name = "w_norm",
					.parts = { [DIFF] = { { ".w_norm" }, PART_SIGNAL, 0 } },
					.apply = apply };

const struct adapter_kind kind_norm_bias = {
	.name = "b_norm",
	.parts = {
		[DIFF] = { { ".b_norm" }, PART_SIGNAL, 0 },
		[1] = { { ".w_norm" }, PART_OPTIONAL, 0 },
	},
	.of_bias = true,
	.apply = apply,
};

const struct adapter_kind kind_diff = { .name = "diff", .parts = { [DIFF] = { { ".diff" }, PART_SIGNAL, 0 } }, .apply = apply };

const struct adapter_kind kind_diff_bias = {
	.name = "diff_b", .parts = { [DIFF] = { { ".diff_b" }, PART_SIGNAL, 0 } }, .of_bias = true, .apply = apply
};
