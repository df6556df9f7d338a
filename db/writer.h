/* writer.h - one thread that writes records into a store, behind a bounded ring.
 *
 * One thread puts records into writer_sink(); the writer's own thread takes them out and inserts them, many in a transaction.
 * The producer copies bytes and goes on. Where it must not wait (the default) a record that does not fit is counted against
 * its cell and lost: the cell becomes UNTRUSTWORTHY in the store. Where time is virtual it may wait for room instead.
 *
 * A store that fails in the middle (the disk is full) does not stop the producer: the writer takes the rest and forgets it,
 * and writer_finish tells. What was committed stays; a store that this writer made and nothing was committed to is removed.
 *
 *	struct writer *writer = writer_start(path, &(struct writer_options){ .wait_for_room = true }, e);
 *	struct record_sink sink = writer_sink(writer);
 *	record_put(&sink, RECORD_RUN, &run, sizeof(run));
 *	...
 *	return writer_finish(writer, e);
 */
#ifndef RESIDENCY_DB_WRITER_H
#define RESIDENCY_DB_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/records/record.h"

struct writer_options {
	bool wait_for_room;
	size_t ring_size_bytes; /* 0: 4 MiB; rounded up to a power of two */
};

struct writer;

/* Opens the store (store_open, STORE_WRITE) and starts the thread. The first record must be a RECORD_RUN: what follows belongs
 * to it. NULL on error. */
struct writer *writer_start(const char *path, const struct writer_options *options, struct error *e);

/* For one thread. Borrowed: lives as long as the writer. */
struct record_sink writer_sink(struct writer *writer);

/* Records of a cell that did not fit so far. For the thread that puts. */
uint64_t writer_dropped(const struct writer *writer, uint32_t cell);
uint64_t writer_dropped_in_all(const struct writer *writer);

/* Whether the store still takes records; a long run may ask now and then and stop early. */
bool writer_is_fine(const struct writer *writer);

/* Waits until all is written, ends the thread, closes the store and frees the writer, whatever happened before. false with
 * what went wrong first. A run without a RECORD_RUN_END stays unfinished. */
bool writer_finish(struct writer *writer, struct error *e);

#endif
