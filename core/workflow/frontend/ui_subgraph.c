/* ui_subgraph.c - definitions of subgraphs, their instances, and the widgets that these promote.
 *
 * A definition is one graph, however many instances stand for it: a value inside is every instance's. An input of a definition that feeds a
 * widget is promoted, and each instance has a value of its own for it. Definitions are loaded leaves first, so that an instance finds what
 * it promotes in place.
 */
#include <string.h>

#include "core/workflow/frontend/ui_load.h"

/* ---- reading ---- */

static const char *text_or(const struct js_value *value, const char *fallback)
{
	return value->type == JS_TEXT ? value->text : fallback;
}

static void read_inputs(struct ui_load *load, struct ui_graph *graph)
{
	const struct js_value *inputs = js_get(graph->file, "inputs");

	for (size_t i = 0; inputs->type == JS_LIST && i < inputs->count; i++)
		ui_definition_add_input(load, graph, text_or(js_get(inputs->items[i], "name"), ""),
					text_or(js_get(inputs->items[i], "type"), "*"), js_get(inputs->items[i], "linkIds"));
}

void ui_definition_add_input(struct ui_load *load, struct ui_graph *graph, const char *name, const char *type,
			     struct js_value *links)
{
	arena_reserve(load->arena, &graph->inputs, &graph->input_capacity, graph->input_count + 1, sizeof(*graph->inputs));
	arena_reserve(load->arena, &graph->input_links, &graph->input_links_capacity, graph->input_count + 1,
		      sizeof(struct js_value *));
	graph->inputs[graph->input_count] = (struct ui_slot) { .name = name, .type = type, .value = &js_undefined };
	graph->input_links[graph->input_count++] = links;
}

static void read_outputs(struct ui_load *load, struct ui_graph *graph)
{
	const struct js_value *outputs = js_get(graph->file, "outputs");
	size_t count = outputs->type == JS_LIST ? outputs->count : 0;

	graph->output_links = arena_take(load->arena, (count + 1) * sizeof(const char *));
	graph->output_types = arena_take(load->arena, (count + 1) * sizeof(const char *));
	graph->output_count = count;
	for (size_t i = 0; i < count; i++) {
		const struct js_value *first = js_at(js_get(outputs->items[i], "linkIds"), 0);

		graph->output_links[i] = js_is_nullish(first) ? NULL : js_string(load->arena, first);
		graph->output_types[i] = text_or(js_get(outputs->items[i], "type"), "*");
	}
}

/* 1.27: an instance in a definition that stands before its own promotes its widgets late, and has no values for them. */
static void promote_late(struct ui_load *load)
{
	for (size_t d = 0; d < load->definition_count; d++) {
		for (size_t n = 0; n < load->definitions[d]->node_count; n++) {
			struct ui_node *node = load->definitions[d]->nodes[n];

			for (size_t i = 0; node->role == UI_INSTANCE && i < node->slot_count; i++)
				node->slots[i].promoted = ui_promoted_target(load, node->definition, i).node != NULL;
		}
	}
}

static bool load_one(struct ui_load *load, struct ui_graph *graph)
{
	if (graph->loaded)
		return true;
	graph->loaded = true;
	if (!ui_graph_read(load, graph, true))
		return false;
	ui_table_apply(load, graph);
	ui_proxies_apply(load, graph);
	return true;
}

/* Loads what the definition contains, then the definition; 1.27 loads them as they stand in the file. depth counts definitions on the
 * way: more than there are is a circle. */
static bool load_definition(struct ui_load *load, struct ui_graph *graph, size_t depth)
{
	const struct js_value *nodes = js_get(graph->file, "nodes");

	if (graph->whole)
		return true;
	if (depth > load->definition_count)
		return false;
	for (size_t i = 0; nodes->type == JS_LIST && i < nodes->count; i++) {
		struct ui_graph *inner = ui_definition_find(load, text_or(js_get(nodes->items[i], "type"), ""));

		if (inner && !load_definition(load, inner, depth + 1))
			return false;
	}
	graph->whole = true;
	return load->version == FRONTEND_1_27 || load_one(load, graph);
}

static void read_definition(struct ui_load *load, struct js_value *file, const char *id)
{
	struct ui_graph *graph = arena_take(load->arena, sizeof(*graph));

	graph->id = id;
	graph->file = file;
	read_inputs(load, graph);
	read_outputs(load, graph);
	arena_reserve(load->arena, &load->definitions, &load->definition_capacity, load->definition_count + 1,
		      sizeof(struct ui_graph *));
	load->definitions[load->definition_count++] = graph;
}

bool ui_definitions_load(struct ui_load *load, struct js_value *list)
{
	for (size_t i = 0; list->type == JS_LIST && i < list->count; i++) {
		const char *id = js_text_of(js_get(list->items[i], "id"));

		if (!id)
			return false;
		read_definition(load, list->items[i], id);
	}
	for (size_t i = 0; i < load->definition_count; i++) {
		if (!load_definition(load, load->definitions[i], 1))
			return false;
	}
	for (size_t i = 0; i < load->definition_count; i++) {
		if (!load_one(load, load->definitions[i]))
			return false;
	}
	for (size_t i = 0; load->version == FRONTEND_1_27 && i < load->definition_count; i++)
		promote_late(load);
	return true;
}

/* ---- what is promoted ---- */

/* 1.27 takes the slot by its number in the file, which need not be the class's. */
static struct ui_target target_at_number(const struct ui_link *link, struct ui_node *node)
{
	struct ui_target target = { .node = node };

	if (node && link->target_index < node->slot_count) {
		target.slot = &node->slots[link->target_index];
		target.widget = target.slot->widget ? ui_widget_find(node, target.slot->widget) : NULL;
		if (target.widget || (node->role == UI_INSTANCE && target.slot->promoted))
			return target;
	}
	return (struct ui_target) { .node = NULL };
}

static struct ui_target target_of_link(const struct ui_load *load, const struct ui_graph *definition, const char *id)
{
	const struct ui_link *link = ui_link_find(definition, id);
	struct ui_target target = { .node = link ? ui_node_find(definition, link->target) : NULL };
	struct ui_node *node = target.node;

	if (load->version == FRONTEND_1_27)
		return target_at_number(link, node);
	for (size_t i = 0; node && i < node->slot_count; i++) {
		struct ui_slot *slot = &node->slots[i];

		if (!ui_same(slot->link, id))
			continue;
		target.slot = slot;
		target.widget = slot->widget ? ui_widget_find(node, slot->widget) : NULL;
		if (target.widget || (node->role == UI_INSTANCE && slot->promoted))
			return target;
	}
	return (struct ui_target) { .node = NULL };
}

struct ui_target ui_promoted_target(struct ui_load *load, const struct ui_graph *definition, size_t input)
{
	const struct js_value *links = definition->input_links[input];

	for (size_t i = 0; links->type == JS_LIST && i < links->count; i++) {
		struct ui_target target = target_of_link(load, definition, js_string(load->arena, links->items[i]));

		if (target.node)
			return target;
	}
	return (struct ui_target) { .node = NULL };
}

struct js_value *ui_target_value(const struct ui_target *target)
{
	return target->widget ? target->widget->value : target->slot->value;
}

/* ---- instances ---- */

void ui_instance_add_slot(struct ui_load *load, struct ui_node *node, size_t input)
{
	const struct ui_graph *definition = node->definition;
	struct ui_target target = ui_promoted_target(load, definition, input);
	struct ui_slot *slot = ui_slot_insert(load, node, node->slot_count);

	slot->name = definition->inputs[input].name;
	slot->type = definition->inputs[input].type;
	slot->promoted = target.node != NULL;
	if (target.node)
		slot->value = ui_target_value(&target);
}

void ui_instance_slots(struct ui_load *load, struct ui_node *node)
{
	const struct ui_graph *definition = node->definition;
	const struct js_value *outputs = js_get(definition->file, "outputs");
	const char *name = js_text_of(js_get(definition->file, "name"));

	for (size_t i = 0; i < definition->input_count; i++)
		ui_instance_add_slot(load, node, i);
	for (size_t i = 0; i < definition->output_count; i++) {
		arena_reserve(load->arena, &node->outputs, &node->output_capacity, node->output_count + 1,
			      sizeof(*node->outputs));
		node->outputs[node->output_count++] =
			(struct ui_output) { .name = text_or(js_get(outputs->items[i], "name"), ""),
					     .type = definition->output_types[i],
					     .links = &js_undefined };
	}
	node->title = name ? name : "";
}

/* A value that a newer front end set aside for the input of that name. */
static struct js_value *set_aside(const struct ui_node *node, const char *name)
{
	const struct js_value *entries = js_get(js_get(node->file, "properties"), "proxyWidgetErrorQuarantine");

	for (size_t i = 0; entries->type == JS_LIST && i < entries->count; i++) {
		const struct js_value *original = js_get(entries->items[i], "originalEntry");
		const char *id = js_text_of(js_at(original, 0));
		const char *own = js_text_of(js_at(original, 1));

		if (id && own && strcmp(id, "-1") == 0 && strcmp(own, name) == 0)
			return js_get(entries->items[i], "hostValue");
	}
	return &js_undefined;
}

void ui_instance_values(struct ui_node *node, const struct js_value *values)
{
	size_t at = 0;

	for (size_t i = 0; i < node->slot_count; i++) {
		struct ui_slot *slot = &node->slots[i];
		struct js_value *aside;

		if (!slot->promoted)
			continue;
		if (values->type == JS_LIST && at < values->count)
			slot->value = values->items[at];
		at++;
		aside = set_aside(node, slot->name);
		if (aside->type != JS_UNDEFINED)
			slot->value = aside;
	}
}
