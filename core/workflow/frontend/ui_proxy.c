/* ui_proxy.c - properties.proxyWidgets: what older front ends promoted of a subgraph, made into inputs of its definition.
 *
 * An entry names a node inside and one of its widgets; the k-th entry's value is the k-th of the instance's widgets_values. Every entry is
 * sorted with the state before any is applied (enum proxy_case). What is no input of the definition yet becomes one, for all
 * instances; only this instance takes the entry's value.
 */
#include <ctype.h>
#include <string.h>

#include "core/workflow/frontend/ui_load.h"

enum proxy_case { PROXY_NOTHING, PROXY_INPUT, PROXY_NEW, PROXY_PRIMITIVE };

struct proxy {
	enum proxy_case what;
	const char *id, *name, *source;
	struct js_value *value; /* undefined: none */
	size_t input; /* PROXY_INPUT */
	struct ui_node *node; /* PROXY_NEW, PROXY_PRIMITIVE */
};

/* ---- what an entry means ---- */

/* The widget's slot; with a source the one that leads to that node. */
static struct ui_slot *promoted_slot(struct ui_load *load, struct ui_node *node, const char *name, const char *source)
{
	for (size_t i = 0; i < node->slot_count; i++) {
		struct ui_target target;

		if (!node->slots[i].promoted || (name && strcmp(node->slots[i].name, name) != 0))
			continue;
		if (!source)
			return &node->slots[i];
		target = ui_promoted_target(load, node->definition, i);
		if (target.node && strcmp(target.node->id, source) == 0 &&
		    (name || strcmp(target.widget ? target.widget->name : target.slot->name, node->slots[i].name) == 0))
			return &node->slots[i];
	}
	return NULL;
}

static bool has_widget(struct ui_load *load, struct ui_node *node, const char *name)
{
	return node->role == UI_INSTANCE ? promoted_slot(load, node, name, NULL) != NULL : ui_widget_find(node, name) != NULL;
}

/* "5: 3: text" is text, of node 3. */
static void cut_ids(struct ui_load *load, struct proxy *proxy)
{
	const char *name = proxy->name;

	while (!has_widget(load, proxy->node, name)) {
		size_t digits = strspn(name, "0123456789");

		if (digits == 0 || name[digits] != ':' || name[digits + 1] != ' ')
			return;
		proxy->source = arena_copy(load->arena, name, digits);
		name += digits + 2;
		proxy->name = name;
	}
}

static bool leads_to(struct ui_load *load, const struct ui_graph *definition, size_t input, const struct proxy *proxy)
{
	struct ui_target target = ui_promoted_target(load, definition, input);

	return target.node == proxy->node && proxy->node &&
	       strcmp(target.widget ? target.widget->name : target.slot->name, proxy->name) == 0;
}

static size_t output_link_count(const struct ui_node *node)
{
	return node->output_count > 0 && node->outputs[0].links->type == JS_LIST ? node->outputs[0].links->count : 0;
}

static void sort_proxy(struct ui_load *load, const struct ui_node *instance, struct proxy *proxy)
{
	const struct ui_graph *definition = instance->definition;

	proxy->what = PROXY_NOTHING;
	proxy->node = ui_node_find(definition, proxy->id);
	if (!proxy->node) {
		for (size_t i = 0; i < instance->slot_count && strcmp(proxy->id, "-1") == 0; i++) {
			if (!instance->slots[i].promoted || strcmp(instance->slots[i].name, proxy->name) != 0)
				continue;
			proxy->what = PROXY_INPUT;
			proxy->input = i;
			return;
		}
		return;
	}
	cut_ids(load, proxy);
	for (size_t i = 0; i < definition->input_count; i++) {
		if (!leads_to(load, definition, i, proxy))
			continue;
		proxy->what = PROXY_INPUT;
		proxy->input = i;
		return;
	}
	if (proxy->node->role == UI_PRIMITIVE && output_link_count(proxy->node) > 0)
		proxy->what = PROXY_PRIMITIVE;
	else if (strncmp(proxy->name, "$$", 2) != 0 && has_widget(load, proxy->node, proxy->name))
		proxy->what = PROXY_NEW;
}

/* ---- new inputs ---- */

static const char *free_name(struct ui_load *load, const struct ui_graph *definition, const char *wanted)
{
	const char *name = wanted;

	for (size_t n = 1;; n++) {
		size_t i = 0;

		while (i < definition->input_count && strcmp(definition->inputs[i].name, name) != 0)
			i++;
		if (i == definition->input_count)
			return name;
		name = arena_printf(load->arena, "%s_%zu", wanted, n);
	}
}

/* A link from the definition's new input to a slot. Returns its id. */
static const char *feed(struct ui_load *load, struct ui_graph *definition, size_t input, const struct ui_node *node,
			struct ui_slot *slot)
{
	struct ui_link *link = arena_take(load->arena, sizeof(*link));

	*link = (struct ui_link) { .origin = UI_INPUT_ID, .origin_index = input, .target = node->id, .type = slot->type };
	link->id = arena_printf(load->arena, "new %zu", definition->link_count);
	link->origin_slot = js_number(load->arena, (double)input);
	link->target_index = (size_t)(slot - node->slots);
	arena_reserve(load->arena, &definition->links, &definition->link_capacity, definition->link_count + 1,
		      sizeof(struct ui_link *));
	definition->links[definition->link_count++] = link;
	slot->link = link->id;
	return link->id;
}

static void add_to_instances(struct ui_load *load, struct ui_graph *graph, const struct ui_graph *definition, size_t input)
{
	for (size_t i = 0; graph && i < graph->node_count; i++) {
		if (graph->nodes[i]->definition == definition && graph->nodes[i]->slot_count == input)
			ui_instance_add_slot(load, graph->nodes[i], input);
	}
}

static void add_input(struct ui_load *load, struct ui_node *instance, const char *name, const char *type,
		      struct js_value *links, struct js_value *value)
{
	struct ui_graph *definition = instance->definition;
	size_t input = definition->input_count;

	ui_definition_add_input(load, definition, name, type, links);
	for (size_t d = 0; d < load->definition_count; d++)
		add_to_instances(load, load->definitions[d], definition, input);
	add_to_instances(load, load->root, definition, input);
	if (value->type != JS_UNDEFINED && input < instance->slot_count)
		instance->slots[input].value = value;
}

static void apply_new(struct ui_load *load, struct ui_node *instance, const struct proxy *proxy)
{
	struct ui_graph *definition = instance->definition;
	struct ui_node *node = proxy->node;
	struct js_value *links = js_list(load->arena);
	struct ui_slot *slot = NULL;

	for (size_t i = 0; node->role != UI_INSTANCE && i < node->slot_count && !slot; i++)
		slot = ui_same(node->slots[i].widget, proxy->name) ? &node->slots[i] : NULL;
	if (node->role == UI_INSTANCE)
		slot = promoted_slot(load, node, proxy->name, proxy->source);
	if (!slot && node->role == UI_INSTANCE)
		slot = promoted_slot(load, node, proxy->name, NULL);
	if (!slot)
		return;
	js_push(load->arena, links, js_text(load->arena, feed(load, definition, definition->input_count, node, slot)));
	add_input(load, instance, free_name(load, definition, proxy->name), slot->type, links, proxy->value);
}

/* The slot that a primitive's link feeds: by the number in the file, which need not be the class's; 1.58 goes by what names the link. */
static struct ui_slot *fed_slot(const struct ui_load *load, struct ui_node *target, const struct ui_link *link)
{
	for (size_t i = 0; load->version == FRONTEND_1_58 && i < target->slot_count; i++) {
		if (ui_same(target->slots[i].link, link->id))
			return &target->slots[i];
	}
	return link->target_index < target->slot_count ? &target->slots[link->target_index] : NULL;
}

/* The primitive's targets are fed by a new input instead. */
static void apply_primitive(struct ui_load *load, struct ui_node *instance, const struct proxy *proxy)
{
	struct ui_graph *definition = instance->definition;
	struct ui_node *primitive = proxy->node;
	const struct js_value *ids = primitive->outputs[0].links;
	struct js_value *links = js_list(load->arena);
	const char *type = "*";
	const char *name = strcmp(primitive->title, "Primitive") == 0 ? proxy->name : primitive->title;

	for (size_t i = 0; i < ids->count; i++) {
		struct ui_link *link = ui_link_find(definition, js_string(load->arena, ids->items[i]));
		struct ui_node *target = link ? ui_node_find(definition, link->target) : NULL;
		struct ui_slot *slot = target ? fed_slot(load, target, link) : NULL;

		if (!slot)
			continue;
		type = slot->type;
		js_push(load->arena, links,
			js_text(load->arena, feed(load, definition, definition->input_count, target, slot)));
	}
	if (links->count > 0)
		add_input(load, instance, free_name(load, definition, name), type, links, proxy->value);
}

/* ---- an instance ---- */

static struct js_value *proxies_of(struct ui_load *load, const struct ui_node *node)
{
	struct js_value *proxies = js_get(js_get(node->file, "properties"), "proxyWidgets");
	struct error ignored = ERROR_INIT;

	if (proxies->type == JS_TEXT)
		proxies = js_parse(load->arena, proxies->text, proxies->count, JS_STRICT, "proxyWidgets", &ignored);
	return proxies && proxies->type == JS_LIST ? proxies : &js_undefined;
}

static void apply(struct ui_load *load, struct ui_node *instance, const struct proxy *proxies, size_t k)
{
	const struct proxy *proxy = &proxies[k];

	switch (proxy->what) {
	case PROXY_NOTHING:
		break;
	case PROXY_INPUT:
		if (proxy->value->type != JS_UNDEFINED && proxy->input < instance->slot_count)
			instance->slots[proxy->input].value = proxy->value;
		break;
	case PROXY_NEW:
		apply_new(load, instance, proxy);
		break;
	case PROXY_PRIMITIVE:
		for (size_t i = 0; i < k; i++) {
			if (proxies[i].what == PROXY_PRIMITIVE && proxies[i].node == proxy->node)
				return;
		}
		apply_primitive(load, instance, proxy);
		break;
	}
}

static void apply_all(struct ui_load *load, struct ui_node *instance)
{
	const struct js_value *entries = proxies_of(load, instance);
	const struct js_value *values = js_get(instance->file, "widgets_values");
	struct proxy *proxies = arena_take(load->arena, (entries->count + 1) * sizeof(*proxies));
	size_t count = 0;

	for (size_t k = 0; entries->type == JS_LIST && k < entries->count; k++) {
		const struct js_value *entry = entries->items[k];
		struct js_value *value = js_at(values, k);

		if (entry->type != JS_LIST || js_at(entry, 1)->type != JS_TEXT)
			continue;
		if (value->type == JS_NULL && load->version != FRONTEND_1_58)
			value = &js_undefined;
		proxies[count] =
			(struct proxy) { .id = js_string(load->arena, entry->items[0]), .name = entry->items[1]->text };
		proxies[count].source = js_text_of(js_at(entry, 2));
		proxies[count].value = value;
		sort_proxy(load, instance, &proxies[count++]);
	}
	for (size_t k = 0; k < count; k++)
		apply(load, instance, proxies, k);
}

void ui_proxies_apply(struct ui_load *load, struct ui_graph *graph)
{
	for (size_t i = 0; load->version != FRONTEND_1_27 && i < graph->node_count; i++) {
		if (graph->nodes[i]->role == UI_INSTANCE)
			apply_all(load, graph->nodes[i]);
	}
}
