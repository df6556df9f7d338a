#include "core/patch/patch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/convert.h"

bool patch_covers(const struct patch_use *uses, size_t use_count, const struct parameter *parameter)
{
	for (size_t i = 0; i < use_count; i++) {
		if (lora_covers(uses[i].lora, parameter))
			return true;
	}
	return false;
}

bool patch_keep(const struct model *model, size_t index, void **kept, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];

	*kept = NULL;
	if (!machine_backend(model->machine)->has_bytes)
		return true;
	*kept = array_new(parameter->size_bytes, 1, e);
	if (!*kept)
		return false;
	memcpy(*kept, parameter->resting.address, parameter->size_bytes);
	return true;
}

void patch_restore(const struct model *model, size_t index, void **kept)
{
	const struct parameter *parameter = &model->parameters[index];

	if (*kept)
		memcpy(parameter->resting.address, *kept, parameter->size_bytes);
	free(*kept);
	*kept = NULL;
}

static size_t element_count(const struct parameter *parameter)
{
	return (size_t)(parameter->size_bytes / dtype_size_bytes(parameter->dtype));
}

/* The products, and the passes over the weight. */
struct kernel_cost patch_cost(const struct parameter *parameter, size_t use_count)
{
	return (struct kernel_cost) { .flops = 32.0 * (double)parameter->size_bytes * (double)use_count,
				      .bytes = 4.0 * (double)parameter->size_bytes * (double)(use_count + 1) };
}

static bool add_all(const struct parameter *parameter, const struct patch_use *uses, size_t use_count, float *values,
		    struct error *e)
{
	for (size_t i = 0; i < use_count; i++) {
		if (!lora_add(uses[i].lora, parameter, uses[i].strength, values, e))
			return error_context(e, "patching %s", parameter->name);
	}
	return true;
}

bool patch_parameter(const struct model *model, size_t index, const struct patch_use *uses, size_t use_count, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	struct device *device = machine_device(model->machine, model->blocks[parameter->block].device);
	size_t count = element_count(parameter);
	float *values;
	bool fine;

	if (!machine_backend(model->machine)->has_bytes) {
		struct kernel_cost cost = patch_cost(parameter, use_count);

		device_kernel(device, STREAM_COMPUTE, &cost);
		return true;
	}
	values = array_new(count, sizeof(*values), e);
	fine = values && convert_to_f32(parameter->dtype, parameter->resting.address, values, count, e) &&
	       add_all(parameter, uses, use_count, values, e) &&
	       convert_from_f32(parameter->dtype, values, parameter->resting.address, count, e);
	free(values);
	return fine;
}

bool patch_values(const struct parameter *parameter, const struct patch_use *uses, size_t use_count, float *values,
		  struct error *e)
{
	size_t count = element_count(parameter);
	void *rounded;
	bool fine;

	if (!add_all(parameter, uses, use_count, values, e))
		return false;
	if (parameter->dtype == DTYPE_F32)
		return true;
	rounded = array_new(parameter->size_bytes, 1, e);
	fine = rounded && convert_from_f32(parameter->dtype, values, rounded, count, e) &&
	       convert_to_f32(parameter->dtype, rounded, values, count, e);
	free(rounded);
	return fine;
}
