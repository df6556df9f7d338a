/* Names are sorted once; then each weight is asked what stands beside it. A mark decides the format, and types and shapes are
 * checked against it; without a mark they decide. What a layer lacks or has in another form becomes its fault, so that a file with
 * one odd layer can still be shown.
 */
#include "core/tensor/scaled/scaled.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/tensor/scaled/scaled_tiles.h"

#define MARK_MAX_BYTES ((uint64_t)65536) /* of a comfy_quant; real ones have some tens */
#define NAME_MAX_BYTES 512

static const char *const format_names[SCALED_FORMATS] = {
	[SCALED_F8_E4M3] = "float8_e4m3fn", [SCALED_F8_E5M2] = "float8_e5m2", [SCALED_INT8] = "int8_tensorwise",
	[SCALED_MXFP8] = "mxfp8",	    [SCALED_NVFP4] = "nvfp4",	      [SCALED_OTHER] = "",
};

static const char *const mark_names[SCALED_MARKS] = {
	[SCALED_UNMARKED] = "",
	[SCALED_BY_TENSOR] = "comfy_quant",
	[SCALED_BY_METADATA] = SCALED_METADATA,
	[SCALED_BY_FLAG] = "scaled_fp8",
};

const char *scaled_format_name(const struct scaled_layer *layer)
{
	return layer->format == SCALED_OTHER ? layer->word : format_names[layer->format];
}

const char *scaled_mark_name(enum scaled_mark mark)
{
	return mark_names[mark];
}

/* What is being found. */
struct finding {
	struct scaled_map *map;
	const struct scaled_tensor *tensors;
	size_t count;
	size_t *by_name; /* owned */
	json_t **words; /* owned: `layers` of each metadata text */
	size_t word_count;
};

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
	const struct scaled_tensor *const *x = a;
	const struct scaled_tensor *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static bool sort_names(struct finding *f, struct error *e)
{
	const struct scaled_tensor **sorted = array_new(f->count + 1, sizeof(const struct scaled_tensor *), e);

	f->by_name = array_new(f->count + 1, sizeof(*f->by_name), e);
	for (size_t i = 0; sorted && i < f->count; i++)
		sorted[i] = &f->tensors[i];
	if (sorted && f->count)
		qsort(sorted, f->count, sizeof(const struct scaled_tensor *), compare_names);
	for (size_t i = 0; sorted && f->by_name && i < f->count; i++)
		f->by_name[i] = (size_t)(sorted[i] - f->tensors);
	free(sorted);
	return sorted && f->by_name;
}

/* MODULE + suffix, or SCALED_NOWHERE. */
static size_t find_beside(const struct finding *f, const char *module, const char *suffix)
{
	size_t low = 0;
	size_t high = f->count;
	char name[NAME_MAX_BYTES];
	int length = snprintf(name, sizeof(name), "%s%s", module, suffix);

	if (length < 0 || length >= NAME_MAX_BYTES)
		return SCALED_NOWHERE;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(f->tensors[f->by_name[middle]].name, name);

		if (order == 0)
			return f->by_name[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return SCALED_NOWHERE;
}

/* "a.b." of "a.b.weight"; false for other names. */
static bool take_module(const char *name, char module[NAME_MAX_BYTES])
{
	static const char ending[] = "weight";
	size_t length = strlen(name);

	if (length < sizeof(ending) || length >= NAME_MAX_BYTES || strcmp(name + length - (sizeof(ending) - 1), ending) != 0 ||
	    name[length - sizeof(ending)] != '.')
		return false;
	memcpy(module, name, length - (sizeof(ending) - 1));
	module[length - (sizeof(ending) - 1)] = '\0';
	return true;
}

/* ---- marks ---- */

/* The `layers` of the header's word. */
static bool read_words(struct finding *f, const char *const *metadata, size_t count, struct error *e)
{
	f->words = array_new(count + 1, sizeof(*f->words), e);
	for (size_t i = 0; f->words && i < count; i++) {
		struct error why = ERROR_INIT;
		json_t *word = json_parse(metadata[i], strlen(metadata[i]), SCALED_METADATA, true, &why);
		json_t *layers = json_object_get(word, "layers");

		if (json_is_object(layers))
			f->words[f->word_count++] = json_incref(layers);
		else
			snprintf(f->map->fault, sizeof(f->map->fault), "%.150s",
				 error_is_set(&why) ? why.text : SCALED_METADATA " has no object \"layers\"");
		json_decref(word);
	}
	return f->words != NULL;
}

static const char *read_text(const json_t *word, const char *key)
{
	const char *text = json_string_value(json_object_get(word, key));

	return text ? text : "";
}

/* Rotated weights stand for something else until they are turned back. */
static bool is_rotated(const json_t *word)
{
	return json_is_true(json_object_get(word, "convrot")) ||
	       json_is_true(json_object_get(json_object_get(word, "params"), "convrot"));
}

static void take_word(struct scaled_layer *layer, const json_t *word, enum scaled_mark mark)
{
	const char *text = read_text(word, "format");

	layer->mark = mark;
	layer->format = SCALED_OTHER;
	snprintf(layer->word, sizeof(layer->word), "%.31s", *text ? text : "unnamed");
	for (unsigned i = 0; i < SCALED_OTHER; i++) {
		if (strcmp(text, format_names[i]) == 0)
			layer->format = (enum scaled_format)i;
	}
	if (layer->format == SCALED_OTHER)
		layer->fault = *text ? "nothing here reads that format" : "its mark names no format";
	else if (is_rotated(word))
		layer->fault = "its rows are rotated (convrot), and nothing here turns them back";
}

static void take_mark(struct scaled_layer *layer, const struct scaled_tensor *mark)
{
	struct error why = ERROR_INIT;
	json_t *word = NULL;

	if (mark->bytes && mark->size_bytes <= MARK_MAX_BYTES)
		word = json_parse(mark->bytes, (size_t)mark->size_bytes, mark->name, true, &why);
	take_word(layer, word, SCALED_BY_TENSOR);
	if (!word)
		layer->fault = "its comfy_quant is not JSON";
	json_decref(word);
}

/* Whether `scaled_fp8` stands under the module's prefix, or any that it begins with. */
static bool is_flagged(const struct finding *f, const char *module)
{
	char prefix[NAME_MAX_BYTES];
	size_t length = strlen(module);

	memcpy(prefix, module, length + 1);
	for (; length > 0; length--) {
		if (prefix[length - 1] != '.')
			continue;
		prefix[length] = '\0';
		if (find_beside(f, prefix, "scaled_fp8") != SCALED_NOWHERE)
			return true;
	}
	return find_beside(f, "", "scaled_fp8") != SCALED_NOWHERE;
}

/* The header's word on the module, which is named without its last dot. */
static const json_t *find_word(const struct finding *f, const char *module)
{
	char name[NAME_MAX_BYTES];

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(module) ? strlen(module) - 1 : 0), module);
	for (size_t i = 0; i < f->word_count; i++) {
		const json_t *word = json_object_get(f->words[i], name);

		if (word)
			return word;
	}
	return NULL;
}

/* ---- types and shapes ---- */

static uint64_t element_count(const struct scaled_tensor *tensor)
{
	unsigned bits = dtype_bits(tensor->dtype);

	return bits ? tensor->size_bytes * 8 / bits : 0;
}

static bool is_factor_type(enum dtype dtype)
{
	return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 || dtype == DTYPE_F64;
}

/* What files without a mark show by their types. */
static bool guess_format(const struct finding *f, struct scaled_layer *layer)
{
	const struct scaled_tensor *scale = &f->tensors[layer->scale];

	layer->fault = is_factor_type(scale->dtype) ? NULL : "no mark says how its block scales lie";
	switch (layer->stored) {
	case DTYPE_F8_E4M3:
		layer->format = is_factor_type(scale->dtype) ? SCALED_F8_E4M3 : SCALED_MXFP8;
		break;
	case DTYPE_F8_E5M2:
		layer->format = SCALED_F8_E5M2;
		break;
	case DTYPE_I8:
		layer->format = SCALED_INT8;
		break;
	case DTYPE_U8:
		layer->format = SCALED_NVFP4;
		return layer->tensor_scale != SCALED_NOWHERE;
	default:
		return false; /* a plain weight, and something else of that name */
	}
	return true;
}

static bool stored_fits(const struct scaled_layer *layer)
{
	static const enum dtype stored[SCALED_OTHER] = {
		[SCALED_F8_E4M3] = DTYPE_F8_E4M3, [SCALED_F8_E5M2] = DTYPE_F8_E5M2, [SCALED_INT8] = DTYPE_I8,
		[SCALED_MXFP8] = DTYPE_F8_E4M3,	  [SCALED_NVFP4] = DTYPE_U8,
	};

	return layer->stored == stored[layer->format];
}

static bool block_type_fits(const struct scaled_layer *layer)
{
	if (layer->format == SCALED_MXFP8)
		return layer->scale_dtype == DTYPE_U8 || layer->scale_dtype == DTYPE_F8_E8M0;
	return layer->scale_dtype == DTYPE_U8 || layer->scale_dtype == DTYPE_F8_E4M3;
}

static const char *check_blocks(struct scaled_layer *layer, const struct scaled_tensor *scale,
				const struct scaled_tensor *weight)
{
	uint64_t blocks = scaled_blocks(layer);
	uint64_t count = element_count(scale);

	if (weight->rank != 2)
		return "it is no matrix";
	if (!block_type_fits(layer))
		return "its block scales are of another type";
	layer->in_tiles = count == scaled_tiles_size(layer->rows, blocks);
	return layer->in_tiles || count == layer->rows * blocks ? NULL : "its block scales are of another shape";
}

static const char *check_factors(struct scaled_layer *layer, const struct scaled_tensor *scale)
{
	layer->scale_count = element_count(scale);
	if (!is_factor_type(scale->dtype))
		return "its scale is of another type";
	if (layer->scale_count == 1)
		return NULL;
	if (layer->scale_count != layer->rows || scale->rank == 0 || (uint64_t)scale->shape[0] != layer->rows)
		return "its scales are neither one a tensor nor one a row";
	return NULL;
}

static const char *check_layer(const struct finding *f, struct scaled_layer *layer)
{
	const struct scaled_tensor *weight = &f->tensors[layer->weight];
	const struct scaled_tensor *scale = layer->scale == SCALED_NOWHERE ? NULL : &f->tensors[layer->scale];

	if (!stored_fits(layer))
		return "its weight is stored in another type";
	if (!scale)
		return "it has no weight_scale";
	layer->scale_dtype = scale->dtype;
	if (layer->format != SCALED_MXFP8 && layer->format != SCALED_NVFP4)
		return check_factors(layer, scale);
	if (layer->format == SCALED_NVFP4 && layer->tensor_scale == SCALED_NOWHERE)
		return "it has no weight_scale_2";
	if (layer->format == SCALED_NVFP4) {
		const struct scaled_tensor *whole = &f->tensors[layer->tensor_scale];

		layer->tensor_scale_dtype = whole->dtype;
		if (!is_factor_type(whole->dtype) || element_count(whole) != 1)
			return "its weight_scale_2 is not one number";
	}
	return check_blocks(layer, scale, weight);
}

static void take_shape(struct scaled_layer *layer, const struct scaled_tensor *weight)
{
	uint64_t count = element_count(weight);

	layer->rows = weight->rank && weight->shape[0] > 0 ? (uint64_t)weight->shape[0] : 1;
	layer->columns = count / layer->rows * (layer->format == SCALED_NVFP4 ? 2 : 1);
}

/* ---- layers ---- */

/* All that may stand beside a weight; which of them it needs is its format's. */
static const struct beside {
	const char *suffix;
	enum scaled_role role;
	const char *fault; /* of a weight that has it; NULL: fine */
} beside[] = {
	{ .suffix = "weight_scale", .role = SCALED_SCALE },
	{ .suffix = "scale_weight", .role = SCALED_SCALE },
	{ .suffix = "weight_scale_2", .role = SCALED_SCALE },
	{ .suffix = "input_scale", .role = SCALED_SCALE },
	{ .suffix = "scale_input", .role = SCALED_SCALE },
	{ .suffix = "comfy_quant", .role = SCALED_MARK },
	{ .suffix = "pre_quant_scale", .role = SCALED_SCALE, .fault = "its input has scales of its own (pre_quant_scale)" },
	{ .suffix = "weight_scale_inv",
	  .role = SCALED_SCALE,
	  .fault = "its scales are inverse ones of blocks (weight_scale_inv)" },
	{ .suffix = "weight_s_rel", .role = SCALED_SCALE },
	{ .suffix = "weight_s_channel", .role = SCALED_SCALE },
	{ .suffix = "weight_codebook", .role = SCALED_SCALE },
};

static void note_uses(struct finding *f, struct scaled_layer *layer, const char *module)
{
	size_t index = f->map->count;

	f->map->uses[layer->weight] = (struct scaled_use) { .role = SCALED_WEIGHT, .layer = index };
	layer->size_bytes = f->tensors[layer->weight].size_bytes;
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		size_t at = find_beside(f, module, beside[i].suffix);

		if (at == SCALED_NOWHERE)
			continue;
		f->map->uses[at] = (struct scaled_use) { .role = beside[i].role, .layer = index };
		if (beside[i].role == SCALED_SCALE)
			layer->size_bytes += f->tensors[at].size_bytes;
		if (!layer->fault)
			layer->fault = beside[i].fault;
	}
}

/* Whether the weight is stored with scales; a layer without any mark is one by what stands beside it. */
static bool decide(const struct finding *f, struct scaled_layer *layer, const char *module)
{
	size_t mark = find_beside(f, module, "comfy_quant");
	const json_t *word = find_word(f, module);
	size_t old_scale = find_beside(f, module, "scale_weight");

	layer->scale = find_beside(f, module, "weight_scale");
	layer->tensor_scale = find_beside(f, module, "weight_scale_2");
	if (layer->scale == SCALED_NOWHERE)
		layer->scale = old_scale;
	if (mark != SCALED_NOWHERE) {
		take_mark(layer, &f->tensors[mark]);
		return true;
	}
	if (word) {
		take_word(layer, word, SCALED_BY_METADATA);
		return true;
	}
	if (layer->scale == SCALED_NOWHERE)
		layer->scale = find_beside(f, module, "weight_scale_inv");
	if (layer->scale == SCALED_NOWHERE || !guess_format(f, layer))
		return false;
	if (layer->scale == old_scale && is_flagged(f, module))
		layer->mark = SCALED_BY_FLAG;
	return true;
}

static bool add_layer(struct finding *f, size_t weight, struct error *e)
{
	struct scaled_layer layer = { .weight = weight, .stored = f->tensors[weight].dtype };
	struct scaled_map *map = f->map;
	char module[NAME_MAX_BYTES];

	if (!take_module(f->tensors[weight].name, module) || !decide(f, &layer, module))
		return true;
	if (!array_reserve(&map->layers, &map->capacity, map->count + 1, sizeof(*map->layers), e))
		return false;
	take_shape(&layer, &f->tensors[weight]);
	if (layer.format != SCALED_OTHER && !layer.fault)
		layer.fault = check_layer(f, &layer);
	note_uses(f, &layer, module);
	map->layers[map->count++] = layer;
	return true;
}

static bool is_flag(const char *name)
{
	static const char flag[] = "scaled_fp8";
	size_t length = strlen(name);

	return length >= sizeof(flag) - 1 && strcmp(name + length - (sizeof(flag) - 1), flag) == 0 &&
	       (length == sizeof(flag) - 1 || name[length - sizeof(flag)] == '.');
}

bool scaled_find(struct scaled_map *map, const struct scaled_tensor *tensors, size_t count, const char *const *metadata,
		 size_t metadata_count, struct error *e)
{
	struct finding f = { .map = map, .tensors = tensors, .count = count };
	bool fine;

	*map = (struct scaled_map) { .uses = array_new(count + 1, sizeof(*map->uses), e) };
	fine = map->uses && sort_names(&f, e) && read_words(&f, metadata, metadata_count, e);
	for (size_t i = 0; fine && i < count; i++) {
		if (is_flag(tensors[i].name))
			map->uses[i].role = SCALED_FLAG;
		else
			fine = add_layer(&f, i, e);
	}
	for (size_t i = 0; i < f.word_count; i++)
		json_decref(f.words[i]);
	free(f.words);
	free(f.by_name);
	return fine;
}

void scaled_map_free(struct scaled_map *map)
{
	free(map->layers);
	free(map->uses);
	*map = (struct scaled_map) { .layers = NULL };
}

const struct scaled_layer *scaled_layer_of(const struct scaled_map *map, size_t tensor)
{
	return map->uses && map->uses[tensor].role == SCALED_WEIGHT ? &map->layers[map->uses[tensor].layer] : NULL;
}

bool scaled_readable(const struct scaled_layer *layer, const char *where, const char *name, struct error *e)
{
	return !layer->fault ||
	       error_set(e, ERROR_UNSUPPORTED,
			 "%s: %.200s is stored as %s, and its values cannot be read: %s; take the model's BF16 or FP8 file",
			 where, name, scaled_format_name(layer), layer->fault);
}

/* ---- the header's word without some layers ---- */

static void forget(json_t *layers, const char *weight)
{
	char module[NAME_MAX_BYTES];

	if (!take_module(weight, module))
		return;
	module[strlen(module) - 1] = '\0';
	json_object_del(layers, module);
}

char *scaled_metadata_without(const char *const *metadata, size_t count, const char *const *weights, size_t weight_count,
			      struct error *e)
{
	json_t *first = NULL; /* gets the others' layers */
	json_t *layers = NULL;
	bool fine = true;
	char *text = NULL;

	for (size_t i = 0; fine && i < count; i++) {
		struct error why = ERROR_INIT;
		json_t *word = json_parse(metadata[i], strlen(metadata[i]), SCALED_METADATA, true, &why);
		json_t *more = json_object_get(word, "layers");

		if (json_is_object(more) && !first) {
			first = json_incref(word);
			layers = more;
		} else if (json_is_object(more)) {
			fine = json_object_update_missing(layers, more) == 0;
		}
		json_decref(word);
	}
	for (size_t i = 0; i < weight_count; i++)
		forget(layers, weights[i]);
	if (fine && json_object_size(layers)) {
		text = json_dumps(first, JSON_COMPACT);
		fine = text != NULL;
	}
	json_decref(first);
	if (!fine)
		error_no_memory(e);
	return text;
}
