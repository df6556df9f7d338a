#include "scenarios/subject/live_workflow.h"
#include "core/base/json.h"

#include <stdio.h>
#include <string.h>

#define DISTORCH "DisTorch2MultiGPU"
#define NAME_MAX_BYTES 256

/* ---- wishes ---- */

static const char *const file_inputs[] = { "unet_name", "clip_name", "vae_name", "ckpt_name", NULL };

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

bool live_workflow_wishes(const json_t *workflow, const json_t *names, json_t *wishes, struct error *e)
{
	const char *id;
	json_t *node;

	json_object_foreach((json_t *)(uintptr_t)workflow, id, node)
	{
		const json_t *inputs = json_object_get(node, "inputs");
		const json_t *keep = json_object_get(inputs, "keep_loaded");
		const json_t *eject = json_object_get(inputs, "eject_models");

		for (size_t i = 0; file_inputs[i] && (names || json_is_boolean(keep) || json_is_boolean(eject)); i++) {
			const char *file = json_string_value(json_object_get(inputs, file_inputs[i]));
			bool stays = keep ? json_is_true(keep) : !json_is_true(eject);
			char stem[NAME_MAX_BYTES];

			if (!file)
				continue;
			stem_of(file, stem);
			if (json_object_set_new(wishes, stem, json_boolean(names ? is_named(names, stem) : stays)) != 0)
				return error_no_memory(e);
		}
	}
	return true;
}

bool live_wishes_end(json_t *wishes, struct error *e)
{
	const char *name;
	json_t *wish;
	void *next;

	json_object_foreach_safe(wishes, next, name, wish)
	{
		if (json_object_set_new(wishes, name, json_false()) != 0)
			return error_no_memory(e);
	}
	return true;
}

bool live_wish(const json_t *wishes, const char *name, enum keep_wish *keep)
{
	char base[NAME_MAX_BYTES];
	char *clone;
	const json_t *wish;

	snprintf(base, sizeof(base), "%s", name);
	clone = strchr(base, '+');
	if (clone)
		*clone = '\0';
	wish = json_object_get(wishes, base);
	if (!wish)
		return false;
	*keep = json_is_true(wish) ? KEEP_YES : KEEP_NO;
	return true;
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

/* From v2.5.1 on a loader asks whether others are to go: the opposite words at the same place. */
static bool turn_flag(json_t *inputs, const json_t *optional, struct error *e)
{
	const json_t *keep = json_object_get(inputs, "keep_loaded");

	if (!keep || !json_object_get(optional, "eject_models") || json_object_get(optional, "keep_loaded"))
		return true;
	if (!json_put(inputs, "eject_models", json_boolean(!json_is_true(keep)), e))
		return false;
	json_object_del(inputs, "keep_loaded");
	return true;
}

/* The stock loader in the DisTorch2 one's place. */
static bool make_stock(json_t *node, struct error *e)
{
	static const char *const distorch_inputs[] = { "compute_device",
						       "virtual_vram_gb",
						       "donor_device",
						       "expert_mode_allocations",
						       "keep_loaded",
						       "eject_models",
						       NULL };
	const char *class_type = json_string_value(json_object_get(node, "class_type"));
	json_t *inputs = json_object_get(node, "inputs");
	char stock[NAME_MAX_BYTES];

	snprintf(stock, sizeof(stock), "%.*s", (int)(strlen(class_type) - strlen(DISTORCH)), class_type);
	for (size_t i = 0; distorch_inputs[i]; i++)
		json_object_del(inputs, distorch_inputs[i]);
	json_object_del(inputs, "device"); /* a stock CLIP loader has one, too, and means something else by it */
	return json_put(node, "class_type", json_string(stock), e);
}

static bool is_distorch(const char *class_type)
{
	size_t length = strlen(class_type);

	return length > strlen(DISTORCH) && strcmp(class_type + length - strlen(DISTORCH), DISTORCH) == 0;
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
	return turn_flag(inputs, json_object_get(declared, "optional"), e) &&
	       fit_inputs(inputs, json_object_get(declared, "required"), true, e) &&
	       fit_inputs(inputs, json_object_get(declared, "optional"), false, e);
}

/* The real full cleanup node passes an image on, and runs for somebody who wants it; the engine's takes anything. */
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
