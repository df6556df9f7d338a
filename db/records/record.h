/* record.h - what is recorded. One layout for every subject: as structs here, as rows in the store, as NDJSON on the wire.
 *
 * Each record's fields stand once, in a list of fields_*.h beside this file. The struct below, the columns that the inserter fills
 * and the reader of a live server's lines (probes/live/live_records.c) are made of that list; tests hold the migrations and the
 * probe node to it. RECORDS.md says it for people, and how a field is added.
 *
 * Two numbers count schemas. RECORD_SCHEMA is the wire's: what a probe node and this tool must agree on. The store's is the count
 * of files in db/migrations (5 today), kept in the store's user_version. A change may raise one and not the other.
 *
 * Text in a record is bounded and copied: a record owns nothing and can be put into the ring by copying bytes. Unknown is not
 * zero: UINT64_MAX for sizes and times, -1 for indexes, "" for text.
 */
#ifndef RESIDENCY_DB_RECORD_H
#define RESIDENCY_DB_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/event.h"
#include "core/workflow/action.h"
#include "db/records/fields_cell.h"
#include "db/records/fields_run.h"
#include "db/records/fields_snapshot.h"
#include "db/records/fields_verdict.h"
#include "db/records/record_words.h"

#define RECORD_SCHEMA 4 /* of the wire */
#define RECORD_NAME_MAX 64
#define RECORD_MODEL_NAME_MAX 256 /* a file system allows names of 255 bytes */
#define RECORD_TEXT_MAX 256
#define RECORD_COMMIT_MAX 72 /* a commit's hash, SHA-256 too */
#define RECORD_SETTING_MAX 1024
#define UNKNOWN_U64 UINT64_MAX

/* X(TYPE, struct and wire name, table, whether its first member is the cell, how the store numbers its rows, what follows the values
 * of its insert). A record without a table is no row of its own. The order is the ring's. */
#define RECORDS(X)                                                                                                             \
	X(RUN, run, "run", false, NOT, NULL)                                                                                   \
	X(RUN_END, run_end, NULL, false, NOT, NULL)                                                                            \
	X(DEVICE, device, "device", false, NOT, NULL)                                                                          \
	X(LINK, link, "link", false, NOT, NULL)                                                                                \
	X(CELL, cell, "cell", true, NOT, NULL)                                                                                 \
	X(MODEL, model, "model", true, NOT, "ON CONFLICT (run, cell, number) DO UPDATE SET keep = excluded.keep")              \
	X(LOAD, load, "load", true, IN_CELL, NULL)                                                                             \
	X(ACTION, action, "action", true, IN_CELL, NULL)                                                                       \
	X(REQUEST, request, "request", true, IN_CELL, NULL)                                                                    \
	X(SNAPSHOT, snapshot, "snapshot", true, NOT, NULL)                                                                     \
	X(RESIDENCY, residency, "residency", true, NOT, NULL)                                                                  \
	X(HOLDER, holder, "holder", true, IN_CELL, NULL)                                                                       \
	X(PATH, path, "retaining_path", true, NOT, NULL)                                                                       \
	X(MEMORY, memory, "memory", true, NOT, NULL)                                                                           \
	X(DEPARTURE, departure, "departure", true, IN_CELL, NULL)                                                              \
	X(PLACEMENT, placement, "block_placement", true, NOT, NULL)                                                            \
	X(PLANNED, planned, "block_plan", true, NOT, NULL)                                                                     \
	X(ALLOCATION, allocation, "allocation", true, NOT, NULL)                                                               \
	X(TRANSFER, transfer, "transfer", true, IN_CELL, NULL)                                                                 \
	X(STEP, step, "step", true, IN_CELL, NULL)                                                                             \
	X(SAMPLE, sample, "link_sample", false, IN_RUN, NULL)                                                                  \
	X(VERDICT_MODEL, verdict_model, "verdict_model", true, NOT, NULL)                                                      \
	X(VERDICT, verdict, "verdict", true, NOT, NULL)                                                                        \
	X(FINDING, finding, "finding", true, IN_CELL, NULL)                                                                    \
	X(ARTIFACT, artifact, "artifact", true, IN_RUN, NULL)                                                                  \
	X(SAMPLED, sampled, NULL, true, NOT, NULL)                                                                             \
	X(BLOCK, block, "block", true, NOT, NULL)                                                                              \
	X(SWEEP, sweep, "sweep", false, NOT, NULL)                                                                             \
	X(SWEEP_COMMIT, sweep_commit, "sweep_commit", false, NOT, NULL)                                                        \
	X(SWEEP_CELL, sweep_cell, "sweep_cell", false, IN_RUN, NULL)                                                           \
	X(RUN_COMMIT, run_commit, "run_commit", false, NOT, NULL)

#define RECORD_TYPE_ENUM(type, name, table, has_cell, numbering, suffix) RECORD_##type,
enum record_type { RECORDS(RECORD_TYPE_ENUM) RECORD_TYPE_COUNT };
#undef RECORD_TYPE_ENUM

#define RECORD_C_U32 uint32_t
#define RECORD_C_U64 uint64_t
#define RECORD_C_I64 int64_t
#define RECORD_C_INDEX int32_t
#define RECORD_C_INDEX8 int8_t
#define RECORD_C_DOUBLE double
#define RECORD_C_BOOL bool
#define RECORD_C_KEEP enum keep_request
#define RECORD_C_STATE enum residency_state
#define RECORD_C_STAGE enum stage
#define RECORD_C_REASON enum reason
#define RECORD_C_OUTCOME enum outcome
#define RECORD_C_VERDICT enum verdict
#define RECORD_C_ACTION enum action_kind

#define RECORD_NUMBER(of, type, member, column, wire) RECORD_C_##type member;
#define RECORD_STRING(of, capacity, member, column, wire) char member[capacity];
#define RECORD_STRUCT(type, name, table, has_cell, numbering, suffix)                                                          \
	struct record_##name {                                                                                                 \
		RECORD_FIELDS_##name(RECORD_NUMBER, RECORD_STRING, record_##name)                                              \
	};
RECORDS(RECORD_STRUCT)
#undef RECORD_STRUCT
#undef RECORD_STRING
#undef RECORD_NUMBER

/* Where records go: the writer's ring, a judge, both, or nowhere. put copies size_bytes from record; it never fails and never
 * waits where the subject is real (what does not fit is counted by the sink). */
struct record_sink {
	void *context;
	void (*put)(void *context, enum record_type type, const void *record, uint32_t size_bytes);
};

static inline void record_put(const struct record_sink *sink, enum record_type type, const void *record, uint32_t size_bytes)
{
	if (sink && sink->put)
		sink->put(sink->context, type, record, size_bytes);
}

/* Two sinks as one: a judge and a writer, say. */
struct record_tee {
	struct record_sink first, second;
};
struct record_sink record_tee_sink(struct record_tee *tee);

/* The identity of an object: what its loader reads, by the whole name (records cut names), and of which kind it makes it. A server's
 * probe knows no more of a loader than that, and judges of the engine and of a server must say the same. */
uint64_t record_identity(const char *whole_name, const char *kind);

/* Copies text into a record's field, cut where it does not fit (never in the middle of a UTF-8 character). */
void record_text(char *field, size_t field_size_bytes, const char *text);

/* What an object is called where two of one name must be told apart: "B", "B#2" from the second of the name on. A name that does
 * not fit is cut, its number never. */
void record_object_name(char *field, size_t field_size_bytes, const char *name, uint32_t generation);

#endif
