/* A file is opened by the reader that its name or its first bytes choose, and its tensors are listed once in a common form;
 * their shapes share one allocation. A folder stands for the index or the file in it that diffusers would have put there.
 */
#include "core/tensor/weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* What each file's header says of its layers. */
static bool gather_words(const struct weights *weights, const char ***words, size_t *count, struct error *e)
{
	size_t file_count = weights->shards ? shards_file_count(weights->shards) : 1;

	*words = array_new(file_count, sizeof(const char *), e);
	*count = 0;
	for (size_t i = 0; *words && i < file_count; i++) {
		const struct safetensors *file = weights->shards ? shards_file(weights->shards, i) : weights->safetensors;
		const char *word = safetensors_metadata(file, SCALED_METADATA);

		if (word)
			(*words)[(*count)++] = word;
	}
	return *words;
}

static bool find_scales(struct weights *weights, struct error *e)
{
	struct scaled_tensor *tensors = array_new(weights->count + 1, sizeof(*tensors), e);
	const char **words = NULL;
	size_t word_count;
	bool fine;

	for (size_t i = 0; tensors && i < weights->count; i++) {
		const struct weights_tensor *from = &weights->tensors[i];

		tensors[i] = (struct scaled_tensor) { .name = from->name,
						      .dtype = from->type.dtype,
						      .rank = (unsigned)from->rank,
						      .shape = from->shape,
						      .bytes = from->bytes,
						      .size_bytes = from->size_bytes };
	}
	fine = tensors && gather_words(weights, &words, &word_count, e) &&
	       scaled_find(&weights->scaled, tensors, weights->count, words, word_count, e);
	free(words);
	free(tensors);
	return fine;
}

struct scaled_bytes weights_scaled_bytes(const struct weights *weights, const struct scaled_layer *layer)
{
	const struct weights_tensor *tensors = weights->tensors;

	return (struct scaled_bytes) { .weight = tensors[layer->weight].bytes,
				       .scale = tensors[layer->scale].bytes,
				       .tensor_scale = layer->tensor_scale == SCALED_NOWHERE
							       ? NULL
							       : tensors[layer->tensor_scale].bytes };
}

char *weights_scaled_metadata(const struct weights *weights, const char *const *without, size_t count, struct error *e)
{
	const char **words = NULL;
	size_t word_count;
	char *text = NULL;

	if (!weights->gguf && gather_words(weights, &words, &word_count, e))
		text = scaled_metadata_without(words, word_count, without, count, e);
	free(words);
	return text;
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
	return weights->gguf || find_scales(weights, e);
}

/* Diffusers puts an index of a pipeline's models beside their folders. */
static bool is_pipeline(const char *folder)
{
	char path[WEIGHTS_PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/model_index.json", folder);

	return length > 0 && (size_t)length < sizeof(path) && access(path, R_OK) == 0;
}

bool weights_find_file(const char *path, char file[WEIGHTS_PATH_MAX], struct error *e)
{
	static const char *const names[] = { "diffusion_pytorch_model.safetensors.index.json",
					     "model.safetensors.index.json",
					     "diffusion_pytorch_model.safetensors",
					     "model.safetensors",
					     "diffusion_pytorch_model.fp16.safetensors",
					     "model.fp16.safetensors" };
	size_t length = strlen(path);
	struct stat status;

	if (length >= WEIGHTS_PATH_MAX)
		return error_set(e, ERROR_MISSING, "cannot open %.200s...: the name is too long", path);
	memcpy(file, path, length + 1);
	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int written = snprintf(file, WEIGHTS_PATH_MAX, "%s/%s", path, names[i]);

		if (written > 0 && written < WEIGHTS_PATH_MAX && access(file, R_OK) == 0)
			return true;
	}
	if (is_pipeline(path))
		return error_set(e, ERROR_MISSING,
				 "%s is a whole pipeline of diffusers; name one model's folder in it: transformer, unet, "
				 "text_encoder, vae, ...",
				 path);
	return error_set(e, ERROR_MISSING,
			 "%s is a folder that holds none of the files that diffusers puts there: %s, %s, %s, ...", path,
			 names[0], names[2], names[3]);
}

static bool is_named_gguf(const char *path)
{
	size_t length = strlen(path);

	return length > 5 && strcmp(path + length - 5, ".gguf") == 0;
}

/* A part is not the model. */
static bool check_parts(const struct weights *weights, struct error *e)
{
	uint64_t part;
	uint64_t count;

	return !weights->gguf || !gguf_split(weights->gguf, &part, &count) ||
	       error_set(e, ERROR_UNSUPPORTED,
			 "%s is part %llu of %llu: join all parts first, with llama.cpp's llama-gguf-split --merge",
			 weights->path, (unsigned long long)part, (unsigned long long)count);
}

static bool open_as(struct weights *weights, const char *path, bool whole, struct error *e)
{
	const char *file = weights->path;

	*weights = (struct weights) { .count = 0 };
	if (!weights_find_file(path, weights->path, e))
		return false;
	if (shards_is_index(file))
		weights->shards = shards_open(file, e);
	else if (is_named_gguf(file) || gguf_is_file(file))
		weights->gguf = gguf_open(file, e);
	else
		weights->safetensors = whole ? safetensors_open(file, e) : safetensors_open_head(file, e);
	return (weights->safetensors || weights->shards || weights->gguf) && check_parts(weights, e) &&
	       list_tensors(weights, e);
}

bool weights_open(struct weights *weights, const char *path, struct error *e)
{
	return open_as(weights, path, true, e);
}

bool weights_open_head(struct weights *weights, const char *path, struct error *e)
{
	return open_as(weights, path, false, e);
}

bool weights_of_safetensors(struct weights *weights, struct safetensors *file, struct error *e)
{
	*weights = (struct weights) { .safetensors = file };
	return list_tensors(weights, e);
}

void weights_close(struct weights *weights)
{
	safetensors_close(weights->safetensors);
	shards_close(weights->shards);
	gguf_close(weights->gguf);
	scaled_map_free(&weights->scaled);
	free(weights->tensors);
	free(weights->shapes);
	*weights = (struct weights) { .count = 0 };
}
