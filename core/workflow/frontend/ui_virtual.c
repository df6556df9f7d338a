/* ui_virtual.c - nodes of the canvas that give their value to the widgets of others: PrimitiveNode and CustomCombo.
 *
 * A primitive is a widget of the same kind as the one that its first link feeds. Its value is clamped to the narrowest limits of its
 * targets and rounded; then each target's own rounding applies. Only here are numbers changed: loading keeps them as they are.
 */
#include <math.h>
#include <string.h>

#include "core/workflow/frontend/ui_prompt.h"

/* ---- targets ---- */

/* The slot that a link feeds. */
static struct ui_target target_of(const struct ui_graph *graph, const char *id)
{
	const struct ui_link *link = ui_link_find(graph, id);
	struct ui_target target = { .node = link ? ui_node_find(graph, link->target) : NULL };

	for (size_t i = 0; target.node && i < target.node->slot_count && !target.slot; i++) {
		if (ui_same(target.node->slots[i].link, id))
			target.slot = &target.node->slots[i];
	}
	if (!target.slot)
		target.node = NULL;
	else if (target.slot->widget)
		target.widget = ui_widget_find(target.node, target.slot->widget);
	return target;
}

/* The widget whose kind and limits a target has: on an instance, that of the widget inside. NULL: none. */
static struct ui_widget *widget_behind(struct ui_load *load, const struct ui_target *target)
{
	struct ui_target inner = *target;

	while (inner.node && !inner.widget && inner.node->role == UI_INSTANCE && inner.slot->promoted)
		inner = ui_promoted_target(load, inner.node->definition, (size_t)(inner.slot - inner.node->slots));
	return inner.node ? inner.widget : NULL;
}

static void give(struct ui_load *load, const struct ui_target *target, struct js_value *value)
{
	struct ui_widget *widget = widget_behind(load, target);

	if (!widget)
		return;
	value = ui_rounded(load, widget, value);
	if (target->widget)
		ui_widget_set(load, target->node, (size_t)(target->widget - target->node->widgets), value);
	else
		target->slot->value = value;
}

/* ---- primitives ---- */

static struct js_value *clamped(struct ui_load *load, const struct ui_node *node, const struct js_value *links,
				enum ui_widget_kind kind, struct js_value *value)
{
	double min = -INFINITY;
	double max = INFINITY;

	if (value->type != JS_NUMBER)
		return value;
	for (size_t i = 0; i < links->count; i++) {
		struct ui_target target = target_of(node->graph, js_string(load->arena, links->items[i]));
		const struct ui_widget *widget = target.node ? widget_behind(load, &target) : NULL;

		if (!widget || widget->kind != kind)
			continue;
		min = fmax(min, ui_option_or(widget, "min", kind == UI_FLOAT ? 0 : -INFINITY));
		max = fmin(max, ui_option_or(widget, "max", kind == UI_FLOAT ? UI_FLOAT_MAX : INFINITY));
	}
	return js_number(load->arena, fmin(fmax(value->number, min), max));
}

static void apply_primitive(struct ui_load *load, struct ui_node *node)
{
	const struct js_value *links = node->output_count > 0 ? node->outputs[0].links : &js_undefined;
	const struct js_value *stored = js_get(node->file, "widgets_values");
	struct ui_target first;
	const struct ui_widget *widget;
	struct js_value *value;

	if (links->type != JS_LIST || links->count == 0)
		return;
	first = target_of(node->graph, js_string(load->arena, links->items[0]));
	widget = first.node ? widget_behind(load, &first) : NULL;
	if (!widget)
		return;
	value = first.widget ? first.widget->value : first.slot->value;
	if (stored->type == JS_LIST && stored->count > 0)
		value = stored->items[0];
	if (widget->kind == UI_INT || widget->kind == UI_FLOAT)
		value = ui_rounded(load, widget, clamped(load, node, links, widget->kind, value));
	if (value->type == JS_TEXT && js_is_truthy(js_get(js_get(node->file, "properties"), "Run widget replace on values")))
		value = js_text(load->arena, ui_replace(load, value->text));
	for (size_t i = 0; i < links->count; i++) {
		struct ui_target target = target_of(node->graph, js_string(load->arena, links->items[i]));

		if (target.node)
			give(load, &target, value);
	}
}

static void apply_custom_combo(struct ui_load *load, const struct ui_node *node)
{
	const struct js_value *links = node->output_count > 0 ? node->outputs[0].links : &js_undefined;
	const struct ui_widget *choice = ui_widget_find(node, "choice");

	for (size_t i = 0; choice && links->type == JS_LIST && i < links->count; i++) {
		struct ui_target target = target_of(node->graph, js_string(load->arena, links->items[i]));

		if (target.node)
			give(load, &target, choice->value);
	}
}

static void apply_graph(struct ui_load *load, const struct ui_graph *graph)
{
	struct ui_node **order = ui_order(load, graph);

	for (size_t i = 0; i < graph->node_count; i++) {
		if (order[i]->role == UI_PRIMITIVE)
			apply_primitive(load, order[i]);
		else if (order[i]->role == UI_SERVER && load->version != FRONTEND_1_27 &&
			 strcmp(order[i]->type, "CustomCombo") == 0)
			apply_custom_combo(load, order[i]);
	}
}

void ui_virtual_apply(struct ui_load *load)
{
	apply_graph(load, load->root);
	for (size_t i = 0; i < load->definition_count; i++)
		apply_graph(load, load->definitions[i]);
}
