/* ring.c - single producer, single consumer, bytes.
 *
 * head and tail count bytes from the beginning and never wrap; masked with the capacity, a power of two, they give the
 * place. Each side keeps a copy of the other's counter, so that the shared cache line is read only when the copy says
 * full or empty. An entry is never split: where it would cross the end, a SKIP entry takes the rest.
 *
 *	      tail                    head
 *	       v                       v
 *	.......[header|payload][header|payload]..........SKIP]
 */
#include "db/ring.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/array.h"
#include "core/base/clock.h"

#define LEAST_SIZE 65536U
#define SKIP UINT32_MAX /* type of the filler at the ring's end, where an entry would not fit in one piece */

struct ring_header {
	uint32_t size_bytes; /* of the entry, without the header */
	uint32_t type;
};

/* head and tail count bytes since the beginning and are never wrapped; what they have in common with the mask is the place.
 * Each side's own counter and its copy of the other's lie on a cache line of their own. */
struct ring {
	unsigned char *bytes;
	uint64_t capacity; /* power of two */
	sem_t entries, room;
	atomic_bool closed;
	_Alignas(64) _Atomic uint64_t head; /* written by the putter */
	uint64_t tail_seen;
	atomic_bool putter_sleeps;
	_Alignas(64) _Atomic uint64_t tail; /* written by the taker */
	uint64_t head_seen;
	atomic_bool taker_sleeps;
};

struct ring *ring_new(size_t size_bytes, struct error *e)
{
	size_t capacity = LEAST_SIZE;
	struct ring *ring;

	if (size_bytes > SIZE_MAX / 4) {
		error_no_memory(e);
		return NULL;
	}
	while (capacity < size_bytes)
		capacity *= 2;
	ring = aligned_alloc(64, sizeof(*ring));
	if (!ring) {
		error_no_memory(e);
		return NULL;
	}
	memset(ring, 0, sizeof(*ring));
	ring->bytes = array_new(capacity, 1, e);
	if (!ring->bytes) {
		free(ring);
		return NULL;
	}
	ring->capacity = capacity;
	sem_init(&ring->entries, 0, 0);
	sem_init(&ring->room, 0, 0);
	return ring;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	sem_destroy(&ring->entries);
	sem_destroy(&ring->room);
	free(ring->bytes);
	free(ring);
}

static uint64_t entry_span(uint32_t size_bytes)
{
	return (sizeof(struct ring_header) + (uint64_t)size_bytes + 7) & ~UINT64_C(7);
}

/* Bytes that an entry needs at head: its own, and the rest of the ring where it would not fit before its end. */
static uint64_t span_at(const struct ring *ring, uint64_t head, uint64_t span)
{
	uint64_t before_end = ring->capacity - (head & (ring->capacity - 1));

	return span <= before_end ? span : before_end + span;
}

static bool has_room(struct ring *ring, uint64_t head, uint64_t needed)
{
	if (head + needed - ring->tail_seen <= ring->capacity)
		return true;
	ring->tail_seen = atomic_load(&ring->tail);
	return head + needed - ring->tail_seen <= ring->capacity;
}

static void write_header(struct ring *ring, uint64_t at, uint32_t type, uint32_t size_bytes)
{
	struct ring_header header = { .size_bytes = size_bytes, .type = type };

	memcpy(ring->bytes + (at & (ring->capacity - 1)), &header, sizeof(header));
}

bool ring_put(struct ring *ring, uint32_t type, const void *bytes, uint32_t size_bytes)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t span = entry_span(size_bytes);
	uint64_t needed = span_at(ring, head, span);
	uint64_t at = head + needed - span;

	if (span > ring->capacity / 4 || !has_room(ring, head, needed))
		return false;
	if (at != head)
		write_header(ring, head, SKIP, (uint32_t)(at - head - sizeof(struct ring_header)));
	write_header(ring, at, type, size_bytes);
	memcpy(ring->bytes + (at & (ring->capacity - 1)) + sizeof(struct ring_header), bytes, size_bytes);
	/* Sequentially consistent, as is the taker's announcement that it sleeps: one of the two sees the other. */
	atomic_store(&ring->head, head + needed);
	if (head + needed - ring->tail_seen > ring->capacity / 2 && atomic_load(&ring->taker_sleeps) &&
	    atomic_exchange(&ring->taker_sleeps, false))
		sem_post(&ring->entries);
	return true;
}

void ring_wait_for_room(struct ring *ring, uint32_t size_bytes)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t needed = span_at(ring, head, entry_span(size_bytes));

	while (!has_room(ring, head, needed)) {
		if (atomic_exchange(&ring->taker_sleeps, false))
			sem_post(&ring->entries);
		atomic_store(&ring->putter_sleeps, true);
		ring->tail_seen = atomic_load(&ring->tail);
		if (has_room(ring, head, needed)) {
			atomic_store(&ring->putter_sleeps, false);
			return;
		}
		while (sem_wait(&ring->room) != 0 && errno == EINTR)
			;
	}
}

void ring_close(struct ring *ring)
{
	atomic_store(&ring->closed, true);
	sem_post(&ring->entries);
}

bool ring_peek(struct ring *ring, struct ring_entry *entry)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct ring_header header;

	for (;;) {
		if (tail == ring->head_seen) {
			ring->head_seen = atomic_load(&ring->head);
			if (tail == ring->head_seen)
				return false;
		}
		memcpy(&header, ring->bytes + (tail & (ring->capacity - 1)), sizeof(header));
		if (header.type != SKIP)
			break;
		tail += sizeof(header) + header.size_bytes;
		atomic_store(&ring->tail, tail);
	}
	*entry = (struct ring_entry) { .bytes = ring->bytes + (tail & (ring->capacity - 1)) + sizeof(header),
				       .size_bytes = header.size_bytes,
				       .type = header.type };
	return true;
}

void ring_advance(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct ring_header header;

	memcpy(&header, ring->bytes + (tail & (ring->capacity - 1)), sizeof(header));
	tail += entry_span(header.size_bytes);
	atomic_store(&ring->tail, tail);
	/* A putter that waits is woken when half is free, not for each entry. */
	if (atomic_load(&ring->putter_sleeps) && atomic_load(&ring->head) - tail <= ring->capacity / 2 &&
	    atomic_exchange(&ring->putter_sleeps, false))
		sem_post(&ring->room);
}

void ring_wait(struct ring *ring, uint64_t at_most_ns)
{
	struct timespec until;
	uint64_t end;

	atomic_store(&ring->taker_sleeps, true);
	if (atomic_load(&ring->closed) || atomic_load(&ring->head) - atomic_load(&ring->tail) > ring->capacity / 2) {
		atomic_store(&ring->taker_sleeps, false);
		return;
	}
	end = clock_now_ns() + at_most_ns;
	until = (struct timespec) { .tv_sec = (time_t)(end / NS_PER_S), .tv_nsec = (long)(end % NS_PER_S) };
	sem_clockwait(&ring->entries, CLOCK_MONOTONIC, &until);
	atomic_store(&ring->taker_sleeps, false);
}

bool ring_is_finished(struct ring *ring)
{
	return atomic_load(&ring->closed) && atomic_load(&ring->head) == atomic_load(&ring->tail);
}
