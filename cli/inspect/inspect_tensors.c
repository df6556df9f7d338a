/* What the tensors of a file make: models, types, blocks, and how DisTorch2 would see them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inspect/inspect.h"
#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"
#include "core/base/units.h"
#include "core/model/detect/detect.h"
#include "core/plan/place/blocks.h"

#define LARGEST_SHOWN 3

/* ---- types ---- */

/* Bytes and tensors of a type, by name: GGUF has types that safetensors has not. */
struct type_row {
	const char *name;
	uint64_t bytes;
	size_t count;
};

#define TYPES_MAX 64 /* both formats have fewer */

static size_t count_types(const struct tensor_table *table, struct type_row types[TYPES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct tensor_row *row = &table->rows[i];
		const char *name = row->quant ? row->quant : dtype_name(row->dtype);
		size_t at = 0;

		while (at < count && strcmp(types[at].name, name) != 0)
			at++;
		if (at == TYPES_MAX)
			continue;
		if (at == count)
			types[count++] = (struct type_row) { .name = name };
		types[at].bytes += row->size_bytes;
		types[at].count++;
	}
	return count;
}

void inspect_types(struct report *report, const struct tensor_table *table)
{
	struct type_row types[TYPES_MAX];
	size_t count = count_types(table, types);
	struct strbuf text = STRBUF_INIT;
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++) {
		char size[UNITS_TEXT_MAX];

		strbuf_printf(&text, "%s%s %s in %zu", i ? ", " : "", types[i].name, units_bytes(types[i].bytes, size),
			      types[i].count);
		json_object_set_new(
			object, types[i].name,
			json_pack("{s:I, s:I}", "tensors", (json_int_t)types[i].count, "bytes", (json_int_t)types[i].bytes));
	}
	inspect_say(report, "types", "%s", count ? strbuf_text(&text) : "none");
	inspect_set(report, "types", object);
	inspect_set(report, "tensors", json_integer((json_int_t)table->count));
	strbuf_free(&text);
}

/* ---- a model ---- */

/* Whether it is always the same: then it stays in the JSON. */
static bool is_fixed(const struct config_field *fields, const char *name)
{
	for (; fields->kind != CONFIG_KIND_END; fields++) {
		if (fields->kind == CONFIG_KIND_TEXT && strcmp(fields->name, name) == 0)
			return true;
	}
	return false;
}

/* "depth 19, axes_dim [16,56,56], ...": numbers and lists. */
static void append_member(struct strbuf *text, const char *name, const json_t *value)
{
	char *list = json_is_array(value) ? json_dumps(value, JSON_COMPACT) : NULL;
	const char *comma = text->length ? ", " : "";

	if (list)
		strbuf_printf(text, "%s%s %s", comma, name, list);
	else if (json_is_number(value))
		strbuf_printf(text, "%s%s %.9g", comma, name, json_number_value(value));
	free(list);
}

static bool say_config(struct report *report, const struct detected *part, json_t *model, struct error *e)
{
	json_t *config = family_write_config(part->family, part->config, e);
	struct strbuf text = STRBUF_INIT;
	const char *name;
	json_t *value;

	if (!config)
		return false;
	json_object_foreach(config, name, value)
	{
		if (!is_fixed(part->family->fields, name))
			append_member(&text, name, value);
	}
	inspect_say(report, "config", "%s", strbuf_text(&text));
	strbuf_free(&text);
	json_object_set_new(model, "config", config);
	return true;
}

/* "Linear 314, LayerNorm 115". */
static void say_blocks(struct report *report, const struct block_list *list, bool aloud, json_t *model)
{
	struct block_summary summary = block_list_summarise(list);
	struct strbuf text = STRBUF_INIT;
	char size[UNITS_TEXT_MAX];
	json_t *types = json_object();

	for (size_t type = 0; type < list->type_count; type++) {
		size_t count = 0;

		for (size_t i = 0; i < list->count; i++)
			count += list->blocks[i].type == type;
		strbuf_printf(&text, ", %s %zu", list->types[type], count);
		json_object_set_new(types, list->types[type], json_integer((json_int_t)count));
	}
	if (aloud)
		inspect_say(report, "blocks", "%zu, %s in the load list%s", list->count, units_bytes(summary.size_bytes, size),
			    strbuf_text(&text));
	json_object_set_new(model, "blocks", json_integer((json_int_t)list->count));
	json_object_set_new(model, "loadlist_bytes", json_integer((json_int_t)summary.size_bytes));
	json_object_set_new(model, "types", types);
	strbuf_free(&text);
}

static void say_distorch(struct report *report, const struct block_list *list, bool aloud, json_t *model)
{
	struct block_summary summary = block_list_summarise(list);
	char texts[3][UNITS_TEXT_MAX];

	if (aloud)
		inspect_say(report, "DisTorch2",
			    "distributes %zu blocks of %s or more, %s; the other %zu (%s) stay where it computes",
			    summary.distributed_count, units_bytes((uint64_t)summary.threshold_bytes, texts[0]),
			    units_bytes(summary.distributed_bytes, texts[1]), list->count - summary.distributed_count,
			    units_bytes(summary.size_bytes - summary.distributed_bytes, texts[2]));
	json_object_set_new(model, "distorch",
			    json_pack("{s:f, s:I, s:I}", "threshold_bytes", summary.threshold_bytes, "distributed_blocks",
				      (json_int_t)summary.distributed_count, "distributed_bytes",
				      (json_int_t)summary.distributed_bytes));
}

static int compare_sizes(const void *a, const void *b)
{
	const struct plan_block *x = *(const struct plan_block *const *)a;
	const struct plan_block *y = *(const struct plan_block *const *)b;

	if (x->size_bytes != y->size_bytes)
		return x->size_bytes < y->size_bytes ? 1 : -1;
	return x < y ? -1 : x > y; /* of one list: in its order */
}

static bool say_largest(struct report *report, const struct block_list *list, size_t shown, json_t *model, struct error *e)
{
	const struct plan_block **sorted = array_new(list->count ? list->count : 1, sizeof(const struct plan_block *), e);
	json_t *largest = json_array();

	if (!sorted) {
		json_decref(largest);
		return false;
	}
	for (size_t i = 0; i < list->count; i++)
		sorted[i] = &list->blocks[i];
	if (list->count)
		qsort(sorted, list->count, sizeof(const struct plan_block *), compare_sizes);
	for (size_t i = 0; i < list->count && i < LARGEST_SHOWN; i++) {
		char size[UNITS_TEXT_MAX];

		if (i < shown)
			inspect_say(report, i ? "" : "largest", "%s %s", units_bytes(sorted[i]->size_bytes, size),
				    sorted[i]->name);
		json_array_append_new(
			largest, json_pack("{s:s, s:I}", "name", sorted[i]->name, "bytes", (json_int_t)sorted[i]->size_bytes));
	}
	free(sorted);
	json_object_set_new(model, "largest", largest);
	return true;
}

/* Of one model among several: all of it in a line. */
static void say_briefly(struct report *report, const struct block_list *list)
{
	struct block_summary summary = block_list_summarise(list);
	char texts[3][UNITS_TEXT_MAX];

	inspect_say(report, "blocks", "%zu, %s in the load list; DisTorch2 distributes %zu of %s or more, %s", list->count,
		    units_bytes(summary.size_bytes, texts[0]), summary.distributed_count,
		    units_bytes((uint64_t)summary.threshold_bytes, texts[1]), units_bytes(summary.distributed_bytes, texts[2]));
}

static bool say_load_list(struct report *report, const struct detected *part, const struct tensor_table *table, size_t shown,
			  json_t *model, struct error *e)
{
	struct block_list list = { .blocks = NULL };
	bool fine = block_list_from_detected(&list, part, table, e);

	if (fine) {
		if (!shown)
			say_briefly(report, &list);
		say_blocks(report, &list, shown > 0, model);
		say_distorch(report, &list, shown > 0, model);
		fine = say_largest(report, &list, shown, model, e);
	}
	block_list_free(&list);
	return fine;
}

static void say_match(struct report *report, const struct detected *part, const struct detected_match *match)
{
	if (match->missing)
		inspect_wrong(report, "%zu of the %zu tensors of a %s are missing; the first is %s", match->missing,
			      match->wanted, part->family->name, match->first_missing);
	if (match->misshapen)
		inspect_wrong(report, "%zu tensors are of another shape than a %s's; the first is %s, at byte %" PRIu64 ": %s",
			      match->misshapen, part->family->name, match->first_misshapen, match->misshapen_offset,
			      match->shapes);
}

static const char *or_root(const char *prefix)
{
	return *prefix ? prefix : "no prefix";
}

/* What its weights with scales are: of the old form, where a file may lack any of them, fp8. */
static const char *scaled_words(const struct detected *part, const struct tensor_table *table)
{
	size_t length = strlen(part->prefix);
	bool fp8 = true;

	for (size_t i = 0; i < table->scaled.count; i++) {
		const struct scaled_layer *layer = &table->scaled.layers[i];

		if (strncmp(table->rows[layer->weight].name, part->prefix, length) == 0)
			fp8 = fp8 && (layer->format == SCALED_F8_E4M3 || layer->format == SCALED_F8_E5M2);
	}
	return fp8 ? ", fp8 with scales" : ", some weights with scales";
}

/* `shown` of its largest blocks are for people; 0: its blocks in a line, for a checkpoint's models share a screen. */
static bool say_part(struct report *report, const struct detected *part, const struct tensor_table *table, size_t shown,
		     json_t *model, struct error *e)
{
	struct detected_match match;
	char size[UNITS_TEXT_MAX];

	if (!part->config) {
		inspect_say(report, "model", "%s, by some of its tensors (%s)", part->family->name, or_root(part->prefix));
		inspect_wrong(report, "%s", part->fault.text);
		return true;
	}
	if (!detect_check(part, table, &match, e))
		return false;
	inspect_say(report, "model", "%s: %s, %s (%s%s%s%s)", part->family->name, part->family->summary,
		    units_bytes(match.size_bytes, size), or_root(part->prefix),
		    part->layout == LAYOUT_OWN ? "" : ", as named by ",
		    part->layout == LAYOUT_OWN ? "" : detect_layout_name(part->layout),
		    part->scaled      ? scaled_words(part, table)
		    : part->quantised ? ", quantised"
				      : "");
	json_object_set_new(model, "bytes", json_integer((json_int_t)match.size_bytes));
	json_object_set_new(model, "upstream",
			    part->family->upstream ? json_string(part->family->upstream(part->config)) : json_null());
	if (!say_config(report, part, model, e))
		return false;
	say_match(report, part, &match);
	return say_load_list(report, part, table, shown, model, e);
}

static bool say_models(struct report *report, const struct detection *found, const struct tensor_table *table, struct error *e)
{
	json_t *models = json_array();
	bool fine = true;

	inspect_set(report, "models", models);
	for (size_t i = 0; fine && i < found->count; i++) {
		const struct detected *part = &found->parts[i];
		json_t *model =
			json_pack("{s:s, s:s, s:s, s:b, s:s}", "family", part->family->name, "prefix", part->prefix, "layout",
				  detect_layout_name(part->layout), "scaled", part->scaled, "dtype", dtype_name(part->dtype));

		fine = json_array_append_new(models, model) == 0
			       ? say_part(report, part, table, found->count > 1 ? 0 : LARGEST_SHOWN, model, e)
			       : error_no_memory(e);
	}
	return fine;
}

static bool say_unknown(struct report *report, const struct detection *found, const struct tensor_table *table, struct error *e)
{
	const char *first;
	size_t count;

	if (!detect_count_unknown(found, table, &count, &first, e))
		return false;
	inspect_set(report, "unknown_tensors", json_integer((json_int_t)count));
	for (size_t i = 0; i < found->count; i++) {
		if (!found->parts[i].config)
			return true; /* which tensors would be its own is not known */
	}
	if (count && found->count)
		inspect_say(report, "beside", "%zu tensors that no model above has; the first is %s", count, first);
	return true;
}

/* Names and shapes, for a person to recognise. */
static void say_unrecognised(struct report *report, const struct tensor_table *table)
{
	inspect_say(report, "model", "no family that is built in has tensors of these names");
	for (size_t i = 0; i < table->count && i < 6; i++) {
		const struct tensor_row *row = &table->rows[i];
		char shape[80];

		inspect_say(report, i ? "" : "tensors", "%s %s %s", row->name, row->quant ? row->quant : dtype_name(row->dtype),
			    detect_shape_text(row->rank, row->shape, shape));
	}
	if (table->count > 6)
		inspect_say(report, "", "... and %zu more", table->count - 6);
}

bool inspect_tensors(struct report *report, const struct tensor_table *table, const char *metadata, const char *path,
		     struct error *e)
{
	struct detection found = { .count = 0 };
	bool fine;

	inspect_types(report, table);
	if (!detect_file(&found, table, metadata, path, e))
		return false;
	if (found.count == 0)
		say_unrecognised(report, table);
	fine = say_models(report, &found, table, e) && say_unknown(report, &found, table, e);
	if (fine)
		inspect_scales(report, table);
	detect_free(&found);
	return fine;
}
