/* node.h - node types: what a class_type in a workflow names, takes, gives and does.
 *
 * One table row a type, in the file of its family (nodes/nodes_*.c); nodes/nodes.c lists the families. A run function reads its
 * arguments by the names of its inputs, in the order declared, and sets its outputs.
 */
#ifndef RESIDENCY_WORKFLOW_NODE_H
#define RESIDENCY_WORKFLOW_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/base/log.h"
#include "core/compute/inference.h"
#include "core/manager/manager.h"
#include "core/workflow/library/catalog.h"
#include "core/workflow/graph/value.h"

enum input_kind { INPUT_LINK, INPUT_INTEGER, INPUT_SEED, INPUT_NUMBER, INPUT_TEXT, INPUT_BOOLEAN };

struct input_type {
	const char *name;
	enum input_kind kind;
	const char *type; /* of a link: "MODEL"; "*" takes any */
	bool optional;
	double least, most; /* of a number; both 0: no limits. A seed is 0 to UINT64_MAX */
	struct value fallback; /* of an optional one that is absent */
};

#define INPUTS_MAX 16
#define OUTPUTS_MAX 4

struct call;
struct graph;

struct node_type {
	const char *name;
	const struct input_type *inputs; /* a row without a name ends them; at most INPUTS_MAX */
	const char *outputs[OUTPUTS_MAX]; /* types; NULL ends them */
	bool is_output;
	bool (*run)(struct call *call, struct error *e);
	const void *data; /* the type's own */
};

/* What nodes work with. */
struct services {
	struct manager *manager;
	const struct catalog *catalog;
	const struct observer *observer;
	const struct log_sink *log;
	const char *output_folder; /* NULL: no files */
	struct inference inference;
};

/* One run of one node. */
struct call {
	struct services *services;
	const struct node_type *type;
	const char *node_id;
	const struct graph *graph; /* that it is a node of */
	size_t node; /* its index there */
	struct value arguments[INPUTS_MAX]; /* as declared */
	struct outputs *outputs;
};

/* Arguments by name; of the kind that the input declares (validation has seen to it). */
const struct value *node_call_argument(const struct call *call, const char *name);
int64_t node_call_integer(const struct call *call, const char *name);
uint64_t node_call_seed(const struct call *call, const char *name);
double node_call_number(const struct call *call, const char *name);
bool node_call_boolean(const struct call *call, const char *name);
const char *node_call_text(const struct call *call, const char *name); /* "" where absent */
/* ERROR_NODE when what is linked is not what the input wants. */
struct patcher *node_call_patcher(const struct call *call, const char *name, enum model_kind kind, struct error *e);
struct data *node_call_data(const struct call *call, const char *name, enum data_kind kind, struct error *e);

/* NULL if not found. */
const struct node_type *node_type_find(const char *name);

/* Appends the node class whose name is near to the error, as nearest_suggest does. Returns false. */
bool node_type_suggest(const char *wanted, struct error *e);

/* All of them, family by family; NULL past the last. */
const struct node_type *node_type_at(size_t index);

/* The families of types, NULL past the last; a row without a name ends each. Defined in nodes/nodes.c. */
extern const struct node_type *const node_families[];

#endif
