/* A desk keeps the models and load lists that lines have named, so that each is read once. A line is parsed, its kind
 * dispatched, and whatever goes wrong with it becomes the error of its answer; only memory running out ends the work.
 */
#include "core/plan/advise/requests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/string.h"
#include "core/plan/advise/answer.h"
#include "core/plan/string/node_string.h"
#include "core/plan/string/text.h"
#include "core/plan/versions.h"

struct named_list {
	char *name;
	struct block_list list;
};

struct shelf {
	struct named_list *items;
	size_t count, capacity;
};

struct plan_desk {
	char *folder;
	struct shelf models;
	struct shelf loadlists;
};

static struct named_list *shelf_find(const struct shelf *shelf, const char *name)
{
	for (size_t i = 0; i < shelf->count; i++) {
		if (strcmp(shelf->items[i].name, name) == 0)
			return &shelf->items[i];
	}
	return NULL;
}

/* Takes the list over when it succeeds; a name that is there already gets the new one. */
static bool shelf_put(struct shelf *shelf, const char *name, const struct block_list *list, struct error *e)
{
	struct named_list *known = shelf_find(shelf, name);
	char *copy;

	if (known) {
		block_list_free(&known->list);
		known->list = *list;
		return true;
	}
	if (!array_reserve(&shelf->items, &shelf->capacity, shelf->count + 1, sizeof(*shelf->items), e))
		return false;
	copy = string_copy(name, e);
	if (!copy)
		return false;
	shelf->items[shelf->count++] = (struct named_list) { copy, *list };
	return true;
}

static void shelf_free(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++) {
		free(shelf->items[i].name);
		block_list_free(&shelf->items[i].list);
	}
	free(shelf->items);
}

struct plan_desk *plan_desk_new(const char *loadlists, struct error *e)
{
	struct plan_desk *desk = array_new(1, sizeof(*desk), e);

	if (desk && loadlists) {
		desk->folder = string_copy(loadlists, e);
		if (!desk->folder) {
			free(desk);
			return NULL;
		}
	}
	return desk;
}

void plan_desk_free(struct plan_desk *desk)
{
	if (!desk)
		return;
	shelf_free(&desk->models);
	shelf_free(&desk->loadlists);
	free(desk->folder);
	free(desk);
}

/* FOLDER/NAME.tsv.gz, or without .gz. A name is one file's: no folders in it. */
static char *loadlist_path(const struct plan_desk *desk, const char *name, struct error *e)
{
	static const char *const endings[] = { ".tsv.gz", ".tsv" };

	if (!desk->folder) {
		error_set(e, ERROR_MISSING, "load list \"%.80s\" is asked for, but there is no folder of load lists", name);
		return NULL;
	}
	if (strchr(name, '/') || name[0] == '.') {
		error_set(e, ERROR_FORMAT, "\"%.80s\" is no name of a load list", name);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		struct strbuf path = STRBUF_INIT;
		char *text;

		strbuf_printf(&path, "%s/%s%s", desk->folder, name, endings[i]);
		text = strbuf_finish(&path, e);
		if (!text || access(text, R_OK) == 0)
			return text;
		free(text);
	}
	error_set(e, ERROR_MISSING, "there is no load list \"%.80s\" in %.300s", name, desk->folder);
	return NULL;
}

const struct block_list *plan_desk_loadlist(struct plan_desk *desk, const char *name, struct error *e)
{
	const struct named_list *known = shelf_find(&desk->loadlists, name);
	struct block_list list;
	char *path;
	bool fine;

	if (known)
		return &known->list;
	path = loadlist_path(desk, name, e);
	if (!path)
		return NULL;
	fine = block_list_read(&list, path, e);
	free(path);
	if (!fine)
		return NULL;
	if (!shelf_put(&desk->loadlists, name, &list, e)) {
		block_list_free(&list);
		return NULL;
	}
	return &shelf_find(&desk->loadlists, name)->list;
}

static bool take_model(struct plan_desk *desk, const json_t *line, struct error *e)
{
	struct block_list list;
	const char *id;

	if (!json_get_string(line, "id", "model", &id, e) || !block_list_from_json(&list, line, "model", e))
		return false;
	if (shelf_put(&desk->models, id, &list, e))
		return true;
	block_list_free(&list);
	return false;
}

static const struct block_list *find_blocks(struct plan_desk *desk, const json_t *input, struct error *e)
{
	const struct named_list *model;
	const char *name;

	if (json_object_get(input, "loadlist"))
		return json_get_string(input, "loadlist", "input", &name, e) ? plan_desk_loadlist(desk, name, e) : NULL;
	if (!json_get_string(input, "model", "input", &name, e))
		return NULL;
	model = shelf_find(&desk->models, name);
	if (!model)
		error_set(e, ERROR_FORMAT, "input: no line before this one gave a model \"%.80s\"", name);
	return model ? &model->list : NULL;
}

static bool read_devices(const json_t *input, struct plan_device **devices, size_t *count, struct error *e)
{
	json_t *rows;

	*devices = NULL;
	if (!json_get_array(input, "devices", "input", &rows, e))
		return false;
	*count = json_array_size(rows);
	*devices = array_new(*count ? *count : 1, sizeof(**devices), e);
	if (!*devices)
		return false;
	for (size_t i = 0; i < *count; i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_array_get(row, 0));
		const json_t *size = json_array_get(row, 1);

		if (!name || !json_is_integer(size) || json_integer_value(size) < 0)
			return error_set(e, ERROR_FORMAT, "input: device %zu is not [name, total bytes]", i);
		(*devices)[i] = (struct plan_device) { name, (uint64_t)json_integer_value(size) };
	}
	return true;
}

/* What a request is answered with: an output, or why it has none. */
struct reply {
	json_t *output;
	struct plan_failure failure;
};

static bool answer_placement(struct plan_desk *desk, const json_t *input, const char *kind, const struct plan_rules *rules,
			     struct reply *reply, struct error *e)
{
	const char *load_list;
	struct plan_request request = { .rules = rules, .is_clip = strcmp(kind, "clip") == 0 };
	const struct block_list *blocks = find_blocks(desk, input, e);
	struct plan_device *devices = NULL;
	struct plan *plan = NULL;

	if (blocks && json_get_string(input, "alloc", "input", &request.allocation, e) &&
	    json_get_string_or(input, "load_list", "input", "", &load_list, e) &&
	    read_devices(input, &devices, &request.device_count, e)) {
		request.five_fields = strcmp(load_list, "5-tuple") == 0;
		request.blocks = blocks->blocks;
		request.block_count = blocks->count;
		request.devices = devices;
		plan = plan_make(&request, &reply->failure, e);
	}
	if (plan) {
		reply->output = rules->answer(plan, &request);
		if (!reply->output)
			error_no_memory(e);
	}
	plan_free(plan);
	free(devices);
	return reply->output != NULL;
}

static bool answer_memory(const json_t *input, struct reply *reply, struct error *e)
{
	const char *text;
	double bytes;
	int fault;

	if (!json_get_string(input, "text", "input", &text, e))
		return false;
	fault = text_to_memory(span_of(text), &bytes);
	if (fault < 0)
		return error_no_memory(e);
	if (fault) {
		reply->failure.exception = EXCEPTION_VALUE;
		return error_set(e, ERROR_FORMAT, "\"%.80s\" is no size; wanted digits and a unit, such as 4.5gb or 500mb",
				 text);
	}
	reply->output = json_pack("{s:o}", "bytes", answer_number(bytes));
	return reply->output || error_no_memory(e);
}

/* A string, or NULL for null; an absent member is null. */
static bool read_optional(const json_t *input, const char *key, const char **out, struct error *e)
{
	*out = NULL;
	return json_is_null(json_object_get(input, key)) || json_get_string_or(input, key, "input", NULL, out, e);
}

static bool read_node(const json_t *input, struct node_inputs *node, const char ***names, struct error *e)
{
	const json_t *amount = json_object_get(input, "virtual_vram_gb");
	const char *class;
	json_t *list;

	if (!json_get_string(input, "cls", "input", &class, e))
		return false;
	if (!node_class_from_name(class, &node->class))
		return error_set(e, ERROR_FORMAT, "input: there is no node class \"%.80s\"", class);
	if (!json_get_number(input, "virtual_vram_gb", "input", &node->virtual_vram_gb, e) ||
	    !read_optional(input, "compute", &node->compute, e) || !read_optional(input, "expert", &node->expert, e) ||
	    !read_optional(input, "donor", &node->donor, e) ||
	    !json_get_bool_or(input, "use_other_vram", "input", false, &node->use_other_vram, e) ||
	    !json_get_array(input, "device_names", "input", &list, e))
		return false;
	node->virtual_vram_is_whole = json_is_integer(amount);
	node->device_count = json_array_size(list);
	*names = array_new(node->device_count ? node->device_count : 1, sizeof(char *), e);
	if (!*names)
		return false;
	node->device_names = *names;
	for (size_t i = 0; i < node->device_count; i++) {
		(*names)[i] = json_string_value(json_array_get(list, i));
		if (!(*names)[i])
			return error_set(e, ERROR_FORMAT, "input: device name %zu is not a string", i);
	}
	return true;
}

static bool answer_node(const json_t *input, const struct plan_rules *rules, struct reply *reply, struct error *e)
{
	struct node_inputs node = { .compute = NULL };
	const char **names = NULL;
	char *text = NULL;
	bool stored = true;

	if (read_node(input, &node, &names, e)) {
		text = node_string(&node, rules, &stored, &reply->failure, e);
		if (text || !stored) {
			reply->output = json_pack("{s:s?}", "alloc", text);
			if (!reply->output)
				error_no_memory(e);
		}
	}
	free(text);
	free(names);
	return reply->output != NULL;
}

static bool answer_request(struct plan_desk *desk, const json_t *line, struct reply *reply, struct error *e)
{
	const struct plan_rules *rules;
	const char *kind;
	const char *version;
	json_t *input;

	if (!json_get_string(line, "kind", "request", &kind, e) || !json_get_string(line, "version", "request", &version, e) ||
	    !json_get_object(line, "input", "request", &input, e))
		return false;
	rules = plan_rules_find(version);
	if (!rules)
		return error_set(e, ERROR_FORMAT, "request: there is no version \"%.40s\"", version);
	if (strcmp(kind, "mem") == 0)
		return answer_memory(input, reply, e);
	if (strcmp(kind, "node") == 0)
		return answer_node(input, rules, reply, e);
	if (strcmp(kind, "parse") == 0 || strcmp(kind, "place") == 0 || strcmp(kind, "clip") == 0 || strcmp(kind, "v1") == 0)
		return answer_placement(desk, input, kind, rules, reply, e);
	return error_set(e, ERROR_FORMAT,
			 "request: there is no kind \"%.40s\"; wanted mem, parse, place, clip, v1, node or model", kind);
}

/* {"id":..., member: ...}; takes `value`. */
static bool finish_answer(const json_t *id, const char *member, json_t *value, json_t **answer, struct error *e)
{
	*answer = json_object();
	if (!value || !*answer || json_object_set_new(*answer, "id", id ? json_deep_copy(id) : json_null()) != 0) {
		json_decref(value);
		goto fail;
	}
	if (json_object_set_new(*answer, member, value) == 0)
		return true;
fail:
	json_decref(*answer);
	*answer = NULL;
	return error_no_memory(e);
}

static bool finish_error(const json_t *id, enum exception exception, const struct error *why, json_t **answer, struct error *e)
{
	/* A message may quote half a character of a string that was cut; JSON holds whole ones. */
	json_t *message = json_string(why->text);
	json_t *error;

	if (!message)
		message = json_string("the message quotes text that is not UTF-8");
	error = json_pack("{s:s,s:o}", "type", exception ? exception_name(exception) : "InvalidRequest", "message", message);
	return finish_answer(id, "error", error, answer, e);
}

bool plan_desk_request(struct plan_desk *desk, const json_t *line, json_t **answer, struct error *e)
{
	const char *kind = json_string_value(json_object_get(line, "kind"));
	const json_t *id = json_object_get(line, "id");
	struct reply reply = { .output = NULL };
	struct error why = ERROR_INIT;

	*answer = NULL;
	if (kind && strcmp(kind, "meta") == 0)
		return true;
	if (kind && strcmp(kind, "model") == 0) {
		if (take_model(desk, line, &why))
			return true;
	} else if (!json_is_object(line)) {
		error_set(&why, ERROR_FORMAT, "request: the line is %s; it must be an object", json_type_words(line));
	} else if (answer_request(desk, line, &reply, &why)) {
		return finish_answer(id, "output", reply.output, answer, e);
	}
	if (why.kind == ERROR_MEMORY)
		return error_no_memory(e);
	return finish_error(id, reply.failure.exception, &why, answer, e);
}

bool plan_desk_line(struct plan_desk *desk, const char *text, size_t length, json_t **answer, struct error *e)
{
	struct error why = ERROR_INIT;
	json_t *line;
	bool fine;

	*answer = NULL;
	if (text_trim((struct span) { text, length }).length == 0)
		return true;
	line = json_parse(text, length, "request", true, &why);
	if (!line && why.kind == ERROR_MEMORY)
		return error_no_memory(e);
	if (!line)
		return finish_error(NULL, EXCEPTION_NONE, &why, answer, e);
	fine = plan_desk_request(desk, line, answer, e);
	json_decref(line);
	return fine;
}
