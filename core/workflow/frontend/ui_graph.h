/* ui_graph.h - a canvas as the front end holds it after loading: graphs, nodes, slots, widgets, links. Private to core/workflow/frontend.
 *
 * The root graph and each subgraph's definition is a ui_graph. Ids are texts, whatever they were in the file. All of it lives in the arena of
 * one conversion (struct ui_load) and is borrowed until that ends; errors and missing memory leave through ui_fail and the arena's
 * escape, so functions here return no errors. One thread.
 */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_UI_GRAPH_H
#define RESIDENCY_WORKFLOW_FRONTEND_UI_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/workflow/frontend/frontend.h"
#include "core/workflow/frontend/js_value.h"

/* The ends of a subgraph inside its definition. */
#define UI_INPUT_ID "-10"
#define UI_OUTPUT_ID "-20"

enum ui_widget_kind { UI_INT, UI_FLOAT, UI_TOGGLE, UI_TEXT, UI_COMBO, UI_DYNAMIC_COMBO, UI_CURVE, UI_BUTTON, UI_OTHER };

struct ui_widget {
	const char *name;
	enum ui_widget_kind kind;
	struct js_value *value;
	bool sent; /* goes into the prompt */
	bool stored; /* takes an entry of widgets_values */
	const struct js_value *options; /* of object_info; an empty object where there are none */
	const struct js_value *choices; /* of a combo: texts; of a dynamic combo: {key, inputs}; else undefined */
};

struct ui_slot {
	const char *name, *type;
	const char *link; /* id, or NULL */
	const char *widget; /* the widget whose value a link replaces, or NULL */
	bool promoted; /* of an instance: it stands for a widget inside, and value is the instance's own */
	struct js_value *value;
	const char *template_id; /* of COMFY_MATCHTYPE_V3, or NULL */
};

struct ui_output {
	const char *name, *type;
	struct js_value *links; /* ids as the file has them */
	const char *template_id; /* of COMFY_MATCHTYPE_V3, or NULL */
};

/* What a node is. Of these only UI_SERVER and UI_UNKNOWN are in the prompt. */
enum ui_role { UI_SERVER, UI_UNKNOWN, UI_PRIMITIVE, UI_REROUTE, UI_SET, UI_GET, UI_INSTANCE, UI_VIRTUAL };

struct ui_graph;

struct ui_node {
	const char *id, *type, *title; /* title: as shown; NULL: none, then _meta is empty */
	enum ui_role role;
	int mode; /* 2 muted, 4 bypassed, all else 0 */
	double priority;
	const struct js_value *class; /* a row of object_info; undefined for other roles */
	struct ui_graph *definition; /* of an instance */
	struct ui_graph *graph; /* that holds the node */
	struct js_value *file; /* as it stands in the file */
	struct ui_slot *slots;
	size_t slot_count, slot_capacity;
	struct ui_output *outputs;
	size_t output_count, output_capacity;
	struct ui_widget *widgets;
	size_t widget_count, widget_capacity;
};

struct ui_link {
	const char *id, *origin, *target, *type;
	struct js_value *origin_slot; /* as written: it goes into the prompt */
	size_t origin_index, target_index;
	bool removed;
};

struct ui_graph {
	const char *id; /* of a definition; NULL for the root */
	struct js_value *file;
	struct ui_node **nodes; /* in the order of the file */
	size_t node_count, node_capacity;
	struct ui_link **links;
	size_t link_count, link_capacity;
	struct ui_slot *inputs; /* of a definition; `links` has what each feeds */
	struct js_value **input_links;
	size_t input_count, input_capacity, input_links_capacity;
	const char **output_links; /* of a definition: the first link of each output, or NULL */
	const char **output_types;
	size_t output_count;
	bool loaded, whole; /* whole: what it contains was looked at, and holds no circle */
};

struct ui_load {
	struct arena *arena;
	struct error *e;
	enum frontend_version version;
	const struct frontend_request *request;
	struct ui_graph *root;
	struct ui_graph **definitions;
	size_t definition_count, definition_capacity;
	bool inner_text; /* a text inside the file's text is being read */
	struct strbuf scratch; /* freed with the conversion, however it ends */
};

/* Ends the conversion: sets the error, jumps to the arena's escape. */
__attribute__((format(printf, 2, 3), noreturn)) void ui_fail(struct ui_load *load, const char *format, ...);

/* ---- looking ---- */

/* NULL if not found. */
struct ui_node *ui_node_find(const struct ui_graph *graph, const char *id);
struct ui_link *ui_link_find(const struct ui_graph *graph, const char *id);
struct ui_widget *ui_widget_find(const struct ui_node *node, const char *name);
struct ui_slot *ui_slot_find(const struct ui_node *node, const char *name);
struct ui_graph *ui_definition_find(const struct ui_load *load, const char *id);

bool ui_same(const char *a, const char *b); /* equal texts; NULL equals only NULL */

/* ---- building ---- */

struct ui_slot *ui_slot_insert(struct ui_load *load, struct ui_node *node, size_t at);
struct ui_widget *ui_widget_insert(struct ui_load *load, struct ui_node *node, size_t at);
void ui_slot_remove(struct ui_node *node, size_t at);
/* Removes the link from its graph, and from the slot that names it. */
void ui_link_remove(struct ui_graph *graph, const char *id);

#endif
