/* live_workflow.c - a workflow made to fit a server, and what its loaders ask to be kept.
 *
 * Requests are read from the workflow as it was given, by file name without folder and ending, since a server's probe names models
 * so; a record holds the first 63 bytes of a name, and "+" begins the mark of a clone. Which inputs name files is read from the
 * engine's own loaders, and which flag counts from the table of keep flags. Then a copy is fitted node by node to what the server
 * says of its class: the stock class where ComfyUI-MultiGPU is missing, the keep flag of its generation, the endings of its files,
 * and defaults for required inputs.
 */
#include "scenarios/subject/live_workflow.h"

#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/keep_flag.h"
#include "core/workflow/nodes/nodes_loaders.h"
#include "db/records/record.h"

#define DISTORCH_ENDING "DisTorch2MultiGPU"
#define NAME_MAX_BYTES 256

/* ---- keep requests ---- */

/* "folder/A.safetensors" -> "A". */
static void stem_of(const char *path, char stem[NAME_MAX_BYTES])
{
	const char *name = strrchr(path, '/');
	char *dot;

	snprintf(stem, NAME_MAX_BYTES, "%s", name ? name + 1 : path);
	dot = strrchr(stem, '.');
	if (dot && dot != stem)
		*dot = '\0';
}

static bool is_named(const json_t *names, const char *stem)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		char named[NAME_MAX_BYTES];

		if (!name)
			continue;
		stem_of(name, named);
		if (strcmp(named, stem) == 0)
			return true;
	}
	return false;
}

/* The keep flag that the server's loader of that class declares, which is the one that its version reads. NULL: not known. */
static const struct keep_flag *declared_flag(const json_t *declared)
{
	const json_t *optional = json_object_get(declared, "optional");
	const json_t *required = json_object_get(declared, "required");

	for (const struct keep_flag *flag = keep_inputs; flag->name; flag++) {
		if (json_object_get(optional, flag->name) || json_object_get(required, flag->name))
			return flag;
	}
	return NULL;
}

/* What a node's loader asks for. The server is asked for its class only where flags may contradict each other. */
static bool node_asks(const json_t *node, const struct live_classes *classes, enum keep_request *keep, struct error *e)
{
	const json_t *inputs = json_object_get(node, "inputs");
	const char *class_type = json_string_value(json_object_get(node, "class_type"));
	const struct keep_flag *own = NULL;
	unsigned given = 0;

	for (const struct keep_flag *flag = keep_inputs; flag->name; flag++)
		given += json_object_get(inputs, flag->name) != NULL;
	if (given > 1 && classes && class_type) {
		const json_t *described = classes->describe(classes->context, class_type, e);

		if (!described)
			return false;
		own = declared_flag(json_object_get(json_object_get(described, class_type), "input"));
	}
	*keep = keep_inputs_ask_json(own, inputs);
	return true;
}

/* The requests of one node, for every file that it reads. */
static bool read_node(const json_t *node, const json_t *names, const struct live_classes *classes, json_t *requests,
		      struct error *e)
{
	enum keep_request keep;
	const char *input;
	json_t *value;

	if (!node_asks(node, classes, &keep, e))
		return false;
	if (!names && keep == KEEP_NONE)
		return true;
	json_object_foreach(json_object_get(node, "inputs"), input, value)
	{
		char stem[NAME_MAX_BYTES];

		if (!json_is_string(value) || !node_loader_input_names_file(input))
			continue;
		stem_of(json_string_value(value), stem);
		if (json_object_set_new(requests, stem, json_boolean(names ? is_named(names, stem) : keep == KEEP_YES)) != 0)
			return error_no_memory(e);
	}
	return true;
}

bool live_keep_read(const json_t *workflow, const json_t *names, const struct live_classes *classes, json_t *requests,
		    struct error *e)
{
	const char *id;
	json_t *node;

	json_object_foreach((json_t *)(uintptr_t)workflow, id, node)
	{
		if (!read_node(node, names, classes, requests, e))
			return false;
	}
	return true;
}

bool live_keep_end(json_t *requests, struct error *e)
{
	const char *name;
	json_t *request;
	void *next;

	json_object_foreach_safe(requests, next, name, request)
	{
		if (json_object_set_new(requests, name, json_false()) != 0)
			return error_no_memory(e);
	}
	return true;
}

bool live_keep_find(const json_t *requests, const char *name, enum keep_request *keep)
{
	char base[NAME_MAX_BYTES];
	char *clone;

	snprintf(base, sizeof(base), "%s", name);
	do {
		const json_t *request = json_object_get(requests, base);

		if (request) {
			*keep = json_is_true(request) ? KEEP_YES : KEEP_NO;
			return true;
		}
		clone = strrchr(base, '+'); /* a '+' can be part of a file's name, too: the longest name that is known */
		if (clone)
			*clone = '\0';
	} while (clone);
	return false;
}

/* ---- a node ---- */

/* The choices of an input's description: ["COMBO",{"options":[...]}] or [[...],{...}]; NULL where it has none. */
static const json_t *choices_of(const json_t *description)
{
	const json_t *first = json_array_get(description, 0);

	return json_is_array(first) ? first : json_object_get(json_array_get(description, 1), "options");
}

static bool is_choice(const json_t *choices, const char *text)
{
	for (size_t i = 0; i < json_array_size(choices); i++) {
		const char *choice = json_string_value(json_array_get(choices, i));

		if (choice && strcmp(choice, text) == 0)
			return true;
	}
	return false;
}

/* A file's name gets the ending under which the server has it. */
static bool complete_name(json_t *inputs, const char *name, const json_t *description, struct error *e)
{
	const json_t *choices = choices_of(description);
	const char *text = json_string_value(json_object_get(inputs, name));
	char file[NAME_MAX_BYTES];

	if (!choices || !text || is_choice(choices, text))
		return true;
	snprintf(file, sizeof(file), "%.200s.safetensors", text);
	return !is_choice(choices, file) || json_put(inputs, name, json_string(file), e);
}

/* A required input that the workflow does not name gets the default, or the first choice. */
static bool fill_in(json_t *inputs, const char *name, const json_t *description, struct error *e)
{
	json_t *value = json_object_get(json_array_get(description, 1), "default");

	if (json_object_get(inputs, name))
		return true;
	if (!value)
		value = json_array_get(choices_of(description), 0);
	return !value || json_put(inputs, name, json_incref(value), e);
}

static bool fit_inputs(json_t *inputs, const json_t *declared, bool required, struct error *e)
{
	const char *name;
	json_t *description;

	json_object_foreach((json_t *)(uintptr_t)declared, name, description)
	{
		if ((required && !fill_in(inputs, name, description, e)) || !complete_name(inputs, name, description, e))
			return false;
	}
	return true;
}

/* A workflow of another generation: what it asks for is said by the flag that the server's loader declares. One that is given by
 * that flag already stays as it is. */
static bool translate_flag(json_t *inputs, const json_t *declared, struct error *e)
{
	const struct keep_flag *own = declared_flag(declared);
	enum keep_request keep = keep_inputs_ask_json(own, inputs);

	if (!own || keep == KEEP_NONE)
		return true;
	if (!json_object_get(inputs, own->name) &&
	    !json_put(inputs, own->name, json_boolean(keep_flag_value(own, keep == KEEP_YES)), e))
		return false;
	for (const struct keep_flag *flag = keep_inputs; flag->name; flag++) {
		if (flag != own)
			json_object_del(inputs, flag->name);
	}
	return true;
}

/* The stock loader in the DisTorch2 one's place. */
static bool make_stock(json_t *node, struct error *e)
{
	static const char *const distorch_inputs[] = { "compute_device", "virtual_vram_gb", "donor_device",
						       "expert_mode_allocations", NULL };
	const char *class_type = json_string_value(json_object_get(node, "class_type"));
	json_t *inputs = json_object_get(node, "inputs");
	char stock[NAME_MAX_BYTES];

	snprintf(stock, sizeof(stock), "%.*s", (int)(strlen(class_type) - strlen(DISTORCH_ENDING)), class_type);
	for (size_t i = 0; distorch_inputs[i]; i++)
		json_object_del(inputs, distorch_inputs[i]);
	for (const struct keep_flag *flag = keep_inputs; flag->name; flag++)
		json_object_del(inputs, flag->name);
	json_object_del(inputs, "device"); /* a stock CLIP loader has one, too, and means something else by it */
	return json_put(node, "class_type", json_string(stock), e);
}

static bool is_distorch(const char *class_type)
{
	size_t length = strlen(class_type);

	return length > strlen(DISTORCH_ENDING) && strcmp(class_type + length - strlen(DISTORCH_ENDING), DISTORCH_ENDING) == 0;
}

static bool fit_node(json_t *node, const struct live_classes *classes, struct error *e)
{
	const char *class_type = json_string_value(json_object_get(node, "class_type"));
	json_t *inputs = json_object_get(node, "inputs");
	const json_t *described = class_type ? classes->describe(classes->context, class_type, e) : NULL;
	const json_t *declared;

	if (!class_type || !inputs)
		return error_set(e, ERROR_FORMAT, "a node has no class_type or no inputs");
	if (described && json_object_size(described) == 0 && is_distorch(class_type)) {
		if (!make_stock(node, e))
			return false;
		class_type = json_string_value(json_object_get(node, "class_type"));
		described = classes->describe(classes->context, class_type, e);
	}
	if (!described)
		return false;
	declared = json_object_get(json_object_get(described, class_type), "input");
	return translate_flag(inputs, declared, e) && fit_inputs(inputs, json_object_get(declared, "required"), true, e) &&
	       fit_inputs(inputs, json_object_get(declared, "optional"), false, e);
}

/* The real full cleanup node passes an image on, and runs for a node that takes it; the engine's takes anything. */
static bool fit_cleanup(json_t *workflow, const char *id, json_t *node, struct error *e)
{
	const char *class_type = json_string_value(json_object_get(node, "class_type"));
	json_t *inputs = json_object_get(node, "inputs");

	if (!class_type || strcmp(class_type, "FullCleanupMultiGPU") != 0 || json_object_get(inputs, "image"))
		return true;
	json_object_del(inputs, "any");
	return json_put(inputs, "image", json_pack("[si]", "residency-image", 0), e) &&
	       json_put(workflow, "residency-image",
			json_pack("{ss s{si si si si}}", "class_type", "EmptyImage", "inputs", "width", 8, "height", 8,
				  "batch_size", 1, "color", 0),
			e) &&
	       json_put(workflow, "residency-cleanup",
			json_pack("{ss s{s[si]}}", "class_type", "PreviewAny", "inputs", "source", id, 0), e);
}

json_t *live_workflow(const json_t *workflow, const struct live_classes *classes, struct error *e)
{
	json_t *copy = json_deep_copy(workflow);
	const char *id;
	json_t *node;

	if (!copy)
		error_no_memory(e);
	json_object_foreach((json_t *)(uintptr_t)workflow, id, node)
	{
		node = json_object_get(copy, id);
		if (fit_node(node, classes, e) && fit_cleanup(copy, id, node, e))
			continue;
		error_context(e, "node %s", id);
		json_decref(copy);
		return NULL;
	}
	return copy;
}
