/* ui_match.c - which types may be linked, and outputs whose type follows from what comes in (COMFY_MATCHTYPE_V3). */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/workflow/frontend/ui_load.h"

static bool is_any(const char *type)
{
	return *type == '\0' || strcmp(type, "*") == 0 || strcmp(type, "0") == 0;
}

/* One member of a comma list, without spaces around it. */
static const char *next_member(const char **list, size_t *length)
{
	const char *start = *list;
	const char *end = start + strcspn(start, ",");

	*list = *end ? end + 1 : NULL;
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	*length = (size_t)(end - start);
	return start;
}

static bool member_fits(const char *type, size_t length, const char *list)
{
	while (list) {
		size_t other_length;
		const char *other = next_member(&list, &other_length);

		if ((other_length == 1 && *other == '*') || (length == other_length && strncasecmp(type, other, length) == 0))
			return true;
	}
	return length == 1 && *type == '*';
}

bool ui_types_fit(const char *a, const char *b)
{
	if (is_any(a) || is_any(b) || strcasecmp(a, b) == 0)
		return true;
	while (a) {
		size_t length;
		const char *member = next_member(&a, &length);

		if (member_fits(member, length, b))
			return true;
	}
	return false;
}

/* The members that both have, as a comma list; the other where one takes any. NULL where they share none. */
static const char *common_type(struct ui_load *load, const char *a, const char *b)
{
	const char *common = NULL;

	if (is_any(a))
		return b;
	if (is_any(b))
		return a;
	while (a) {
		size_t length;
		const char *member = next_member(&a, &length);

		if (member_fits(member, length, b))
			common = arena_printf(load->arena, "%s%s%.*s", common ? common : "", common ? "," : "", (int)length,
					      member);
	}
	return common;
}

static const char *type_that_comes(const struct ui_graph *graph, const struct ui_slot *slot)
{
	const struct ui_link *link = slot->link ? ui_link_find(graph, slot->link) : NULL;
	const struct ui_node *origin = link ? ui_node_find(graph, link->origin) : NULL;

	if (!link)
		return NULL;
	if (graph->id && strcmp(link->origin, UI_INPUT_ID) == 0)
		return link->origin_index < graph->input_count ? graph->inputs[link->origin_index].type : NULL;
	return origin && link->origin_index < origin->output_count ? origin->outputs[link->origin_index].type : NULL;
}

static const char *matched_type(struct ui_load *load, const struct ui_node *node, const char *template_id)
{
	const char *type = "*";

	for (size_t i = 0; i < node->slot_count; i++) {
		const char *comes;
		const char *common;

		if (!ui_same(node->slots[i].template_id, template_id))
			continue;
		comes = type_that_comes(node->graph, &node->slots[i]);
		common = comes ? common_type(load, type, comes) : type;
		if (common)
			type = common;
	}
	return type;
}

static void drop_unfit_links(struct ui_graph *graph, const struct ui_node *node, size_t output)
{
	for (size_t i = 0; i < graph->link_count; i++) {
		const struct ui_link *link = graph->links[i];
		const struct ui_node *target;

		if (link->removed || link->origin_index != output || strcmp(link->origin, node->id) != 0)
			continue;
		target = ui_node_find(graph, link->target);
		for (size_t s = 0; target && s < target->slot_count; s++) {
			if (ui_same(target->slots[s].link, link->id) &&
			    !ui_types_fit(node->outputs[output].type, target->slots[s].type))
				ui_link_remove(graph, link->id);
		}
	}
}

static bool match_node(struct ui_load *load, struct ui_graph *graph, struct ui_node *node)
{
	bool changed = false;

	for (size_t k = 0; k < node->output_count; k++) {
		const char *type;

		if (!node->outputs[k].template_id)
			continue;
		type = matched_type(load, node, node->outputs[k].template_id);
		if (strcmp(type, node->outputs[k].type) == 0)
			continue;
		node->outputs[k].type = type;
		drop_unfit_links(graph, node, k);
		changed = true;
	}
	return changed;
}

void ui_match_types(struct ui_load *load, struct ui_graph *graph)
{
	bool changed = load->version != FRONTEND_1_27;

	/* A type goes through a chain of such nodes in as many rounds as it is long; one in a circle need not settle. */
	for (size_t round = 0; changed && round < graph->node_count; round++) {
		changed = false;
		for (size_t i = 0; i < graph->node_count; i++)
			changed = match_node(load, graph, graph->nodes[i]) || changed;
	}
}
