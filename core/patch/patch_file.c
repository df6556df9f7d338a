#include "core/patch/patch_file.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/file_keys.h"
#include "core/model/detect.h"
#include "core/patch/patch.h"
#include "core/patch/stored.h"
#include "core/tensor/convert.h"
#include "core/tensor/weights_texts.h"

struct patch_file {
	struct patch_file_request request;
	struct weights weights; /* safetensors, one file or several */
	struct tensor_table table; /* the same, by name */
	struct weights_texts texts; /* the model's own metadata, which goes along */
	struct key_target *targets; /* by tensor */
	char *keys; /* KEY_MAX_BYTES each */
	struct key_map *map;
	struct patch_use *uses; /* by LoRA */
	struct patch_list list;
	struct safetensors_entry *entries; /* of the new file */
	int64_t (*reshaped)[TENSOR_RANK_MAX]; /* by tensor, where a shape changes */
};

/* ---- what the model holds ---- */

static bool open_model(struct patch_file *file, struct error *e)
{
	const char *path = file->request.model;
	struct weights *weights = &file->weights;

	if (!weights_open(weights, path, e))
		return false;
	if (weights->gguf)
		return error_set(
			e, ERROR_UNSUPPORTED,
			"%s is a GGUF file, whose blocks are never patched: LoRAs are added when its weights are used; "
			"`residency convert` makes a safetensors file of it, which can be patched",
			path);
	return (weights->shards ? tensor_table_of_shards(&file->table, weights->shards, path, e)
				: tensor_table_of_safetensors(&file->table, weights->safetensors, e)) &&
	       weights_texts(weights, false, &file->texts, e);
}

static bool make_targets(struct patch_file *file, struct error *e)
{
	const struct weights *weights = &file->weights;
	struct file_naming naming = { .known = NULL };
	bool fine;

	file->targets = array_new(weights->count, sizeof(*file->targets), e);
	file->keys = array_new(weights->count, KEY_MAX_BYTES, e);
	fine = file->targets && file->keys &&
	       file_naming_make(&naming, &file->table, weights_texts_find(&file->texts, FAMILY_METADATA), file->request.model,
				e);
	for (size_t i = 0; fine && i < weights->count; i++) {
		const struct weights_tensor *tensor = &weights->tensors[i];
		char *key = file->keys + i * KEY_MAX_BYTES;

		file_key(&naming, tensor->name, key);
		file->targets[i] = (struct key_target) { .key = key, .rank = (unsigned)tensor->rank, .shape = tensor->shape };
	}
	file_naming_end(&naming);
	return fine;
}

static bool match_loras(struct patch_file *file, struct error *e)
{
	file->uses = array_new(file->request.lora_count, sizeof(*file->uses), e);
	file->map = file->uses ? key_map_new(file->targets, file->weights.count, e) : NULL;
	if (!file->map)
		return false;
	for (size_t i = 0; i < file->request.lora_count; i++) {
		const struct patch_file_lora *lora = &file->request.loras[i];
		struct patch_use *use = &file->uses[file->list.use_count];

		*use = (struct patch_use) { .match = lora_match_map(lora->file, file->map, e),
					    .strength = lora->strength,
					    .strength_model = 1.0 };
		if (!use->match)
			return false;
		file->list.use_count++;
		if (use->match->count == 0)
			return error_set(e, ERROR_FORMAT,
					 "%s: none of its tensors means anything to %s (%s): is it for another model?",
					 lora_name(lora->file), file->request.model,
					 use->match->unused_count ? use->match->unused[0] : "it has none");
	}
	file->list.uses = file->uses;
	file->list.log = file->request.log;
	return true;
}

/* ---- what the new file will hold ---- */

static bool is_float(enum dtype dtype)
{
	return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 || is_fp8(dtype);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static enum dtype new_dtype(const struct patch_file *file, const struct weights_tensor *tensor)
{
	return file->request.has_dtype && is_float(tensor->type.dtype) ? file->request.dtype : tensor->type.dtype;
}

/* The factor that an fp8 weight is stored with; 0: none. */
static float scale_of(const struct patch_file *file, size_t index)
{
	const struct weights_tensor *tensor = &file->weights.tensors[index];
	const struct tensor_view view = { &file->table, "" };
	const struct tensor_row *scale;
	char module[KEY_MAX_BYTES];
	float value = 0;

	if (!is_fp8(tensor->type.dtype) || !key_between(tensor->name, "", ".weight", module))
		return 0;
	scale = view_find(&view, "%s.scale_weight", module);
	if (scale && scale->dtype == DTYPE_F32 && scale->size_bytes == sizeof(value))
		memcpy(&value, scale->bytes, sizeof(value));
	return value;
}

static bool make_entries(struct patch_file *file, struct error *e)
{
	file->entries = array_new(file->weights.count, sizeof(*file->entries), e);
	file->reshaped = array_new(file->weights.count, sizeof(*file->reshaped), e);
	if (!file->entries || !file->reshaped)
		return false;
	for (size_t i = 0; i < file->weights.count; i++) {
		const struct weights_tensor *tensor = &file->weights.tensors[i];
		struct safetensors_entry *entry = &file->entries[i];

		if (file->request.has_dtype && ends_with(tensor->name, ".scale_weight"))
			return error_set(e, ERROR_UNSUPPORTED, "%s: its weights have scales (%s), so they keep their type",
					 file->request.model, tensor->name);
		*entry = (struct safetensors_entry) { .name = tensor->name,
						      .dtype = new_dtype(file, tensor),
						      .rank = tensor->rank,
						      .shape = file->targets[i].shape };
		if (!patch_covers(&file->list, i))
			continue;
		if (!is_float(tensor->type.dtype) || tensor->rank > TENSOR_RANK_MAX)
			return error_set(e, ERROR_UNSUPPORTED,
					 "%s: %s is of type %s with %zu dimensions, and cannot be patched", file->request.model,
					 tensor->name, dtype_name(tensor->type.dtype), tensor->rank);
		if (patch_reshaped(&file->list, i, (unsigned)tensor->rank, file->targets[i].shape, file->reshaped[i]))
			entry->shape = file->reshaped[i];
	}
	return true;
}

struct patch_file *patch_file_begin(const struct patch_file_request *request, struct error *e)
{
	struct patch_file *file = array_new(1, sizeof(*file), e);

	if (!file)
		return NULL;
	file->request = *request;
	if (open_model(file, e) && make_targets(file, e) && match_loras(file, e) && make_entries(file, e))
		return file;
	patch_file_end(file);
	return NULL;
}

void patch_file_end(struct patch_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; i < file->list.use_count; i++)
		lora_match_end(file->uses[i].match);
	free(file->uses);
	key_map_free(file->map);
	free(file->entries);
	free(file->reshaped);
	free(file->targets);
	free(file->keys);
	weights_texts_free(&file->texts);
	tensor_table_free(&file->table);
	weights_close(&file->weights);
	free(file);
}

/* ---- writing ---- */

/* The tensor's bytes in the new type, before patches; NULL on failure. The caller frees. */
static void *cast(const struct weights_tensor *tensor, enum dtype dtype, struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);
	void *bytes = array_new(tensor->element_count, dtype_size_bytes(dtype), e);

	if (!values || !bytes || !convert_to_f32(tensor->type.dtype, tensor->bytes, values, tensor->element_count, e) ||
	    !convert_from_f32(dtype, values, bytes, tensor->element_count, e)) {
		free(bytes);
		bytes = NULL;
	}
	free(values);
	return bytes;
}

static bool put_patched(struct patch_file *file, size_t index, const void *bytes, struct safetensors_writer *writer,
			struct error *e)
{
	const struct key_target *target = &file->targets[index];
	struct stored stored = { .key = target->key,
				 .dtype = file->entries[index].dtype,
				 .rank = target->rank,
				 .shape = target->shape,
				 .bytes = bytes,
				 .scale = scale_of(file, index) };
	const struct safetensors_entry *entry = &file->entries[index];
	uint64_t size_bytes = dtype_size_bytes(entry->dtype);
	void *rounded;
	bool fine;

	for (size_t i = 0; i < entry->rank; i++) {
		if (__builtin_mul_overflow(size_bytes, (uint64_t)entry->shape[i], &size_bytes))
			return error_set(e, ERROR_FORMAT, "it would be too large to exist");
	}
	rounded = array_new(size_bytes, 1, e);
	fine = rounded && stored_patch_round(&stored, &file->list, index, rounded, e) &&
	       safetensors_writer_put(writer, rounded, size_bytes, e);
	free(rounded);
	return fine;
}

static bool put_tensor(struct patch_file *file, size_t index, struct safetensors_writer *writer, struct error *e)
{
	const struct weights_tensor *tensor = &file->weights.tensors[index];
	enum dtype dtype = file->entries[index].dtype;
	void *converted = dtype == tensor->type.dtype ? NULL : cast(tensor, dtype, e);
	const void *bytes = converted ? converted : tensor->bytes;
	bool fine = converted || dtype == tensor->type.dtype;

	if (fine && patch_covers(&file->list, index))
		fine = put_patched(file, index, bytes, writer, e);
	else if (fine && converted)
		fine = safetensors_writer_put(writer, bytes, tensor->element_count * dtype_size_bytes(dtype), e);
	else if (fine)
		fine = safetensors_writer_put(writer, bytes, tensor->size_bytes, e);
	free(converted);
	return fine || error_context(e, "%s", tensor->name);
}

bool patch_file_write(struct patch_file *file, struct error *e)
{
	const struct patch_file_request *request = &file->request;
	struct safetensors_writer *writer = safetensors_writer_open(request->out, file->entries, file->weights.count,
								    (const char *const *)file->texts.pairs, e);
	bool fine = writer != NULL;

	for (size_t i = 0; fine && i < file->weights.count; i++) {
		fine = put_tensor(file, i, writer, e);
		if (fine && request->told && !request->told(request->context, i + 1, file->weights.count))
			fine = error_set(e, ERROR_INTERRUPTED, "interrupted");
	}
	if (fine)
		return safetensors_writer_finish(writer, e);
	safetensors_writer_abandon(writer);
	return false;
}

size_t patch_file_tensors(const struct patch_file *file)
{
	return file->weights.count;
}

size_t patch_file_patched(const struct patch_file *file)
{
	size_t patched = 0;

	for (size_t i = 0; i < file->weights.count; i++)
		patched += patch_covers(&file->list, i);
	return patched;
}

const struct lora_match *patch_file_match(const struct patch_file *file, size_t lora)
{
	return file->uses[lora].match;
}
