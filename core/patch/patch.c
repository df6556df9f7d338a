#include "core/patch/patch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/convert.h"

struct patch_backup {
	size_t parameter;
	void *bytes; /* NULL on a machine without bytes */
	uint64_t size_bytes;
};

static bool is_covered(const struct parameter *parameter, const struct patch_use *uses, size_t use_count)
{
	for (size_t i = 0; i < use_count; i++) {
		if (lora_covers(uses[i].lora, parameter))
			return true;
	}
	return false;
}

/* The first bytes are kept once: a second patch starts from what is there. */
static bool keep(struct patch_backups *backups, const struct model *model, size_t index, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	struct patch_backup *kept;

	for (size_t i = 0; i < backups->count; i++) {
		if (backups->kept[i].parameter == index)
			return true;
	}
	if (!array_reserve(&backups->kept, &backups->capacity, backups->count + 1, sizeof(*backups->kept), e))
		return false;
	kept = &backups->kept[backups->count];
	*kept = (struct patch_backup) { .parameter = index, .size_bytes = parameter->size_bytes };
	if (machine_backend(model->machine)->has_bytes) {
		kept->bytes = array_new(parameter->size_bytes, 1, e);
		if (!kept->bytes)
			return false;
		memcpy(kept->bytes, parameter->resting.address, parameter->size_bytes);
	}
	backups->count++;
	return true;
}

/* On a machine without bytes a patch costs the products and the passes over the weight. */
static void charge(const struct model *model, const struct parameter *parameter, size_t use_count)
{
	struct device *device = machine_device(model->machine, model->blocks[parameter->block].device);
	struct kernel_cost cost = { .flops = 32.0 * (double)parameter->size_bytes * (double)use_count,
				    .bytes = 4.0 * (double)parameter->size_bytes * (double)(use_count + 1) };

	device_kernel(device, STREAM_COMPUTE, &cost);
}

static bool patch_parameter(const struct model *model, const struct parameter *parameter, const struct patch_use *uses,
			    size_t use_count, struct error *e)
{
	size_t count = (size_t)(parameter->size_bytes / dtype_size_bytes(parameter->dtype));
	float *values;
	bool fine;

	if (!machine_backend(model->machine)->has_bytes) {
		charge(model, parameter, use_count);
		return true;
	}
	values = array_new(count, sizeof(*values), e);
	fine = values && convert_to_f32(parameter->dtype, parameter->resting.address, values, count, e);
	for (size_t i = 0; fine && i < use_count; i++)
		fine = lora_add(uses[i].lora, parameter, uses[i].strength, values, e);
	fine = fine && convert_from_f32(parameter->dtype, values, parameter->resting.address, count, e);
	free(values);
	return fine;
}

bool patch_block(struct patch_backups *backups, struct model *model, size_t index, const struct patch_use *uses,
		 size_t use_count, struct error *e)
{
	const struct block *block = &model->blocks[index];

	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++) {
		const struct parameter *parameter = &model->parameters[i];

		if (!is_covered(parameter, uses, use_count))
			continue;
		if (!keep(backups, model, i, e) || !patch_parameter(model, parameter, uses, use_count, e))
			return error_context(e, "patching %s of %s", parameter->name, model->name);
	}
	return true;
}

void patch_restore(struct patch_backups *backups, struct model *model)
{
	for (size_t i = 0; i < backups->count; i++) {
		struct patch_backup *kept = &backups->kept[i];

		if (kept->bytes)
			memcpy(model->parameters[kept->parameter].resting.address, kept->bytes, kept->size_bytes);
		free(kept->bytes);
	}
	backups->count = 0;
}

void patch_backups_free(struct patch_backups *backups)
{
	for (size_t i = 0; i < backups->count; i++)
		free(backups->kept[i].bytes);
	free(backups->kept);
	*backups = (struct patch_backups) { .kept = NULL };
}

uint64_t patch_backups_size_bytes(const struct patch_backups *backups)
{
	uint64_t size_bytes = 0;

	for (size_t i = 0; i < backups->count; i++)
		size_bytes += backups->kept[i].size_bytes;
	return size_bytes;
}
