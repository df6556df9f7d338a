/* ui_api.c - a prompt made into nodes again.
 *
 * Each entry becomes a node of its class. Values go to the widgets of their names, rounded as if a user had typed them; what the prompt does
 * not have keeps its default. A link goes to the slot of its name. A class that is unknown keeps its links from others and loses all else;
 * 1.27 leaves it out.
 */
#include "core/workflow/frontend/ui_api.h"

#include <string.h>

bool ui_api_is_prompt(const struct js_value *value)
{
	for (size_t i = 0; value->type == JS_OBJECT && i < value->count; i++) {
		if (js_get(value->members[i].value, "class_type")->type == JS_UNDEFINED)
			return false;
	}
	return value->type == JS_OBJECT && value->count > 0;
}

/* 1.58 has no colons in ids of nodes. */
static const char *node_id(const struct ui_load *load, const char *id)
{
	char *text;

	if (load->version != FRONTEND_1_58)
		return id;
	text = arena_copy(load->arena, id, strlen(id));
	for (char *p = text; *p; p++)
		*p = *p == ':' ? '_' : *p;
	return text;
}

static void add_link(struct ui_load *load, struct ui_node *node, struct ui_slot *slot, const struct js_value *pair)
{
	struct ui_graph *graph = load->root;
	const char *origin = node_id(load, js_string(load->arena, js_at(pair, 0)));
	struct js_value *output = js_at(pair, 1);
	struct ui_node *from = ui_node_find(graph, origin);
	struct ui_link *link;

	if (!from || output->type != JS_NUMBER || !(output->number >= 0 && output->number < (double)from->output_count))
		return;
	link = arena_take(load->arena, sizeof(*link));
	*link = (struct ui_link) { .origin = origin, .origin_slot = output, .target = node->id, .type = slot->type };
	link->id = arena_printf(load->arena, "%zu", graph->link_count + 1);
	link->origin_index = (size_t)output->number;
	link->target_index = (size_t)(slot - node->slots);
	if (!ui_types_fit(from->outputs[link->origin_index].type, slot->type))
		return;
	arena_reserve(load->arena, &graph->links, &graph->link_capacity, graph->link_count + 1, sizeof(struct ui_link *));
	graph->links[graph->link_count++] = link;
	slot->link = link->id;
	if (from->outputs[link->origin_index].links->type != JS_LIST)
		from->outputs[link->origin_index].links = js_list(load->arena);
	js_push(load->arena, from->outputs[link->origin_index].links, js_text(load->arena, link->id));
}

static void fill_node(struct ui_load *load, struct ui_node *node, const struct js_value *inputs)
{
	for (size_t i = 0; inputs->type == JS_OBJECT && i < inputs->count; i++) {
		const char *name = inputs->members[i].key;
		struct js_value *value = inputs->members[i].value;
		const struct ui_widget *widget = ui_widget_find(node, name);
		struct ui_slot *slot = ui_slot_find(node, name);

		if (value->type == JS_LIST && slot)
			add_link(load, node, slot, value);
		else if (value->type != JS_LIST && widget)
			ui_widget_set(load, node, (size_t)(widget - node->widgets), ui_rounded(load, widget, value));
	}
}

/* A class that is unknown has no slots; it gets one for each link from a node that has outputs. */
static void fill_unknown(struct ui_load *load, struct ui_node *node, const struct js_value *inputs)
{
	for (size_t i = 0; inputs->type == JS_OBJECT && i < inputs->count; i++) {
		struct ui_slot *slot;

		if (inputs->members[i].value->type != JS_LIST)
			continue;
		slot = ui_slot_insert(load, node, node->slot_count);
		slot->name = inputs->members[i].key;
		add_link(load, node, slot, inputs->members[i].value);
	}
}

bool ui_api_load(struct ui_load *load, const struct js_value *prompt)
{
	load->root = arena_take(load->arena, sizeof(*load->root));
	load->root->file = &js_undefined;
	if (!ui_api_is_prompt(prompt))
		return false;
	for (size_t i = 0; i < prompt->count; i++) {
		const char *class = js_text_of(js_get(prompt->members[i].value, "class_type"));
		const struct js_value *title = js_get(js_get(prompt->members[i].value, "_meta"), "title");
		struct ui_node *node;

		if (!class || (load->version == FRONTEND_1_27 && ui_class_find(load, class)->type != JS_OBJECT))
			continue;
		node = ui_node_new(load, load->root, node_id(load, prompt->members[i].key), class);
		if (node->role == UI_UNKNOWN)
			node->title = class;
		if (!js_is_nullish(title))
			node->title = js_string(load->arena, title);
	}
	for (size_t i = 0; i < prompt->count; i++) {
		struct ui_node *node = ui_node_find(load->root, node_id(load, prompt->members[i].key));
		const struct js_value *inputs = js_get(prompt->members[i].value, "inputs");

		if (node && node->role == UI_UNKNOWN)
			fill_unknown(load, node, inputs);
		else if (node)
			fill_node(load, node, inputs);
	}
	return true;
}
