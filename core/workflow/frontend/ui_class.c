/* ui_class.c - from a row of object_info to the slots and widgets of a new node.
 *
 * Inputs are taken in the order of the canvas: first those that make no widget, each a slot; then the others, each its widgets and,
 * unless it is socketless, a slot marked with the widget. A dynamic combo is built in the same way at the place where it stands, so one
 * function adds inputs at a cursor (struct build) that a new node starts at its end. Front ends before 1.49 know no dynamic types: they
 * make plain sockets of them.
 */
#include "core/workflow/frontend/ui_class.h"

#include <string.h>

#include "core/base/array.h"
#include "core/workflow/frontend/ui_dynamic.h"

/* Types that make a widget. The default of one that object_info does not give: see default_of. */
static const struct {
	const char *type;
	enum ui_widget_kind kind;
	bool newer; /* unknown to 1.27 */
} widget_types[] = {
	{ .type = "INT", .kind = UI_INT },
	{ .type = "FLOAT", .kind = UI_FLOAT },
	{ .type = "BOOLEAN", .kind = UI_TOGGLE },
	{ .type = "STRING", .kind = UI_TEXT },
	{ .type = "COMBO", .kind = UI_COMBO },
	{ .type = "MARKDOWN", .kind = UI_OTHER },
	{ .type = "COLOR", .kind = UI_OTHER },
	{ .type = "COLORS", .kind = UI_OTHER, .newer = true },
	{ .type = "CURVE", .kind = UI_CURVE, .newer = true },
	{ .type = "RANGE", .kind = UI_OTHER, .newer = true },
	{ .type = "BOUNDING_BOX", .kind = UI_OTHER, .newer = true },
	{ .type = "BOUNDING_BOXES", .kind = UI_OTHER, .newer = true },
	{ .type = "IMAGECOMPARE", .kind = UI_OTHER },
	{ .type = "CHART", .kind = UI_OTHER },
	{ .type = "GALLERIA", .kind = UI_OTHER },
	{ .type = "PAINTER", .kind = UI_OTHER, .newer = true },
	{ .type = "COMPOSITOR", .kind = UI_OTHER, .newer = true },
	{ .type = "TEXTAREA", .kind = UI_OTHER },
	{ .type = "VIDEO_EDIT", .kind = UI_OTHER, .newer = true },
	{ .type = "COMFY_DYNAMICCOMBO_V3", .kind = UI_DYNAMIC_COMBO, .newer = true },
};

/* Options by which an input has a button to upload with: a widget, stored but not sent. */
static const struct {
	const char *option, *socket_type, *value;
	bool player; /* audio has a player before it, neither stored nor sent */
} uploads[] = {
	{ .option = "image_upload", .socket_type = "IMAGEUPLOAD", .value = "image" },
	{ .option = "animated_image_upload", .socket_type = "IMAGEUPLOAD", .value = "image" },
	{ .option = "video_upload", .socket_type = "IMAGEUPLOAD", .value = "image" },
	{ .option = "audio_upload", .socket_type = "AUDIOUPLOAD", .value = "", .player = true },
};

static const struct js_value no_options = { .type = JS_OBJECT };

const struct js_value *ui_spec_options(const struct js_value *spec)
{
	const struct js_value *options = js_at(spec, 1);

	return options->type == JS_OBJECT ? options : &no_options;
}

const char *ui_socket_type(const struct js_value *spec)
{
	const struct js_value *type = js_at(spec, 0);

	return type->type == JS_LIST ? "COMBO" : type->type == JS_TEXT ? type->text : "*";
}

static const char *declared_type(const struct js_value *spec)
{
	const char *named = js_text_of(js_get(ui_spec_options(spec), "widgetType"));

	return named ? named : ui_socket_type(spec);
}

static size_t widget_row(const struct ui_load *load, const char *type)
{
	size_t row = 0;

	while (row < ARRAY_SIZE(widget_types) && strcmp(widget_types[row].type, type) != 0)
		row++;
	return row < ARRAY_SIZE(widget_types) && load->version == FRONTEND_1_27 && widget_types[row].newer
		       ? ARRAY_SIZE(widget_types)
		       : row;
}

const char *ui_widget_type(const struct ui_load *load, const struct js_value *spec)
{
	size_t row = widget_row(load, declared_type(spec));
	const struct js_value *forced = js_get(ui_spec_options(spec), "forceInput");

	return row < ARRAY_SIZE(widget_types) && !js_is_truthy(forced) ? widget_types[row].type : NULL;
}

void ui_slot_match(struct ui_slot *slot, const struct js_value *spec)
{
	const struct js_value *template = js_get(ui_spec_options(spec), "template");
	const char *allowed = js_text_of(js_get(template, "allowed_types"));

	if (strcmp(slot->type, "COMFY_MATCHTYPE_V3") != 0)
		return;
	slot->type = allowed ? allowed : "*";
	slot->template_id = js_text_of(js_get(template, "template_id"));
}

/* ---- defaults ---- */

static struct js_value *combo_default(struct ui_load *load, const struct ui_widget *widget)
{
	struct js_value *given = js_get(widget->options, "default");
	struct js_value *first = js_at(widget->choices, 0);

	if (js_is_truthy(given))
		return given;
	if (widget->kind == UI_DYNAMIC_COMBO)
		return js_get(first, "key");
	if (first->type == JS_UNDEFINED && js_is_truthy(js_get(widget->options, "remote")))
		return js_text(load->arena, "Loading...");
	return first;
}

static struct js_value *default_of(struct ui_load *load, const struct ui_widget *widget)
{
	struct js_value *given = js_get(widget->options, "default");

	if (widget->kind == UI_COMBO || widget->kind == UI_DYNAMIC_COMBO)
		return combo_default(load, widget);
	if (given->type != JS_UNDEFINED)
		return given;
	switch (widget->kind) {
	case UI_INT:
	case UI_FLOAT:
		return js_number(load->arena, 0);
	case UI_TOGGLE:
		return &js_false;
	default:
		return js_text(load->arena, "");
	}
}

void ui_widget_init(struct ui_load *load, struct ui_widget *widget, const char *name, const struct js_value *spec)
{
	const struct js_value *options = ui_spec_options(spec);
	const struct js_value *type = js_at(spec, 0);
	size_t row = widget_row(load, declared_type(spec));

	*widget = (struct ui_widget) { .name = name, .kind = UI_OTHER, .sent = true, .stored = true, .options = options };
	if (row < ARRAY_SIZE(widget_types))
		widget->kind = widget_types[row].kind;
	widget->choices = type->type == JS_LIST ? type : js_get(options, "options");
	widget->value = default_of(load, widget);
}

/* ---- one input ---- */

static struct ui_slot *add_slot(struct ui_build *b, const char *name, const char *type, const char *widget)
{
	struct ui_slot *slot = ui_slot_insert(b->load, b->node, b->slot_at++);

	slot->name = name;
	slot->type = type;
	slot->widget = widget;
	return slot;
}

static void add_extra(struct ui_build *b, const char *name, struct js_value *value, bool stored)
{
	struct ui_widget *widget = ui_widget_insert(b->load, b->node, b->widget_at++);

	*widget = (struct ui_widget) { .name = name,
				       .kind = UI_OTHER,
				       .value = value,
				       .stored = stored,
				       .options = &no_options,
				       .choices = &js_undefined };
}

/* control_after_generate, and what else follows a value: stored, not sent. */
static void add_control(struct ui_build *b, const char *name, enum ui_widget_kind kind, const struct js_value *options)
{
	const struct js_value *control = js_get(options, "control_after_generate");
	bool implied = kind == UI_INT && control->type == JS_UNDEFINED &&
		       (strcmp(name, "seed") == 0 || strcmp(name, "noise_seed") == 0);
	const char *given = js_text_of(control);
	bool own_name = given && b->load->version != FRONTEND_1_58;

	if (!implied && (!js_is_truthy(control) || (kind != UI_INT && kind != UI_FLOAT && kind != UI_COMBO)))
		return;
	add_extra(b, own_name ? given : "control_after_generate", js_text(b->load->arena, given ? given : "randomize"), true);
	if (kind == UI_COMBO)
		add_extra(b, "control_filter_list", js_text(b->load->arena, ""), true);
}

static void add_widget_input(struct ui_build *b, const char *name, const struct js_value *spec)
{
	struct ui_widget widget;
	size_t at = b->widget_at;
	size_t before;

	ui_widget_init(b->load, &widget, name, spec);
	*ui_widget_insert(b->load, b->node, b->widget_at++) = widget;
	if (widget.kind == UI_DYNAMIC_COMBO) { /* grows while it has no slot yet: its own comes last */
		before = b->node->widget_count;
		b->slot_at += ui_dynamic_choose(b->load, b->node, at, b->slot_at);
		b->widget_at += b->node->widget_count - before;
	}
	add_slot(b, name, ui_socket_type(spec), name);
	add_control(b, name, widget.kind, widget.options);
}

static void add_socket(struct ui_build *b, const char *name, const struct js_value *spec)
{
	const char *type = ui_socket_type(spec);
	struct ui_slot *slot;

	if (b->load->version == FRONTEND_1_27) {
		add_slot(b, name, type, NULL);
		return;
	}
	if (strcmp(type, "COMFY_AUTOGROW_V3") == 0) {
		ui_dynamic_grow(b, name, spec);
		return;
	}
	slot = add_slot(b, name, type, NULL);
	ui_slot_match(slot, spec);
}

void ui_build_grown(struct ui_build *b, const struct ui_input *inputs, size_t count, const char *prefix)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_printf(b->load->arena, "%s%s", prefix, inputs[i].name);

		if (ui_widget_type(b->load, inputs[i].spec))
			add_widget_input(b, name, inputs[i].spec);
		else
			add_socket(b, name, inputs[i].spec);
	}
}

static void build_inputs(struct ui_build *b, const struct ui_input *inputs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!ui_widget_type(b->load, inputs[i].spec))
			add_socket(b, inputs[i].name, inputs[i].spec);
	}
	for (size_t i = 0; i < count; i++) {
		if (ui_widget_type(b->load, inputs[i].spec))
			add_widget_input(b, inputs[i].name, inputs[i].spec);
	}
}

/* ---- inputs in order ---- */

static void take_input(struct ui_load *load, const struct js_value *group, const char *name, struct js_value *taken,
		       struct ui_input *inputs, size_t *count)
{
	const struct js_value *spec = js_get(group, name);

	if (spec->type != JS_LIST || js_get(taken, name)->type != JS_UNDEFINED)
		return;
	js_put(load->arena, taken, name, &js_true);
	inputs[(*count)++] = (struct ui_input) { .name = name, .spec = spec };
}

size_t ui_class_inputs(struct ui_load *load, const struct js_value *input, const struct js_value *order,
		       struct ui_input **inputs)
{
	const struct js_value *groups[] = { js_get(input, "required"), js_get(input, "optional") };
	const struct js_value *orders[] = { js_get(order, "required"), js_get(order, "optional") };
	struct js_value *taken = js_object(load->arena);
	size_t count = 0;

	*inputs = arena_take(load->arena, (groups[0]->count + groups[1]->count + 1) * sizeof(**inputs));
	for (size_t g = 0; g < 2; g++) {
		for (size_t i = 0; orders[g]->type == JS_LIST && i < orders[g]->count; i++) {
			const char *name = js_text_of(orders[g]->items[i]);

			if (name)
				take_input(load, groups[g], name, taken, *inputs, &count);
		}
	}
	for (size_t g = 0; g < 2; g++) {
		for (size_t i = 0; groups[g]->type == JS_OBJECT && i < groups[g]->count; i++)
			take_input(load, groups[g], groups[g]->members[i].key, taken, *inputs, &count);
	}
	return count;
}

/* ---- a whole class ---- */

static void add_uploads(struct ui_build *b, const struct ui_input *inputs, size_t count)
{
	struct arena *arena = b->load->arena;

	for (size_t i = 0; i < count * ARRAY_SIZE(uploads); i++) {
		const struct js_value *options = ui_spec_options(inputs[i / ARRAY_SIZE(uploads)].spec);
		size_t row = i % ARRAY_SIZE(uploads);

		if (!js_is_truthy(js_get(options, uploads[row].option)))
			continue;
		if (uploads[row].player) {
			add_extra(b, "audioUI", js_text(arena, ""), false);
			b->node->widgets[b->widget_at - 1].sent = b->load->version == FRONTEND_1_27;
			add_slot(b, "audioUI", "AUDIO_UI", "audioUI");
		}
		add_extra(b, "upload", js_text(arena, uploads[row].value), true);
		add_slot(b, "upload", uploads[row].socket_type, "upload");
	}
}

static void add_outputs(struct ui_load *load, struct ui_node *node)
{
	const struct js_value *types = js_get(node->class, "output");
	const struct js_value *names = js_get(node->class, "output_name");
	const struct js_value *templates = js_get(node->class, "output_matchtypes");

	for (size_t i = 0; types->type == JS_LIST && i < types->count; i++) {
		const char *type = js_text_of(types->items[i]);
		const char *name = js_text_of(js_at(names, i));
		bool matches = type && load->version != FRONTEND_1_27 && strcmp(type, "COMFY_MATCHTYPE_V3") == 0;
		struct ui_output *output;

		arena_reserve(load->arena, &node->outputs, &node->output_capacity, node->output_count + 1,
			      sizeof(*node->outputs));
		output = &node->outputs[node->output_count++];
		*output = (struct ui_output) { .type = !type ? "COMBO" : matches ? "*" : type, .links = &js_undefined };
		output->name = name ? name : output->type;
		output->template_id = matches ? js_text_of(js_at(templates, i)) : NULL;
	}
}

/* What a pack's JavaScript makes of the class, where it is more than object_info says: all of its widgets and slots. */
static void build_listed(struct ui_build *b, const struct js_value *listed)
{
	const struct js_value *widgets = js_get(listed, "widgets");
	const struct js_value *slots = js_get(listed, "inputs");

	for (size_t i = 0; widgets->type == JS_LIST && i < widgets->count; i++)
		ui_build_listed_widget(b, widgets->items[i]);
	for (size_t i = 0; slots->type == JS_LIST && i < slots->count; i++) {
		const char *name = js_text_of(js_at(slots->items[i], 0));

		if (name)
			add_slot(b, name, js_string(b->load->arena, js_at(slots->items[i], 1)),
				 js_text_of(js_at(slots->items[i], 2)));
	}
}

static const struct js_value *listed_of(const struct ui_load *load, const struct js_value *class)
{
	const char *name = arena_printf(load->arena, "frontend_%s", frontend_version_name(load->version));
	const struct js_value *listed = js_get(class, name);

	return listed->type == JS_OBJECT ? listed : js_get(class, "frontend");
}

void ui_class_build(struct ui_load *load, struct ui_node *node)
{
	struct ui_build b = { .load = load, .node = node };
	const struct js_value *listed = listed_of(load, node->class);
	const char *title = js_text_of(js_get(js_get(node->class, "titles"), frontend_version_name(load->version)));
	struct ui_input *inputs;
	size_t count = ui_class_inputs(load, js_get(node->class, "input"), js_get(node->class, "input_order"), &inputs);

	if (js_get(listed, "widgets")->type == JS_LIST) {
		build_listed(&b, listed);
	} else {
		build_inputs(&b, inputs, count);
		add_uploads(&b, inputs, count);
	}
	add_outputs(load, node);
	if (!title)
		title = js_text_of(js_get(node->class, "display_name"));
	node->title = title && *title ? title : node->type;
	if (js_is_truthy(js_get(node->class, "virtual")))
		node->role = UI_VIRTUAL;
}
