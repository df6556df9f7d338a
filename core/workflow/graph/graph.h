/* graph.h - a prompt in API format, read and checked: an ordered map of node ids to nodes, whose order matters.
 *
 *	{"4": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "steps": 20, ...}}, ...}
 *
 * An input is a literal or a link, a list of a node's id and a slot. Slots count as Python's do: -1 is the last.
 */
#ifndef RESIDENCY_WORKFLOW_GRAPH_H
#define RESIDENCY_WORKFLOW_GRAPH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/workflow/graph/node.h"

#define GRAPH_NODES_MAX 10000
#define NO_NODE SIZE_MAX

struct graph_input {
	const char *name;
	json_t *literal; /* NULL for a link */
	size_t source; /* node of a link; NO_NODE where there is no such node */
	json_t *slot_literal; /* of a link, as written */
	int64_t slot; /* of a link, as written: may be negative */
	struct value value; /* of a literal that its type declares, after the cast */
};

struct graph_node {
	const char *id;
	const struct node_type *type;
	struct graph_input *inputs; /* in the order written */
	size_t input_count;
	size_t *sorted; /* indexes of inputs by name */
	bool checked; /* an output needs it: its inputs were checked and cast */
};

struct graph {
	json_t *prompt; /* kept; texts are borrowed from it */
	struct graph_node *nodes; /* in the order written */
	size_t node_count;
	size_t *outputs; /* nodes that are outputs, in the order written */
	size_t output_count;
	size_t link_count;
};

/* Reads and checks; keeps the JSON, which must not change meanwhile. `where` names the prompt in messages, which name the node. The caller frees with graph_free(). ERROR_FORMAT:
 * an invalid shape, an unknown class, a link to nowhere, a missing input, a cycle, a value out of its range. */
struct graph *graph_new(const json_t *prompt, const char *where, struct error *e);
void graph_free(struct graph *graph);

/* Index of a node by id, or NO_NODE. */
size_t graph_find(const struct graph *graph, const char *id);

/* The slot that a link means, or -1 when its source has no such output. */
int graph_slot(const struct graph *graph, const struct graph_input *input);

#endif
