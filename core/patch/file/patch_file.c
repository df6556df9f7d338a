/* Everything that can fail by itself is done before a byte is written: the model's weights, the match of each LoRA, the
 * types and sizes of the new tensors. What remains for the writer (patch_file_write.c) is to go through the tensors in
 * order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/string.h"
#include "core/base/array.h"
#include "core/model/detect/detect.h"
#include "core/patch/file/patch_file_state.h"
#include "core/patch/apply/stored.h"

/* ---- what the model holds ---- */

/* Which weights have scales must be known before they are changed. */
static bool check_words(const struct patch_file *file, struct error *e)
{
	const struct scaled_map *map = &file->weights.scaled;
	size_t unmarked = 0;

	if (map->fault[0])
		return error_set(e, ERROR_UNSUPPORTED, "%s: which of its weights have scales cannot be read: %s",
				 file->request.model, map->fault);
	for (size_t i = 0; i < map->count; i++)
		unmarked += map->layers[i].mark == SCALED_UNMARKED;
	if (unmarked)
		log_say(file->request.log, LOG_WARNING,
			"%s: no mark (comfy_quant) names the scales of %zu weights, so ComfyUI leaves them out; here they "
			"count",
			file->request.model, unmarked);
	return true;
}

/* Several files' words on their layers become the one file's. */
static bool join_words(struct patch_file *file, struct error *e)
{
	if (file->weights.shards && weights_texts_find(&file->texts, SCALED_METADATA))
		weights_texts_replace(&file->texts, SCALED_METADATA, weights_scaled_metadata(&file->weights, NULL, 0, e));
	return !error_is_set(e);
}

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
	return tensor_table_of_weights(&file->table, weights, e) && weights_texts(weights, false, &file->texts, e) &&
	       check_words(file, e) && join_words(file, e);
}

static bool make_units(struct patch_file *file, struct error *e)
{
	return file_units_make(&file->units, &file->weights, &file->table, weights_texts_find(&file->texts, FAMILY_METADATA),
			       file->request.model, e);
}

static bool match_loras(struct patch_file *file, struct error *e)
{
	file->uses = array_new(file->request.lora_count, sizeof(*file->uses), e);
	file->map = file->uses ? key_map_new(file->units.targets, file->units.count, e) : NULL;
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

enum dtype patch_file_dtype(const struct patch_file *file, const struct weights_tensor *tensor)
{
	return file->request.has_dtype && is_float(tensor->type.dtype) ? file->request.dtype : tensor->type.dtype;
}

static const struct scaled_layer *layer_of(const struct patch_file *file, size_t tensor)
{
	return scaled_layer_of(&file->weights.scaled, tensor);
}

bool patch_file_scales(const struct patch_file *file, size_t tensor, float *one, float **rows, struct error *e)
{
	const struct scaled_layer *layer = layer_of(file, tensor);
	const void *scale = layer ? file->weights.tensors[layer->scale].bytes : NULL;

	*one = 0;
	*rows = NULL;
	if (!layer)
		return true;
	if (layer->scale_count == 1)
		return scaled_factors(layer, scale, one, e);
	*rows = array_new(layer->scale_count, sizeof(**rows), e);
	if (*rows && scaled_factors(layer, scale, *rows, e))
		return true;
	free(*rows);
	*rows = NULL;
	return false;
}

const struct weights_tensor *patch_file_part(const struct patch_file *file, const struct file_unit *unit, size_t piece)
{
	return &file->weights.tensors[unit->pieces[piece].tensor];
}

/* Of a weight that is not just a tensor. */
static bool check_parts(const struct patch_file *file, size_t index, struct error *e)
{
	const struct file_unit *unit = &file->units.units[index];
	const struct weights_tensor *first = patch_file_part(file, unit, 0);
	int64_t reshaped[TENSOR_RANK_MAX];

	for (size_t i = 0; i < unit->piece_count; i++) {
		const struct weights_tensor *tensor = patch_file_part(file, unit, i);

		if (patch_file_dtype(file, tensor) != patch_file_dtype(file, first))
			return error_set(e, ERROR_UNSUPPORTED, "%s: %s and %s are parts of one weight, and of different types",
					 file->request.model, first->name, tensor->name);
		if (layer_of(file, unit->pieces[i].tensor))
			return error_set(e, ERROR_UNSUPPORTED, "%s: %s is a part of a weight, and has a scale of its own",
					 file->request.model, tensor->name);
	}
	return !patch_reshaped(&file->list, index, unit->rank, unit->shape, reshaped) ||
	       error_set(e, ERROR_UNSUPPORTED, "%s: %s would have another shape, and other parts", file->request.model,
			 first->name);
}

/* What is changed must be stored at its scale again: nothing is, at 0. */
static bool check_scales(const struct patch_file *file, const struct weights_tensor *tensor, size_t index, struct error *e)
{
	float one;
	float *rows;
	size_t count = (size_t)layer_of(file, index)->scale_count;
	bool fine = patch_file_scales(file, index, &one, &rows, e);

	for (size_t i = 0; fine && i < count; i++) {
		float scale = rows ? rows[i] : one;

		if (!isfinite(scale) || scale == 0)
			fine = error_set(e, ERROR_FORMAT, "%s: %s has a scale of %g: nothing can be added to it",
					 file->request.model, tensor->name, (double)scale);
	}
	free(rows);
	return fine;
}

/* A weight with scales: values whose scales are found by a search, block by block, are not patched. */
static bool check_layer(const struct patch_file *file, const struct weights_tensor *tensor, size_t index, struct error *e)
{
	const struct scaled_layer *layer = layer_of(file, index);

	if (!scaled_readable(layer, file->request.model, tensor->name, e))
		return false;
	if (scaled_has_factors(layer))
		return check_scales(file, tensor, index, e);
	return error_set(
		e, ERROR_UNSUPPORTED,
		"%s: %s is stored as %s, whose blocks cannot be patched; `residency convert --dtype BF16` multiplies the "
		"scales in and makes a file that can be",
		file->request.model, tensor->name, scaled_format_name(layer));
}

static bool check_unit(const struct patch_file *file, size_t index, struct error *e)
{
	const struct file_unit *unit = &file->units.units[index];
	const struct weights_tensor *tensor = patch_file_part(file, unit, 0);
	bool is_scaled = layer_of(file, unit->pieces[0].tensor);

	if (is_scaled && !check_layer(file, tensor, unit->pieces[0].tensor, e))
		return false;
	if ((!is_float(tensor->type.dtype) && !is_scaled) || unit->rank > TENSOR_RANK_MAX)
		return error_set(e, ERROR_UNSUPPORTED, "%s: %s is of type %s with %u dimensions, and cannot be patched",
				 file->request.model, tensor->name, dtype_name(tensor->type.dtype), unit->rank);
	return unit->is_tensor || check_parts(file, index, e);
}

static bool check_units(struct patch_file *file, struct error *e)
{
	const struct key_target *targets = file->units.targets;

	file->reshaped = array_new(file->units.count, sizeof(*file->reshaped), e);
	file->wholes = array_new(file->units.count, sizeof(*file->wholes), e);
	if (!file->reshaped || !file->wholes)
		return false;
	for (size_t i = 0; i < file->units.count; i++) {
		if (!patch_covers(&file->list, i))
			continue;
		if (!check_unit(file, i, e))
			return false;
		if (!patch_reshaped(&file->list, i, targets[i].rank, targets[i].shape, file->reshaped[i]))
			file->reshaped[i][0] = 0;
	}
	return true;
}

const struct file_unit *patch_file_unit(const struct patch_file *file, size_t tensor)
{
	const struct file_unit *unit = &file->units.units[file->units.uses[tensor].items[0].unit];

	return unit->is_tensor ? unit : NULL;
}

bool patch_file_covers(const struct patch_file *file, size_t tensor)
{
	const struct tensor_uses *uses = &file->units.uses[tensor];

	for (size_t i = 0; i < uses->count; i++) {
		if (patch_covers(&file->list, uses->items[i].unit))
			return true;
	}
	return false;
}

static bool make_entries(struct patch_file *file, struct error *e)
{
	file->entries = array_new(file->weights.count, sizeof(*file->entries), e);
	if (!file->entries)
		return false;
	for (size_t i = 0; i < file->weights.count; i++) {
		size_t at = file->units.order[i];
		const struct weights_tensor *tensor = &file->weights.tensors[at];
		const struct file_unit *unit = patch_file_unit(file, at);
		const int64_t *reshaped = unit ? file->reshaped[unit - file->units.units] : NULL;

		if (file->request.has_dtype && layer_of(file, at))
			return error_set(e, ERROR_UNSUPPORTED, "%s: its weights have scales (%s), so they keep their type",
					 file->request.model, tensor->name);
		file->entries[i] = (struct safetensors_entry) { .name = tensor->name,
								.dtype = patch_file_dtype(file, tensor),
								.rank = tensor->rank,
								.shape = reshaped && reshaped[0] ? reshaped : tensor->shape };
	}
	return true;
}

struct patch_file *patch_file_begin(const struct patch_file_request *request, struct error *e)
{
	struct patch_file *file = array_new(1, sizeof(*file), e);

	if (!file)
		return NULL;
	file->request = *request;
	if (open_model(file, e) && make_units(file, e) && match_loras(file, e) && check_units(file, e) && make_entries(file, e))
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
	for (size_t i = 0; file->wholes && i < file->units.count; i++)
		free(file->wholes[i].bytes);
	free(file->wholes);
	file_units_end(&file->units);
	weights_texts_free(&file->texts);
	tensor_table_free(&file->table);
	weights_close(&file->weights);
	free(file);
}

size_t patch_file_tensors(const struct patch_file *file)
{
	return file->weights.count;
}

size_t patch_file_patched(const struct patch_file *file)
{
	size_t patched = 0;

	for (size_t i = 0; i < file->weights.count; i++)
		patched += patch_file_covers(file, i);
	return patched;
}

const struct lora_match *patch_file_match(const struct patch_file *file, size_t lora)
{
	return file->uses[lora].match;
}
