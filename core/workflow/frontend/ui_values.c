/* ui_values.c - widgets_values: which stored value goes to which widget.
 *
 * Values stand by position; nothing checks names, so a file from another version of a class shifts them, as on the canvas. The list of
 * widgets is live: a dynamic combo that gets its value grows widgets, which take the values that follow.
 */
#include <math.h>
#include <string.h>

#include "core/workflow/frontend/ui_load.h"

/* Old front ends stored a value for each input that is forced to be a socket, too. Where the count says so, those are dropped. */
static struct js_value *drop_forced(struct ui_load *load, const struct ui_node *node, struct js_value *values)
{
	struct ui_input *inputs;
	size_t count = ui_class_inputs(load, js_get(node->class, "input"), &js_undefined, &inputs);
	struct js_value *kept = js_list(load->arena);
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		const struct js_value *options = ui_spec_options(inputs[i].spec);
		bool forced = js_is_truthy(js_get(options, "forceInput"));
		const struct js_value *control = js_get(options, "control_after_generate");
		bool implied =
			load->version == FRONTEND_1_27 && control->type == JS_UNDEFINED && strcmp(inputs[i].name, "seed") == 0;
		size_t entries = js_is_truthy(control) || implied ? 2 : 1;

		if (!forced && !ui_widget_find(node, inputs[i].name))
			continue;
		for (size_t k = 0; k < entries; k++, at++) {
			if (!(forced && k == 0))
				js_push(load->arena, kept, js_at(values, at));
		}
	}
	return at == values->count ? kept : values;
}

static void restore_list(struct ui_load *load, struct ui_node *node, const struct js_value *values)
{
	size_t at = 0;

	for (size_t i = 0; i < node->widget_count && at < values->count; i++) {
		if (node->widgets[i].stored)
			ui_widget_set(load, node, i, values->items[at++]);
	}
}

/* Keys of numbers and a length act as a list; without a length each stored widget becomes undefined. */
static void restore_object(struct ui_load *load, struct ui_node *node, const struct js_value *values)
{
	const struct js_value *length = js_get(values, "length");
	size_t at = 0;

	if (length->type == JS_UNDEFINED && load->version != FRONTEND_1_49)
		return;
	for (size_t i = 0; i < node->widget_count; i++) {
		if (!node->widgets[i].stored)
			continue;
		if (length->type == JS_NUMBER && (double)at >= length->number)
			return;
		ui_widget_set(load, node, i, js_get(values, arena_printf(load->arena, "%zu", at++)));
	}
}

/* A combo without a value takes its first option; very old files have sampler names that begin "sample_". */
static void mend(struct ui_load *load, struct ui_node *node)
{
	bool samples = strcmp(node->type, "KSampler") == 0 || strcmp(node->type, "KSamplerAdvanced") == 0;

	for (size_t i = 0; i < node->widget_count; i++) {
		struct ui_widget *widget = &node->widgets[i];
		const char *text = js_text_of(widget->value);

		if (samples && text && strcmp(widget->name, "sampler_name") == 0 && strncmp(text, "sample_", 7) == 0)
			widget->value = js_text(load->arena, text + 7);
		if (load->version == FRONTEND_1_27 || !js_is_nullish(widget->value) ||
		    js_at(widget->choices, 0)->type == JS_UNDEFINED)
			continue;
		if (widget->kind == UI_COMBO)
			widget->value = widget->choices->items[0];
		else if (widget->kind == UI_DYNAMIC_COMBO)
			ui_widget_set(load, node, i, js_get(widget->choices->items[0], "key"));
	}
}

void ui_values_restore(struct ui_load *load, struct ui_node *node, struct js_value *values)
{
	/* A CustomCombo has a value only where the file gives one. */
	if (load->version != FRONTEND_1_27 && strcmp(node->type, "CustomCombo") == 0 && node->widget_count > 0)
		node->widgets[0].value = &js_undefined;
	if (!ui_pack_values(load, node, values)) {
		if (values->type == JS_LIST && node->role == UI_SERVER)
			restore_list(load, node, drop_forced(load, node, values));
		else if (values->type == JS_LIST)
			restore_list(load, node, values);
		else if (values->type == JS_OBJECT)
			restore_object(load, node, values);
	}
	mend(load, node);
}
