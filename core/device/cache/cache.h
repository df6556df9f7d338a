/* cache.h - the caching allocator between device_alloc and a backend, one for each device.
 *
 * It works as PyTorch's does, so that what a card can hold here is what it can hold there. Memory is taken from the device in
 * segments: 2 MiB for pieces of at most 1 MiB, 20 MiB for pieces below 10 MiB, else as much as is asked for, rounded up to
 * 2 MiB. Segments are cut into pieces of a multiple of 512 bytes: the smallest free piece that is large enough is used, and its
 * rest becomes a piece of its own when it is worth it. A freed piece joins its free neighbours and stays with the cache until
 * cache_empty gives back the segments that are free as a whole; or until the device has no more, when that is done once before
 * giving up. A cpu has no such cache (as in PyTorch): there every piece goes straight to and from the device.
 *
 * A piece that is given back with a stream may still be used by what is on it: for work on the same stream it can be taken
 * again at once, for anything else when an event recorded then is done (PyTorch's record_stream). Page-locked pieces come from
 * the backend one by one and go back to it.
 *
 * Giving cannot fail: where no event can be had it waits for the stream. The streams outlive the cache.
 */
#ifndef RESIDENCY_DEVICE_CACHE_H
#define RESIDENCY_DEVICE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"

struct piece;

/* Free pieces of one pool, by size, then by address: the first that is large enough is the best fit. */
struct free_list {
	struct piece **pieces;
	size_t count;
	size_t capacity; /* room for every piece of the pool, so that a free one always finds its place */
	size_t piece_count;
};

enum cache_pool { CACHE_SMALL, CACHE_LARGE, CACHE_POOL_COUNT };

struct cache {
	const struct backend *backend;
	void *state; /* the backend's */
	unsigned device;
	bool keeps; /* false for a cpu */
	struct free_list free_lists[CACHE_POOL_COUNT];
	struct piece *segments; /* the first piece of each segment */
	struct piece *waiting; /* given back, and still used by their streams */
	struct memory_use use;
};

void cache_open(struct cache *cache, const struct backend *backend, void *state, unsigned device,
		const struct device_description *description);
/* Gives everything back, also what is still in use. */
void cache_close(struct cache *cache);

/* A piece of at least size_bytes, which is not 0. NULL on error. stream: what alone will use it, and may still use it; NULL for a
 * piece that nothing uses. */
struct piece *cache_take(struct cache *cache, uint64_t size_bytes, const struct stream *stream, struct error *e);
struct piece *cache_take_pinned(struct cache *cache, uint64_t size_bytes, struct error *e);
/* stream: what may still use it; NULL for nothing. */
void cache_give(struct cache *cache, struct piece *piece, const struct stream *stream);
void *cache_piece_address(const struct piece *piece);

/* What is taken from the device for a piece that finds no place. */
uint64_t cache_segment_bytes(const struct cache *cache, uint64_t size_bytes);

void cache_empty(struct cache *cache);
uint64_t cache_largest_free_bytes(const struct cache *cache);

#endif
