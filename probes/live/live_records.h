/* live_records.h - records from the probe node's lines (NDJSON in db/records/record.h's words) to structs.
 *
 * A batch is what GET /residency/records answers: a head line, then `count` lines. A server may be of another version, be cut off or
 * lie: a line that cannot be is an error that says which, never a record.
 */
#ifndef RESIDENCY_PROBES_LIVE_RECORDS_H
#define RESIDENCY_PROBES_LIVE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/topology/topology.h"
#include "db/records/record.h"

struct live_batch {
	char session[64]; /* of the server's process */
	uint64_t first; /* number of the first line */
	size_t count;
	uint64_t dropped; /* lines that did not fit */
	uint64_t failures; /* of the probe's own */
	bool idle, worker_alive;
	bool held; /* a prompt, in its middle, until it is released */
};

/* Whether all lines that the head promises are there. */
bool live_batch_is_whole(const char *text, size_t length);

/* Where lines go, and what they lack. */
struct live_translation {
	const struct record_sink *sink;
	const struct topology *topology; /* the server's devices, by name */
	uint32_t cell;
	/* What the workflow asks for a model, to keep it or not, where it asks. */
	bool (*keep)(const void *context, const char *name, enum keep_request *keep);
	const void *context;
	int32_t load_device;
	/* counted here; 0 at first */
	uint32_t cycle;
	bool staged; /* the cycle has a stage: the next action begins another */
	uint32_t snapshot_count, object_count;
	bool worker_died;
};

static inline void live_begin_action(struct live_translation *translation)
{
	translation->cycle += translation->staged;
	translation->staged = false;
}

/* Reads the head, then puts each line from number `next` on. On error nothing of the line that is wrong was put. */
bool live_batch_read(const char *text, size_t length, uint64_t next, struct live_translation *translation,
		     struct live_batch *batch, struct error *e);

#endif
