/* ui_table.c - 1.58: the table of links rules, not what slots name.
 *
 * A slot that names a link which is not in the table is unlinked; a link that no slot names feeds the slot at its target; a link that two
 * slots name feeds one of them. An output of a subgraph takes the first link of the table that goes to it.
 */
#include <string.h>

#include "core/workflow/frontend/ui_load.h"

static struct ui_slot *slot_at(const struct ui_graph *graph, const struct ui_link *link)
{
	struct ui_node *node = ui_node_find(graph, link->target);

	return node && link->target_index < node->slot_count ? &node->slots[link->target_index] : NULL;
}

/* Of the slots that name the link one keeps it: that at the link's target, else the first. Returns whether there is one. */
static bool keep_one(const struct ui_graph *graph, const struct ui_link *link)
{
	struct ui_slot *at = slot_at(graph, link);
	struct ui_slot *kept = at && ui_same(at->link, link->id) ? at : NULL;

	for (size_t n = 0; n < graph->node_count; n++) {
		struct ui_node *node = graph->nodes[n];

		for (size_t i = 0; i < node->slot_count; i++) {
			struct ui_slot *slot = &node->slots[i];

			if (!ui_same(slot->link, link->id) || slot == kept)
				continue;
			if (kept)
				slot->link = NULL;
			else
				kept = slot;
		}
	}
	return kept != NULL;
}

static void drop_unknown(const struct ui_graph *graph)
{
	for (size_t n = 0; n < graph->node_count; n++) {
		struct ui_node *node = graph->nodes[n];

		for (size_t i = 0; i < node->slot_count; i++) {
			if (node->slots[i].link && !ui_link_find(graph, node->slots[i].link))
				node->slots[i].link = NULL;
		}
	}
}

void ui_table_apply(struct ui_load *load, struct ui_graph *graph)
{
	if (load->version != FRONTEND_1_58)
		return;
	drop_unknown(graph);
	for (size_t i = 0; i < graph->link_count; i++) {
		const struct ui_link *link = graph->links[i];
		struct ui_slot *slot = slot_at(graph, link);

		if (!link->removed && !keep_one(graph, link) && slot)
			slot->link = link->id;
	}
	for (size_t k = 0; k < graph->output_count; k++) {
		graph->output_links[k] = NULL;
		for (size_t i = graph->link_count; i-- > 0;) {
			if (strcmp(graph->links[i]->target, UI_OUTPUT_ID) == 0 && graph->links[i]->target_index == k)
				graph->output_links[k] = graph->links[i]->id;
		}
	}
}
