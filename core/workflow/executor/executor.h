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
#include "core/workflow/executor/cache.h"
#include "core/workflow/graph/graph.h"
#include "core/workflow/graph/node.h"

struct executor {
	struct heap *heap;
	struct services *services;
	enum cache_kind cache_kind;
	size_t lru_size;
	struct object *root;
	struct reference cache; /* of the root */
	struct reference result; /* what the running node has made */
	struct reference frame[INPUTS_MAX]; /* what the node that failed last was given */
	const bool *interrupted;
};

bool executor_init(struct executor *executor, struct heap *heap, struct services *services, enum cache_kind kind,
		   size_t lru_size, struct error *e);

/* Runs to the end or to the first failure; the error names the node. */
bool executor_run(struct executor *executor, const struct graph *graph, struct error *e);

/* The last prompt failed with an exception: its traceback and the frame that caught it refer to each other, and to what the failed
 * node was given. */
bool executor_keep_traceback(struct executor *executor, struct error *e);

/* The last prompt was interrupted: nothing of it is kept. */
void executor_drop_frame(struct executor *executor);

/* New caches; the old ones are garbage until a collection, if a prompt ever ran. */
bool executor_reset(struct executor *executor, struct error *e);

#endif
