/* ui_graph.c - finding and changing what a canvas holds.
 *
 * Arrays are short and looked through from the start; the order in them is the file's, which the rules often ask for. Removed links stay
 * in their array, marked, so that no position changes.
 */
#include "core/workflow/frontend/ui_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ui_fail(struct ui_load *load, const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	error_set(load->e, ERROR_FORMAT, "%s: %s", load->request->where, text);
	longjmp(load->arena->escape, 1);
}

bool ui_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

struct ui_node *ui_node_find(const struct ui_graph *graph, const char *id)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		if (strcmp(graph->nodes[i]->id, id) == 0)
			return graph->nodes[i];
	}
	return NULL;
}

struct ui_link *ui_link_find(const struct ui_graph *graph, const char *id)
{
	/* The last of equal ids: the front end keeps links in a map. */
	for (size_t i = graph->link_count; i-- > 0;) {
		if (strcmp(graph->links[i]->id, id) == 0)
			return graph->links[i]->removed ? NULL : graph->links[i];
	}
	return NULL;
}

struct ui_widget *ui_widget_find(const struct ui_node *node, const char *name)
{
	for (size_t i = 0; i < node->widget_count; i++) {
		if (strcmp(node->widgets[i].name, name) == 0)
			return &node->widgets[i];
	}
	return NULL;
}

struct ui_slot *ui_slot_find(const struct ui_node *node, const char *name)
{
	for (size_t i = 0; i < node->slot_count; i++) {
		if (strcmp(node->slots[i].name, name) == 0)
			return &node->slots[i];
	}
	return NULL;
}

struct ui_graph *ui_definition_find(const struct ui_load *load, const char *id)
{
	for (size_t i = 0; i < load->definition_count; i++) {
		if (strcmp(load->definitions[i]->id, id) == 0)
			return load->definitions[i];
	}
	return NULL;
}

struct ui_slot *ui_slot_insert(struct ui_load *load, struct ui_node *node, size_t at)
{
	arena_reserve(load->arena, &node->slots, &node->slot_capacity, node->slot_count + 1, sizeof(*node->slots));
	memmove(&node->slots[at + 1], &node->slots[at], (node->slot_count - at) * sizeof(*node->slots));
	node->slot_count++;
	node->slots[at] = (struct ui_slot) { .name = "", .type = "*", .value = &js_undefined };
	return &node->slots[at];
}

struct ui_widget *ui_widget_insert(struct ui_load *load, struct ui_node *node, size_t at)
{
	arena_reserve(load->arena, &node->widgets, &node->widget_capacity, node->widget_count + 1, sizeof(*node->widgets));
	memmove(&node->widgets[at + 1], &node->widgets[at], (node->widget_count - at) * sizeof(*node->widgets));
	node->widget_count++;
	node->widgets[at] = (struct ui_widget) { .name = "", .kind = UI_OTHER, .value = &js_undefined };
	return &node->widgets[at];
}

void ui_slot_remove(struct ui_node *node, size_t at)
{
	node->slot_count--;
	memmove(&node->slots[at], &node->slots[at + 1], (node->slot_count - at) * sizeof(*node->slots));
}

void ui_link_remove(struct ui_graph *graph, const char *id)
{
	struct ui_link *link = ui_link_find(graph, id);
	struct ui_node *target = link ? ui_node_find(graph, link->target) : NULL;

	if (link)
		link->removed = true;
	for (size_t i = 0; target && i < target->slot_count; i++) {
		if (ui_same(target->slots[i].link, id))
			target->slots[i].link = NULL;
	}
}
