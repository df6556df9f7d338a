/* executor.h - runs a graph's nodes in ComfyUI's order, their outputs cached.
 *
 * From each output backwards the nodes that are not cached become pending; a pending node is ready when nothing pending that it
 * waits for is left. Of the ready ones an output goes first, then one that an output waits for, then one farther back.
 */
#ifndef RESIDENCY_WORKFLOW_EXECUTOR_H
#define RESIDENCY_WORKFLOW_EXECUTOR_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/object/heap.h"
#include "core/workflow/cache.h"
#include "core/workflow/graph.h"
#include "core/workflow/node.h"

struct executor {
	struct heap *heap;
	struct services *services;
	enum cache_kind cache_kind;
	size_t lru_size;
	struct object *root;
	struct reference cache; /* of the root */
	struct reference result; /* what the running node has made */
	const bool *interrupted;
};

bool executor_init(struct executor *executor, struct heap *heap, struct services *services, enum cache_kind kind,
		   size_t lru_size, struct error *e);

/* Runs to the end or to the first failure; the error names the node. */
bool executor_run(struct executor *executor, const struct graph *graph, struct error *e);

/* New caches; the old ones are garbage until a collection, if a prompt ever ran. */
bool executor_reset(struct executor *executor, struct error *e);

#endif
