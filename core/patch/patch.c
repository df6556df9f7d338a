#include "core/patch/patch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/arith.h"
#include "core/patch/key_rules.h"
#include "core/patch/model_keys.h"
#include "core/tensor/convert.h"
#include "core/tensor/stochastic.h"

const struct patch_rules patch_rules_upstream = {
	.skips_misfits = true,
	.copies_in_compute_type = true,
	.rounds_again = true,
};
const struct patch_rules patch_rules_ours = { .skips_misfits = false };

static const struct patch_rules *rules_of(const struct patch_list *list)
{
	return list->rules ? list->rules : &patch_rules_ours;
}

bool patch_covers(const struct patch_list *list, size_t parameter)
{
	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;

		lora_match_of(list->uses[i].match, parameter, &count);
		if (count)
			return true;
	}
	return false;
}

/* ---- on values ---- */

/* The weight in a corner of a larger one, the rest zeros. Shapes that are no larger are refused. */
static bool pad(const struct adapter *adapter, struct weight_values *weight, struct error *e)
{
	const struct safetensors_tensor *reshape = adapter->reshape;
	struct weight_values padded = *weight;
	size_t count = weight_count(weight);
	int64_t sizes[TENSOR_RANK_MAX];

	if (reshape->element_count != weight->rank || reshape->dtype != DTYPE_I64)
		return error_set(e, ERROR_FORMAT, "%s: %s, at byte %llu, is no shape for %s", adapter->file, reshape->name,
				 (unsigned long long)reshape->file_offset, adapter->key);
	memcpy(sizes, reshape->bytes, weight->rank * sizeof(*sizes));
	for (unsigned i = 0; i < weight->rank; i++) {
		if (sizes[i] < weight->shape[i] || sizes[i] > 1 << 24)
			return error_set(e, ERROR_FORMAT, "%s: %s, at byte %llu, would make %s %lld where it is %lld",
					 adapter->file, reshape->name, (unsigned long long)reshape->file_offset, adapter->key,
					 (long long)sizes[i], (long long)weight->shape[i]);
		padded.shape[i] = sizes[i];
	}
	padded.values = array_new(weight_count(&padded), sizeof(*padded.values), e);
	if (!padded.values)
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t rest = i;
		size_t at = 0;
		size_t step = 1;

		for (unsigned d = weight->rank; d-- > 0;) {
			at += rest % (size_t)weight->shape[d] * step;
			rest /= (size_t)weight->shape[d];
			step *= (size_t)padded.shape[d];
		}
		padded.values[at] = weight->values[i];
	}
	free(weight->values);
	*weight = padded;
	return true;
}

/* The rows that an adapter changes. */
static bool narrow(const struct adapter *adapter, const struct weight_values *weight, struct weight_values *view,
		   struct error *e)
{
	size_t row;

	*view = *weight;
	if (adapter->slice.count == 0)
		return true;
	if (weight->rank == 0 || adapter->slice.first < 0 || adapter->slice.count > weight->shape[0] - adapter->slice.first)
		return error_set(e, ERROR_FORMAT, "%s: %s has no rows from %lld on, %lld of them", adapter->file, adapter->key,
				 (long long)adapter->slice.first, (long long)adapter->slice.count);
	row = weight_count(weight) / (size_t)weight->shape[0];
	view->values += (size_t)adapter->slice.first * row;
	view->shape[0] = adapter->slice.count;
	return true;
}

static bool is_misfit(const struct error *e)
{
	return e->kind == ERROR_FORMAT || e->kind == ERROR_UNSUPPORTED;
}

static bool apply_one(const struct patch_list *list, const struct patch_use *use, const struct adapter *adapter,
		      struct weight_values *weight, enum dtype dtype, struct error *e)
{
	struct error why = ERROR_INIT;
	struct weight_values view;
	struct change change = { .adapter = adapter,
				 .weight = &view,
				 .dtype = dtype,
				 .strength = use->strength,
				 .as_upstream = rules_of(list)->skips_misfits };
	bool fine = !adapter->reshape || pad(adapter, weight, &why);

	fine = fine && narrow(adapter, weight, &view, &why);
	for (size_t i = 0; fine && use->strength_model != 1.0 && i < weight_count(&view); i++)
		view.values[i] = as_dtype(view.dtype, view.values[i] * (float)use->strength_model);
	fine = fine && adapter_apply(&change, &why);
	if (fine)
		return true;
	if (!rules_of(list)->skips_misfits || !is_misfit(&why))
		return error_set(e, why.kind, "%s", why.text);
	log_say(list->log, LOG_WARNING, "%s: left out", why.text);
	return true;
}

bool patch_weight(const struct patch_list *list, size_t parameter, struct weight_values *weight, enum dtype dtype,
		  struct error *e)
{
	for (size_t i = 0; i < list->use_count; i++) {
		size_t count;
		const struct adapter *adapters = lora_match_of(list->uses[i].match, parameter, &count);

		for (size_t j = 0; j < count; j++) {
			if (!apply_one(list, &list->uses[i], &adapters[j], weight, dtype, e))
				return false;
		}
	}
	return true;
}

/* ---- a parameter's values ---- */

static size_t element_count(const struct parameter *parameter)
{
	return (size_t)(parameter->size_bytes / dtype_size_bytes(parameter->dtype));
}

static bool is_fp8(enum dtype dtype)
{
	return dtype == DTYPE_F8_E4M3 || dtype == DTYPE_F8_E5M2;
}

/* Of the full name. */
static uint32_t seed_of(const struct model *model, size_t parameter)
{
	char key[KEY_MAX_BYTES];

	key_print(key, "%s%s", model_key_prefix(model), model->parameters[parameter].name);
	return stochastic_seed(key);
}

/* What an fp8 weight has to be multiplied by, where a scale is beside it; 0 where there is none. */
static float scale_of(const struct model *model, size_t index)
{
	const struct parameter *parameter = &model->parameters[index];
	const struct parameter *scale;
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES + 16];
	float value;

	if (!is_fp8(parameter->dtype) || !key_between(parameter->name, "", ".weight", module))
		return 0;
	snprintf(name, sizeof(name), "%s.scale_weight", module);
	scale = model_parameter(model, name);
	if (!scale || scale->dtype != DTYPE_F32 || scale->size_bytes != sizeof(value) || !scale->resting.address)
		return 0;
	memcpy(&value, scale->resting.address, sizeof(value));
	return value;
}

static void multiply(float *values, size_t count, float scale)
{
	for (size_t i = 0; scale != 0 && i < count; i++)
		values[i] *= scale;
}

static void divide(float *values, size_t count, float scale)
{
	for (size_t i = 0; scale != 0 && i < count; i++)
		values[i] /= scale;
}

/* Float32 to the parameter's type: fp8 by chance, the others to nearest. */
static bool round_to(const struct model *model, size_t index, const float *values, void *bytes, size_t count, struct error *e)
{
	struct mt19937 generator;

	mt19937_seed(&generator, seed_of(model, index));
	return stochastic_round(model->parameters[index].dtype, &generator, values, bytes, count, e);
}

/* A parameter's values, with its scale. The caller frees weight->values. */
static bool take_values(const struct model *model, size_t index, struct weight_values *weight, struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	size_t count = element_count(parameter);

	*weight = (struct weight_values) { .dtype = DTYPE_F32, .rank = parameter->rank };
	memcpy(weight->shape, parameter->shape, sizeof(weight->shape));
	weight->values = array_new(count, sizeof(*weight->values), e);
	if (!weight->values || !convert_to_f32(parameter->dtype, parameter->resting.address, weight->values, count, e))
		return false;
	multiply(weight->values, count, scale_of(model, index));
	return true;
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
	return (struct kernel_cost) { .flops = 32.0 * (double)parameter->size_bytes * (double)use_count,
				      .bytes = 4.0 * (double)parameter->size_bytes * (double)(use_count + 1) };
}

/* Puts values in the parameter's place, which grows where they are more. */
static bool put_values(struct model *model, size_t index, const struct weight_values *weight, struct error *e)
{
	struct parameter *parameter = &model->parameters[index];
	size_t count = weight_count(weight);
	uint64_t size_bytes = count * dtype_size_bytes(parameter->dtype);
	void *rounded = array_new(size_bytes, 1, e);
	bool fine = rounded && round_to(model, index, weight->values, rounded, count, e) &&
		    (size_bytes == parameter->size_bytes || model_resize_parameter(model, index, size_bytes, e));

	if (fine) {
		memcpy(parameter->resting.address, rounded, size_bytes);
		memcpy(parameter->shape, weight->shape, sizeof(parameter->shape));
	}
	free(rounded);
	return fine;
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
	bool fine;

	if (!machine_backend(model->machine)->has_bytes) {
		cost_patch(model, parameter, list->use_count);
		return true;
	}
	fine = take_values(model, index, &weight, e) && patch_weight(list, index, &weight, DTYPE_F32, e);
	if (fine) {
		divide(weight.values, weight_count(&weight), scale_of(model, index));
		fine = put_values(model, index, &weight, e);
	}
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
	size_t count = element_count(parameter);
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

/* As upstream: in the compute type, but a scaled weight, whose sum is formed in float32 and rounded to what the weight is. */
static bool copy_as_upstream(const struct model *model, size_t index, const struct patch_list *list, enum dtype dtype,
			     struct weight_values *weight, struct error *e)
{
	size_t count = weight_count(weight);
	float scale = scale_of(model, index);
	void *rounded;
	bool fine;

	round_all(dtype, weight->values, count);
	if (scale == 0) {
		weight->dtype = dtype;
		return patch_weight(list, index, weight, dtype, e);
	}
	multiply(weight->values, count, scale);
	if (!patch_weight(list, index, weight, dtype, e))
		return false;
	divide(weight->values, count, scale);
	rounded = array_new(weight_count(weight), sizeof(float), e);
	fine = rounded && round_to(model, index, weight->values, rounded, count, e) &&
	       convert_to_f32(model->parameters[index].dtype, rounded, weight->values, count, e);
	free(rounded);
	return fine;
}

/* By our rules: the bits that the weight itself would have. */
static bool copy_as_weight(const struct model *model, size_t index, const struct patch_list *list, struct weight_values *weight,
			   struct error *e)
{
	enum dtype dtype = model->parameters[index].dtype;
	size_t count = weight_count(weight);
	float scale = scale_of(model, index);
	void *rounded;
	bool fine;

	multiply(weight->values, count, scale);
	if (!patch_weight(list, index, weight, DTYPE_F32, e))
		return false;
	divide(weight->values, count, scale);
	rounded = array_new(weight_count(weight), sizeof(float), e);
	fine = rounded && round_to(model, index, weight->values, rounded, count, e) &&
	       convert_to_f32(dtype, rounded, weight->values, count, e);
	free(rounded);
	return fine;
}

bool patch_copy(const struct model *model, size_t index, const struct patch_list *list, enum dtype dtype, float *values,
		struct error *e)
{
	const struct parameter *parameter = &model->parameters[index];
	size_t count = element_count(parameter);
	struct weight_values weight = { .dtype = DTYPE_F32, .rank = parameter->rank };
	bool fine;

	memcpy(weight.shape, parameter->shape, sizeof(weight.shape));
	weight.values = array_new(count, sizeof(*weight.values), e);
	if (!weight.values)
		return false;
	memcpy(weight.values, values, count * sizeof(*values));
	if (rules_of(list)->copies_in_compute_type)
		fine = copy_as_upstream(model, index, list, dtype, &weight, e);
	else
		fine = copy_as_weight(model, index, list, &weight, e);
	if (fine && weight_count(&weight) != count)
		fine = error_set(e, ERROR_UNSUPPORTED,
				 "%s of %s would be reshaped when it is used: it has to be loaded to be patched",
				 parameter->name, model->name);
	if (fine)
		memcpy(values, weight.values, count * sizeof(*values));
	free(weight.values);
	return fine || error_context(e, "patching a copy of %s", parameter->name);
}
