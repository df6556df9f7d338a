#include "core/patch/patch_file.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/file_keys.h"
#include "core/patch/patch.h"
#include "core/patch/stored.h"
#include "core/tensor/convert.h"
#include "core/tensor/gguf.h"

struct patch_file {
	struct patch_file_request request;
	struct safetensors *model;
	struct key_target *targets; /* by tensor */
	int64_t *sizes; /* of shapes, one after the other */
	char *keys; /* KEY_MAX_BYTES each */
	struct key_map *map;
	struct patch_use *uses; /* by LoRA */
	struct patch_list list;
	struct safetensors_entry *entries; /* of the new file */
	int64_t (*reshaped)[TENSOR_RANK_MAX]; /* by tensor, where a shape changes */
	size_t count;
};

/* ---- what the model holds ---- */

static bool make_targets(struct patch_file *file, struct error *e)
{
	struct file_naming naming;
	size_t dimensions = 0;
	int64_t *sizes;
	bool fine;

	for (size_t i = 0; i < file->count; i++)
		dimensions += safetensors_tensor(file->model, i)->rank;
	file->targets = array_new(file->count, sizeof(*file->targets), e);
	file->keys = array_new(file->count, KEY_MAX_BYTES, e);
	file->sizes = sizes = array_new(dimensions, sizeof(*file->sizes), e);
	fine = file_naming_make(&naming, file->model, file->request.model, e) && file->targets && file->keys && file->sizes;
	for (size_t i = 0; fine && i < file->count; i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor(file->model, i);
		char *key = file->keys + i * KEY_MAX_BYTES;

		file_key(&naming, tensor->name, key);
		file->targets[i] = (struct key_target) { .key = key, .rank = (unsigned)tensor->rank, .shape = sizes };
		for (size_t j = 0; j < tensor->rank; j++)
			*sizes++ = (int64_t)tensor->shape[j];
	}
	file_naming_end(&naming);
	return fine;
}

static bool match_loras(struct patch_file *file, struct error *e)
{
	file->uses = array_new(file->request.lora_count, sizeof(*file->uses), e);
	file->map = file->uses ? key_map_new(file->targets, file->count, e) : NULL;
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

static enum dtype new_dtype(const struct patch_file *file, const struct safetensors_tensor *tensor)
{
	return file->request.has_dtype && is_float(tensor->dtype) ? file->request.dtype : tensor->dtype;
}

/* The factor that an fp8 weight is stored with; 0: none. */
static float scale_of(const struct patch_file *file, size_t index)
{
	char module[KEY_MAX_BYTES];
	char name[KEY_MAX_BYTES];
	const struct safetensors_tensor *tensor = safetensors_tensor(file->model, index);
	const struct safetensors_tensor *scale;
	float value = 0;

	if (!is_fp8(tensor->dtype) || !key_between(tensor->name, "", ".weight", module))
		return 0;
	key_print(name, "%s.scale_weight", module);
	scale = safetensors_find(file->model, name);
	if (scale && scale->dtype == DTYPE_F32 && scale->element_count == 1)
		memcpy(&value, scale->bytes, sizeof(value));
	return value;
}

static bool make_entries(struct patch_file *file, struct error *e)
{
	file->entries = array_new(file->count, sizeof(*file->entries), e);
	file->reshaped = array_new(file->count, sizeof(*file->reshaped), e);
	if (!file->entries || !file->reshaped)
		return false;
	for (size_t i = 0; i < file->count; i++) {
		const struct safetensors_tensor *tensor = safetensors_tensor(file->model, i);
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
		if (!is_float(tensor->dtype) || tensor->rank > TENSOR_RANK_MAX)
			return error_set(e, ERROR_UNSUPPORTED,
					 "%s: %s is of type %s with %zu dimensions, and cannot be patched", file->request.model,
					 tensor->name, dtype_name(tensor->dtype), tensor->rank);
		if (patch_reshaped(&file->list, i, (unsigned)tensor->rank, file->targets[i].shape, file->reshaped[i]))
			entry->shape = file->reshaped[i];
	}
	return true;
}

static struct safetensors *open_model(const char *path, struct error *e)
{
	if (!gguf_is_file(path))
		return safetensors_open(path, e);
	error_set(e, ERROR_UNSUPPORTED,
		  "%s is a GGUF file, whose blocks are never patched: LoRAs are added when its weights are used; `residency "
		  "convert` makes a safetensors file of it, which can be patched",
		  path);
	return NULL;
}

struct patch_file *patch_file_begin(const struct patch_file_request *request, struct error *e)
{
	struct patch_file *file = array_new(1, sizeof(*file), e);

	if (!file)
		return NULL;
	file->request = *request;
	file->model = open_model(request->model, e);
	if (file->model) {
		file->count = safetensors_count(file->model);
		if (make_targets(file, e) && match_loras(file, e) && make_entries(file, e))
			return file;
	}
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
	free(file->sizes);
	free(file->keys);
	safetensors_close(file->model);
	free(file);
}

/* ---- writing ---- */

/* The tensor's bytes in the new type, before patches; NULL on failure. The caller frees. */
static void *cast(const struct safetensors_tensor *tensor, enum dtype dtype, struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);
	void *bytes = array_new(tensor->element_count, dtype_size_bytes(dtype), e);

	if (!values || !bytes || !convert_to_f32(tensor->dtype, tensor->bytes, values, tensor->element_count, e) ||
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
	const struct safetensors_tensor *tensor = safetensors_tensor(file->model, index);
	enum dtype dtype = file->entries[index].dtype;
	void *converted = dtype == tensor->dtype ? NULL : cast(tensor, dtype, e);
	const void *bytes = converted ? converted : tensor->bytes;
	bool fine = converted || dtype == tensor->dtype;

	if (fine && patch_covers(&file->list, index))
		fine = put_patched(file, index, bytes, writer, e);
	else if (fine && converted)
		fine = safetensors_writer_put(writer, bytes, tensor->element_count * dtype_size_bytes(dtype), e);
	else if (fine)
		fine = safetensors_writer_put(writer, bytes, tensor->size_bytes, e);
	free(converted);
	return fine || error_context(e, "%s", tensor->name);
}

/* The model's own metadata goes along. */
static const char **take_metadata(const struct safetensors *model, struct error *e)
{
	size_t count = safetensors_metadata_count(model);
	const char **metadata = array_new(2 * count + 1, sizeof(*metadata), e);
	size_t kept = 0;

	for (size_t i = 0; metadata && i < count; i++) {
		safetensors_metadata_at(model, i, &metadata[kept], &metadata[kept + 1]);
		kept += metadata[kept + 1] ? 2 : 0;
	}
	if (metadata)
		metadata[kept] = NULL;
	return metadata;
}

bool patch_file_write(struct patch_file *file, struct error *e)
{
	const struct patch_file_request *request = &file->request;
	const char **metadata = take_metadata(file->model, e);
	struct safetensors_writer *writer;
	bool fine = metadata != NULL;

	writer = fine ? safetensors_writer_open(request->out, file->entries, file->count, metadata[0] ? metadata : NULL, e)
		      : NULL;
	free(metadata);
	fine = writer != NULL;
	for (size_t i = 0; fine && i < file->count; i++) {
		fine = put_tensor(file, i, writer, e);
		if (fine && request->told && !request->told(request->context, i + 1, file->count))
			fine = error_set(e, ERROR_INTERRUPTED, "interrupted");
	}
	if (fine)
		return safetensors_writer_finish(writer, e);
	safetensors_writer_abandon(writer);
	return false;
}

size_t patch_file_tensors(const struct patch_file *file)
{
	return file->count;
}

size_t patch_file_patched(const struct patch_file *file)
{
	size_t patched = 0;

	for (size_t i = 0; i < file->count; i++)
		patched += patch_covers(&file->list, i);
	return patched;
}

const struct lora_match *patch_file_match(const struct patch_file *file, size_t lora)
{
	return file->uses[lora].match;
}
