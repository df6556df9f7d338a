#include "core/patch/patch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/keys/key_rules.h"
#include "core/patch/keys/model_keys.h"
#include "core/patch/apply/stored.h"
#include "core/patch/apply/strips.h"
#include "core/tensor/dtype/convert.h"
#include "core/tensor/dtype/stochastic.h"

/* What an fp8 weight has to be multiplied by, where a scale is beside it; 0 where there is none. */
static float scale_of(const struct model *model, size_t index)
{
	const struct parameter *parameter = &model->parameters[index];
	const struct parameter *scale;
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];
	float value;

	if (!is_fp8(parameter->dtype) || !key_between(parameter->name, "", ".weight", module))
		return 0;
	key_print(name, "%s.scale_weight", module);
	scale = model_parameter(model, name);
	if (!scale || scale->dtype != DTYPE_F32 || scale->size_bytes != sizeof(value) || !scale->resting.address)
		return 0;
	memcpy(&value, scale->resting.address, sizeof(value));
	return value;
}

/* A parameter whose bytes are at hand. */
static struct stored store(const struct model *model, size_t index, const void *bytes, char key[KEY_MAX_BYTES])
{
	const struct parameter *parameter = &model->parameters[index];

	key_print(key, "%s%s", model_key_prefix(model), parameter->name);
	return (struct stored) { .key = key,
				 .dtype = parameter->dtype,
				 .rank = parameter->rank,
				 .shape = parameter->shape,
				 .bytes = bytes,
				 .scale = scale_of(model, index) };
}

/* ---- a parameter ---- */

bool patch_keep(const struct model *model, size_t index, struct patch_backup *backup, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];

	*backup = (struct patch_backup) { .size_bytes = parameter->size_bytes,
					  .dtype = parameter->dtype,
					  .rank = parameter->rank };
	memcpy(backup->shape, parameter->shape, sizeof(backup->shape));
	if (!machine_backend(model->machine)->has_bytes)
		return true;
	backup->bytes = array_new(parameter->size_bytes, 1, e);
	if (!backup->bytes)
		return false;
	memcpy(backup->bytes, parameter->resting.address, parameter->size_bytes);
	return true;
}

bool patch_restore(struct model *model, size_t index, struct patch_backup *backup, struct error *e)
{
	struct parameter *parameter = &model->parameters[index];

	if (backup->size_bytes != parameter->size_bytes && !model_resize_parameter(model, index, backup->size_bytes, e))
		return false;
	parameter->dtype = backup->dtype;
	parameter->rank = backup->rank;
	memcpy(parameter->shape, backup->shape, sizeof(backup->shape));
	if (backup->bytes)
		memcpy(parameter->resting.address, backup->bytes, backup->size_bytes);
	free(backup->bytes);
	*backup = (struct patch_backup) { .bytes = NULL };
	return true;
}

/* The products, and the passes over the weight. */
struct kernel_cost patch_cost(const struct parameter *parameter, size_t use_count)
{
	double bytes = parameter->quantised ? 2.0 * (double)parameter_element_count(parameter) : (double)parameter->size_bytes;

	return (struct kernel_cost) { .flops = 32.0 * bytes * (double)use_count,
				      .bytes = 4.0 * bytes * (double)(use_count + 1) };
}

/* Puts values in the parameter's place, which grows where they are more. */
static bool put_values(struct model *model, size_t index, const struct stored *stored, const struct weight_values *weight,
		       struct error *e)
{
	struct parameter *parameter = &model->parameters[index];
	size_t count = weight_count(weight);
	uint64_t size_bytes = count * dtype_size_bytes(parameter->dtype);

	if (size_bytes != parameter->size_bytes) {
		if (!model_resize_parameter(model, index, size_bytes, e))
			return false;
		memcpy(parameter->shape, weight->shape, sizeof(parameter->shape));
	}
	return stored_round(stored, weight->values, count, parameter->resting.address, e);
}

static void cost_patch(const struct model *model, const struct parameter *parameter, size_t use_count)
{
	struct kernel_cost cost = patch_cost(parameter, use_count);

	device_kernel(machine_device(model->machine, model->blocks[parameter->block].device), STREAM_COMPUTE, &cost);
}

bool patch_parameter(struct model *model, size_t index, const struct patch_list *list, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	struct weight_values weight = { .values = NULL };
	char key[KEY_MAX_BYTES];
	struct stored stored;
	bool fine;

	if (parameter->quantised)
		return error_set(e, ERROR_BUG, "%s is quantised: only a copy of it can be patched", parameter->name);
	if (!machine_backend(model->machine)->has_bytes) {
		cost_patch(model, parameter, list->use_count);
		return true;
	}
	stored = store(model, index, parameter->resting.address, key);
	if (strips_can(&stored, list, index))
		fine = strips_patch(&stored, list, index, parameter->resting.address, e);
	else
		fine = stored_patch(&stored, list, index, &weight, e) && put_values(model, index, &stored, &weight, e);
	free(weight.values);
	return fine || error_context(e, "patching %s", parameter->name);
}

/* ---- a block, again ---- */

bool patch_is_mostly_fp8(const struct model *model)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < model->parameter_count; i++)
		bytes += is_fp8(model->parameters[i].dtype) ? model->parameters[i].size_bytes : 0;
	return 2 * bytes > model->size_bytes;
}

static bool round_parameter_again(struct model *model, size_t index, struct error *e)
{
	struct parameter *parameter = &model->parameters[index];
	size_t count = (size_t)(parameter->size_bytes / dtype_size_bytes(parameter->dtype));
	float *values = array_new(count, sizeof(*values), e);
	struct mt19937 generator;
	bool fine = values && convert_to_f32(parameter->dtype, parameter->resting.address, values, count, e) &&
		    (parameter->size_bytes == count || model_resize_parameter(model, index, count, e));

	mt19937_seed(&generator, 0);
	fine = fine && stochastic_round(DTYPE_F8_E4M3, &generator, values, parameter->resting.address, count, e);
	if (fine)
		parameter->dtype = DTYPE_F8_E4M3;
	free(values);
	return fine;
}

bool patch_round_again(struct model *model, size_t index, struct error *e)
{
	const struct block *block = &model->blocks[index];

	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++) {
		if (model->parameters[i].rank == 0)
			return error_set(e, ERROR_UNSUPPORTED, "upstream cannot round %s again: it has no dimensions",
					 model->parameters[i].name);
	}
	if (!machine_backend(model->machine)->has_bytes)
		return true;
	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++) {
		if (!round_parameter_again(model, i, e))
			return error_context(e, "rounding %s again", model->parameters[i].name);
	}
	return true;
}

/* ---- a copy ---- */

/* By upstream's rules in the pass's type; by ours the bits that the weight itself would have. A quantised one would have none. */
bool patch_copy(const struct model *model, size_t index, const struct patch_list *list, enum dtype dtype, const void *bytes,
		float *values, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	char key[KEY_MAX_BYTES];
	struct stored stored = store(model, index, bytes, key);
	const struct quant_way_of blocks = { parameter->quant, model->way };
	struct weight_values weight = { .values = NULL };
	const struct patch_rules *rules = list->rules ? list->rules : &patch_rules_ours;
	bool fine;

	stored.blocks = parameter->quantised ? &blocks : NULL;
	if (rules->copies_in_compute_type || parameter->quantised)
		fine = stored_patch_in(&stored, list, index, dtype, &weight, e);
	else
		fine = stored_patch(&stored, list, index, &weight, e) && stored_settle(&stored, &weight, e);
	if (fine && weight_count(&weight) != stored_count(&stored))
		fine = error_set(e, ERROR_UNSUPPORTED,
				 "%s would be reshaped when it is used: it has to be loaded to be patched", parameter->name);
	if (fine)
		memcpy(values, weight.values, weight_count(&weight) * sizeof(*values));
	free(weight.values);
	return fine || error_context(e, "patching a copy of %s", parameter->name);
}
