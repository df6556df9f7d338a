/* fields_cell.h - the fields of the records of what a cell is and what happens in it. Private to db/records.
 *
 * Each list is NUMBER(OF, type, member, column, wire) and STRING(OF, capacity, member, column, wire), in the order of the struct that
 * record.h makes of it. `column` is the store's (NULL: not stored), `wire` how a live server's line gives the member (NONE: it does
 * not), a word of enum record_wire in layout.h; its key there is the member's name. OF is the struct's tag, which record.h and
 * layout.c pass. Sizes are bytes and times nanoseconds where the names say so; nothing here owns, fails or runs.
 */
#ifndef RESIDENCY_DB_FIELDS_CELL_H
#define RESIDENCY_DB_FIELDS_CELL_H

#include "db/records/cell_axes.h"

/* An axis as a field. */
#define RECORD_AXIS_FIELD(NAME, member, capacity, option, usual, STRING, OF) STRING(OF, capacity, member, #member, NONE)

/* One thing that passes or fails; everything up to its record_verdict belongs to it. */
#define RECORD_FIELDS_cell(NUMBER, STRING, OF)                                                                                 \
	NUMBER(OF, U32, cell, "number", NONE) /* counts from 1 in a run; 0: records of no cell */                              \
	STRING(OF, RECORD_NAME_MAX, subject, "subject", NONE)                                                                  \
	CELL_AXES(RECORD_AXIS_FIELD, STRING, OF)                                                                               \
	STRING(OF, RECORD_NAME_MAX, workflow, "workflow", NONE) /* what `replay` ran; "" in a cell of a matrix */              \
	STRING(OF, RECORD_NAME_MAX, topology, "topology", NONE) /* whose devices its records number */

/* An object, that is a patcher: the n-th one made for a model's name. Put again with another `keep` when the keep flag changes. */
#define RECORD_FIELDS_model(NUMBER, STRING, OF)                                                                                \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, model, "number", NEW_OBJECT) /* counts from 1 in a cell */                                             \
	NUMBER(OF, U64, identity, NULL, NONE) /* record_identity: of its whole name and kind */                                \
	STRING(OF, RECORD_MODEL_NAME_MAX, name, "name", TEXT) /* "B"; "K+clone" for a patcher with a LoRA */                   \
	NUMBER(OF, U32, generation, "generation", COUNT) /* 1 for the first object of the name */                              \
	NUMBER(OF, U32, inner, "inner_model",                                                                                  \
	       NEW_OBJECT) /* number of the first object with the same model; its own where it is the first */                 \
	STRING(OF, 16, kind, "kind", TEXT) /* unet, clip, vae */                                                               \
	NUMBER(OF, KEEP, keep, "keep", KEEP)                                                                                   \
	NUMBER(OF, U64, size_bytes, "size_bytes", SIZE)                                                                        \
	NUMBER(OF, U32, block_count, "block_count", COUNT)

/* A model's weights were read for an object, or an object that was kept was found again and used (adopted). */
#define RECORD_FIELDS_load(NUMBER, STRING, OF)                                                                                 \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, U32, after_snapshot, "after_snapshot", COUNT)                                                               \
	NUMBER(OF, BOOL, from_disk, "from_disk", BOOL)                                                                         \
	NUMBER(OF, U64, time_ns, "time_ns", SIZE)

/* What the scenario does next; put before it is done. Until the next action the judge wants the stages that it must lead to: a
 * prompt or a queue to `loaded` or `next_prompt`; a post that asks to before_unload, after_unload, after_gc and after_empty_cache;
 * soft_empty to after_direct_soft_empty, free_memory and load_foreign to after_free_memory. The last stage of a cell is `end`. */
#define RECORD_FIELDS_action(NUMBER, STRING, OF)                                                                               \
	NUMBER(OF, U32, cell, "cell", NONE)                                                                                    \
	NUMBER(OF, U32, cycle, "cycle", NONE)                                                                                  \
	NUMBER(OF, ACTION, kind, "kind", NONE)                                                                                 \
	NUMBER(OF, BOOL, asks, "asks", NONE) /* a post with unload_models or free_memory true */                               \
	STRING(OF, RECORD_NAME_MAX, detail, "detail", NONE)

/* The worker takes flags that ask models to go; put before it acts on them. (An action that asks is a request by itself; a
 * soft_empty that sets no flag asks no model to go, and flags that are dropped before the worker sees them neither.) */
#define RECORD_FIELDS_request(NUMBER, STRING, OF)                                                                              \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, after_snapshot, "after_snapshot", COUNT)                                                               \
	NUMBER(OF, BOOL, unload_models, "unload_models", BOOL)                                                                 \
	NUMBER(OF, BOOL, free_memory, "free_memory", BOOL)

/* Why an object left, as the subject told it when it happened. */
#define RECORD_FIELDS_departure(NUMBER, STRING, OF)                                                                            \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, U32, after_snapshot, "after_snapshot", COUNT) /* happened after this snapshot, before the next */           \
	NUMBER(OF, REASON, reason, "reason", REASON)                                                                           \
	NUMBER(OF, U64, time_ns, "time_ns", SIZE)

/* A sampler begins: the patches that the workflow puts on its model, and those that are in the weights; "" for none. Judged, not
 * stored. */
#define RECORD_FIELDS_sampled(NUMBER, STRING, OF)                                                                              \
	NUMBER(OF, U32, cell, NULL, NONE)                                                                                      \
	NUMBER(OF, U32, model, NULL, NONE)                                                                                     \
	NUMBER(OF, U32, after_snapshot, NULL, NONE)                                                                            \
	STRING(OF, RECORD_NAME_MAX, node, NULL, NONE) /* its id */                                                             \
	NUMBER(OF, BOOL, differs, NULL, NONE) /* compared before the texts are cut */                                          \
	STRING(OF, RECORD_TEXT_MAX, wanted, NULL, NONE)                                                                        \
	STRING(OF, RECORD_TEXT_MAX, found, NULL, NONE)

#define RECORD_FIELDS_transfer(NUMBER, STRING, OF)                                                                             \
	NUMBER(OF, U32, cell, "cell", NONE)                                                                                    \
	NUMBER(OF, U32, from, "from_device", NONE)                                                                             \
	NUMBER(OF, U32, to, "to_device", NONE)                                                                                 \
	NUMBER(OF, U32, stream, "stream", NONE)                                                                                \
	NUMBER(OF, U64, size_bytes, "size_bytes", NONE)                                                                        \
	NUMBER(OF, U64, start_ns, "start_ns", NONE)                                                                            \
	NUMBER(OF, U64, end_ns, "end_ns", NONE)

#define RECORD_FIELDS_step(NUMBER, STRING, OF)                                                                                 \
	NUMBER(OF, U32, cell, "cell", NONE)                                                                                    \
	NUMBER(OF, U32, node, "node", NONE)                                                                                    \
	NUMBER(OF, U32, step, "step", NONE)                                                                                    \
	NUMBER(OF, U32, pass_count, "pass_count", NONE)                                                                        \
	NUMBER(OF, U64, start_ns, "start_ns", NONE)                                                                            \
	NUMBER(OF, U64, end_ns, "end_ns", NONE)                                                                                \
	NUMBER(OF, U64, moved_bytes, "moved_bytes", NONE)

#endif
