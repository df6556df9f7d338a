/* ui_dynamic.h - inputs that come and go with a node's values and links. Private to core/workflow/frontend.
 *
 * A dynamic combo has the widgets and slots of its choice; a growing input has one more slot than are linked (reference/frontend.md,
 * section 6).
 */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_UI_DYNAMIC_H
#define RESIDENCY_WORKFLOW_FRONTEND_UI_DYNAMIC_H

#include "core/workflow/frontend/ui_class.h"

/* Where inputs are being added to a node. */
struct ui_build {
	struct ui_load *load;
	struct ui_node *node;
	size_t slot_at, widget_at;
	struct ui_slot *before; /* slots that a change took away; one of the same name takes the link */
	size_t before_count;
	const char **names; /* of all slots before the change */
	size_t name_count;
};

/* Adds a choice's inputs at the cursor, in their order, named prefix and name. */
void ui_build_grown(struct ui_build *b, const struct ui_input *inputs, size_t count, const char *prefix);
/* Adds a widget [name, kind, default, sent, stored] as the built-in classes list it; a sixth member "undefined": it has no value. */
void ui_build_listed_widget(struct ui_build *b, const struct js_value *listed);

/* Replaces what the combo grew by what its value chooses; slots of the same name keep their links. The slots
 * stand from slot_at; SIZE_MAX: where those before stood, else behind the combo's own. Returns how many there are of it now. */
size_t ui_dynamic_choose(struct ui_load *load, struct ui_node *node, size_t widget, size_t slot_at);

/* Adds the first slots of a growing input. */
void ui_dynamic_grow(struct ui_build *b, const char *name, const struct js_value *spec);

#endif
