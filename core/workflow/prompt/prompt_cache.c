/* prompt_cache.c - entries by 128-bit keys, and a map from node ids to keys that is rebuilt for each prompt and expansion.
 *
 * Everything here mirrors comfy_execution/caching.py of 0.3.64: which ids a cache knows, when it is cleaned, and that an LRU cache
 * marks whatever is looked up as used, but drops nothing while a plain prompt runs.
 */
#include "core/workflow/prompt/prompt_cache.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"

struct prompt_cache_entry {
	struct prompt_key key;
	uint64_t generation;
	struct py *value;
};

struct prompt_cache_below {
	struct py *name; /* the parent's id, a NUL, and its class */
	struct prompt_cache *cache;
};

struct prompt_cache {
	enum prompt_cache_kind kind;
	size_t lru_size;
	bool by_id;
	struct prompt_cache_entry *entries;
	size_t count, capacity;
	struct py *keys; /* map of ids to keys, as 16 bytes; NULL before the first prompt */
	uint64_t generation, floor;
	struct prompt_cache_below *below;
	size_t below_count, below_capacity;
	struct py *executed; /* with none: map of the ids that were stored in this prompt */
};

struct prompt_cache *prompt_cache_new(enum prompt_cache_kind kind, size_t lru_size, bool by_id)
{
	struct prompt_cache *cache = array_new(1, sizeof(*cache), NULL);

	if (!cache)
		return NULL;
	/* objects are as with classic, whatever the kind, unless nothing is kept */
	cache->kind = by_id && kind == PROMPT_CACHE_LRU ? PROMPT_CACHE_CLASSIC : kind;
	cache->lru_size = lru_size;
	cache->by_id = by_id;
	return cache;
}

static void remove_entry(struct prompt_cache *cache, size_t at)
{
	py_drop(cache->entries[at].value);
	cache->entries[at] = cache->entries[--cache->count];
}

static void remove_below(struct prompt_cache *cache, size_t at)
{
	py_drop(cache->below[at].name);
	prompt_cache_free(cache->below[at].cache);
	cache->below[at] = cache->below[--cache->below_count];
}

void prompt_cache_free(struct prompt_cache *cache)
{
	if (!cache)
		return;
	while (cache->count)
		remove_entry(cache, 0);
	while (cache->below_count)
		remove_below(cache, 0);
	free(cache->entries);
	free(cache->below);
	py_drop(cache->keys);
	py_drop(cache->executed);
	free(cache);
}

size_t prompt_cache_count(const struct prompt_cache *cache)
{
	return cache->count;
}

/* ---- keys ---- */

static bool key_of(const struct prompt_cache *cache, struct prompt_nodes *nodes, size_t node, struct prompt_key *key,
		   struct py_raised *raised)
{
	const struct py *name = nodes->items[node].name;
	XXH128_hash_t hash;

	if (!cache->by_id)
		return prompt_node_key(nodes, node, key, raised);
	hash = XXH3_128bits(name->text.bytes, name->text.length);
	*key = (struct prompt_key) { .low = hash.low64, .high = hash.high64 };
	return true;
}

/* Keys of the nodes from `from` on. */
static bool add_keys(struct prompt_cache *cache, struct prompt_nodes *nodes, size_t from, struct py_raised *raised)
{
	for (size_t i = from; i < nodes->count; i++) {
		const struct py *id = nodes->items[i].id;
		struct prompt_key key;

		if (py_get_n(cache->keys, id->text.bytes, id->text.length))
			continue;
		if (!key_of(cache, nodes, i, &key, raised))
			return false;
		if (!py_set_n(cache->keys, nodes->items[i].id->text.bytes, nodes->items[i].id->text.length,
			      py_text_n((const char *)&key, sizeof(key))))
			return py_raise_no_memory(raised);
	}
	return true;
}

static bool new_keys(struct prompt_cache *cache, struct prompt_nodes *nodes, size_t from, struct py_raised *raised)
{
	py_drop(cache->keys);
	cache->keys = py_map();
	return cache->keys ? add_keys(cache, nodes, from, raised) : py_raise_no_memory(raised);
}

static bool known_key(const struct prompt_cache *cache, const struct py *id, struct prompt_key *key)
{
	const struct py *bytes = cache->keys ? py_get_n(cache->keys, id->text.bytes, id->text.length) : NULL;

	if (bytes)
		memcpy(key, bytes->text.bytes, sizeof(*key));
	return bytes != NULL;
}

static struct prompt_cache_entry *find_entry(const struct prompt_cache *cache, const struct prompt_key *key)
{
	for (size_t i = 0; i < cache->count; i++) {
		if (cache->entries[i].key.low == key->low && cache->entries[i].key.high == key->high)
			return &cache->entries[i];
	}
	return NULL;
}

/* ---- caches below ---- */

static struct prompt_cache_below *find_below(const struct prompt_cache *cache, const struct py *name)
{
	for (size_t i = 0; i < cache->below_count; i++) {
		if (py_equal(cache->below[i].name, name))
			return &cache->below[i];
	}
	return NULL;
}

static struct prompt_cache *below_of(const struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t parent)
{
	const struct prompt_cache_below *found = find_below(cache, nodes->items[parent].name);

	return found ? found->cache : NULL;
}

/* The cache in which a node's entry lies: its parent's, below that of the parent's parent. */
static struct prompt_cache *cache_for(struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t node)
{
	size_t parent = nodes->items[node].parent;

	if (cache->kind == PROMPT_CACHE_LRU || parent == PROMPT_NO_NODE)
		return cache;
	cache = cache_for(cache, nodes, parent);
	return cache ? below_of(cache, nodes, parent) : NULL;
}

static struct prompt_cache *ensure_below(struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t parent)
{
	const struct py *name = nodes->items[parent].name;
	struct prompt_cache *made = below_of(cache, nodes, parent);

	if (made)
		return made;
	made = prompt_cache_new(PROMPT_CACHE_CLASSIC, 0, cache->by_id);
	if (!made ||
	    !array_reserve(&cache->below, &cache->below_capacity, cache->below_count + 1, sizeof(*cache->below), NULL)) {
		prompt_cache_free(made);
		return NULL;
	}
	cache->below[cache->below_count++] = (struct prompt_cache_below) { .name = py_take(name), .cache = made };
	return made;
}

/* ---- cleaning ---- */

static bool has_key(const struct prompt_cache *cache, const struct prompt_key *key)
{
	for (size_t i = 0; i < py_count(cache->keys); i++) {
		if (memcmp(cache->keys->map.pairs[i].value->text.bytes, key, sizeof(*key)) == 0)
			return true;
	}
	return false;
}

static void clean_entries(struct prompt_cache *cache)
{
	for (size_t i = 0; i < cache->count;) {
		if (has_key(cache, &cache->entries[i].key))
			i++;
		else
			remove_entry(cache, i);
	}
}

/* Whether a node that this cache has a key for is the parent of this name. */
static bool is_named(const struct prompt_cache *cache, const struct prompt_nodes *nodes, const struct py *name)
{
	size_t length = strlen(name->text.bytes); /* up to the NUL it is the id */
	const struct py *place = py_get_n(nodes->places, name->text.bytes, length);

	return place && py_get_n(cache->keys, name->text.bytes, length) &&
	       py_equal(nodes->items[place->integer.small].name, name);
}

static void clean_below(struct prompt_cache *cache, const struct prompt_nodes *nodes)
{
	for (size_t i = 0; i < cache->below_count;) {
		if (is_named(cache, nodes, cache->below[i].name))
			i++;
		else
			remove_below(cache, i);
	}
}

static void drop_before(struct prompt_cache *cache, uint64_t floor)
{
	for (size_t i = 0; i < cache->count;) {
		if (cache->entries[i].generation < floor)
			remove_entry(cache, i);
		else
			i++;
	}
}

static void clean(struct prompt_cache *cache, const struct prompt_nodes *nodes)
{
	if (cache->kind == PROMPT_CACHE_LRU) {
		while (cache->count > cache->lru_size && cache->floor < cache->generation)
			drop_before(cache, ++cache->floor);
	} else {
		clean_entries(cache);
	}
	clean_below(cache, nodes);
}

/* ---- what none does ---- */

static bool begin_none(struct prompt_cache *cache, struct py_raised *raised)
{
	while (cache->count)
		remove_entry(cache, 0);
	while (cache->below_count)
		remove_below(cache, 0);
	py_drop(cache->executed);
	cache->executed = py_map();
	return cache->executed || py_raise_no_memory(raised);
}

/* Each node is told which nodes it feeds; a link to nowhere feeds none. */
static bool check_links(const struct prompt_nodes *nodes, struct py_raised *raised)
{
	for (size_t i = 0; i < nodes->count; i++) {
		const struct py *inputs = py_get(nodes->items[i].body, "inputs");

		for (size_t j = 0; j < py_count(inputs); j++) {
			const struct py *value = inputs->map.pairs[j].value;
			const struct py *id = py_is_link(value) ? py_at(value, 0) : NULL;

			if (id && prompt_nodes_find(nodes, id) == PROMPT_NO_NODE)
				return py_raise_key(raised, id->text.bytes, id->text.length);
		}
	}
	return true;
}

static bool is_executed(const struct prompt_cache *cache, const struct py *id)
{
	return py_get_n(cache->executed, id->text.bytes, id->text.length) != NULL;
}

/* Whether a node of the prompt consumes the source and was not stored yet. */
static bool is_awaited(const struct prompt_cache *cache, const struct prompt_nodes *nodes, const struct py *source)
{
	for (size_t i = 0; i < nodes->count; i++) {
		const struct prompt_node *node = &nodes->items[i];
		const struct py *inputs = py_get(node->body, "inputs");

		if (node->parent != PROMPT_NO_NODE || is_executed(cache, node->id))
			continue;
		for (size_t j = 0; j < py_count(inputs); j++) {
			const struct py *value = inputs->map.pairs[j].value;

			if (py_is_link(value) && py_equal(py_at(value, 0), source))
				return true;
		}
	}
	return false;
}

static void drop_consumed(struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t node)
{
	const struct py *inputs = py_get(nodes->items[node].body, "inputs");

	for (size_t i = 0; i < py_count(inputs); i++) {
		const struct py *value = inputs->map.pairs[i].value;
		struct prompt_cache_entry *entry;
		struct prompt_key key;

		if (!py_is_link(value) || !is_executed(cache, py_at(value, 0)) || is_awaited(cache, nodes, py_at(value, 0)) ||
		    !known_key(cache, py_at(value, 0), &key))
			continue;
		entry = find_entry(cache, &key);
		if (entry)
			remove_entry(cache, (size_t)(entry - cache->entries));
	}
}

/* ---- prompts and expansions ---- */

static void mark_used(struct prompt_cache *cache, const struct py *id)
{
	struct prompt_key key;
	struct prompt_cache_entry *entry = known_key(cache, id, &key) ? find_entry(cache, &key) : NULL;

	if (entry)
		entry->generation = cache->generation;
}

bool prompt_cache_begin(struct prompt_cache *cache, struct prompt_nodes *nodes, struct py_raised *raised)
{
	if (cache->kind == PROMPT_CACHE_NONE && !begin_none(cache, raised))
		return false;
	if (!new_keys(cache, nodes, 0, raised) || (cache->kind == PROMPT_CACHE_NONE && !check_links(nodes, raised)))
		return false;
	if (cache->kind == PROMPT_CACHE_LRU) {
		cache->generation++;
		for (size_t i = 0; i < nodes->count; i++)
			mark_used(cache, nodes->items[i].id);
	}
	clean(cache, nodes);
	return true;
}

static bool expand_lru(struct prompt_cache *cache, struct prompt_nodes *nodes, size_t parent, size_t from,
		       struct py_raised *raised)
{
	if (!add_keys(cache, nodes, from, raised))
		return false;
	mark_used(cache, nodes->items[parent].id);
	for (size_t i = from; i < nodes->count; i++)
		mark_used(cache, nodes->items[i].id);
	clean(cache, nodes);
	return true;
}

bool prompt_cache_expand(struct prompt_cache *cache, struct prompt_nodes *nodes, size_t parent, size_t from,
			 struct py_raised *raised)
{
	struct prompt_cache *in = cache_for(cache, nodes, parent);
	struct prompt_cache *below = in ? ensure_below(in, nodes, parent) : NULL;

	if (!below)
		return py_raise_no_memory(raised);
	if (!new_keys(below, nodes, from, raised))
		return false;
	if (cache->kind == PROMPT_CACHE_LRU)
		return expand_lru(cache, nodes, parent, from, raised);
	if (cache->kind == PROMPT_CACHE_NONE && from < nodes->count) /* upstream's table of consumers has no row for a child */
		return py_raise_key(raised, nodes->items[from].id->text.bytes, nodes->items[from].id->text.length);
	clean(below, nodes);
	return true;
}

struct py *prompt_cache_get(struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t node)
{
	struct prompt_cache *in = cache_for(cache, nodes, node);
	struct prompt_cache_entry *entry;
	struct prompt_key key;

	if (!in || !known_key(in, nodes->items[node].id, &key))
		return NULL;
	entry = find_entry(in, &key);
	if (entry && in->kind == PROMPT_CACHE_LRU)
		entry->generation = in->generation;
	return entry ? entry->value : NULL;
}

bool prompt_cache_set(struct prompt_cache *cache, const struct prompt_nodes *nodes, size_t node, struct py *value,
		      struct py_raised *raised)
{
	struct prompt_cache *in = cache_for(cache, nodes, node);
	const struct py *id = nodes->items[node].id;
	struct prompt_cache_entry *entry;
	struct prompt_key key;

	if (!value || !in || !known_key(in, id, &key) ||
	    !array_reserve(&in->entries, &in->capacity, in->count + 1, sizeof(*in->entries), NULL)) {
		py_drop(value);
		return py_raise_no_memory(raised);
	}
	entry = find_entry(in, &key);
	if (entry)
		py_drop(entry->value);
	else
		entry = &in->entries[in->count++];
	*entry = (struct prompt_cache_entry) { .key = key, .generation = in->generation, .value = value };
	if (in->kind != PROMPT_CACHE_NONE)
		return true;
	if (!py_set_n(in->executed, id->text.bytes, id->text.length, py_bool(true)))
		return py_raise_no_memory(raised);
	drop_consumed(in, nodes, node);
	return true;
}

bool prompt_cache_ids(const struct prompt_cache *cache, struct py *ids, struct py_raised *raised)
{
	for (size_t i = 0; i < py_count(cache->keys); i++) {
		const struct py_pair *pair = &cache->keys->map.pairs[i];

		if (!py_set_n(ids, pair->key, pair->length, py_bool(true)))
			return py_raise_no_memory(raised);
	}
	for (size_t i = 0; i < cache->below_count; i++) {
		if (!prompt_cache_ids(cache->below[i].cache, ids, raised))
			return false;
	}
	return true;
}
