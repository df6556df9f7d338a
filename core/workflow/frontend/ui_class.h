/* ui_class.h - what a class gives a new node: slots, widgets with their defaults, outputs. Private to core/workflow/frontend.
 *
 * Classes are rows of object_info as ComfyUI's server writes it. From the order and types of inputs follow slots and widgets (reference/
 * frontend.md, section 3); dynamic combos and growing inputs follow from their templates (section 6). Where a pack's JavaScript adds or
 * replaces widgets, the row of the built-in classes has a member "frontend" that lists them.
 */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_UI_CLASS_H
#define RESIDENCY_WORKFLOW_FRONTEND_UI_CLASS_H

#include "core/workflow/frontend/ui_graph.h"

/* The row of a class; undefined if unknown. */
const struct js_value *ui_class_find(const struct ui_load *load, const char *name);

/* Gives a node whose class is set its slots, widgets, outputs, title, priority. */
void ui_class_build(struct ui_load *load, struct ui_node *node);

struct ui_input {
	const char *name;
	const struct js_value *spec; /* a list of a type and options */
};

/* Inputs of `input` ({required, optional}) in the order of the canvas; `order` is input_order or undefined. Returns how many. */
size_t ui_class_inputs(struct ui_load *load, const struct js_value *input, const struct js_value *order,
		       struct ui_input **inputs);

/* The type that a spec's widget has, or NULL where it makes a socket. */
const char *ui_widget_type(const struct ui_load *load, const struct js_value *spec);
/* The type that its socket has. */
const char *ui_socket_type(const struct js_value *spec);
/* Gives a slot of COMFY_MATCHTYPE_V3 the types that its spec allows, and its template. */
void ui_slot_match(struct ui_slot *slot, const struct js_value *spec);
/* A widget as the spec gives it, with its default. */
void ui_widget_init(struct ui_load *load, struct ui_widget *widget, const char *name, const struct js_value *spec);

/* Gives a widget a value as a user would: a dynamic combo grows the widgets and slots of its choice, a CustomCombo its next option, a VHS
 * format its settings. Widgets of the node move; the pointer is not valid afterwards. */
void ui_widget_set(struct ui_load *load, struct ui_node *node, size_t widget, struct js_value *value);

/* The options list of an input: an empty object where it has none. */
const struct js_value *ui_spec_options(const struct js_value *spec);

#endif
