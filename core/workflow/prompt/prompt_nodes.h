/* prompt_nodes.h - the nodes of a prompt that runs: its own, and those that nodes expand into. Private to core/workflow/prompt.
 *
 * A node is known by its place, which it keeps; pointers into the table end with the next prompt_nodes_add(). One thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_NODES_H
#define RESIDENCY_WORKFLOW_PROMPT_NODES_H

#include "core/workflow/prompt/prompt_calls.h"
#include "core/workflow/prompt/prompt_class.h"

#define PROMPT_NO_NODE SIZE_MAX

/* Equal where ComfyUI's cache keys are equal. */
struct prompt_key {
	uint64_t low, high;
};

struct prompt_node {
	struct py *id; /* a text */
	struct py *body; /* {class_type, inputs, ...} */
	const struct prompt_class *class; /* NULL: there is no such class */
	struct py *name; /* its id, a NUL and its class */
	size_t parent; /* that expanded into it, or PROMPT_NO_NODE */
	struct py *display; /* the id that stands for it; NULL: its own */
	size_t *sorted; /* places of inputs by name; made when first asked for */
	struct py *is_changed; /* NULL: not asked yet in this prompt */
	bool has_key;
	struct prompt_key key;
	/* While it is to run: */
	bool is_pending;
	size_t block_count; /* what it waits for */
	size_t *blocked; /* places of nodes that wait for it */
	size_t blocked_count, blocked_capacity;
	struct prompt_mapping *tasks; /* its calls that are suspended; owned */
	struct py *expansion; /* what it gave with its expansion: a list of [expanded, result] */
};

struct prompt_nodes {
	const struct prompt_classes *classes;
	struct py *prompt; /* the caller's */
	struct prompt_node *items;
	size_t count, capacity;
	struct py *places; /* map of ids to places */
};

/* Takes a prompt's nodes in. Free with prompt_nodes_free(), after a failure too. */
bool prompt_nodes_init(struct prompt_nodes *nodes, const struct prompt_classes *classes, struct py *prompt,
		       struct py_raised *raised);
void prompt_nodes_free(struct prompt_nodes *nodes);

/* Adds a node of an expansion; display may be NULL. */
bool prompt_nodes_add(struct prompt_nodes *nodes, const char *id, size_t length, struct py *body, size_t parent,
		      const struct py *display, struct py_raised *raised);

size_t prompt_nodes_find(const struct prompt_nodes *nodes, const struct py *id);
/* Raises NodeNotFoundError. */
size_t prompt_nodes_get(const struct prompt_nodes *nodes, const struct py *id, struct py_raised *raised);

/* The node's inputs, borrowed; raises what Python would where they are no map. */
const struct py *prompt_node_inputs(const struct prompt_node *node, struct py_raised *raised);

/* Ids, borrowed: of the node that stands for it in front ends, and of the prompt's own node that it came from. */
const struct py *prompt_node_display(const struct prompt_nodes *nodes, size_t node);
const struct py *prompt_node_real(const struct prompt_nodes *nodes, size_t node);

/* The node's cache key, made when first asked for; IS_CHANGED of the node and its ancestors runs then. */
bool prompt_node_key(struct prompt_nodes *nodes, size_t node, struct prompt_key *key, struct py_raised *raised);

#endif
