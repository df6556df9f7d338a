/* ui_order.c - the order of a graph's nodes: those without linked inputs first, then each as its last input is done.
 *
 * A queue, filled in the order of the file; a node that was taken counts its links down at their targets. What stands in a circle comes
 * last, plain-number ids ascending, then others.
 */
#include <stdlib.h>
#include <string.h>

#include "core/workflow/frontend/ui_prompt.h"

struct ordered {
	struct ui_node *node;
	size_t waits; /* linked inputs that are not done */
	bool taken;
};

static size_t place_of(const struct ui_graph *graph, const struct ui_node *node)
{
	size_t i = 0;

	while (i < graph->node_count && graph->nodes[i] != node)
		i++;
	return i;
}

static size_t linked_inputs(const struct ui_node *node)
{
	size_t count = 0;

	for (size_t i = 0; i < node->slot_count; i++)
		count += node->slots[i].link != NULL;
	return count;
}

/* Counts a taken node's links down; appends what waits for nothing more. */
static void count_down(struct ui_load *load, const struct ui_graph *graph, struct ordered *nodes, const struct ui_node *node,
		       struct ui_node **order, size_t *count)
{
	for (size_t k = 0; k < node->output_count; k++) {
		const struct js_value *links = node->outputs[k].links;

		for (size_t i = 0; links->type == JS_LIST && i < links->count; i++) {
			const struct ui_link *link = ui_link_find(graph, js_string(load->arena, links->items[i]));
			struct ui_node *target = link ? ui_node_find(graph, link->target) : NULL;
			struct ordered *waiting = target ? &nodes[place_of(graph, target)] : NULL;

			if (!waiting || waiting->taken || waiting->waits == 0)
				continue;
			if (--waiting->waits == 0) {
				waiting->taken = true;
				order[(*count)++] = target;
			}
		}
	}
}

static int compare_rest(const void *a, const void *b)
{
	const struct ui_node *const *x = a;
	const struct ui_node *const *y = b;
	bool x_plain = strspn((*x)->id, "0123456789") == strlen((*x)->id);
	bool y_plain = strspn((*y)->id, "0123456789") == strlen((*y)->id);
	double difference;

	if (x_plain != y_plain)
		return x_plain ? -1 : 1;
	difference = x_plain ? strtod((*x)->id, NULL) - strtod((*y)->id, NULL) : 0;
	return difference < 0 ? -1 : difference > 0;
}

struct ui_node **ui_order(struct ui_load *load, const struct ui_graph *graph)
{
	struct ordered *nodes = arena_take(load->arena, (graph->node_count + 1) * sizeof(*nodes));
	struct ui_node **order = arena_take(load->arena, (graph->node_count + 1) * sizeof(*order));
	size_t count = 0;
	size_t rest;

	for (size_t i = 0; i < graph->node_count; i++) {
		nodes[i] = (struct ordered) { .node = graph->nodes[i], .waits = linked_inputs(graph->nodes[i]) };
		if (nodes[i].waits == 0) {
			nodes[i].taken = true;
			order[count++] = graph->nodes[i];
		}
	}
	for (size_t i = 0; i < count; i++)
		count_down(load, graph, nodes, order[i], order, &count);
	rest = count;
	for (size_t i = 0; i < graph->node_count; i++) {
		if (!nodes[i].taken)
			order[count++] = nodes[i].node;
	}
	qsort(order + rest, count - rest, sizeof(*order), compare_rest);
	return order;
}
