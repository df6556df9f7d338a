/* A patch goes through stored.h: this file knows where a parameter's bytes are, keeps them before they change and puts them
 * back, and tells the device what the work cost. Values that need more room than their bytes had make the parameter grow. A
 * copy that is cast when it is used takes the same way with another target.
 */
#include "core/patch/patch.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/keys/key_rules.h"
#include "core/patch/keys/model_keys.h"
#include "core/patch/apply/stored.h"
#include "core/patch/apply/strips.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/stochastic.h"

/* What an fp8 weight has to be multiplied by, where it has a scale; 0 where it has none. */
static bool scale_of(const struct model *model, size_t index, float *value, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	const struct parameter *scale;
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];

	*value = 0;
	if (!is_fp8(parameter->dtype) || !key_between(parameter->name, "", ".weight", module))
		return true;
	key_print(name, "%s.scale_weight", module);
	scale = model_parameter(model, name);
	if (!scale || scale->dtype != DTYPE_F32 || scale->size_bytes != sizeof(*value) || !scale->resting.device)
		return true;
	return device_read(&scale->resting, 0, sizeof(*value), value, e);
}

/* A parameter whose bytes are at hand. */
static bool store(const struct model *model, size_t index, const void *bytes, char key[KEY_MAX_BYTES], struct stored *stored,
		  struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];

	key_print(key, "%s%s", model_key_prefix(model), parameter->name);
	*stored = (struct stored) {
		.key = key, .dtype = parameter->dtype, .rank = parameter->rank, .shape = parameter->shape, .bytes = bytes
	};
	return scale_of(model, index, &stored->scale, e);
}

/* ---- a parameter ---- */

bool patch_keep(const struct model *model, size_t index, struct patch_backup *backup, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];

	*backup = (struct patch_backup) { .size_bytes = parameter->size_bytes,
					  .dtype = parameter->dtype,
					  .rank = parameter->rank };
	memcpy(backup->shape, parameter->shape, sizeof(backup->shape));
	if (!machine_backend(model->machine)->bytes_exist)
		return true;
	backup->bytes = array_new(parameter->size_bytes, 1, e);
	if (!backup->bytes)
		return false;
	if (device_read(&parameter->resting, 0, parameter->size_bytes, backup->bytes, e))
		return true;
	free(backup->bytes);
	backup->bytes = NULL;
	return false;
}

bool patch_restore(struct model *model, size_t index, struct patch_backup *backup, struct error *e)
{
	struct parameter *parameter = &model->parameters[index];

	if (backup->size_bytes != parameter->size_bytes && !model_resize_parameter(model, index, backup->size_bytes, e))
		return false;
	parameter->dtype = backup->dtype;
	parameter->rank = backup->rank;
	memcpy(parameter->shape, backup->shape, sizeof(backup->shape));
	if (backup->bytes && !device_write(&parameter->resting, 0, backup->size_bytes, backup->bytes, e))
		return false;
	free(backup->bytes);
	*backup = (struct patch_backup) { .bytes = NULL };
	return true;
}

/* The products, and the passes over the weight. */
struct kernel_cost patch_cost(const struct parameter *parameter, size_t use_count)
{
	double bytes =
		parameter->quantised ? 2.0 * (double)model_parameter_element_count(parameter) : (double)parameter->size_bytes;

	return (struct kernel_cost) { .flops = 32.0 * bytes * (double)use_count,
				      .bytes = 4.0 * bytes * (double)(use_count + 1) };
}

/* Puts values in the parameter's place, which grows where they are more. */
static bool put_values(struct model *model, size_t index, const struct stored *stored, const struct weight_values *weight,
		       struct error *e)
{
	struct parameter *parameter = &model->parameters[index];
	size_t count = adapter_weight_count(weight);
	uint64_t size_bytes = count * dtype_size_bytes(parameter->dtype);
	struct mapping place;

	if (size_bytes != parameter->size_bytes) {
		if (!model_resize_parameter(model, index, size_bytes, e))
			return false;
		memcpy(parameter->shape, weight->shape, sizeof(parameter->shape));
	}
	if (!device_map(&parameter->resting, MAP_WRITE, &place, e))
		return false;
	return device_unmap(&place, stored_round(stored, weight->values, count, place.bytes, e), e);
}

static bool cost_patch(const struct model *model, const struct parameter *parameter, size_t use_count, struct error *e)
{
	struct kernel_cost cost = patch_cost(parameter, use_count);

	return stream_kernel(device_stream(machine_device(model->machine, model->blocks[parameter->block].device)), &cost, e);
}

bool patch_parameter(struct model *model, size_t index, const struct patch_list *list, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	struct weight_values weight = { .values = NULL };
	char key[KEY_MAX_BYTES];
	struct stored stored;
	struct mapping place;
	bool in_strips = false;
	bool fine;

	if (parameter->quantised)
		return error_set(e, ERROR_BUG, "%s is quantised: only a copy of it can be patched", parameter->name);
	if (!machine_backend(model->machine)->bytes_exist)
		return cost_patch(model, parameter, list->use_count, e) || error_context(e, "patching %s", parameter->name);
	fine = device_map(&parameter->resting, MAP_CHANGE, &place, e) && store(model, index, place.bytes, key, &stored, e);
	if (fine) {
		in_strips = strips_can(&stored, list, index);
		fine = in_strips ? strips_patch(&stored, list, index, place.bytes, e)
				 : stored_patch(&stored, list, index, &weight, e);
	}
	if (!in_strips)
		place.use = MAP_READ; /* put_values writes, where there may be more values than before */
	fine = device_unmap(&place, fine, e) && (in_strips || put_values(model, index, &stored, &weight, e));
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
	struct mapping place = { .bytes = NULL };
	bool fine = values && device_map(&parameter->resting, MAP_READ, &place, e) &&
		    convert_to_f32(parameter->dtype, place.bytes, values, count, e);

	fine = device_unmap(&place, fine, e) &&
	       (parameter->size_bytes == count || model_resize_parameter(model, index, count, e)) &&
	       device_map(&parameter->resting, MAP_WRITE, &place, e);
	mt19937_seed(&generator, 0);
	fine = fine && stochastic_round(DTYPE_F8_E4M3, &generator, values, place.bytes, count, e);
	fine = device_unmap(&place, fine, e);
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
	if (!machine_backend(model->machine)->bytes_exist)
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
	struct stored stored;
	const struct quant_way_of blocks = { parameter->quant, model->way };
	struct weight_values weight = { .values = NULL };
	const struct patch_rules *rules = list->rules ? list->rules : &patch_rules_ours;
	bool fine;

	if (!store(model, index, bytes, key, &stored, e))
		return false;
	stored.blocks = parameter->quantised ? &blocks : NULL;
	if (rules->copies_in_compute_type || parameter->quantised)
		fine = stored_patch_in(&stored, list, index, dtype, &weight, e);
	else
		fine = stored_patch(&stored, list, index, &weight, e) && stored_settle(&stored, &weight, e);
	if (fine && adapter_weight_count(&weight) != stored_count(&stored))
		fine = error_set(e, ERROR_UNSUPPORTED,
				 "%s would be reshaped when it is used: it has to be loaded to be patched", parameter->name);
	if (fine)
		memcpy(values, weight.values, adapter_weight_count(&weight) * sizeof(*values));
	free(weight.values);
	return fine || error_context(e, "patching a copy of %s", parameter->name);
}
