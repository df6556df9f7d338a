/* ui_prompt.c - the nodes that are run, with their values and links, as the prompt.
 *
 * First the nodes are listed with the paths that they stand under; an instance is opened in place. Then each gets its widgets' values and, over
 * them, what its linked slots resolve to. Keys are ordered as JavaScript orders them: plain numbers ascending, then the others.
 */
#include "core/workflow/frontend/ui_prompt.h"

#include <stdlib.h>
#include <string.h>

struct listed {
	const struct ui_path *path;
	struct ui_node *node;
	const char *id;
};

struct listing {
	struct ui_load *load;
	struct listed *items;
	size_t count, capacity;
	size_t visits;
};

#define VISITS_MAX 200000 /* nodes looked at: instances in instances can multiply without end */

/* ---- which nodes ---- */

static void list_nodes(struct listing *listing, const struct ui_path *path, struct ui_node *const *nodes, size_t count);

static void list_node(struct listing *listing, const struct ui_path *path, struct ui_node *node)
{
	struct ui_load *load = listing->load;
	bool off = node->mode != 0;

	if (++listing->visits > VISITS_MAX)
		ui_fail(load, "more than %d nodes", VISITS_MAX);
	if (load->version == FRONTEND_1_27 && path && node->role == UI_PRIMITIVE)
		ui_fail(load, "node %s: 1.27 makes no prompt of a primitive inside a subgraph", node->id);

	if (node->role == UI_INSTANCE && (!off || path || load->version == FRONTEND_1_27)) {
		struct ui_path *inner = arena_take(load->arena, sizeof(*inner));

		*inner = (struct ui_path) { .outer = path, .instance = node };
		list_nodes(listing, inner, node->definition->nodes, node->definition->node_count);
	}
	if (off || (node->role != UI_SERVER && node->role != UI_UNKNOWN))
		return;
	arena_reserve(load->arena, &listing->items, &listing->capacity, listing->count + 1, sizeof(*listing->items));
	listing->items[listing->count++] = (struct listed) { .path = path, .node = node, .id = ui_path_id(load, path, node) };
}

static void list_nodes(struct listing *listing, const struct ui_path *path, struct ui_node *const *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		list_node(listing, path, nodes[i]);
}

/* A key that JavaScript orders as a number: 0 to 2^32-2, written plainly. */
static bool is_index(const char *id)
{
	size_t length = strlen(id);

	return length > 0 && length <= 10 && strspn(id, "0123456789") == length && (id[0] != '0' || length == 1) &&
	       strtod(id, NULL) < 4294967295.0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct js_member *x = a;
	const struct js_member *y = b;
	double difference = strtod(x->key, NULL) - strtod(y->key, NULL);

	return difference < 0 ? -1 : difference > 0;
}

static struct js_value *in_order(struct ui_load *load, const struct js_value *prompt)
{
	struct js_value *ordered = js_object(load->arena);
	struct js_member *numbers = arena_take(load->arena, (prompt->count + 1) * sizeof(*numbers));
	size_t count = 0;

	for (size_t i = 0; i < prompt->count; i++) {
		if (is_index(prompt->members[i].key))
			numbers[count++] = prompt->members[i];
	}
	qsort(numbers, count, sizeof(*numbers), compare_ids);
	for (size_t i = 0; i < count; i++)
		js_put(load->arena, ordered, numbers[i].key, numbers[i].value);
	for (size_t i = 0; i < prompt->count; i++) {
		if (!is_index(prompt->members[i].key))
			js_put(load->arena, ordered, prompt->members[i].key, prompt->members[i].value);
	}
	return ordered;
}

/* ---- values ---- */

/* The index of a CustomCombo's choice among its options. */
static double choice_index(const struct ui_node *node)
{
	const struct ui_widget *choice = ui_widget_find(node, "choice");
	double index = 0;

	for (size_t i = 0; choice && i < node->widget_count; i++) {
		if (strncmp(node->widgets[i].name, "option", 6) != 0)
			continue;
		if (js_equal(node->widgets[i].value, choice->value))
			return index;
		index++;
	}
	return -1;
}

static struct js_value *wrap(struct ui_load *load, const struct ui_widget *widget, struct js_value *value)
{
	bool curve = widget && widget->kind == UI_CURVE;
	struct js_value *wrapped;

	if (value->type != JS_LIST && !(curve && value->type == JS_OBJECT && load->version == FRONTEND_1_58))
		return value;
	wrapped = js_object(load->arena);
	if (curve)
		js_put(load->arena, wrapped, "__type__", js_text(load->arena, "CURVE"));
	js_put(load->arena, wrapped, "__value__", value);
	return wrapped;
}

static struct js_value *sent_value(struct ui_load *load, const struct ui_node *node, const struct ui_widget *widget)
{
	const char *text = js_text_of(widget->value);

	if (text && js_is_truthy(js_get(widget->options, "dynamicPrompts")))
		return js_text(load->arena, ui_dynamic_prompt(load, text));
	if (text && strcmp(widget->name, "filename_prefix") == 0 && ui_saves(node))
		return js_text(load->arena, ui_replace(load, text));
	if (load->version != FRONTEND_1_27 && strcmp(node->type, "CustomCombo") == 0 && strcmp(widget->name, "index") == 0)
		return js_number(load->arena, choice_index(node));
	return wrap(load, widget, widget->value);
}

static struct js_value *link_value(struct ui_load *load, const struct ui_result *result)
{
	struct js_value *pair = js_list(load->arena);

	js_push(load->arena, pair, js_text(load->arena, result->id));
	js_push(load->arena, pair, result->value);
	return pair;
}

static struct js_value *inputs_of(struct ui_load *load, const struct listed *item)
{
	struct js_value *inputs = js_object(load->arena);
	struct ui_node *node = item->node;

	for (size_t i = 0; i < node->widget_count; i++) {
		const struct ui_widget *widget = &node->widgets[i];

		if (widget->sent && *widget->name)
			js_put(load->arena, inputs, widget->name, sent_value(load, node, widget));
	}
	for (size_t i = 0; i < node->slot_count; i++) {
		struct ui_result result;

		if (!node->slots[i].link)
			continue;
		result = ui_resolve(load, item->path, node, &node->slots[i]);
		if (result.what == UI_LINKED)
			js_put(load->arena, inputs, node->slots[i].name, link_value(load, &result));
		else if (result.what == UI_LITERAL)
			js_put(load->arena, inputs, node->slots[i].name, wrap(load, NULL, result.value));
	}
	return inputs;
}

/* Links to nodes that are not in the prompt are deleted. */
static void delete_dead_links(const struct js_value *prompt, struct js_value *inputs)
{
	for (size_t i = inputs->count; i-- > 0;) {
		const struct js_value *value = inputs->members[i].value;
		const char *id = value->type == JS_LIST && value->count == 2 ? js_text_of(value->items[0]) : NULL;

		if (value->type == JS_LIST && value->count == 2 && (!id || js_get(prompt, id)->type == JS_UNDEFINED))
			js_remove(inputs, inputs->members[i].key);
	}
}

static struct js_value *entry_of(struct ui_load *load, const struct listed *item)
{
	struct js_value *entry = js_object(load->arena);
	struct js_value *meta = js_object(load->arena);
	const char *title = item->node->title;

	if (!title && load->version == FRONTEND_1_58)
		title = "";
	js_put(load->arena, entry, "inputs", inputs_of(load, item));
	if (item->node->role == UI_SERVER)
		js_put(load->arena, entry, "class_type", js_text(load->arena, item->node->type));
	if (title)
		js_put(load->arena, meta, "title", js_text(load->arena, title));
	js_put(load->arena, entry, "_meta", meta);
	return entry;
}

struct js_value *ui_prompt(struct ui_load *load)
{
	struct listing listing = { .load = load };
	struct js_value *prompt = js_object(load->arena);

	ui_virtual_apply(load);
	list_nodes(&listing, NULL, ui_order(load, load->root), load->root->node_count);
	for (size_t i = 0; i < listing.count; i++)
		js_put(load->arena, prompt, listing.items[i].id, entry_of(load, &listing.items[i]));
	for (size_t i = 0; i < prompt->count; i++)
		delete_dead_links(prompt, js_get(prompt->members[i].value, "inputs"));
	return in_order(load, prompt);
}
