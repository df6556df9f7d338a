/* ui_load.h - the steps of loading a canvas, in the order in which ui_load runs them. Private to core/workflow/frontend. */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_UI_LOAD_H
#define RESIDENCY_WORKFLOW_FRONTEND_UI_LOAD_H

#include "core/workflow/frontend/ui_class.h"

/* Loads a whole file into load->root and load->definitions. False where the front end's canvas stays empty: the prompt is then {}. */
bool ui_load_file(struct ui_load *load, struct js_value *file);

/* Reads links and nodes of one graph; object_links: links are objects, not arrays. */
bool ui_graph_read(struct ui_load *load, struct ui_graph *graph, bool object_links);
/* A new node of a type, with what its class gives it. */
struct ui_node *ui_node_new(struct ui_load *load, struct ui_graph *graph, const char *id, const char *type);
/* Takes over the file's slots, outputs, mode, title, values. */
void ui_node_configure(struct ui_load *load, struct ui_node *node);
/* Removes slots marked with a widget that the node does not have. */
void ui_graph_finish(struct ui_load *load, struct ui_graph *graph);

/* ---- values (ui_values.c) ---- */

/* Gives the node's widgets the stored values. */
void ui_values_restore(struct ui_load *load, struct ui_node *node, struct js_value *values);
/* Values of a pack that stores objects. False where the class is of no such pack. */
bool ui_pack_values(struct ui_load *load, struct ui_node *node, struct js_value *values);
/* Grows what a pack's node has for the value that its widget was given. */
void ui_pack_grow(struct ui_load *load, struct ui_node *node, size_t widget);

/* ---- numbers (ui_round.c) ---- */

#define UI_FLOAT_MAX 2048 /* of a FLOAT without `max` */

/* A number as the widget rounds one that it is given; any other value as it is. */
struct js_value *ui_rounded(struct ui_load *load, const struct ui_widget *widget, struct js_value *value);
/* An option's number. */
double ui_option_or(const struct ui_widget *widget, const char *name, double fallback);

/* ---- subgraphs (ui_subgraph.c) ---- */

/* Makes node ids unique over the file, in place. */
void ui_unique_ids(struct ui_load *load, struct js_value *file);
/* Reads and loads all definitions. False where one contains itself. */
bool ui_definitions_load(struct ui_load *load, struct js_value *list);
/* The slots of an instance, before the file's links. */
void ui_instance_slots(struct ui_load *load, struct ui_node *node);
/* Its promoted values by position. */
void ui_instance_values(struct ui_node *node, const struct js_value *values);

/* What an input of a definition feeds: a widget, or the promoted slot of an instance inside. */
struct ui_target {
	struct ui_node *node; /* NULL: no widget */
	struct ui_widget *widget; /* NULL where the node is an instance */
	struct ui_slot *slot;
};
struct ui_target ui_promoted_target(struct ui_load *load, const struct ui_graph *definition, size_t input);
struct js_value *ui_target_value(const struct ui_target *target);

/* Adds an input to a definition; links: ids of what it feeds. */
void ui_definition_add_input(struct ui_load *load, struct ui_graph *graph, const char *name, const char *type,
			     struct js_value *links);
/* Adds the slot of a definition's input to an instance. */
void ui_instance_add_slot(struct ui_load *load, struct ui_node *node, size_t input);

/* ---- proxyWidgets (ui_proxy.c) ---- */

/* Applies properties.proxyWidgets of the instances of a graph. */
void ui_proxies_apply(struct ui_load *load, struct ui_graph *graph);

/* ---- the table of links (ui_table.c) ---- */

/* Links slots as the table of links has it, where the version does so. */
void ui_table_apply(struct ui_load *load, struct ui_graph *graph);

/* ---- match types (ui_match.c) ---- */

/* Gives outputs of a match type the type of what is linked, and removes links that no longer fit. */
void ui_match_types(struct ui_load *load, struct ui_graph *graph);

/* Whether a link may go between the types. */
bool ui_types_fit(const char *a, const char *b);

#endif
