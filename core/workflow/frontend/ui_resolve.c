/* ui_resolve.c - what a link leads to, past reroutes, bypassed nodes, Set and Get, into and out of subgraphs.
 *
 * A walk from a slot against the links. Each step is noted in a chain on the stack; the same node and slot twice is a circle, for which the
 * front end makes no prompt. The type that is wanted follows along, because a bypassed node chooses its input by it.
 */
#include <string.h>

#include "core/workflow/frontend/ui_prompt.h"

struct ui_step {
	const struct ui_step *before;
	const struct ui_path *path;
	const struct ui_node *node;
	size_t index;
	bool output;
	size_t depth;
};

#define STEPS_MAX 2000 /* deeper than any canvas; bounds the stack */

static struct ui_result resolve_output(struct ui_load *load, const struct ui_path *path, struct ui_node *node, size_t k,
				       struct js_value *slot, const char *type, const struct ui_step *before);

static const struct ui_result nothing = { .what = UI_NOTHING };

const char *ui_path_id(struct ui_load *load, const struct ui_path *path, const struct ui_node *node)
{
	const char *id = node->id;

	for (; path; path = path->outer)
		id = arena_printf(load->arena, "%s:%s", path->instance->id, id);
	return id;
}

static void note_step(struct ui_load *load, struct ui_step *step)
{
	step->depth = step->before ? step->before->depth + 1 : 1;
	for (const struct ui_step *s = step->before; s; s = s->before) {
		if (s->node == step->node && s->index == step->index && s->output == step->output &&
		    ui_same(ui_path_id(load, s->path, s->node), ui_path_id(load, step->path, step->node)))
			ui_fail(load, "node %s: its link goes in a circle through nodes that are not run", step->node->id);
	}
	if (step->depth > STEPS_MAX)
		ui_fail(load, "node %s: its link goes through more than %d nodes", step->node->id, STEPS_MAX);
}

static struct ui_result resolve_input(struct ui_load *load, const struct ui_path *path, struct ui_node *node, size_t index,
				      const char *type, const struct ui_step *before)
{
	struct ui_step step = { .before = before, .path = path, .node = node, .index = index };
	const struct ui_slot *slot = index < node->slot_count ? &node->slots[index] : NULL;
	const struct ui_link *link;
	struct ui_node *origin;

	if (!slot || !slot->link)
		return nothing;
	note_step(load, &step);
	link = ui_link_find(node->graph, slot->link);
	if (!link)
		ui_fail(load, "node %s: input %s names link %s, which is not there", node->id, slot->name, slot->link);
	if (path && strcmp(link->origin, UI_INPUT_ID) == 0) {
		const struct ui_node *instance = path->instance;
		const struct ui_slot *outer =
			link->origin_index < instance->slot_count ? &instance->slots[link->origin_index] : NULL;

		if (!outer)
			ui_fail(load, "node %s: no input %zu of the subgraph around it", node->id, link->origin_index);
		if (outer->link)
			return resolve_input(load, path->outer, path->instance, link->origin_index, outer->type, &step);
		if (!outer->promoted || (load->version == FRONTEND_1_27 && outer->value->type == JS_UNDEFINED))
			return nothing;
		return (struct ui_result) { .what = UI_LITERAL, .value = outer->value };
	}
	origin = ui_node_find(node->graph, link->origin);
	if (!origin)
		ui_fail(load, "node %s: input %s is linked to node %s, which is not there", node->id, slot->name, link->origin);
	return resolve_output(load, path, origin, link->origin_index, link->origin_slot, type, &step);
}

/* ---- bypassed nodes ---- */

/* The input that stands for output k of a bypassed node; SIZE_MAX: none. */
static size_t bypass_input(struct ui_load *load, const struct ui_node *node, size_t k, const char *type)
{
	bool any = *type == '\0' || strcmp(type, "*") == 0;
	const char *own;

	if (k >= node->output_count)
		ui_fail(load, "node %s is bypassed and has no output %zu", node->id, k);
	if (any && node->slot_count == 0)
		ui_fail(load, "node %s is bypassed and has no input", node->id);
	if (any)
		return k < node->slot_count ? k : 0;
	own = node->outputs[k].type;
	if (k < node->slot_count && ui_types_fit(node->slots[k].type, own) && ui_types_fit(node->slots[k].type, type))
		return k;
	for (size_t i = 0; i < node->slot_count; i++) {
		if (strcmp(node->slots[i].type, type) == 0)
			return i;
	}
	for (size_t i = 0; i < node->slot_count; i++) {
		if (ui_types_fit(node->slots[i].type, own) && ui_types_fit(node->slots[i].type, type))
			return i;
	}
	return SIZE_MAX;
}

/* ---- Set and Get ---- */

static const char *shared_name(const struct ui_node *node)
{
	return js_text_of(js_at(js_get(node->file, "widgets_values"), 0));
}

/* The first SetNode of that name; *count is how many there are. */
static struct ui_node *find_set(const struct ui_graph *graph, const char *name, size_t *count)
{
	struct ui_node *found = NULL;

	for (size_t i = 0; i < graph->node_count; i++) {
		struct ui_node *node = graph->nodes[i];

		if (node->role != UI_SET || !ui_same(shared_name(node), name))
			continue;
		if (!found)
			found = node;
		(*count)++;
	}
	return found;
}

static bool is_fed_from_outside(const struct ui_node *node, size_t k)
{
	const struct ui_link *link =
		k < node->slot_count && node->slots[k].link ? ui_link_find(node->graph, node->slots[k].link) : NULL;

	return link && strcmp(link->origin, UI_INPUT_ID) == 0;
}

static struct ui_result resolve_get(struct ui_load *load, const struct ui_path *path, const struct ui_node *get, size_t k,
				    const char *type, const struct ui_step *before)
{
	const char *name = shared_name(get);
	const struct ui_path *found_path = NULL;
	struct ui_node *found = NULL;
	size_t count = 0;
	struct ui_node *set = name ? find_set(get->graph, name, &count) : NULL;

	if (set && load->version == FRONTEND_1_27 && path && is_fed_from_outside(set, k))
		ui_fail(load, "node %s: 1.27 does not find what a SetNode gets from outside its subgraph", get->id);
	if (set)
		return resolve_input(load, path, set, k, type, before);
	for (; name && path; path = path->outer) {
		set = find_set(path->instance->graph, name, &count);
		if (set) {
			found = set;
			found_path = path->outer;
		}
	}
	return count == 1 ? resolve_input(load, found_path, found, 0, type, before) : nothing;
}

/* ---- outputs ---- */

static struct ui_result resolve_instance(struct ui_load *load, const struct ui_path *path, struct ui_node *node, size_t k,
					 const char *type, const struct ui_step *before)
{
	const struct ui_graph *definition = node->definition;
	const char *id = k < definition->output_count ? definition->output_links[k] : NULL;
	struct ui_path *inner = arena_take(load->arena, sizeof(*inner));
	struct ui_link *link;
	struct ui_node *origin;

	if (!id)
		return nothing;
	*inner = (struct ui_path) { .outer = path, .instance = node };
	link = ui_link_find(definition, id);
	if (!link)
		return nothing;
	origin = ui_node_find(definition, link->origin);
	if (!origin)
		ui_fail(load, "subgraph %s: output %zu is linked to node %s, which is not there", node->title, k, link->origin);
	return resolve_output(load, inner, origin, link->origin_index, link->origin_slot, type, before);
}

static struct ui_result resolve_virtual(struct ui_load *load, const struct ui_path *path, struct ui_node *node, size_t k,
					const char *type, const struct ui_step *before)
{
	switch (node->role) {
	case UI_INSTANCE:
		return resolve_instance(load, path, node, k, type, before);
	case UI_GET:
		return resolve_get(load, path, node, k, type, before);
	case UI_PRIMITIVE:
		return nothing;
	default:
		return resolve_input(load, path, node, node->role == UI_REROUTE ? 0 : k, type, before);
	}
}

/* 1.27 looks past a muted reroute, GetNode or instance. */
static bool passes_muted(const struct ui_load *load, const struct ui_node *node)
{
	return load->version == FRONTEND_1_27 &&
	       (node->role == UI_REROUTE || node->role == UI_GET || node->role == UI_INSTANCE);
}

static struct ui_result resolve_output(struct ui_load *load, const struct ui_path *path, struct ui_node *node, size_t k,
				       struct js_value *slot, const char *type, const struct ui_step *before)
{
	struct ui_step step = { .before = before, .path = path, .node = node, .index = k, .output = true };
	size_t input;

	note_step(load, &step);
	if (node->mode == 2 && !passes_muted(load, node))
		return nothing;
	if (node->mode == 4) {
		input = bypass_input(load, node, k, type);
		return input < node->slot_count ? resolve_input(load, path, node, input, node->slots[input].type, &step)
						: nothing;
	}
	if (node->role != UI_SERVER && node->role != UI_UNKNOWN)
		return resolve_virtual(load, path, node, k, type, &step);
	if (load->version == FRONTEND_1_27 && k >= node->output_count)
		ui_fail(load, "node %s has no output %zu", node->id, k);
	return (struct ui_result) { .what = UI_LINKED, .id = ui_path_id(load, path, node), .value = slot };
}

struct ui_result ui_resolve(struct ui_load *load, const struct ui_path *path, struct ui_node *node, const struct ui_slot *slot)
{
	return resolve_input(load, path, node, (size_t)(slot - node->slots), slot->type, NULL);
}
