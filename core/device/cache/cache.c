#include "core/device/cache/cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"

#define GRAIN UINT64_C(512)
#define SMALL_MAX MIB
#define SMALL_SEGMENT (2 * MIB)
#define LARGE_SEGMENT (20 * MIB)
#define LARGE_SEGMENT_BELOW (10 * MIB) /* from here on a segment is made to measure */
#define SEGMENT_ROUND (2 * MIB)
#define PINNED_SHARE 0.95 /* of the host's memory, that may be page-locked; upstream's on Linux */

struct piece {
	uintptr_t address;
	uint64_t size_bytes;
	struct piece *before; /* neighbours within the segment, by address */
	struct piece *after;
	struct piece *previous_segment; /* of a segment's first piece */
	struct piece *next_segment;
	enum cache_pool pool;
	bool in_use;
};

static uint64_t round_up(uint64_t size_bytes, uint64_t to)
{
	return (size_bytes + to - 1) / to * to;
}

void *piece_address(const struct piece *piece)
{
	return (void *)piece->address;
}

void cache_open(struct cache *cache, const struct backend *backend, void *state, unsigned device,
		const struct device_description *description)
{
	*cache = (struct cache) { .backend = backend, .state = state, .device = device };
	cache->keeps = description->kind != DEVICE_CPU;
	cache->use.capacity_bytes = description->capacity_bytes;
	if (!cache->keeps)
		cache->use.pinned_most_bytes = (uint64_t)((double)description->capacity_bytes * PINNED_SHARE);
}

static void segment_link(struct cache *cache, struct piece *first)
{
	first->previous_segment = NULL;
	first->next_segment = cache->segments;
	if (cache->segments)
		cache->segments->previous_segment = first;
	cache->segments = first;
}

static void segment_unlink(struct cache *cache, struct piece *first)
{
	if (first->previous_segment)
		first->previous_segment->next_segment = first->next_segment;
	else
		cache->segments = first->next_segment;
	if (first->next_segment)
		first->next_segment->previous_segment = first->previous_segment;
}

/* Where (size, address) stands or would stand in the list. */
static size_t free_list_place(const struct free_list *list, uint64_t size_bytes, uintptr_t address)
{
	size_t low = 0;
	size_t high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct piece *piece = list->pieces[middle];

		if (piece->size_bytes < size_bytes || (piece->size_bytes == size_bytes && piece->address < address))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void free_list_add(struct free_list *list, struct piece *piece)
{
	size_t place = free_list_place(list, piece->size_bytes, piece->address);

	memmove(list->pieces + place + 1, list->pieces + place, (list->count - place) * sizeof(struct piece *));
	list->pieces[place] = piece;
	list->count++;
}

static void free_list_remove(struct free_list *list, const struct piece *piece)
{
	size_t place = free_list_place(list, piece->size_bytes, piece->address);

	list->count--;
	memmove(list->pieces + place, list->pieces + place + 1, (list->count - place) * sizeof(struct piece *));
}

/* A new piece of a pool, and a place for it in the free list should it ever be free. */
static struct piece *piece_new(struct cache *cache, enum cache_pool pool, struct error *e)
{
	struct free_list *list = &cache->free_lists[pool];
	struct piece *piece;

	if (!array_reserve(&list->pieces, &list->capacity, list->piece_count + 1, sizeof(struct piece *), e))
		return NULL;
	piece = array_new(1, sizeof(*piece), e);
	if (!piece)
		return NULL;
	piece->pool = pool;
	list->piece_count++;
	return piece;
}

static void piece_drop(struct cache *cache, struct piece *piece)
{
	cache->free_lists[piece->pool].piece_count--;
	free(piece);
}

static void segment_give(struct cache *cache, struct piece *first)
{
	segment_unlink(cache, first);
	cache->backend->memory_give(cache->state, cache->device, (void *)first->address, first->size_bytes);
	cache->use.reserved_bytes -= first->size_bytes;
	piece_drop(cache, first);
}

void cache_empty(struct cache *cache)
{
	for (size_t pool = 0; pool < CACHE_POOL_COUNT; pool++) {
		struct free_list *list = &cache->free_lists[pool];
		size_t kept = 0;

		for (size_t i = 0; i < list->count; i++) {
			struct piece *piece = list->pieces[i];

			if (piece->before || piece->after)
				list->pieces[kept++] = piece;
			else
				segment_give(cache, piece);
		}
		list->count = kept;
	}
}

/* The memory of all segments, in use or not, and then the pieces. */
void cache_close(struct cache *cache)
{
	struct piece *next_segment;

	for (struct piece *first = cache->segments; first; first = next_segment) {
		uint64_t size_bytes = 0;
		struct piece *after;

		next_segment = first->next_segment;
		for (const struct piece *piece = first; piece; piece = piece->after)
			size_bytes += piece->size_bytes;
		cache->backend->memory_give(cache->state, cache->device, (void *)first->address, size_bytes);
		for (struct piece *piece = first; piece; piece = after) {
			after = piece->after;
			free(piece);
		}
	}
	for (size_t pool = 0; pool < CACHE_POOL_COUNT; pool++)
		free(cache->free_lists[pool].pieces);
	*cache = (struct cache) { .backend = NULL };
}

uint64_t cache_segment_bytes(const struct cache *cache, uint64_t size_bytes)
{
	if (!cache->keeps || size_bytes > UINT64_MAX / 2)
		return size_bytes;
	if (size_bytes <= SMALL_MAX)
		return SMALL_SEGMENT;
	return size_bytes < LARGE_SEGMENT_BELOW ? LARGE_SEGMENT : round_up(size_bytes, SEGMENT_ROUND);
}

/* A segment that is one piece, in no free list yet. */
static struct piece *segment_take(struct cache *cache, enum cache_pool pool, uint64_t size_bytes, struct error *e)
{
	struct piece *piece = piece_new(cache, pool, e);
	struct error first = ERROR_INIT;
	void *address;
	bool taken;

	if (!piece)
		return NULL;
	taken = cache->backend->memory_take(cache->state, cache->device, size_bytes, &address, &first);
	if (!taken && first.kind == ERROR_DEVICE_MEMORY && cache->use.reserved_bytes > cache->use.allocated_bytes) {
		cache_empty(cache);
		error_clear(&first);
		taken = cache->backend->memory_take(cache->state, cache->device, size_bytes, &address, &first);
	}
	if (!taken) {
		piece_drop(cache, piece);
		error_set(e, first.kind, "%s", first.text);
		return NULL;
	}
	piece->address = (uintptr_t)address;
	piece->size_bytes = size_bytes;
	cache->use.reserved_bytes += size_bytes;
	segment_link(cache, piece);
	return piece;
}

/* Large pieces are not cut for a rest that only small ones could use. */
static bool rest_is_worth_a_piece(const struct piece *piece, uint64_t size_bytes)
{
	uint64_t rest = piece->size_bytes - size_bytes;

	return piece->pool == CACHE_SMALL ? rest >= GRAIN : rest > SMALL_MAX;
}

/* Makes piece as small as size_bytes; the rest becomes a free piece. */
static bool piece_cut(struct cache *cache, struct piece *piece, uint64_t size_bytes, struct error *e)
{
	struct piece *rest = piece_new(cache, piece->pool, e);

	if (!rest)
		return false;
	rest->address = piece->address + size_bytes;
	rest->size_bytes = piece->size_bytes - size_bytes;
	rest->before = piece;
	rest->after = piece->after;
	if (rest->after)
		rest->after->before = rest;
	piece->after = rest;
	piece->size_bytes = size_bytes;
	free_list_add(&cache->free_lists[rest->pool], rest);
	return true;
}

struct piece *cache_take(struct cache *cache, uint64_t size_bytes, struct error *e)
{
	enum cache_pool pool = size_bytes <= SMALL_MAX ? CACHE_SMALL : CACHE_LARGE;
	struct free_list *list = &cache->free_lists[pool];
	struct piece *piece;
	size_t place;

	if (size_bytes > UINT64_MAX / 2) {
		error_set(e, ERROR_DEVICE_MEMORY, "no device has %llu bytes", (unsigned long long)size_bytes);
		return NULL;
	}
	size_bytes = round_up(size_bytes, GRAIN);
	place = free_list_place(list, size_bytes, 0);
	if (place < list->count) {
		piece = list->pieces[place];
		free_list_remove(list, piece);
	} else {
		piece = segment_take(cache, pool, cache_segment_bytes(cache, size_bytes), e);
		if (!piece)
			return NULL;
	}
	if (cache->keeps && rest_is_worth_a_piece(piece, size_bytes) && !piece_cut(cache, piece, size_bytes, e)) {
		free_list_add(list, piece);
		return NULL;
	}
	piece->in_use = true;
	cache->use.allocated_bytes += piece->size_bytes;
	if (cache->use.allocated_bytes > cache->use.peak_bytes)
		cache->use.peak_bytes = cache->use.allocated_bytes;
	return piece;
}

/* `after` becomes part of `piece`, which stands right before it. */
static void piece_join(struct cache *cache, struct piece *piece, struct piece *after)
{
	piece->size_bytes += after->size_bytes;
	piece->after = after->after;
	if (piece->after)
		piece->after->before = piece;
	piece_drop(cache, after);
}

void cache_give(struct cache *cache, struct piece *piece)
{
	struct free_list *list = &cache->free_lists[piece->pool];

	cache->use.allocated_bytes -= piece->size_bytes;
	piece->in_use = false;
	if (!cache->keeps) {
		segment_give(cache, piece);
		return;
	}
	if (piece->after && !piece->after->in_use) {
		free_list_remove(list, piece->after);
		piece_join(cache, piece, piece->after);
	}
	if (piece->before && !piece->before->in_use) {
		struct piece *before = piece->before;

		free_list_remove(list, before);
		piece_join(cache, before, piece);
		piece = before;
	}
	free_list_add(list, piece);
}

uint64_t cache_largest_free_bytes(const struct cache *cache)
{
	uint64_t largest = 0;

	for (size_t pool = 0; pool < CACHE_POOL_COUNT; pool++) {
		const struct free_list *list = &cache->free_lists[pool];

		if (list->count && list->pieces[list->count - 1]->size_bytes > largest)
			largest = list->pieces[list->count - 1]->size_bytes;
	}
	return largest;
}
