/* writer.c - the thread behind the ring.
 *
 * The producer's side (put) only copies into the ring or counts a drop. The writer's thread sleeps until the ring is
 * half full or a batch is due, inserts all there is, and commits when a batch has enough rows or is old enough. After
 * an error it keeps emptying the ring without inserting, so that the producer never blocks. Drops are counted by cell
 * and written when the run ends.
 */
#include "db/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "db/inserter.h"
#include "db/records/layout.h"
#include "db/ring.h"
#include "db/store.h"

#define RING_SIZE_BYTES (4U << 20)
#define BATCH_ROWS 20000
#define BATCH_NS (200 * NS_PER_MS) /* what a kill -9 may cost */
#define NAP_NS (50 * NS_PER_MS)
#define CLOCK_EVERY 64 /* rows between two looks at the clock */

struct drop {
	uint32_t cell;
	uint64_t count;
};

struct writer {
	struct store *store;
	struct inserter *inserter;
	struct ring *ring;
	pthread_t thread;
	bool wait_for_room;
	/* The putter's, until the ring is closed. */
	struct drop *drops;
	size_t drop_count, drop_capacity;
	uint64_t dropped;
	/* The writer thread's; the putter sees only `fine`. */
	atomic_bool fine;
	uint64_t batch_began_ns;
	uint64_t orphans; /* seen so far */
	struct drop orphaned; /* of the last cell that had any */
	struct error error;
};

static uint32_t cell_of(enum record_type type, const void *record)
{
	uint32_t cell = 0;

	if ((unsigned)type < RECORD_TYPE_COUNT && record_layouts[type].has_cell)
		memcpy(&cell, record, sizeof(cell));
	return cell;
}

/* Cells come one after the other, so the newest row is the one to look at. Without memory for a row of its own the drop is
 * counted with another cell: the run is marked in any case. */
static void count_drop(struct writer *writer, uint32_t cell)
{
	writer->dropped++;
	if (writer->drop_count && writer->drops[writer->drop_count - 1].cell == cell) {
		writer->drops[writer->drop_count - 1].count++;
		return;
	}
	if (array_reserve(&writer->drops, &writer->drop_capacity, writer->drop_count + 1, sizeof(*writer->drops), NULL))
		writer->drops[writer->drop_count++] = (struct drop) { .cell = cell, .count = 1 };
	else if (writer->drop_count)
		writer->drops[writer->drop_count - 1].count++;
}

static void put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct writer *writer = context;

	if (ring_put(writer->ring, (uint32_t)type, record, size_bytes))
		return;
	if (!writer->wait_for_room) {
		count_drop(writer, cell_of(type, record));
		return;
	}
	do
		ring_wait_for_room(writer->ring, size_bytes);
	while (!ring_put(writer->ring, (uint32_t)type, record, size_bytes));
}

struct record_sink writer_sink(struct writer *writer)
{
	return (struct record_sink) { .context = writer, .put = put };
}

uint64_t writer_dropped_in_all(const struct writer *writer)
{
	return writer->dropped;
}

uint64_t writer_dropped(const struct writer *writer, uint32_t cell)
{
	uint64_t count = 0;

	for (size_t i = writer->drop_count; i > 0; i--) {
		if (writer->drops[i - 1].cell == cell)
			count += writer->drops[i - 1].count;
	}
	return count;
}

bool writer_is_fine(const struct writer *writer)
{
	return atomic_load(&writer->fine);
}

static void fail(struct writer *writer)
{
	atomic_store(&writer->fine, false);
}

/* Rows whose parents were dropped are dropped too, and said to be when their cell has passed. */
static bool note_orphans(struct writer *writer, uint32_t cell)
{
	uint64_t seen = inserter_orphans(writer->inserter);

	if (seen == writer->orphans)
		return true;
	if (writer->orphaned.cell != cell && writer->orphaned.count &&
	    !inserter_mark_dropped(writer->inserter, writer->orphaned.cell, writer->orphaned.count, &writer->error))
		return false;
	if (writer->orphaned.cell != cell)
		writer->orphaned = (struct drop) { .cell = cell };
	writer->orphaned.count += seen - writer->orphans;
	writer->orphans = seen;
	return true;
}

static void insert_entry(struct writer *writer, const struct ring_entry *entry)
{
	enum record_type type = (enum record_type)entry->type;

	if (!atomic_load_explicit(&writer->fine, memory_order_relaxed))
		return;
	if (!inserter_pending(writer->inserter))
		writer->batch_began_ns = clock_now_ns();
	if (!inserter_put(writer->inserter, type, entry->bytes, entry->size_bytes, &writer->error) ||
	    !note_orphans(writer, cell_of(type, entry->bytes)))
		fail(writer);
}

static void commit_when_due(struct writer *writer, bool idle)
{
	uint64_t pending = inserter_pending(writer->inserter);

	if (!pending || !atomic_load_explicit(&writer->fine, memory_order_relaxed))
		return;
	if (pending < BATCH_ROWS && !(idle || pending % CLOCK_EVERY == 0))
		return;
	if (pending < BATCH_ROWS && clock_now_ns() - writer->batch_began_ns < BATCH_NS)
		return;
	if (!inserter_commit(writer->inserter, &writer->error))
		fail(writer);
}

static bool write_drops(struct writer *writer)
{
	for (size_t i = 0; i < writer->drop_count; i++) {
		if (!inserter_mark_dropped(writer->inserter, writer->drops[i].cell, writer->drops[i].count, &writer->error))
			return false;
	}
	return !writer->orphaned.count ||
	       inserter_mark_dropped(writer->inserter, writer->orphaned.cell, writer->orphaned.count, &writer->error);
}

static void *write_all(void *context)
{
	struct writer *writer = context;
	struct ring_entry entry;

	for (;;) {
		if (ring_peek(writer->ring, &entry)) {
			insert_entry(writer, &entry);
			ring_advance(writer->ring);
			commit_when_due(writer, false);
			continue;
		}
		commit_when_due(writer, true);
		if (ring_is_finished(writer->ring))
			break;
		ring_wait(writer->ring, NAP_NS);
	}
	if (atomic_load(&writer->fine) && (!write_drops(writer) || !inserter_commit(writer->inserter, &writer->error)))
		fail(writer);
	return NULL;
}

static void free_writer(struct writer *writer, bool fine)
{
	inserter_free(writer->inserter);
	if (fine || !writer->store)
		store_close(writer->store);
	else
		store_give_up(writer->store);
	ring_free(writer->ring);
	free(writer->drops);
	free(writer);
}

struct writer *writer_start(const char *path, const struct writer_options *options, struct error *e)
{
	struct writer *writer = array_new(1, sizeof(*writer), e);

	if (!writer)
		return NULL;
	atomic_init(&writer->fine, true);
	writer->wait_for_room = options->wait_for_room;
	writer->ring = ring_new(options->ring_size_bytes ? options->ring_size_bytes : RING_SIZE_BYTES, e);
	if (!writer->ring)
		goto fail;
	writer->store = store_open(path, STORE_WRITE, e);
	if (!writer->store)
		goto fail;
	writer->inserter = inserter_new(writer->store, e);
	if (!writer->inserter)
		goto fail;
	if (pthread_create(&writer->thread, NULL, write_all, writer) != 0) {
		error_set(e, ERROR_MEMORY, "cannot start the thread that writes the store %s", path);
		goto fail;
	}
	return writer;
fail:
	free_writer(writer, false);
	return NULL;
}

bool writer_finish(struct writer *writer, struct error *e)
{
	bool fine;

	ring_close(writer->ring);
	pthread_join(writer->thread, NULL);
	fine = atomic_load(&writer->fine);
	if (!fine)
		error_set(e, writer->error.kind, "%s", writer->error.text);
	free_writer(writer, fine);
	return fine;
}
