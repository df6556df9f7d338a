/* cache.c - a table of outputs by key, cleaned at the start of each prompt by the rules of its kind.
 *
 * A key spells out a node's class, its inputs, and those of all its ancestors, so that equal work has equal keys,
 * whatever the ids. classic keeps the keys of the current prompt; lru counts generations and drops the oldest while
 * there are too many; ram drops when memory is short. Keys are hashed with XXH3, and compared whole on equal hashes.
 */
#include "core/workflow/executor/cache.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"
#include "core/base/words.h"

WORDS_NAME(cache_kind_name, enum cache_kind, CACHE_KINDS)
WORDS_FROM_NAME(cache_kind_from_name, enum cache_kind, CACHE_KINDS)

static void cache_destroy(struct object *object)
{
	struct output_cache *cache = (struct output_cache *)object;

	for (size_t i = 0; i < cache->entry_count; i++) {
		free(cache->entries[i]->key);
		free(cache->entries[i]);
	}
	free(cache->entries);
}

const struct object_class cache_class = { .name = "cache", .destroy = cache_destroy };

/* Upstream's cache of IS_CHANGED results, which refers back to the outputs. */
struct companion {
	struct object object;
	struct reference outputs;
};
static const struct object_class companion_class = { .name = "is_changed" };

struct output_cache *cache_new(struct heap *heap, enum cache_kind kind, size_t lru_size, struct error *e)
{
	struct output_cache *cache = object_new(heap, &cache_class, "outputs", sizeof(*cache), e);

	if (cache) {
		cache->kind = kind;
		cache->lru_size = lru_size ? lru_size : LRU_SIZE_DEFAULT;
	}
	return cache;
}

static bool add_companion(struct output_cache *cache, struct error *e)
{
	struct companion *companion;

	if (cache->companion.target)
		return true;
	companion = object_new(cache->object.heap, &companion_class, "", sizeof(*companion), e);
	if (!companion)
		return false;
	reference_set(&companion->outputs, &companion->object, &cache->object, "outputs cache");
	reference_set(&cache->companion, &cache->object, &companion->object, "is_changed cache");
	return true;
}

static struct cache_entry *find_entry(struct output_cache *cache, const char *key)
{
	uint64_t hash = XXH3_64bits(key, strlen(key));

	for (size_t i = 0; i < cache->entry_count; i++) {
		if (cache->entries[i]->hash == hash && strcmp(cache->entries[i]->key, key) == 0)
			return cache->entries[i];
	}
	return NULL;
}

/* The entry leaves the table first: what dies with it may look at the cache. */
static void remove_at(struct output_cache *cache, size_t index)
{
	struct cache_entry *entry = cache->entries[index];

	cache->entry_count--;
	memmove(cache->entries + index, cache->entries + index + 1, (cache->entry_count - index) * sizeof(*cache->entries));
	reference_drop(&entry->outputs);
	free(entry->key);
	free(entry);
}

void cache_remove(struct output_cache *cache, const char *key)
{
	for (size_t i = 0; i < cache->entry_count; i++) {
		if (strcmp(cache->entries[i]->key, key) == 0) {
			remove_at(cache, i);
			return;
		}
	}
}

static bool is_wanted(const struct cache_entry *entry, char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(entry->key, keys[i]) == 0)
			return true;
	}
	return false;
}

static void clean_classic(struct output_cache *cache, char *const *keys, size_t count)
{
	for (size_t i = 0; i < cache->entry_count;) {
		if (is_wanted(cache->entries[i], keys, count))
			i++;
		else
			remove_at(cache, i);
	}
}

/* What this prompt has is of its generation. */
static void begin_generation(struct output_cache *cache, char *const *keys, size_t count)
{
	cache->generation++;
	for (size_t i = 0; i < count; i++) {
		struct cache_entry *entry = find_entry(cache, keys[i]);

		if (entry)
			entry->generation = cache->generation;
	}
}

static void drop_up_to(struct output_cache *cache, uint64_t generation)
{
	for (size_t i = 0; i < cache->entry_count;) {
		if (cache->entries[i]->generation <= generation)
			remove_at(cache, i);
		else
			i++;
	}
}

bool cache_drop_oldest(struct output_cache *cache)
{
	uint64_t oldest = cache->generation;

	for (size_t i = 0; i < cache->entry_count; i++) {
		if (cache->entries[i]->generation < oldest)
			oldest = cache->entries[i]->generation;
	}
	if (oldest == cache->generation)
		return false;
	drop_up_to(cache, oldest);
	return true;
}

/* The oldest generations go while there are more entries than wanted; this prompt's stay. */
static void clean_lru(struct output_cache *cache, char *const *keys, size_t count)
{
	uint64_t floor = 0;

	begin_generation(cache, keys, count);
	while (cache->entry_count > cache->lru_size && floor < cache->generation)
		drop_up_to(cache, floor++);
}

bool cache_begin_prompt(struct output_cache *cache, char *const *keys, size_t count, struct error *e)
{
	if (!add_companion(cache, e))
		return false;
	switch (cache->kind) {
	case CACHE_CLASSIC:
		clean_classic(cache, keys, count);
		break;
	case CACHE_LRU:
		clean_lru(cache, keys, count);
		break;
	case CACHE_RAM:
		begin_generation(cache, keys, count);
		break;
	default:
		while (cache->entry_count)
			remove_at(cache, 0);
		break;
	}
	return true;
}

struct outputs *cache_find(struct output_cache *cache, const char *key)
{
	struct cache_entry *entry = find_entry(cache, key);

	if (!entry)
		return NULL;
	entry->generation = cache->generation;
	return (struct outputs *)entry->outputs.target;
}

bool cache_store(struct output_cache *cache, const char *key, const char *node_id, struct outputs *outputs, struct error *e)
{
	struct cache_entry *entry = array_new(1, sizeof(*entry), e);

	if (!entry)
		return false;
	entry->key = string_copy(key, e);
	if (!entry->key ||
	    !array_reserve(&cache->entries, &cache->entry_capacity, cache->entry_count + 1, sizeof(*cache->entries), e)) {
		free(entry->key);
		free(entry);
		return false;
	}
	entry->hash = XXH3_64bits(key, strlen(key));
	entry->generation = cache->generation;
	snprintf(entry->label, sizeof(entry->label), "node %.40s", node_id);
	reference_set(&entry->outputs, &cache->object, &outputs->object, entry->label);
	cache->entries[cache->entry_count++] = entry;
	return true;
}

/* ---- keys ---- */

struct ancestry {
	const struct graph *graph;
	size_t *order; /* nodes in pre-order, inputs by name, first visit counts */
	size_t count;
	bool *seen;
};

static void visit(struct ancestry *a, size_t node)
{
	const struct graph_node *n = &a->graph->nodes[node];

	if (a->seen[node])
		return;
	a->seen[node] = true;
	a->order[a->count++] = node;
	for (size_t i = 0; i < n->input_count; i++) {
		const struct graph_input *input = &n->inputs[n->sorted[i]];

		if (!input->literal)
			visit(a, input->source);
	}
}

static size_t place_of(const struct ancestry *a, size_t node)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->order[i] == node)
			return i;
	}
	return a->count;
}

/* Keys are made for every node of every prompt: this is what printf would write. */
static void append_unsigned(struct strbuf *key, uint64_t value)
{
	char digits[20];
	char *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	strbuf_append_n(key, at, (size_t)(digits + sizeof(digits) - at));
}

static void append_integer(struct strbuf *key, int64_t value)
{
	if (value < 0)
		strbuf_append_char(key, '-');
	append_unsigned(key, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

#define WHOLE_MOST 9e15 /* up to here a double and an integer of one value are told apart from their neighbours */

/* Numbers and booleans are equal by value, and to nothing else. */
static void append_number(struct strbuf *key, const json_t *literal)
{
	double number = json_is_boolean(literal) ? json_is_true(literal) : json_any_number(literal);
	uint64_t whole;

	strbuf_append_char(key, '#');
	if (json_read_unsigned(literal, &whole))
		append_unsigned(key, whole);
	else if (json_is_integer(literal))
		append_integer(key, json_integer_value(literal));
	else if (fabs(number) < WHOLE_MOST && number == (double)(long long)number)
		append_integer(key, (int64_t)number);
	else
		strbuf_printf(key, "%.17g", number);
}

/* Whether JSON writes the text as it is, between quotes. */
static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\' || (unsigned char)*text > '~')
			return false;
	}
	return true;
}

static void append_literal(struct strbuf *key, const json_t *literal)
{
	const char *string = json_string_value(literal);
	char *text;

	if (json_is_any_number(literal) || json_is_boolean(literal)) {
		append_number(key, literal);
		return;
	}
	if (string && is_plain(string)) {
		strbuf_append_char(key, '"');
		strbuf_append(key, string);
		strbuf_append_char(key, '"');
		return;
	}
	text = json_dumps(literal, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
	if (!text) {
		key->failed = true;
		return;
	}
	strbuf_append(key, text);
	free(text);
}

static void append_part(struct strbuf *key, const struct ancestry *a, size_t node)
{
	const struct graph_node *n = &a->graph->nodes[node];

	strbuf_append(key, n->type->name);
	strbuf_append_char(key, '(');
	for (size_t i = 0; i < n->input_count; i++) {
		const struct graph_input *input = &n->inputs[n->sorted[i]];

		strbuf_append(key, input->name);
		strbuf_append_char(key, '=');
		if (input->literal) {
			append_literal(key, input->literal);
		} else {
			strbuf_append_char(key, '@');
			append_unsigned(key, place_of(a, input->source));
			strbuf_append_char(key, '.');
			append_integer(key, input->slot);
		}
		strbuf_append_char(key, ';');
	}
	strbuf_append_char(key, ')');
}

static char *make_key(struct ancestry *a, size_t node, struct strbuf *key, struct error *e)
{
	memset(a->seen, 0, a->graph->node_count * sizeof(*a->seen));
	a->count = 0;
	visit(a, node);
	strbuf_clear(key);
	for (size_t i = 0; i < a->count; i++)
		append_part(key, a, a->order[i]);
	if (strbuf_ok(key))
		return string_copy_n(strbuf_text(key), key->length, e);
	error_no_memory(e);
	return NULL;
}

bool cache_keys(const struct graph *graph, char **keys, struct error *e)
{
	struct ancestry a = { .graph = graph,
			      .order = array_new(graph->node_count, sizeof(size_t), e),
			      .seen = array_new(graph->node_count, sizeof(bool), e) };
	struct strbuf key = STRBUF_INIT;
	bool fine = a.order && a.seen;

	for (size_t i = 0; i < graph->node_count && fine; i++) {
		keys[i] = make_key(&a, i, &key, e);
		fine = keys[i] != NULL;
	}
	strbuf_free(&key);
	free(a.order);
	free(a.seen);
	return fine;
}
