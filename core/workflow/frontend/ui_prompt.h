/* ui_prompt.h - from a loaded canvas to the prompt. Private to core/workflow/frontend. */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_UI_PROMPT_H
#define RESIDENCY_WORKFLOW_FRONTEND_UI_PROMPT_H

#include "core/workflow/frontend/ui_load.h"

/* Where a node of a definition stands: the instances around it, from the innermost. NULL: in the root graph. */
struct ui_path {
	const struct ui_path *outer;
	struct ui_node *instance;
};

/* The node's id in the prompt: ids of the instances and its own, joined by colons. */
const char *ui_path_id(struct ui_load *load, const struct ui_path *path, const struct ui_node *node);

/* The prompt as an object. */
struct js_value *ui_prompt(struct ui_load *load);

/* ---- ui_virtual.c ---- */

/* Lets primitives and CustomCombos give their values to the widgets that they feed. */
void ui_virtual_apply(struct ui_load *load);

/* ---- ui_order.c ---- */

/* The graph's nodes in the order in which the front end would run them. As many as the graph has. */
struct ui_node **ui_order(struct ui_load *load, const struct ui_graph *graph);

/* ---- ui_resolve.c ---- */

/* What a linked slot gets: nothing, a link, or a value. */
struct ui_result {
	enum { UI_NOTHING, UI_LINKED, UI_LITERAL } what;
	const char *id; /* UI_LINKED: of a node in the prompt */
	struct js_value *value; /* UI_LITERAL: the value; UI_LINKED: the output's slot */
};
struct ui_result ui_resolve(struct ui_load *load, const struct ui_path *path, struct ui_node *node, const struct ui_slot *slot);

/* ---- ui_text.c ---- */

/* Comments removed, and of {a|b} the first taken. */
const char *ui_dynamic_prompt(struct ui_load *load, const char *text);
/* %date:...% and %node.widget% replaced. */
const char *ui_replace(struct ui_load *load, const char *text);
/* Whether the class's filename_prefix goes through ui_replace. */
bool ui_saves(const struct ui_node *node);

#endif
