#include "core/tensor/weights.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"

static const char *const format_names[WEIGHTS_FORMATS] = { "safetensors", "gguf" };

const char *weights_format_name(enum weights_format format)
{
	return format_names[format];
}

bool weights_format_from_name(const char *name, enum weights_format *format)
{
	for (unsigned i = 0; i < WEIGHTS_FORMATS; i++) {
		if (strcmp(format_names[i], name) == 0) {
			*format = (enum weights_format)i;
			return true;
		}
	}
	return false;
}

const char *weights_type_name(const struct weights_type *type)
{
	return type->is_quantised ? quant_name(type->quant) : dtype_name(type->dtype);
}

bool weights_type_from_name(const char *name, struct weights_type *type)
{
	type->is_quantised = !dtype_from_name(name, &type->dtype);
	return !type->is_quantised || quant_from_name(name, &type->quant);
}

uint64_t weights_type_bytes(const struct weights_type *type, uint64_t count)
{
	if (type->is_quantised)
		return count / quant_block_elements(type->quant) * quant_block_bytes(type->quant);
	return count * dtype_bits(type->dtype) / 8;
}

/* ---- one tensor of each format ---- */

static void take_safetensors(struct weights_tensor *to, const struct safetensors_tensor *from, int64_t **shape)
{
	*to = (struct weights_tensor) {
		.name = from->name,
		.name_length = from->name_length,
		.type = { .dtype = from->dtype },
		.rank = from->rank,
		.shape = *shape,
		.bytes = from->bytes,
		.size_bytes = from->size_bytes,
		.element_count = from->element_count,
	};
	for (size_t i = 0; i < from->rank; i++)
		*(*shape)++ = (int64_t)from->shape[i];
}

static void take_gguf(struct weights_tensor *to, const struct gguf *file, const struct gguf_tensor *from, int64_t **shape)
{
	uint64_t original[GGUF_RANK_MAX];
	unsigned rank = from->rank;
	bool has_original = gguf_original_shape(file, from, original, &rank);

	*to = (struct weights_tensor) {
		.name = from->name,
		.name_length = from->name_length,
		.rank = has_original ? rank : from->rank,
		.shape = *shape,
		.bytes = from->bytes,
		.size_bytes = from->size_bytes,
		.element_count = gguf_element_count(from),
	};
	to->type.quant = (enum quant)from->type;
	to->type.is_quantised = !quant_to_dtype(to->type.quant, &to->type.dtype);
	for (size_t i = 0; i < to->rank; i++)
		*(*shape)++ = (int64_t)(has_original ? original[i] : from->shape[i]);
}

/* ---- opening ---- */

static const struct safetensors_tensor *tensor_at(const struct weights *weights, size_t index)
{
	return weights->shards ? shards_tensor(weights->shards, index, NULL) : safetensors_tensor(weights->safetensors, index);
}

static size_t dimension_count(const struct weights *weights)
{
	size_t count = 1;

	for (size_t i = 0; i < weights->count; i++)
		count += weights->gguf ? GGUF_RANK_MAX : tensor_at(weights, i)->rank;
	return count;
}

static bool list_tensors(struct weights *weights, struct error *e)
{
	int64_t *shape;

	if (weights->gguf)
		weights->count = gguf_count(weights->gguf);
	else
		weights->count = weights->shards ? shards_count(weights->shards) : safetensors_count(weights->safetensors);
	weights->tensors = array_new(weights->count + 1, sizeof(*weights->tensors), e);
	weights->shapes = array_new(dimension_count(weights), sizeof(*weights->shapes), e);
	if (!weights->tensors || !weights->shapes)
		return false;
	shape = weights->shapes;
	for (size_t i = 0; i < weights->count; i++) {
		if (weights->gguf)
			take_gguf(&weights->tensors[i], weights->gguf, gguf_tensor(weights->gguf, i), &shape);
		else
			take_safetensors(&weights->tensors[i], tensor_at(weights, i), &shape);
	}
	return true;
}

bool weights_open(struct weights *weights, const char *path, struct error *e)
{
	size_t length = strlen(path);
	bool named_gguf = length > 5 && strcmp(path + length - 5, ".gguf") == 0;

	*weights = (struct weights) { .count = 0 };
	if (shards_is_index(path))
		weights->shards = shards_open(path, e);
	else if (named_gguf || gguf_is_file(path))
		weights->gguf = gguf_open(path, e);
	else
		weights->safetensors = safetensors_open(path, e);
	return (weights->safetensors || weights->shards || weights->gguf) && list_tensors(weights, e);
}

void weights_close(struct weights *weights)
{
	safetensors_close(weights->safetensors);
	shards_close(weights->shards);
	gguf_close(weights->gguf);
	free(weights->tensors);
	free(weights->shapes);
	*weights = (struct weights) { .count = 0 };
}
