/* cache.c - segments from the backend, cut into pieces.
 *
 * The pieces of a segment are a list by address, so that a freed one finds the neighbours to join; the free ones of a pool are an
 * array by size and address, so that the first that is large enough is the best fit. A piece that a stream may still use is in
 * neither: it stays in use, in a list of its own, until an event that was recorded on the stream is done. That list is looked
 * through whenever memory is taken, and waited for when the device has no more.
 */
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
	bool in_use; /* also while it waits */
	bool pinned;
	/* Of a piece that was given back while a stream still used it. */
	const struct stream *stream;
	void *event; /* the backend's, recorded on that stream */
	struct piece *next_waiting;
};

static uint64_t round_up(uint64_t size_bytes, uint64_t to)
{
	return (size_bytes + to - 1) / to * to;
}

void *cache_piece_address(const struct piece *piece)
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

/* The memory of the segment that begins with `first`, back to the backend. */
static void raw_give(const struct cache *cache, const struct piece *first, uint64_t size_bytes)
{
	const struct backend *backend = cache->backend;

	(first->pinned ? backend->pinned_give : backend->memory_give)(cache->state, cache->device, (void *)first->address,
								      size_bytes);
}

static void segment_give(struct cache *cache, struct piece *first)
{
	segment_unlink(cache, first);
	raw_give(cache, first, first->size_bytes);
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

uint64_t cache_segment_bytes(const struct cache *cache, uint64_t size_bytes)
{
	if (!cache->keeps || size_bytes > UINT64_MAX / 2)
		return size_bytes;
	if (size_bytes <= SMALL_MAX)
		return SMALL_SEGMENT;
	return size_bytes < LARGE_SEGMENT_BELOW ? LARGE_SEGMENT : round_up(size_bytes, SEGMENT_ROUND);
}

/* Raw memory for a segment; when it runs out, once more after the cache has given back what it keeps. */
static bool raw_take(struct cache *cache, bool pinned, uint64_t size_bytes, void **address, struct error *e)
{
	bool (*take)(void *, unsigned, uint64_t, void **, struct error *) =
		pinned ? cache->backend->pinned_take : cache->backend->memory_take;
	struct error first = ERROR_INIT;

	if (take(cache->state, cache->device, size_bytes, address, &first))
		return true;
	if (first.kind == ERROR_DEVICE_MEMORY && cache->use.reserved_bytes > cache->use.allocated_bytes) {
		cache_empty(cache);
		error_clear(&first);
		if (take(cache->state, cache->device, size_bytes, address, &first))
			return true;
	}
	return error_set(e, first.kind, "%s", first.text);
}

/* A segment that is one piece, in no free list yet. */
static struct piece *segment_take(struct cache *cache, enum cache_pool pool, bool pinned, uint64_t size_bytes, struct error *e)
{
	struct piece *piece = piece_new(cache, pool, e);
	void *address;

	if (!piece)
		return NULL;
	if (!raw_take(cache, pinned, size_bytes, &address, e)) {
		piece_drop(cache, piece);
		return NULL;
	}
	piece->address = (uintptr_t)address;
	piece->size_bytes = size_bytes;
	piece->pinned = pinned;
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

/* `after` becomes part of `piece`, which stands right before it. */
static void piece_join(struct cache *cache, struct piece *piece, struct piece *after)
{
	piece->size_bytes += after->size_bytes;
	piece->after = after->after;
	if (piece->after)
		piece->after->before = piece;
	piece_drop(cache, after);
}

/* The piece is free for everything. */
static void give_idle(struct cache *cache, struct piece *piece)
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

/* ---- pieces that wait for a stream ---- */

static void stop_waiting(struct cache *cache, struct piece *piece)
{
	cache->backend->event_destroy(cache->state, piece->event);
	piece->event = NULL;
	piece->stream = NULL;
	piece->next_waiting = NULL;
}

/* Frees the pieces whose streams are done with them; with `wait` all of them, which waits for the streams. What a stream failed
 * at it uses no longer. */
static void reclaim(struct cache *cache, bool wait)
{
	struct piece **at = &cache->waiting;

	while (*at) {
		struct piece *piece = *at;
		bool done = true;

		if (wait)
			cache->backend->event_synchronize(cache->state, piece->event, NULL);
		else if (!cache->backend->event_query(cache->state, piece->event, &done, NULL))
			done = true;
		if (!done) {
			at = &piece->next_waiting;
			continue;
		}
		*at = piece->next_waiting;
		stop_waiting(cache, piece);
		give_idle(cache, piece);
	}
}

/* Records an event for the piece. False if it need not wait: the stream is done, or, since no event could be had, the caller
 * waited for it here. Where no bytes exist nothing can be overwritten too early, and the figures of a modelled machine do not
 * depend on how far ahead work is queued. */
static bool record_use(struct cache *cache, struct piece *piece, const struct stream *stream)
{
	const struct backend *backend = cache->backend;
	bool done = false;

	if (!backend->bytes_exist)
		return false;
	if (!backend->event_create(cache->state, device_index(stream->device), &piece->event, NULL)) {
		backend->stream_synchronize(cache->state, stream, NULL);
		return false;
	}
	if (!backend->event_record(cache->state, piece->event, stream, NULL)) {
		backend->stream_synchronize(cache->state, stream, NULL);
		done = true;
	}
	if (!done && !backend->event_query(cache->state, piece->event, &done, NULL))
		done = true;
	if (done)
		stop_waiting(cache, piece);
	return !done;
}

/* ---- pieces ---- */

static void count_taken(struct cache *cache, struct piece *piece)
{
	piece->in_use = true;
	cache->use.allocated_bytes += piece->size_bytes;
	if (cache->use.allocated_bytes > cache->use.peak_bytes)
		cache->use.peak_bytes = cache->use.allocated_bytes;
}

/* A piece that no stream uses: the best fit of those that are free, else a segment. */
static struct piece *take_idle(struct cache *cache, enum cache_pool pool, uint64_t size_bytes, struct error *e)
{
	struct free_list *list = &cache->free_lists[pool];
	size_t place = free_list_place(list, size_bytes, 0);
	struct piece *piece;

	if (place < list->count) {
		piece = list->pieces[place];
		free_list_remove(list, piece);
	} else {
		piece = segment_take(cache, pool, false, cache_segment_bytes(cache, size_bytes), e);
		if (!piece)
			return NULL;
	}
	if (cache->keeps && rest_is_worth_a_piece(piece, size_bytes) && !piece_cut(cache, piece, size_bytes, e)) {
		free_list_add(list, piece);
		return NULL;
	}
	count_taken(cache, piece);
	return piece;
}

/* The smallest piece that waits for this very stream, if it need not be cut: what the stream is to do with it comes after what
 * the piece waits for. */
static struct piece *take_waiting(struct cache *cache, const struct stream *stream, enum cache_pool pool, uint64_t size_bytes)
{
	struct piece **best = NULL;
	struct piece *piece;

	for (struct piece **at = &cache->waiting; *at; at = &(*at)->next_waiting) {
		piece = *at;
		if (piece->stream == stream && piece->pool == pool && !piece->pinned && piece->size_bytes >= size_bytes &&
		    !rest_is_worth_a_piece(piece, size_bytes) && (!best || piece->size_bytes < (*best)->size_bytes))
			best = at;
	}
	if (!best)
		return NULL;
	piece = *best;
	*best = piece->next_waiting;
	stop_waiting(cache, piece);
	return piece;
}

static bool size_is_possible(uint64_t size_bytes, struct error *e)
{
	return size_bytes <= UINT64_MAX / 2 ||
	       error_set(e, ERROR_DEVICE_MEMORY, "no device has %llu bytes", (unsigned long long)size_bytes);
}

struct piece *cache_take(struct cache *cache, uint64_t size_bytes, const struct stream *stream, struct error *e)
{
	enum cache_pool pool = size_bytes <= SMALL_MAX ? CACHE_SMALL : CACHE_LARGE;
	struct error first = ERROR_INIT;
	struct piece *piece;

	if (!size_is_possible(size_bytes, e))
		return NULL;
	size_bytes = round_up(size_bytes, GRAIN);
	reclaim(cache, false);
	piece = stream ? take_waiting(cache, stream, pool, size_bytes) : NULL;
	if (!piece)
		piece = take_idle(cache, pool, size_bytes, &first);
	if (!piece && first.kind == ERROR_DEVICE_MEMORY && cache->waiting) {
		reclaim(cache, true);
		error_clear(&first);
		piece = take_idle(cache, pool, size_bytes, &first);
	}
	if (!piece)
		error_set(e, first.kind, "%s", first.text);
	return piece;
}

struct piece *cache_take_pinned(struct cache *cache, uint64_t size_bytes, struct error *e)
{
	struct piece *piece;

	if (!size_is_possible(size_bytes, e))
		return NULL;
	reclaim(cache, false);
	piece = segment_take(cache, CACHE_LARGE, true, round_up(size_bytes, GRAIN), e);
	if (piece)
		count_taken(cache, piece);
	return piece;
}

void cache_give(struct cache *cache, struct piece *piece, const struct stream *stream)
{
	if (!stream || !record_use(cache, piece, stream)) {
		give_idle(cache, piece);
		return;
	}
	piece->stream = stream;
	piece->next_waiting = cache->waiting;
	cache->waiting = piece;
}

/* The memory of all segments, in use or not, and then the pieces. */
void cache_close(struct cache *cache)
{
	struct piece *next_segment;

	reclaim(cache, true);
	for (struct piece *first = cache->segments; first; first = next_segment) {
		uint64_t size_bytes = 0;
		struct piece *after;

		next_segment = first->next_segment;
		for (const struct piece *piece = first; piece; piece = piece->after)
			size_bytes += piece->size_bytes;
		raw_give(cache, first, size_bytes);
		for (struct piece *piece = first; piece; piece = after) {
			after = piece->after;
			free(piece);
		}
	}
	for (size_t pool = 0; pool < CACHE_POOL_COUNT; pool++)
		free(cache->free_lists[pool].pieces);
	*cache = (struct cache) { .backend = NULL };
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
