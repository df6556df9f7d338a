/* ui_ids.c - node ids made unique over the root graph and all definitions, before loading.
 *
 * The front end keeps one space of ids: a node inside a definition whose id is used elsewhere gets the next free number. Its links and what
 * instances promote of it follow. The file's JSON is changed in place. Ids are in the order of the file, so the answer depends on it.
 */
#include <math.h>
#include <string.h>

#include "core/workflow/frontend/ui_load.h"

struct id_space {
	struct ui_load *load;
	struct js_value *used; /* keys are ids */
	double largest;
};

static void keep(struct id_space *space, const struct js_value *id)
{
	js_put(space->load->arena, space->used, js_string(space->load->arena, id), &js_true);
	if (id->type == JS_NUMBER && id->number > space->largest)
		space->largest = id->number;
}

static struct js_value *next_free(struct id_space *space)
{
	struct js_value *id = NULL;

	do {
		id = js_number(space->load->arena, ++space->largest);
	} while (js_get(space->used, js_string(space->load->arena, id))->type != JS_UNDEFINED);
	return id;
}

/* New ids of a definition's nodes by old ones. */
static struct js_value *map_nodes(struct id_space *space, const struct js_value *definition)
{
	const struct js_value *nodes = js_get(definition, "nodes");
	struct js_value *map = js_object(space->load->arena);

	for (size_t i = 0; nodes->type == JS_LIST && i < nodes->count; i++) {
		struct js_value *node = nodes->items[i];
		struct js_value *id = js_get(node, "id");
		const char *old = js_string(space->load->arena, id);

		if (node->type != JS_OBJECT)
			continue;
		if (js_get(space->used, old)->type != JS_UNDEFINED) {
			id = next_free(space);
			js_put(space->load->arena, map, old, id);
			js_put(space->load->arena, node, "id", id);
		}
		keep(space, id);
	}
	return map;
}

static void map_member(struct ui_load *load, struct js_value *object, const char *key, const struct js_value *map)
{
	struct js_value *mapped = js_get(map, js_string(load->arena, js_get(object, key)));

	if (object->type == JS_OBJECT && mapped->type != JS_UNDEFINED)
		js_put(load->arena, object, key, mapped);
}

static void map_links(struct ui_load *load, const struct js_value *definition, const struct js_value *map)
{
	const struct js_value *links = js_get(definition, "links");

	for (size_t i = 0; links->type == JS_LIST && i < links->count; i++) {
		map_member(load, links->items[i], "origin_id", map);
		map_member(load, links->items[i], "target_id", map);
	}
}

static void map_proxies(struct ui_load *load, struct js_value *node, const struct js_value *map)
{
	struct js_value *properties = js_get(node, "properties");
	struct js_value *proxies = js_get(properties, "proxyWidgets");
	struct error ignored = ERROR_INIT;

	if (proxies->type == JS_TEXT) {
		proxies = js_parse(load->arena, proxies->text, proxies->count, JS_STRICT, "proxyWidgets", &ignored);
		if (!proxies)
			return;
		js_put(load->arena, properties, "proxyWidgets", proxies);
	}
	for (size_t i = 0; proxies->type == JS_LIST && i < proxies->count; i++) {
		struct js_value *entry = proxies->items[i];
		struct js_value *mapped = js_get(map, js_string(load->arena, js_at(entry, 0)));

		if (entry->type == JS_LIST && entry->count > 0 && mapped->type != JS_UNDEFINED)
			entry->items[0] = js_text(load->arena, js_string(load->arena, mapped));
	}
}

static void map_instances(struct ui_load *load, const struct js_value *graph, const char *type, const struct js_value *map)
{
	const struct js_value *nodes = js_get(graph, "nodes");

	for (size_t i = 0; nodes->type == JS_LIST && i < nodes->count; i++) {
		const char *own = js_text_of(js_get(nodes->items[i], "type"));

		if (ui_same(own, type))
			map_proxies(load, nodes->items[i], map);
	}
}

void ui_unique_ids(struct ui_load *load, struct js_value *file)
{
	struct id_space space = { .load = load, .used = js_object(load->arena) };
	const struct js_value *definitions = js_get(js_get(file, "definitions"), "subgraphs");
	const struct js_value *nodes = js_get(file, "nodes");
	const struct js_value *last = js_get(file, "last_node_id");

	if (last->type != JS_NUMBER)
		last = js_get(js_get(file, "state"), "lastNodeId");
	if (last->type == JS_NUMBER && fabs(last->number) < 9e15)
		space.largest = last->number;
	for (size_t i = 0; nodes->type == JS_LIST && i < nodes->count; i++)
		keep(&space, js_get(nodes->items[i], "id"));
	for (size_t d = 0; definitions->type == JS_LIST && d < definitions->count; d++) {
		const struct js_value *definition = definitions->items[d];
		const char *type = js_text_of(js_get(definition, "id"));
		struct js_value *map = map_nodes(&space, definition);

		map_links(load, definition, map);
		map_instances(load, file, type ? type : "", map);
		for (size_t k = 0; k < definitions->count; k++)
			map_instances(load, definitions->items[k], type ? type : "", map);
	}
}
