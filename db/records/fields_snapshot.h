/* fields_snapshot.h - the fields of the records of what one snapshot shows. Private to db/records.
 *
 * Each list is NUMBER(OF, type, member, column, wire) and STRING(OF, capacity, member, column, wire), in the order of the struct that
 * record.h makes of it. `column` is the store's (NULL: not stored), `wire` how a live server's line gives the member (NONE: it does
 * not), a word of enum record_wire in layout.h; its key there is the member's name. OF is the struct's tag, which record.h and
 * layout.c pass. Sizes are bytes and times nanoseconds where the names say so; nothing here owns, fails or runs.
 */
#ifndef RESIDENCY_DB_FIELDS_SNAPSHOT_H
#define RESIDENCY_DB_FIELDS_SNAPSHOT_H

/* Followed at once by the residencies, holders and memory lines of this snapshot, before anything that happens later. */
#define RECORD_FIELDS_snapshot(NUMBER, STRING, OF)                                                                             \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "number", NEW_SNAPSHOT) /* counts from 1 in a cell: the order of the stages */               \
	NUMBER(OF, U32, cycle, "cycle", CYCLE)                                                                                 \
	NUMBER(OF, STAGE, stage, "stage", STAGE)                                                                               \
	NUMBER(OF, U64, time_ns, "time_ns", SIZE)                                                                              \
	NUMBER(OF, INDEX, anchor_count, "anchor_count", INDEX) /* -1: the policy has no anchors */                             \
	NUMBER(OF, U32, listed_count, "listed_count", COUNT)                                                                   \
	NUMBER(OF, INDEX, load_device, "load_device", LOAD_DEVICE) /* where models run whose loader names none; -1: unknown */ \
	NUMBER(OF, INDEX, current_device, "current_device", DEVICE) /* what the manager takes for that now; -1: unknown */     \
	STRING(OF, RECORD_TEXT_MAX, exception, "exception", TEXT)

/* One object at one snapshot; every object made so far has one at every snapshot, dead ones too. bytes_on_compute: what loading
 * put there; 0 for an unpatched model even where the offload device is the compute device. */
#define RECORD_FIELDS_residency(NUMBER, STRING, OF)                                                                            \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "snapshot", SNAPSHOT)                                                                        \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, STATE, state, "state", STATE)                                                                               \
	NUMBER(OF, INDEX, listed, "listed", INDEX) /* index in the loaded list, newest first; -1: not in it */                 \
	NUMBER(OF, BOOL, patcher_alive, "patcher_alive", BOOL)                                                                 \
	NUMBER(OF, BOOL, model_alive, "model_alive", BOOL)                                                                     \
	NUMBER(OF, INDEX8, anchored, "anchored", INDEX8) /* -1: the policy has no anchors, or the object is dead */            \
	NUMBER(OF, INDEX, device, "device", DEVICE) /* where its model was last loaded to run; -1: nowhere yet, or dead */     \
	NUMBER(OF, BOOL, foreign_patches, "foreign_patches", BOOL) /* those in its model's weights are another patcher's */    \
	NUMBER(OF, U64, bytes_on_compute, "bytes_on_compute", SIZE)                                                            \
	NUMBER(OF, U64, bytes_elsewhere, "bytes_elsewhere", SIZE)

/* Who refers to an object at one snapshot: the references to its patcher, or to its model once the patcher is dead. Wrappers
 * (CLIP, VAE) and clones are looked through: the holder is who holds those. Kinds that the judge knows: */
#define HOLDER_CACHE "cache" /* a slot of the executor's caches */
#define HOLDER_GARBAGE "garbage" /* a dropped cache set that no collection has seen yet */
#define HOLDER_LIST "list" /* the loaded list; weak upstream */
#define HOLDER_MANAGER "manager" /* the manager's own reference to a kept patcher, label "kept" */
#define HOLDER_ANCHORS "anchors" /* a policy's anchor set */
#define HOLDER_FOREIGN "foreign" /* a foreign hold */
#define HOLDER_EXECUTION "execution" /* a running node */

#define RECORD_FIELDS_holder(NUMBER, STRING, OF)                                                                               \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "snapshot", SNAPSHOT)                                                                        \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	STRING(OF, RECORD_NAME_MAX, label, "label", TEXT)                                                                      \
	STRING(OF, 24, kind, "kind", TEXT)                                                                                     \
	NUMBER(OF, BOOL, strong, "strong", BOOL)

/* The shortest chain of strong references from a root to an object, as labels: "executor -> caches -> node 7 -> clip -> patcher
 * B". Put where it is evidence: an object that is alive though it is not resident any more, or listed and dead, or made beside an
 * older one of its name; and at the end every object alive but the kept ones that are where they should be. */
#define RECORD_FIELDS_path(NUMBER, STRING, OF)                                                                                 \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "snapshot", SNAPSHOT)                                                                        \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, U32, length, "length",                                                                                      \
	       COUNT) /* references; 0: no root reaches it, it is garbage until the next collection */                         \
	STRING(OF, RECORD_TEXT_MAX, path, "path", TEXT)

/* One line of a device's ledger; `line` is used, context, weights, activations, cache, other, unattributed; besides, `noise`, put
 * before unattributed where it is not 0: up to so much of that is no evidence. */
#define RECORD_FIELDS_memory(NUMBER, STRING, OF)                                                                               \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "snapshot", SNAPSHOT)                                                                        \
	NUMBER(OF, U32, device, "device", KNOWN_DEVICE)                                                                        \
	STRING(OF, 16, line, "line", TEXT)                                                                                     \
	NUMBER(OF, U64, size_bytes, "size_bytes", SIZE)

/* run-length: `count` blocks from `first` on are on `device` */
#define RECORD_FIELDS_placement(NUMBER, STRING, OF)                                                                            \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "snapshot", SNAPSHOT)                                                                        \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, U32, first, "first_block", COUNT)                                                                           \
	NUMBER(OF, U32, count, "block_count", COUNT)                                                                           \
	NUMBER(OF, U32, device, "device", KNOWN_DEVICE)

/* Bytes of a model's blocks, run-length: `count` blocks from `first` on have size_bytes each. Put once, with the first placement. */
#define RECORD_FIELDS_block(NUMBER, STRING, OF)                                                                                \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, U32, first, "first_block", COUNT)                                                                           \
	NUMBER(OF, U32, count, "block_count", COUNT)                                                                           \
	NUMBER(OF, U64, size_bytes, "size_bytes", SIZE)

/* Where the plan wants the blocks of a distributed model, run-length as above; put with the placement. Only blocks that were put in
 * place: one that pressure took away is elsewhere by decision. */
#define RECORD_FIELDS_planned(NUMBER, STRING, OF)                                                                              \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "snapshot", SNAPSHOT)                                                                        \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, U32, first, "first_block", COUNT)                                                                           \
	NUMBER(OF, U32, count, "block_count", COUNT)                                                                           \
	NUMBER(OF, U32, device, "device", KNOWN_DEVICE)

/* By which allocation string a model was placed; put with the placement, and where it is not the one that the model's own loader
 * set ("" for none). */
#define RECORD_FIELDS_allocation(NUMBER, STRING, OF)                                                                           \
	NUMBER(OF, U32, cell, "cell", CELL)                                                                                    \
	NUMBER(OF, U32, snapshot, "snapshot", SNAPSHOT)                                                                        \
	NUMBER(OF, U32, model, "model", OBJECT)                                                                                \
	NUMBER(OF, BOOL, differs, NULL, NONE) /* compared before the texts are cut */                                          \
	STRING(OF, RECORD_TEXT_MAX, own, "own", TEXT)                                                                          \
	STRING(OF, RECORD_TEXT_MAX, used, "used", TEXT)

#endif
