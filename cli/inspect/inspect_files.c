/* One function a kind of file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/inspect/inspect.h"
#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "core/device/topology/topology.h"
#include "core/model/detect/detect.h"
#include "core/tensor/safetensors/safetensors.h"
#include "core/workflow/graph/graph.h"
#include "db/store.h"

#define METADATA_SHOWN 8

/* ---- safetensors ---- */

static void say_metadata(struct report *report, const struct safetensors *file)
{
	size_t count = safetensors_metadata_count(file);
	json_t *metadata = json_object();

	for (size_t i = 0; i < count; i++) {
		const char *key;
		const char *value;

		safetensors_metadata_at(file, i, &key, &value);
		json_object_set_new(metadata, key, value ? json_string(value) : json_null());
		if (i < METADATA_SHOWN)
			inspect_say(report, i ? "" : "metadata", "%.60s = %.100s%s", key, value ? value : "null",
				    value && strlen(value) > 100 ? "..." : "");
	}
	if (count > METADATA_SHOWN)
		inspect_say(report, "", "... and %zu more", count - METADATA_SHOWN);
	inspect_set(report, "metadata", metadata);
}

bool inspect_safetensors(struct report *report, const char *path, uint64_t size_bytes, struct error *e)
{
	struct safetensors *file = safetensors_open_head(path, e);
	struct tensor_table table;
	bool is_lora;
	bool fine;

	if (!file)
		return false;
	if (!tensor_table_of_safetensors(&table, file, e)) {
		safetensors_close(file);
		return false;
	}
	is_lora = inspect_is_lora(&table);
	fine = inspect_begin(report, path, is_lora ? "a LoRA in safetensors" : "safetensors", size_bytes, e) &&
	       (is_lora ? inspect_lora(report, &table, e)
			: inspect_tensors(report, &table, safetensors_metadata(file, FAMILY_METADATA), path, e));
	if (fine)
		say_metadata(report, file);
	tensor_table_free(&table);
	safetensors_close(file);
	return fine;
}

/* ---- GGUF ---- */

static void say_value(struct report *report, json_t *metadata, const struct gguf_value *value, bool aloud, const char *label)
{
	size_t length = 0;
	const char *text = gguf_value_text(value, &length);
	char key[100];
	char shown[128];
	double number;

	snprintf(key, sizeof(key), "%.*s", (int)(value->key_length < 99 ? value->key_length : 99), value->key);
	if (text)
		snprintf(shown, sizeof(shown), "%.*s", (int)(length < 100 ? length : 100), text);
	else if (value->type != GGUF_ARRAY && gguf_value_number(value, 0, &number))
		snprintf(shown, sizeof(shown), "%.17g", number);
	else
		snprintf(shown, sizeof(shown), "%llu values", (unsigned long long)value->count);
	if (json_object_set_new(metadata, key, json_string(shown)) == 0 && aloud)
		inspect_say(report, label, "%s = %s", key, shown);
}

static void say_values(struct report *report, const struct gguf *file)
{
	size_t count = gguf_value_count(file);
	json_t *metadata = json_object();

	for (size_t i = 0; i < count; i++) {
		struct gguf_value value = gguf_value_at(file, i);

		say_value(report, metadata, &value, i < METADATA_SHOWN, i ? "" : "metadata");
	}
	if (count > METADATA_SHOWN)
		inspect_say(report, "", "... and %zu more", count - METADATA_SHOWN);
	inspect_set(report, "metadata", metadata);
}

/* Whether a text value is exactly this. */
static bool value_is(const struct gguf *file, const char *key, const char *wanted)
{
	struct gguf_value value;
	size_t length;
	const char *text = gguf_value_find(file, key, &value) ? gguf_value_text(&value, &length) : NULL;

	return text && length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

/* What a person has to know who wants to load it. */
static void say_gguf_kind(struct report *report, const struct gguf *file)
{
	uint64_t part;
	uint64_t count;

	if (value_is(file, "general.architecture", "clip") || value_is(file, "general.type", "mmproj"))
		inspect_say(report, "is", "%s",
			    "the vision part (mmproj) of a text encoder: ComfyUI-GGUF takes it with the encoder whose name it "
			    "has in "
			    "its own, from the same folder");
	if (value_is(file, "general.architecture", "pig"))
		inspect_say(report, "is", "%s",
			    "marked by another pack (architecture \"pig\"): ComfyUI-GGUF refuses such text encoders, and "
			    "guesses what "
			    "other models are");
	if (gguf_split(file, &part, &count))
		inspect_say(report, "is",
			    "part %" PRIu64 " of %" PRIu64
			    ": the other parts are missing here, for ComfyUI-GGUF reads one file; join them with llama.cpp's "
			    "llama-gguf-split --merge",
			    part, count);
}

bool inspect_gguf(struct report *report, const char *path, uint64_t size_bytes, struct error *e)
{
	struct gguf *file = gguf_open(path, e);
	struct tensor_table table = { .rows = NULL };
	char kind[64];
	char *word;
	bool fine;

	if (!file)
		return false;
	word = detect_word_of_gguf(file, e);
	snprintf(kind, sizeof(kind), "GGUF version %u%s", gguf_version(file), gguf_is_swapped(file) ? ", big-endian" : "");
	fine = !error_is_set(e) && tensor_table_of_gguf(&table, file, e) && inspect_begin(report, path, kind, size_bytes, e) &&
	       inspect_tensors(report, &table, word, path, e);
	if (fine) {
		say_gguf_kind(report, file);
		say_values(report, file);
	}
	free(word);
	tensor_table_free(&table);
	gguf_close(file);
	return fine;
}

/* ---- shards ---- */

/* Shards that are open, by name: unlike core/tensor/safetensors/shards.h, also where some are missing or wrong. */
struct opened {
	struct {
		const char *name; /* borrowed from the index */
		struct safetensors *file; /* NULL: cannot be opened, and that was told */
	} * items;
	size_t count, capacity;
};

static struct safetensors *open_shard(struct report *report, struct opened *opened, const char *index_path, const char *name,
				      struct error *e)
{
	const char *slash = strrchr(index_path, '/');
	struct error why = ERROR_INIT;
	char path[4096];

	for (size_t i = 0; i < opened->count; i++) {
		if (strcmp(opened->items[i].name, name) == 0)
			return opened->items[i].file;
	}
	if (!array_reserve(&opened->items, &opened->capacity, opened->count + 1, sizeof(*opened->items), e))
		return NULL;
	snprintf(path, sizeof(path), "%.*s%s", (int)(slash ? slash - index_path + 1 : 0), index_path, name);
	opened->items[opened->count].name = name;
	opened->items[opened->count].file = safetensors_open_head(path, &why);
	if (!opened->items[opened->count].file)
		inspect_wrong(report, "shard %s", why.text);
	return opened->items[opened->count++].file;
}

static bool add_shard_tensor(struct report *report, struct tensor_table *table, const struct safetensors *file,
			     const char *name, const char *shard, struct error *e)
{
	const struct safetensors_tensor *tensor = safetensors_find(file, name);
	struct tensor_row row;

	if (!tensor) {
		inspect_wrong(report, "%.200s is not in %.200s, where the index says it is", name, shard);
		return true;
	}
	row = tensor_row_of_safetensors(tensor);
	return tensor_table_add(table, &row, e);
}

static bool find_scales(const struct opened *opened, struct tensor_table *table, struct error *e)
{
	const char **words = array_new(opened->count + 1, sizeof(const char *), e);
	size_t count = 0;
	bool fine;

	for (size_t i = 0; words && i < opened->count; i++) {
		const struct safetensors *file = opened->items[i].file;

		words[count] = file ? safetensors_metadata(file, SCALED_METADATA) : NULL;
		count += words[count] != NULL;
	}
	fine = words && tensor_table_find_scales(table, words, count, e);
	free(words);
	return fine;
}

static bool gather(struct report *report, const char *path, json_t *map, struct opened *opened, struct tensor_table *table,
		   struct error *e)
{
	const char *name;
	json_t *value;

	json_object_foreach(map, name, value)
	{
		const char *shard = json_string_value(value);
		const struct safetensors *file;

		if (!shard) {
			inspect_wrong(report, "the shard of %.200s is not a file name", name);
			continue;
		}
		if (strchr(shard, '/')) {
			inspect_wrong(report, "%.200s is in %.200s, which is not beside the index", name, shard);
			continue;
		}
		file = open_shard(report, opened, path, shard, e);
		if (error_is_set(e) || (file && !add_shard_tensor(report, table, file, name, shard, e)))
			return false;
	}
	tensor_table_sort(table);
	return find_scales(opened, table, e);
}

bool inspect_index(struct report *report, const char *path, uint64_t size_bytes, const json_t *index, struct error *e)
{
	json_t *map = json_object_get(index, "weight_map");
	struct tensor_table table = { .rows = NULL };
	struct opened opened = { .items = NULL };
	bool fine = inspect_begin(report, path, "an index of shards", size_bytes, e) &&
		    gather(report, path, map, &opened, &table, e);

	if (fine) {
		inspect_say(report, "shards", "%zu, with %zu tensors", opened.count, json_object_size(map));
		inspect_set(report, "shards", json_integer((json_int_t)opened.count));
		fine = inspect_tensors(report, &table, NULL, path, e);
	}
	tensor_table_free(&table);
	for (size_t i = 0; i < opened.count; i++)
		safetensors_close(opened.items[i].file);
	free(opened.items);
	return fine;
}

/* ---- workflows ---- */

static bool names_weights(const char *text)
{
	static const char *const endings[] = { ".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin" };
	size_t length = text ? strlen(text) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		if (length > strlen(endings[i]) && strcmp(text + length - strlen(endings[i]), endings[i]) == 0)
			return true;
	}
	return false;
}

/* Files in a node's inputs or widgets: "UNETLoader  flux1-dev.safetensors". */
static void note_files(json_t *files, const char *class_name, json_t *values)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_array(values)) {
		json_array_foreach(values, i, value)
		{
			if (names_weights(json_string_value(value)))
				json_array_append_new(files, json_pack("[s, s]", class_name, json_string_value(value)));
		}
	}
	json_object_foreach(values, key, value)
	{
		if (names_weights(json_string_value(value)))
			json_array_append_new(files, json_pack("[s, s]", class_name, json_string_value(value)));
	}
}

static void count_class(json_t *classes, const char *name)
{
	json_object_set_new(classes, name, json_integer(json_integer_value(json_object_get(classes, name)) + 1));
}

/* Of the API format: what the engine would say on the way to running it. */
static void check_prompt(struct report *report, const json_t *prompt)
{
	struct error why = ERROR_INIT;
	struct graph *graph = graph_new(prompt, "the workflow", &why);

	if (graph)
		inspect_say(report, "checks", "every node is known here and every link leads somewhere; it can be replayed");
	else
		inspect_wrong(report, "%s", why.text);
	inspect_set(report, "runs_here", json_boolean(graph != NULL));
	graph_free(graph);
}

static void say_nodes(struct report *report, json_t *classes, json_t *files, size_t count)
{
	struct strbuf text = STRBUF_INIT;
	const char *name;
	json_t *value;

	json_object_foreach(classes, name, value)
	{
		strbuf_printf(&text, "%s%s", text.length ? ", " : "", name);
		if (json_integer_value(value) > 1)
			strbuf_printf(&text, " x%lld", (long long)json_integer_value(value));
	}
	inspect_say(report, "nodes", "%zu: %s", count, strbuf_text(&text));
	strbuf_free(&text);
	for (size_t i = 0; i < json_array_size(files) && i < 8; i++)
		inspect_say(report, i ? "" : "files", "%s  %s", json_string_value(json_array_get(json_array_get(files, i), 1)),
			    json_string_value(json_array_get(json_array_get(files, i), 0)));
	inspect_set(report, "nodes", json_integer((json_int_t)count));
	inspect_set(report, "classes", json_incref(classes));
	inspect_set(report, "files", json_incref(files));
}

/* The prompt of an API file: itself, or what it wraps ("prompt"). */
static const json_t *prompt_of(const json_t *workflow)
{
	const json_t *inner = json_object_get(workflow, "prompt");
	const json_t *prompt = json_is_object(inner) ? inner : workflow;
	void *first = json_object_iter((json_t *)(uintptr_t)prompt);

	return first && json_is_string(json_object_get(json_object_iter_value(first), "class_type")) ? prompt : NULL;
}

static void walk_prompt(const json_t *prompt, json_t *classes, json_t *files)
{
	const char *id;
	json_t *node;

	json_object_foreach((json_t *)(uintptr_t)prompt, id, node)
	{
		const char *class_name = json_string_value(json_object_get(node, "class_type"));

		if (!class_name)
			continue;
		count_class(classes, class_name);
		note_files(files, class_name, json_object_get(node, "inputs"));
	}
}

static void walk_canvas(const json_t *nodes, json_t *classes, json_t *files)
{
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *class_name = json_string_value(json_object_get(node, "type"));

		if (!class_name)
			continue;
		count_class(classes, class_name);
		note_files(files, class_name, json_object_get(node, "widgets_values"));
	}
}

bool inspect_workflow(struct report *report, const char *path, uint64_t size_bytes, const json_t *workflow, struct error *e)
{
	const json_t *nodes = json_object_get(workflow, "nodes");
	const json_t *prompt = prompt_of(workflow);
	json_t *classes = json_object();
	json_t *files = json_array();
	bool fine = true;

	if (json_is_array(nodes)) {
		fine = inspect_begin(report, path, "a workflow as ComfyUI's canvas saves it", size_bytes, e);
		if (fine) {
			walk_canvas(nodes, classes, files);
			say_nodes(report, classes, files, json_array_size(nodes));
			inspect_set(report, "format", json_string("ui"));
		}
	} else if (prompt) {
		fine = inspect_begin(report, path, "a workflow in API format", size_bytes, e);
		if (fine) {
			walk_prompt(prompt, classes, files);
			say_nodes(report, classes, files, json_object_size(prompt));
			inspect_set(report, "format", json_string("api"));
			check_prompt(report, prompt);
		}
	} else {
		fine = error_set(e, ERROR_FORMAT,
				 "%s: JSON, but no workflow (no \"nodes\", no \"class_type\"), no topology (\"devices\" and "
				 "\"links\") and no index of shards (\"weight_map\")",
				 path);
	}
	json_decref(classes);
	json_decref(files);
	return fine;
}

/* ---- topologies ---- */

bool inspect_topology(struct report *report, const char *path, uint64_t size_bytes, struct error *e)
{
	size_t length;
	char *text = file_read_whole(path, &length, e);
	struct topology *topology = text ? topology_parse(text, length, path, e) : NULL;

	free(text);
	if (!topology)
		return false;
	if (inspect_begin(report, path, "a topology", size_bytes, e)) {
		inspect_say(report, "name", "%s: %s", topology->name, topology->title);
		for (size_t i = 0; i < topology->device_count; i++) {
			char size[UNITS_TEXT_MAX];

			inspect_say(report, i ? "" : "devices", "%-8s %s", topology->devices[i].name,
				    units_bytes(topology->devices[i].capacity_bytes, size));
		}
		inspect_say(report, "links", "%zu", topology->link_count);
		inspect_set(report, "topology", topology_to_json(topology));
	}
	topology_free(topology);
	return !error_is_set(e);
}

/* ---- stores ---- */

static bool say_counts(struct report *report, struct store *store, struct error *e)
{
	static const struct {
		const char *label, *sql;
	} counts[] = {
		{ .label = "runs", .sql = "SELECT count(*) FROM v_runs" },
		{ .label = "cells", .sql = "SELECT count(*) FROM v_cells" },
		{ .label = "findings", .sql = "SELECT count(*) FROM v_findings" },
		{ .label = "transfers", .sql = "SELECT count(*) FROM v_transfers" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		sqlite3_stmt *statement = store_prepare(store, counts[i].sql, e);
		sqlite3_int64 count;

		if (!statement)
			return false;
		count = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
		sqlite3_finalize(statement);
		inspect_say(report, counts[i].label, "%lld", (long long)count);
		inspect_set(report, counts[i].label, json_integer(count));
	}
	return true;
}

bool inspect_store(struct report *report, const char *path, uint64_t size_bytes, struct error *e)
{
	struct store *store = store_open(path, STORE_READ, e);
	struct error why = ERROR_INIT;
	bool fine;

	if (!store)
		return false;
	fine = inspect_begin(report, path, "a store of runs (SQLite)", size_bytes, e);
	if (fine) {
		inspect_say(report, "schema", "%d; the newest here is %d", store_schema(store), store_schema_newest());
		inspect_set(report, "store_schema", json_integer(store_schema(store)));
		fine = say_counts(report, store, e);
	}
	if (fine && store_check(store, &why))
		inspect_say(report, "checks", "whole and consistent");
	else if (fine)
		inspect_wrong(report, "%s", why.text);
	store_close(store);
	return fine;
}
