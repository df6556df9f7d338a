/* prompt_cache.h - what nodes gave, kept from prompt to prompt: ComfyUI's caches. Private to core/workflow/prompt.
 *
 * Three kinds: classic keeps what the present prompt has a key for; LRU keeps entries until there are more than its size, the
 * longest unused first; none drops an output when all that consume it have run. Nodes of an expansion live in a cache below, one a
 * parent (id and class), except with LRU, where all share one table. One thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_CACHE_H
#define RESIDENCY_WORKFLOW_PROMPT_CACHE_H

#include "core/workflow/prompt/prompt_executor.h"
#include "core/workflow/prompt/prompt_nodes.h"

struct prompt_cache;

/* By id and class instead of by key: for the nodes' objects. NULL without memory. */
struct prompt_cache *prompt_cache_new(enum prompt_cache_kind kind, size_t lru_size, bool by_id);
void prompt_cache_free(struct prompt_cache *cache);

/* A prompt begins: keys of all its nodes are made, and what is not wanted any more goes. */
bool prompt_cache_begin(struct prompt_cache *cache, struct prompt_nodes *nodes, struct py_raised *raised);

/* Nodes count - from on are the children of an expansion. */
bool prompt_cache_expand(struct prompt_cache *cache, struct prompt_nodes *nodes, size_t parent, size_t from,
			 struct py_raised *raised);

/* Borrowed; NULL if not found. */
struct py *prompt_cache_get(struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t node);
/* Takes the value over. */
bool prompt_cache_set(struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t node, struct py *value,
		      struct py_raised *raised);

/* Ids that the cache knows, also those of children that are kept from earlier prompts, as a map of ids. */
bool prompt_cache_ids(const struct prompt_cache *cache, struct py *ids, struct py_raised *raised);
/* Its own entries, without those of caches below. */
size_t prompt_cache_count(const struct prompt_cache *cache);

#endif
