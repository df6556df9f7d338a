/* ui_load.c - from the file's JSON to nodes with slots and links.
 *
 * All nodes of a graph are made first, with what their classes give; then each is configured in the order of the file. A slot of the class
 * takes its link from the file's slot of the same name, and slots with other names come after: so inputs that grew and inputs of newer
 * versions of a class survive.
 */
#include "core/workflow/frontend/ui_load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

static const struct {
	const char *type, *title;
	enum ui_role role;
} own_kinds[] = {
	{ .type = "PrimitiveNode", .title = "Primitive", .role = UI_PRIMITIVE },
	{ .type = "Reroute", .title = "Reroute", .role = UI_REROUTE },
	{ .type = "Note", .title = "Note", .role = UI_VIRTUAL },
	{ .type = "MarkdownNote", .title = "Markdown Note", .role = UI_VIRTUAL },
	{ .type = "SetNode", .title = "Set", .role = UI_SET },
	{ .type = "GetNode", .title = "Get", .role = UI_GET },
};

/* ---- links ---- */

static size_t slot_index(const struct js_value *value)
{
	double number = value->type == JS_NUMBER ? value->number : value->type == JS_TEXT ? strtod(value->text, NULL) : 0;

	return number >= 0 && number < 1e9 && number == floor(number) ? (size_t)number : SIZE_MAX;
}

static void add_link(struct ui_load *load, struct ui_graph *graph, struct js_value *const parts[6])
{
	struct ui_link *link = arena_take(load->arena, sizeof(*link));

	*link = (struct ui_link) {
		.id = js_string(load->arena, parts[0]),
		.origin = js_string(load->arena, parts[1]),
		.origin_slot = parts[2],
		.origin_index = slot_index(parts[2]),
		.target = js_string(load->arena, parts[3]),
		.target_index = slot_index(parts[4]),
		.type = js_string(load->arena, parts[5]),
	};
	arena_reserve(load->arena, &graph->links, &graph->link_capacity, graph->link_count + 1, sizeof(struct ui_link *));
	graph->links[graph->link_count++] = link;
}

static bool read_links(struct ui_load *load, struct ui_graph *graph, bool object_links)
{
	static const char *const names[] = { "id", "origin_id", "origin_slot", "target_id", "target_slot", "type" };
	const struct js_value *links = js_get(graph->file, "links");
	struct js_value *parts[6];

	for (size_t i = 0; links->type == JS_LIST && i < links->count; i++) {
		const struct js_value *link = links->items[i];

		if (js_is_nullish(link))
			return false;
		if (link->type != (object_links ? JS_OBJECT : JS_LIST))
			continue;
		for (size_t p = 0; p < 6; p++)
			parts[p] = object_links ? js_get(link, names[p]) : js_at(link, p);
		add_link(load, graph, parts);
	}
	return true;
}

/* ---- making a node ---- */

static void set_role(struct ui_load *load, struct ui_node *node)
{
	node->definition = ui_definition_find(load, node->type);
	node->class = &js_undefined;
	if (node->definition) {
		node->role = UI_INSTANCE;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(own_kinds); i++) {
		if (strcmp(own_kinds[i].type, node->type) == 0) {
			node->role = own_kinds[i].role;
			node->title = own_kinds[i].title;
			return;
		}
	}
	node->class = ui_class_find(load, node->type);
	node->role = node->class->type == JS_OBJECT ? UI_SERVER : UI_UNKNOWN;
}

struct ui_node *ui_node_new(struct ui_load *load, struct ui_graph *graph, const char *id, const char *type)
{
	struct ui_node *node = arena_take(load->arena, sizeof(*node));

	node->id = id;
	node->type = type;
	node->graph = graph;
	node->file = &js_undefined;
	set_role(load, node);
	if (node->role == UI_INSTANCE)
		ui_instance_slots(load, node);
	else if (node->role == UI_SERVER)
		ui_class_build(load, node);
	arena_reserve(load->arena, &graph->nodes, &graph->node_capacity, graph->node_count + 1, sizeof(struct ui_node *));
	graph->nodes[graph->node_count++] = node;
	return node;
}

/* The characters that the front end removes from the name of a class that it does not know. */
static const char *clean_type(struct ui_load *load, const char *type)
{
	char *text = arena_copy(load->arena, type, strlen(type));
	char *out = text;

	for (const char *p = type; *p; p++) {
		if (!strchr("&<>\"'`=", *p))
			*out++ = *p;
	}
	*out = '\0';
	return text;
}

/* ---- configuring it ---- */

static const char *link_of(struct ui_load *load, const struct js_value *slot)
{
	const struct js_value *link = js_get(slot, "link");

	return js_is_nullish(link) ? NULL : js_string(load->arena, link);
}

static const char *name_of(struct ui_load *load, const struct js_value *slot)
{
	const struct js_value *name = js_get(slot, "name");

	return name->type == JS_UNDEFINED ? "" : js_string(load->arena, name);
}

/* 1.27 makes no prompt where the slots of the file stand in another order than the slots that their links name. */
static void check_number(struct ui_load *load, const struct ui_node *node, const char *id, size_t *last)
{
	const struct ui_link *link = ui_link_find(node->graph, id);

	if (!link || strcmp(link->target, node->id) != 0)
		return;
	if (link->target_index < *last)
		ui_fail(load, "node %s: 1.27 makes no prompt of slots that are numbered in another order", node->id);
	*last = link->target_index;
}

static void take_slots(struct ui_load *load, struct ui_node *node)
{
	const struct js_value *slots = js_get(node->file, "inputs");
	size_t own = node->slot_count;
	size_t last = 0;

	for (size_t i = 0; slots->type == JS_LIST && i < slots->count; i++) {
		const struct js_value *file = slots->items[i];
		const char *name = name_of(load, file);
		struct ui_slot *slot = NULL;
		size_t k = 0;

		if (file->type != JS_OBJECT)
			continue;
		while (k < own && strcmp(node->slots[k].name, name) != 0)
			k++;
		if (k < own)
			slot = &node->slots[k];
		if (!slot && node->role == UI_INSTANCE)
			continue;
		if (!slot) {
			const struct js_value *type = js_get(file, "type");

			slot = ui_slot_insert(load, node, node->slot_count);
			slot->name = name;
			slot->type = js_is_nullish(type) ? "*" : type->type == JS_LIST ? "COMBO" : js_string(load->arena, type);
			slot->widget = js_text_of(js_get(js_get(file, "widget"), "name"));
		}
		slot->link = link_of(load, file);
		if (load->version == FRONTEND_1_27 && slot->link)
			check_number(load, node, slot->link, &last);
	}
}

static void take_outputs(struct ui_load *load, struct ui_node *node)
{
	const struct js_value *outputs = js_get(node->file, "outputs");
	size_t own = node->output_count;

	if (outputs->type != JS_LIST)
		return;
	arena_reserve(load->arena, &node->outputs, &node->output_capacity, outputs->count + 1, sizeof(*node->outputs));
	for (size_t i = 0; i < outputs->count; i++) {
		const struct js_value *file = outputs->items[i];
		const struct js_value *type = js_get(file, "type");
		struct ui_output *output = &node->outputs[i];

		if (i >= own) {
			*output = (struct ui_output) { .name = name_of(load, file) };
			output->type = js_is_nullish(type)     ? "*"
				       : type->type == JS_LIST ? "COMBO"
							       : js_string(load->arena, type);
		}
		output->links = js_get(file, "links");
	}
	node->output_count = outputs->count;
}

static void take_mode_and_title(struct ui_load *load, struct ui_node *node)
{
	const struct js_value *mode = js_get(node->file, "mode");
	const struct js_value *title = js_get(node->file, "title");

	if (mode->type == JS_NUMBER && (mode->number == 2 || mode->number == 4))
		node->mode = (int)mode->number;
	if (js_is_truthy(title))
		node->title = js_string(load->arena, title);
}

/* Each stored value of an unknown class becomes a widget of its own. */
static void take_unknown_values(struct ui_load *load, struct ui_node *node, const struct js_value *values)
{
	for (size_t i = 0; values->type == JS_LIST && i < values->count; i++) {
		struct js_value *value = values->items[i];
		struct ui_widget *widget = ui_widget_insert(load, node, node->widget_count);

		if (value->type == JS_NULL || value->type == JS_LIST || value->type == JS_OBJECT) {
			strbuf_clear(&load->scratch);
			js_write(value, JS_STRICT, &load->scratch);
			if (!strbuf_ok(&load->scratch))
				longjmp(load->arena->escape, 1);
			value = js_text(load->arena,
					arena_copy(load->arena, strbuf_text(&load->scratch), load->scratch.length));
		}
		*widget = (struct ui_widget) { .kind = UI_OTHER, .value = value, .sent = true, .choices = &js_undefined };
		widget->options = ui_spec_options(&js_undefined);
		widget->name = i && load->version != FRONTEND_1_27 ? arena_printf(load->arena, "UNKNOWN_%zu", i) : "UNKNOWN";
	}
}

void ui_node_configure(struct ui_load *load, struct ui_node *node)
{
	struct js_value *values = js_get(node->file, "widgets_values");

	take_slots(load, node);
	take_outputs(load, node);
	take_mode_and_title(load, node);
	if (node->role == UI_UNKNOWN) {
		node->type = clean_type(load, node->type);
		take_unknown_values(load, node, values);
	} else if (node->role == UI_INSTANCE) {
		ui_instance_values(node, values);
	} else {
		ui_values_restore(load, node, values);
	}
}

/* ---- graphs ---- */

bool ui_graph_read(struct ui_load *load, struct ui_graph *graph, bool object_links)
{
	const struct js_value *nodes = js_get(graph->file, "nodes");
	size_t first = graph->node_count;

	if (!read_links(load, graph, object_links))
		return false;
	for (size_t i = 0; nodes->type == JS_LIST && i < nodes->count; i++) {
		struct js_value *file = nodes->items[i];
		struct ui_node *node;

		if (file->type != JS_OBJECT)
			return false;
		node = ui_node_new(load, graph, js_string(load->arena, js_get(file, "id")),
				   js_string(load->arena, js_get(file, "type")));
		node->file = file;
	}
	for (size_t i = first; i < graph->node_count; i++)
		ui_node_configure(load, graph->nodes[i]);
	return true;
}

void ui_graph_finish(struct ui_load *load, struct ui_graph *graph)
{
	(void)load;
	for (size_t n = 0; n < graph->node_count; n++) {
		struct ui_node *node = graph->nodes[n];

		/* As the front end does it: after a removal the next slot is passed over. */
		for (size_t i = 0; node->role == UI_SERVER && i < node->slot_count; i++) {
			const struct ui_slot *slot = &node->slots[i];

			if (!slot->widget || ui_widget_find(node, slot->widget))
				continue;
			if (slot->link)
				ui_link_remove(graph, slot->link);
			ui_slot_remove(node, i);
		}
	}
}

bool ui_load_file(struct ui_load *load, struct js_value *file)
{
	const struct js_value *version = js_get(file, "version");
	bool arrays = version->type == JS_NUMBER && version->number == 0.4;

	load->root = arena_take(load->arena, sizeof(*load->root));
	load->root->file = file;
	if (load->version == FRONTEND_1_27 && file->count == 0)
		ui_fail(load, "no nodes");
	if (load->version != FRONTEND_1_27)
		ui_unique_ids(load, file);
	if (!ui_definitions_load(load, js_get(js_get(file, "definitions"), "subgraphs")))
		return false;
	if (!ui_graph_read(load, load->root, !arrays))
		return false;
	ui_table_apply(load, load->root);
	ui_proxies_apply(load, load->root);
	for (size_t i = 0; i < load->definition_count; i++) {
		ui_graph_finish(load, load->definitions[i]);
		ui_match_types(load, load->definitions[i]);
	}
	ui_graph_finish(load, load->root);
	ui_match_types(load, load->root);
	return true;
}
