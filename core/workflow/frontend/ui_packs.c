/* ui_packs.c - values of packs whose JavaScript stores and grows them in its own way.
 *
 * VideoHelperSuite stores an object of values by name, and VHS_VideoCombine grows the settings of the chosen format after it, from the
 * option `formats` of object_info.
 */
#include <stdlib.h>
#include <string.h>

#include "core/workflow/frontend/ui_load.h"

static bool is_vhs(const struct ui_node *node)
{
	return node->role == UI_SERVER && strncmp(node->type, "VHS_", 4) == 0;
}

/* ---- settings of a format ---- */

static struct js_value *formats_of(const struct ui_widget *widget)
{
	return strcmp(widget->name, "format") == 0 ? js_get(widget->options, "formats") : &js_undefined;
}

static bool is_setting(const struct js_value *formats, const char *name)
{
	for (size_t f = 0; f < formats->count; f++) {
		const struct js_value *settings = formats->members[f].value;

		for (size_t i = 0; settings->type == JS_LIST && i < settings->count; i++) {
			if (ui_same(js_text_of(js_at(settings->items[i], 0)), name))
				return true;
		}
	}
	return false;
}

/* A setting is [name, type, options], where type may be a list of choices. */
static void add_setting(struct ui_load *load, struct ui_node *node, size_t at, const struct js_value *setting)
{
	const char *name = js_text_of(js_at(setting, 0));
	struct js_value *spec = js_list(load->arena);

	js_push(load->arena, spec, js_at(setting, 1));
	js_push(load->arena, spec, js_at(setting, 2));
	ui_widget_init(load, ui_widget_insert(load, node, at), name, spec);
}

void ui_pack_grow(struct ui_load *load, struct ui_node *node, size_t widget)
{
	const struct js_value *formats = formats_of(&node->widgets[widget]);
	const char *chosen = js_text_of(node->widgets[widget].value);
	const struct js_value *settings;
	size_t at = widget + 1;

	if (!is_vhs(node) || formats->type != JS_OBJECT)
		return;
	while (at < node->widget_count && is_setting(formats, node->widgets[at].name)) {
		node->widget_count--;
		memmove(&node->widgets[at], &node->widgets[at + 1], (node->widget_count - at) * sizeof(*node->widgets));
	}
	settings = js_get(formats, chosen ? chosen : "");
	for (size_t i = 0; settings->type == JS_LIST && i < settings->count; i++) {
		if (js_text_of(js_at(settings->items[i], 0)))
			add_setting(load, node, at++, settings->items[i]);
	}
}

/* ---- stored objects ---- */

/* Before custom_width and custom_height there was force_size: "512x?", "Disabled", "Custom Width" ... */
static struct js_value *old_size(struct ui_load *load, const char *name, const char *size, struct js_value *given)
{
	bool width = strcmp(name, "custom_width") == 0;
	const char *x = strchr(size, 'x');

	if (strcmp(size, "Disabled") == 0 || strcmp(size, width ? "Custom Height" : "Custom Width") == 0)
		return js_number(load->arena, 0);
	if (x && size[0] != 'C')
		return js_number(load->arena, (double)strtol(width ? size : x + 1, NULL, 10));
	return given;
}

static struct js_value *stored_value(struct ui_load *load, const struct ui_widget *widget, const struct js_value *values)
{
	struct js_value *value = js_get(values, widget->name);
	const char *size = js_text_of(js_get(values, "force_size"));

	if (value->type == JS_UNDEFINED && strcmp(widget->name, "save_output") == 0)
		value = js_get(values, "save_image");
	if (size && (strcmp(widget->name, "custom_width") == 0 || strcmp(widget->name, "custom_height") == 0))
		value = old_size(load, widget->name, size, value);
	return value;
}

bool ui_pack_values(struct ui_load *load, struct ui_node *node, struct js_value *values)
{
	if (!is_vhs(node) || values->type != JS_OBJECT)
		return false;
	for (size_t i = 0; i < node->widget_count; i++) {
		const struct ui_widget *widget = &node->widgets[i];
		struct js_value *value = stored_value(load, widget, values);
		struct js_value *fallback = js_get(widget->options, "default");

		if (widget->kind == UI_BUTTON)
			continue;
		if (value->type != JS_UNDEFINED)
			ui_widget_set(load, node, i, value);
		else if (js_is_truthy(fallback))
			ui_widget_set(load, node, i, fallback);
	}
	return true;
}
