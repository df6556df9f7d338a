/* A model is made from a description: buffers for its parameters, blocks over them, and an index by name. A move allocates
 * all that a block needs at its new place before anything of the old one is touched, so that a failure leaves the block
 * where it was; then the buffers change hands and the old ones are freed.
 */
#include "core/model/model.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"

static bool count_blocks(const struct parameter_description *description, uint64_t *bytes, const char *model, struct error *e)
{
	unsigned elements = quant_block_elements(description->quant);

	if (*bytes % elements)
		return error_set(e, ERROR_FORMAT, "%s: %s is not whole blocks of %s, which hold %u elements", model,
				 description->name, quant_name(description->quant), elements);
	*bytes = *bytes / elements * quant_block_bytes(description->quant);
	return true;
}

static bool count_bytes(const struct parameter_description *description, uint64_t *size_bytes, const char *model,
			struct error *e)
{
	uint64_t bytes = description->quantised ? 1 : dtype_size_bytes(description->dtype);

	if (description->rank > TENSOR_RANK_MAX)
		return error_set(e, ERROR_FORMAT, "%s: %s has %u dimensions; at most %d are supported", model,
				 description->name, description->rank, TENSOR_RANK_MAX);
	for (unsigned i = 0; i < description->rank; i++) {
		if (description->shape[i] < 0 || __builtin_mul_overflow(bytes, (uint64_t)description->shape[i], &bytes))
			return error_set(e, ERROR_FORMAT, "%s: %s is too large to exist", model, description->name);
	}
	if (description->quantised && !count_blocks(description, &bytes, model, e))
		return false;
	*size_bytes = bytes;
	return true;
}

/* Brings bytes from the caller's memory to a new buffer; without any it is zeroed. */
static bool fill(const struct buffer *buffer, const void *bytes, struct error *e)
{
	return bytes ? device_write(buffer, 0, buffer->size_bytes, bytes, e) : device_fill(buffer, 0, buffer->size_bytes, 0, e);
}

static bool add_parameter(struct model *model, const struct parameter_description *from, size_t block, struct device *device,
			  struct error *e)
{
	struct parameter *parameter = &model->parameters[model->parameter_count];

	parameter->dtype = from->dtype;
	parameter->quantised = from->quantised;
	parameter->quant = from->quant;
	model->quantised = model->quantised || from->quantised;
	parameter->rank = from->rank;
	parameter->block = block;
	memcpy(parameter->shape, from->shape, sizeof(parameter->shape));
	if (!count_bytes(from, &parameter->size_bytes, model->name, e))
		return false;
	parameter->name = string_copy(from->name, e);
	if (!parameter->name)
		return false;
	model->parameter_count++; /* from here on model_free gives it back */
	if (!device_alloc(device, parameter->size_bytes, &parameter->resting, e))
		return error_context(e, "loading %s", model->name);
	return from->filled_later || fill(&parameter->resting, from->bytes, e);
}

static bool add_block(struct model *model, const struct block_description *from, const struct parameter_description *parameters,
		      struct device *device, struct error *e)
{
	size_t index = model->block_count;
	struct block *block = &model->blocks[index];

	*block = (struct block) { .type = from->type,
				  .first_parameter = model->parameter_count,
				  .parameter_count = from->parameter_count,
				  .weight_size_bytes = from->weight_size_bytes,
				  .has_bias = from->has_bias,
				  .castable = from->castable,
				  .of_container = from->of_container,
				  .device = device_index(device) };
	block->name = string_copy(from->name, e);
	if (!block->name)
		return false;
	model->block_count++;
	for (size_t i = 0; i < from->parameter_count; i++) {
		if (!add_parameter(model, &parameters[i], index, device, e))
			return false;
		block->size_bytes += model->parameters[model->parameter_count - 1].size_bytes;
	}
	model->size_bytes += block->size_bytes;
	return true;
}

static int compare_names(const void *a, const void *b, void *context)
{
	const struct parameter *parameters = context;

	return strcmp(parameters[*(const size_t *)a].name, parameters[*(const size_t *)b].name);
}

static bool index_names(struct model *model, struct error *e)
{
	model->by_name = array_new(model->parameter_count, sizeof(*model->by_name), e);
	if (!model->by_name)
		return false;
	for (size_t i = 0; i < model->parameter_count; i++)
		model->by_name[i] = i;
	qsort_r(model->by_name, model->parameter_count, sizeof(*model->by_name), compare_names, model->parameters);
	return true;
}

struct model *model_new(struct machine *machine, struct device *device, const char *name, enum model_kind kind,
			const struct block_description *blocks, size_t block_count,
			const struct parameter_description *parameters, size_t parameter_count, struct error *e)
{
	struct model *model = array_new(1, sizeof(*model), e);
	size_t used = 0;

	if (!model)
		return NULL;
	model->machine = machine;
	model->kind = kind;
	model->way = QUANT_HALF;
	model->name = string_copy(name, e);
	model->blocks = array_new(block_count, sizeof(*model->blocks), e);
	model->parameters = array_new(parameter_count, sizeof(*model->parameters), e);
	if (!model->name || !model->blocks || !model->parameters)
		goto fail;
	for (size_t i = 0; i < block_count; i++) {
		if (blocks[i].parameter_count > parameter_count - used) {
			error_set(e, ERROR_BUG, "%s: block %s has parameters that were not described", name, blocks[i].name);
			goto fail;
		}
		if (!add_block(model, &blocks[i], parameters + used, device, e))
			goto fail;
		used += blocks[i].parameter_count;
	}
	if (used != parameter_count) {
		error_set(e, ERROR_BUG, "%s: %zu parameters belong to no block", name, parameter_count - used);
		goto fail;
	}
	if (!index_names(model, e))
		goto fail;
	model->bytes_on[device_index(device)] = model->size_bytes;
	model->placement_version = 1;
	return model;
fail:
	model_free(model);
	return NULL;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->parameter_count; i++) {
		device_free(&model->parameters[i].resting);
		free(model->parameters[i].name);
	}
	for (size_t i = 0; i < model->block_count; i++)
		free(model->blocks[i].name);
	free(model->by_name);
	free(model->parameters);
	free(model->blocks);
	free(model->config);
	free(model->name);
	free(model);
}

/* The bytes at a new place; the old place is untouched until all of them are there. A parameter that is there stays. */
static bool copy_parameters(const struct parameter *parameters, size_t count, struct device *to, struct buffer *arrived,
			    struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		const struct parameter *parameter = &parameters[i];

		if (parameter->resting.device == to)
			continue;
		if (!device_alloc(to, parameter->size_bytes, &arrived[i], e) ||
		    !device_copy(&(struct transfer) { .stream = device_stream(to),
						      .to = &arrived[i],
						      .from = &parameter->resting,
						      .size_bytes = parameter->size_bytes },
				 e))
			return false;
	}
	return stream_synchronize(device_stream(to), e);
}

/* Takes over what arrived. */
static void settle_parameters(struct model *model, struct parameter *parameters, size_t count, struct buffer *arrived)
{
	for (size_t i = 0; i < count; i++) {
		struct parameter *parameter = &parameters[i];

		if (!arrived[i].device)
			continue;
		model->bytes_on[device_index(parameter->resting.device)] -= parameter->size_bytes;
		model->bytes_on[device_index(arrived[i].device)] += parameter->size_bytes;
		device_free(&parameter->resting);
		parameter->resting = arrived[i];
	}
	model->placement_version++;
}

static bool move_parameters(struct model *model, struct parameter *parameters, size_t count, struct device *to, struct error *e)
{
	struct buffer few[4] = { { .device = NULL } }; /* weight, bias: nearly every module */
	struct buffer *arrived = few;
	bool fine;

	if (count > ARRAY_SIZE(few)) {
		arrived = array_new(count, sizeof(*arrived), e);
		if (!arrived)
			return false;
	}
	fine = copy_parameters(parameters, count, to, arrived, e);
	if (fine)
		settle_parameters(model, parameters, count, arrived);
	for (size_t i = 0; !fine && i < count; i++)
		device_free_after(&arrived[i], device_stream(to));
	if (arrived != few)
		free(arrived);
	return fine;
}

bool model_move_parameter(struct model *model, size_t index, struct device *to, struct error *e)
{
	struct parameter *parameter = &model->parameters[index];

	if (parameter->resting.device == to || move_parameters(model, parameter, 1, to, e))
		return true;
	return error_context(e, "moving %s of %s", parameter->name, model->name);
}

bool model_resize_parameter(struct model *model, size_t index, uint64_t size_bytes, struct error *e)
{
	struct parameter *parameter = &model->parameters[index];
	struct device *device = parameter->resting.device;
	struct buffer resized = { .device = NULL };

	if (!device_alloc(device, size_bytes, &resized, e) || !fill(&resized, NULL, e)) {
		device_free(&resized);
		return error_context(e, "resizing %s of %s", parameter->name, model->name);
	}
	device_free(&parameter->resting);
	parameter->resting = resized;
	model->bytes_on[device_index(device)] += size_bytes - parameter->size_bytes;
	model->blocks[parameter->block].size_bytes += size_bytes - parameter->size_bytes;
	model->size_bytes += size_bytes - parameter->size_bytes;
	parameter->size_bytes = size_bytes;
	model->placement_version++;
	return true;
}

int model_load_order_compare(uint64_t left_bytes, const char *left_name, uint64_t right_bytes, const char *right_name)
{
	if (left_bytes != right_bytes)
		return left_bytes > right_bytes ? -1 : 1;
	return -strcmp(left_name, right_name);
}

uint64_t model_bytes_to_move(const struct model *model, size_t index, const struct device *to)
{
	const struct block *block = &model->blocks[index];
	const struct parameter *parameters = &model->parameters[block->first_parameter];
	uint64_t bytes = 0;

	for (size_t i = 0; i < block->parameter_count; i++)
		bytes += parameters[i].resting.device == to ? 0 : parameters[i].size_bytes;
	return bytes;
}

static bool is_whole_on(const struct model *model, const struct block *block, const struct device *device)
{
	for (size_t i = 0; i < block->parameter_count; i++) {
		if (model->parameters[block->first_parameter + i].resting.device != device)
			return false;
	}
	return true;
}

bool model_move_block(struct model *model, size_t index, struct device *to, struct error *e)
{
	struct block *block = &model->blocks[index];

	if (!is_whole_on(model, block, to) &&
	    !move_parameters(model, &model->parameters[block->first_parameter], block->parameter_count, to, e))
		return error_context(e, "moving %s of %s", block->name, model->name);
	block->device = device_index(to);
	return true;
}

bool model_move(struct model *model, struct device *to, struct error *e)
{
	for (size_t i = 0; i < model->block_count; i++) {
		if (!model_move_block(model, i, to, e))
			return false;
	}
	return true;
}

struct parameter *model_parameter(const struct model *model, const char *name)
{
	size_t low = 0;
	size_t high = model->parameter_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct parameter *parameter = &model->parameters[model->by_name[middle]];
		int order = strcmp(name, parameter->name);

		if (order == 0)
			return parameter;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

size_t model_parameter_element_count(const struct parameter *parameter)
{
	if (!parameter->quantised)
		return (size_t)(parameter->size_bytes / dtype_size_bytes(parameter->dtype));
	return (size_t)(parameter->size_bytes / quant_block_bytes(parameter->quant)) * quant_block_elements(parameter->quant);
}

bool model_parameter_to_f32(const struct model *model, const struct parameter *parameter, const void *bytes, float *to,
			    struct error *e)
{
	size_t count = model_parameter_element_count(parameter);

	if (parameter->quantised)
		return convert_dequantise(parameter->quant, model->way, bytes, to, count, e);
	return convert_to_f32(parameter->dtype, bytes, to, count, e);
}
