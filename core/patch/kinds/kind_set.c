/* set: the tensor takes the weight's place, whatever the strength. */
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"
#include "core/tensor/convert/convert.h"

enum { SET };

static bool apply(const struct change *change, struct error *e)
{
	const struct safetensors_tensor *tensor = change->adapter->parts[SET];
	struct weight_values *weight = change->weight;
	size_t count = adapter_weight_count(weight);

	if (tensor->element_count != count)
		return adapter_misfit(change, SET, e, "it must have as many elements");
	if (!convert_to_f32(tensor->dtype, tensor->bytes, weight->values, count, e))
		return false;
	round_values(weight->dtype, weight->values, count);
	return true;
}

const struct adapter_kind kind_set = { .name = "set",
				       .parts = { [SET] = { { ".set_weight" }, PART_SIGNAL, 0 } },
				       .apply = apply };
