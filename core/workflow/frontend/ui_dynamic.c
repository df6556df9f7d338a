/* ui_dynamic.c - dynamic combos, growing inputs, and nodes whose JavaScript grows widgets with a value.
 *
 * A dynamic combo that gets a value loses the widgets and slots that it grew before, and grows those of its choice at the same place. What
 * was linked is remembered meanwhile: a new slot of the same name takes its link, and the rest of the links go. A growing input adds a
 * slot as soon as its last one is linked, so after such a change its slots come back one by one.
 */
#include "core/workflow/frontend/ui_dynamic.h"

#include <string.h>

#include "core/workflow/frontend/ui_load.h"

#define GROWN_MAX 100 /* steps of a growing input without `max`: comfy_api's default */

static bool begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* ---- growing inputs ---- */

static const char *grown_name(struct ui_load *load, const char *group, const struct js_value *template, const char *input,
			      size_t step, bool several)
{
	const struct js_value *names = js_get(template, "names");
	const char *prefix = js_text_of(js_get(template, "prefix"));

	if (several)
		return arena_printf(load->arena, "%s.%s%zu", group, input, step);
	if (names->type == JS_LIST)
		return arena_printf(load->arena, "%s.%s", group, js_string(load->arena, js_at(names, step)));
	return arena_printf(load->arena, "%s.%s%zu", group, prefix ? prefix : input, step);
}

/* Gives a slot the link that one of its name had before. */
static bool relink(const struct ui_build *b, struct ui_slot *slot)
{
	for (size_t i = 0; i < b->before_count; i++) {
		if (b->before[i].link && strcmp(b->before[i].name, slot->name) == 0) {
			slot->link = b->before[i].link;
			b->before[i].link = NULL;
			return true;
		}
	}
	return false;
}

/* Adds the slots of one step. Returns whether the last of them took a link. */
static bool grow_step(struct ui_build *b, const char *group, const struct js_value *template, const struct ui_input *inputs,
		      size_t count, size_t step)
{
	bool linked = false;

	for (size_t i = 0; i < count; i++) {
		const char *name = grown_name(b->load, group, template, inputs[i].name, step, count > 1);
		bool has_widget = ui_widget_type(b->load, inputs[i].spec) != NULL;
		struct ui_slot *slot = ui_slot_insert(b->load, b->node, b->slot_at++);

		slot->name = name;
		slot->type = ui_socket_type(inputs[i].spec);
		ui_slot_match(slot, inputs[i].spec);
		linked = relink(b, slot);
		if (has_widget) {
			struct ui_widget *widget = ui_widget_insert(b->load, b->node, b->widget_at++);

			slot->widget = name;
			ui_widget_init(b->load, widget, name, inputs[i].spec);
			widget->value = &js_undefined;
			widget->stored = false;
		}
	}
	return linked;
}

void ui_dynamic_grow(struct ui_build *b, const char *name, const struct js_value *spec)
{
	const struct js_value *template = js_get(ui_spec_options(spec), "template");
	const struct js_value *names = js_get(template, "names");
	const struct js_value *least = js_get(template, "min");
	const struct js_value *most = js_get(template, "max");
	double min = least->type == JS_NUMBER ? least->number : 1;
	double max = names->type == JS_LIST ? (double)names->count : most->type == JS_NUMBER ? most->number : GROWN_MAX;
	struct ui_input *inputs;
	size_t count = ui_class_inputs(b->load, js_get(template, "input"), &js_undefined, &inputs);
	bool linked = false;

	if (max > GROWN_MAX)
		max = GROWN_MAX;
	for (size_t step = 0; (double)step < max && (step == 0 || (double)step < min + 1 || linked); step++)
		linked = grow_step(b, name, template, inputs, count, step);
}

/* ---- dynamic combos ---- */

static const struct js_value *chosen(const struct ui_widget *combo)
{
	for (size_t i = 0; combo->choices->type == JS_LIST && i < combo->choices->count; i++) {
		const struct js_value *option = combo->choices->items[i];

		if (js_equal(js_get(option, "key"), combo->value))
			return js_get(option, "inputs");
	}
	return &js_undefined;
}

/* Takes away what begins with prefix; linked slots are remembered in b. */
static void clear_grown(struct ui_build *b, const char *prefix)
{
	struct ui_node *node = b->node;

	b->before = arena_take(b->load->arena, (node->slot_count + 1) * sizeof(*b->before));
	b->names = arena_take(b->load->arena, (node->slot_count + 1) * sizeof(const char *));
	for (; b->name_count < node->slot_count; b->name_count++)
		b->names[b->name_count] = node->slots[b->name_count].name;
	for (size_t i = node->slot_count; i-- > 0;) {
		if (!begins_with(node->slots[i].name, prefix))
			continue;
		b->before[b->before_count++] = node->slots[i];
		ui_slot_remove(node, i);
	}
	for (size_t i = node->widget_count; i-- > 0;) {
		if (!begins_with(node->widgets[i].name, prefix))
			continue;
		node->widget_count--;
		memmove(&node->widgets[i], &node->widgets[i + 1], (node->widget_count - i) * sizeof(*node->widgets));
	}
}

/* Where the slots that it grew stand, else behind its own. */
static size_t grown_place(const struct ui_node *node, const char *name, const char *prefix)
{
	for (size_t i = 0; i < node->slot_count; i++) {
		if (begins_with(node->slots[i].name, prefix))
			return i;
	}
	for (size_t i = 0; i < node->slot_count; i++) {
		if (strcmp(node->slots[i].name, name) == 0)
			return i + 1;
	}
	return node->slot_count;
}

/* Whether a growing input of that slot's group is there: "model.images." of model.images.image_3. */
static bool group_is_there(const struct ui_node *node, const char *name)
{
	size_t length = (size_t)(strrchr(name, '.') - name) + 1;

	for (size_t i = 0; i < node->slot_count; i++) {
		if (strncmp(node->slots[i].name, name, length) == 0 && length > strcspn(name, ".") + 1)
			return true;
	}
	return false;
}

/* 1.58 knows a link by the number of its slot. It keeps one whose number stood outside of what went, and one of a growing input where the
 * slot of that number came back. */
static bool keeps_link(const struct ui_build *b, const struct ui_slot *slot, const char *prefix)
{
	const struct ui_link *link = b->load->version == FRONTEND_1_58 ? ui_link_find(b->node->graph, slot->link) : NULL;
	const char *name;

	if (!link)
		return false;
	name = link->target_index < b->name_count ? b->names[link->target_index] : "";
	return !begins_with(name, prefix) || (ui_slot_find(b->node, name) && group_is_there(b->node, slot->name));
}

size_t ui_dynamic_choose(struct ui_load *load, struct ui_node *node, size_t widget, size_t slot_at)
{
	struct ui_build b = { .load = load, .node = node, .slot_at = slot_at };
	const char *name = node->widgets[widget].name;
	const char *prefix = arena_printf(load->arena, "%s.", name);
	struct ui_input *inputs;
	size_t count;

	if (slot_at == SIZE_MAX)
		b.slot_at = slot_at = grown_place(node, name, prefix);
	clear_grown(&b, prefix);
	b.widget_at = widget + 1;
	count = ui_class_inputs(load, chosen(&node->widgets[widget]), &js_undefined, &inputs);
	ui_build_grown(&b, inputs, count, prefix);
	for (size_t i = slot_at; i < b.slot_at; i++) {
		if (!node->slots[i].link)
			relink(&b, &node->slots[i]);
	}
	for (size_t i = 0; i < b.before_count; i++) {
		if (b.before[i].link && !keeps_link(&b, &b.before[i], prefix))
			ui_link_remove(node->graph, b.before[i].link);
	}
	return b.slot_at - slot_at;
}

/* ---- nodes with JavaScript of their own ---- */

/* Giving a text to the last option adds the next. */
static void add_option(struct ui_load *load, struct ui_node *node, size_t at)
{
	struct ui_widget *widget;

	if (at + 1 != node->widget_count || !js_is_truthy(node->widgets[at].value) ||
	    !begins_with(node->widgets[at].name, "option"))
		return;
	widget = ui_widget_insert(load, node, node->widget_count);
	*widget = (struct ui_widget) { .kind = UI_OTHER,
				       .value = js_text(load->arena, ""),
				       .sent = true,
				       .stored = true,
				       .options = node->widgets[at].options,
				       .choices = &js_undefined };
	widget->name = arena_printf(load->arena, "option%zu", at); /* choice, index, option1, ... */
}

void ui_widget_set(struct ui_load *load, struct ui_node *node, size_t widget, struct js_value *value)
{
	if (load->version != FRONTEND_1_49 && value->type == JS_NUMBER && node->widgets[widget].kind == UI_TEXT &&
	    js_is_truthy(js_get(node->widgets[widget].options, "multiline")))
		value = js_text(load->arena, js_string(load->arena, value));
	node->widgets[widget].value = value;
	if (node->widgets[widget].kind == UI_DYNAMIC_COMBO)
		ui_dynamic_choose(load, node, widget, SIZE_MAX);
	else if (load->version != FRONTEND_1_27 && strcmp(node->type, "CustomCombo") == 0)
		add_option(load, node, widget);
	else
		ui_pack_grow(load, node, widget);
}

void ui_build_listed_widget(struct ui_build *b, const struct js_value *listed)
{
	const char *name = js_text_of(js_at(listed, 0));
	struct ui_widget *widget;
	struct ui_input *inputs;
	size_t count;

	if (!name)
		return;
	widget = ui_widget_insert(b->load, b->node, b->widget_at++);
	*widget = (struct ui_widget) { .name = name, .kind = UI_OTHER, .choices = &js_undefined };
	widget->options = ui_spec_options(&js_undefined);
	count = ui_class_inputs(b->load, js_get(b->node->class, "input"), js_get(b->node->class, "input_order"), &inputs);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(inputs[i].name, name) == 0)
			ui_widget_init(b->load, widget, name, inputs[i].spec);
	}
	if (ui_same(js_text_of(js_at(listed, 1)), "button"))
		widget->kind = UI_BUTTON;
	widget->value = ui_same(js_text_of(js_at(listed, 5)), "undefined") ? &js_undefined : js_at(listed, 2);
	widget->sent = js_is_truthy(js_at(listed, 3));
	widget->stored = js_is_truthy(js_at(listed, 4));
}
