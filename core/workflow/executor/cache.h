/* cache.h - the executor's cache of outputs: classic, LRU, none, or ram.
 *
 * A cache is an object of the heap that holds the outputs of nodes by key. With the first prompt it gets a companion that refers
 * back to it, as upstream's cache of IS_CHANGED results does: so a cache that the executor drops is garbage in a cycle, and lives,
 * with every model that it holds, until the next collection.
 */
#ifndef RESIDENCY_WORKFLOW_CACHE_H
#define RESIDENCY_WORKFLOW_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/object/heap.h"
#include "core/workflow/engine.h"
#include "core/workflow/graph/graph.h"
#include "core/workflow/graph/value.h"

struct cache_entry {
	char *key; /* owned */
	uint64_t hash;
	uint64_t generation;
	char label[48]; /* "node 4" */
	struct reference outputs;
};

struct output_cache {
	struct object object;
	enum cache_kind kind;
	size_t lru_size;
	uint64_t generation;
	struct reference companion;
	struct cache_entry **entries;
	size_t entry_count, entry_capacity;
	bool is_dropped; /* by the executor: garbage, until a collection */
};

extern const struct object_class cache_class;

struct output_cache *cache_new(struct heap *heap, enum cache_kind kind, size_t lru_size, struct error *e);

/* A prompt begins, with these keys, one a node: what it has not is dropped, by the kind's rule. */
bool cache_begin_prompt(struct output_cache *cache, char *const *keys, size_t count, struct error *e);

/* NULL if not found. */
struct outputs *cache_find(struct output_cache *cache, const char *key);
bool cache_store(struct output_cache *cache, const char *key, const char *node_id, struct outputs *outputs, struct error *e);
void cache_remove(struct output_cache *cache, const char *key);

/* Drops the outputs that no prompt has used for the longest time, this one's never. False where there are none to drop. */
bool cache_drop_oldest(struct output_cache *cache);

/* Fills keys[graph->node_count] with each node's key: by what it is and all that it depends on, not by ids. The caller frees each,
 * also on failure. */
bool cache_keys(const struct graph *graph, char **keys, struct error *e);

#endif
