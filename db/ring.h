/* ring.h - a bounded queue of records between two threads: one puts, one takes.
 *
 * A put copies bytes and never locks; an entry is read where it lies and given back with ring_advance. Either side may sleep
 * until the other has moved: the taker until half the ring is full, time is up or the ring was closed, the putter until
 * there is room.
 */
#ifndef RESIDENCY_DB_RING_H
#define RESIDENCY_DB_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct ring;

struct ring_entry {
	const void *bytes;
	uint32_t size_bytes;
	uint32_t type;
};

/* Rounds the size up to a power of two, at least 64 KiB. The caller frees with ring_free(). */
struct ring *ring_new(size_t size_bytes, struct error *e);
void ring_free(struct ring *ring);

/* For the putter. false when there is no room now; ring_wait_for_room waits until there is. An entry is at most a quarter of
 * the ring: a larger one never fits. */
bool ring_put(struct ring *ring, uint32_t type, const void *bytes, uint32_t size_bytes);
void ring_wait_for_room(struct ring *ring, uint32_t size_bytes);

/* Nothing more will be put. */
void ring_close(struct ring *ring);

/* For the taker. false when the ring is empty; the entry stays until ring_advance. */
bool ring_peek(struct ring *ring, struct ring_entry *entry);
void ring_advance(struct ring *ring);
void ring_wait(struct ring *ring, uint64_t at_most_ns);

/* Closed and empty: no entry will come. */
bool ring_is_finished(struct ring *ring);

#endif
