/* record.h - what is recorded. One layout for every subject: as structs here, as rows in the store, as NDJSON on the wire.
 * RECORDS.md beside this file says it for people.
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

#define RECORD_SCHEMA 4
#define RECORD_NAME_MAX 64
#define RECORD_TEXT_MAX 256
#define RECORD_COMMIT_MAX 72 /* a commit's hash, SHA-256 too */
#define RECORD_SETTING_MAX 1024
#define UNKNOWN_U64 UINT64_MAX

/* What one object of a model's name is at one stage. */
#define RESIDENCY_STATES(X)                                                                                                    \
	X(RESIDENT, "resident") /* listed and patched */                                                                       \
	X(UNLOADED, "unloaded") /* alive, not listed, unpatched */                                                             \
	X(LOADED_UNLISTED, "loaded_unlisted") /* weights still patched on the device, but in no list */                        \
	X(LEAKED, "leaked") /* model alive, patcher dead */                                                                    \
	X(DEAD, "dead")

enum residency_state {
#define RESIDENCY_STATE_ENUM(name, text) STATE_##name,
	RESIDENCY_STATES(RESIDENCY_STATE_ENUM)
#undef RESIDENCY_STATE_ENUM
		STATE_COUNT
};

#define OUTCOMES(X)                                                                                                            \
	X(DISPLACED, "displaced", true)                                                                                        \
	X(LOST, "lost", false)                                                                                                 \
	X(KEPT, "kept", true)                                                                                                  \
	X(LEAKED, "leaked", false)                                                                                             \
	X(STRAY, "stray", false)                                                                                               \
	X(UNLOADED, "unloaded", true)                                                                                          \
	X(PRESENT, "present", true)

enum outcome {
#define OUTCOME_ENUM(name, text, passes) OUTCOME_##name,
	OUTCOMES(OUTCOME_ENUM)
#undef OUTCOME_ENUM
		OUTCOME_COUNT
};

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNTRUSTWORTHY, VERDICT_COUNT };

const char *residency_state_name(enum residency_state state); /* "not seen" for STATE_COUNT */
const char *outcome_name(enum outcome outcome);
bool outcome_passes(enum outcome outcome);
const char *verdict_name(enum verdict verdict);
const char *keep_wish_name(enum keep_wish keep); /* "true", "false", "null" */

struct record_run {
	char id[40]; /* unique text id */
	char command[512]; /* as it can be run again */
	char version[32];
	int64_t started_wall_ns;
	char environment[512]; /* canonical JSON of what decides which runs may be compared */
};

/* Devices and links of a topology; a run may turn to several. */
struct record_device {
	char topology[RECORD_NAME_MAX];
	uint32_t index;
	char name[RECORD_NAME_MAX];
	char kind[16];
	uint64_t capacity_bytes;
};

struct record_link {
	char topology[RECORD_NAME_MAX];
	uint32_t from, to;
	double bandwidth_bytes_per_s;
	double efficiency;
	uint64_t latency_ns;
};

struct record_run_end {
	int64_t ended_wall_ns;
	uint32_t exit_code;
};

/* One thing that passes or fails; everything up to its record_verdict belongs to it. */
struct record_cell {
	uint32_t cell; /* counts from 1 in a run; 0: records of no cell */
	char subject[RECORD_NAME_MAX];
	char policy[32];
	char matrix[32];
	char flow[32];
	char cache[16];
	char device_mode[16];
	char node_flags[16];
	char workflow[RECORD_NAME_MAX]; /* what `replay` ran; "" in a cell of a matrix */
	char topology[RECORD_NAME_MAX]; /* whose devices its records number */
};

/* An object, that is a patcher: the n-th one made for a model's name. Put again with another `keep` when the wish changes. */
struct record_model {
	uint32_t cell;
	uint32_t model; /* counts from 1 in a cell */
	char name[RECORD_NAME_MAX]; /* "B"; "K+clone" for a patcher with a LoRA */
	uint32_t generation; /* 1 for the first object of the name */
	uint32_t inner; /* number of the first object with the same model; its own where it is the first */
	char kind[16]; /* unet, clip, vae */
	enum keep_wish keep;
	uint64_t size_bytes;
	uint32_t block_count;
};

/* A model's weights were read for an object, or an object that was kept was found again and used (adopted). */
struct record_load {
	uint32_t cell, model, after_snapshot;
	bool from_disk;
	uint64_t time_ns;
};

#define ACTION_KINDS(X)                                                                                                        \
	X(PROMPT, "prompt")                                                                                                    \
	X(POST, "post") /* POST /free */                                                                                       \
	X(SOFT_EMPTY, "soft_empty") /* direct soft_empty_cache(force) */                                                       \
	X(FREE_MEMORY, "free_memory") /* direct free_memory */                                                                 \
	X(HOLD, "hold") /* a foreign strong reference is taken */                                                              \
	X(DROP_HOLD, "drop_hold")                                                                                              \
	X(SETTLE, "settle") /* time passes */                                                                                  \
	X(QUEUE, "queue") /* several prompts, before the worker runs */                                                        \
	X(POST_RUNNING, "post_running") /* POST /free, to come while the next prompt runs */                                   \
	X(POST_UNHEARD, "post_unheard") /* POST /free that wakes nobody */                                                     \
	X(BEFALL, "befall") /* the next prompt will be interrupted, or fail */                                                 \
	X(FOREIGN_UNLOAD, "foreign_unload") /* a foreign patch of unload_all_models */                                         \
	X(LOAD_FOREIGN, "load_foreign") /* another pack loads a model */                                                       \
	X(MOVE_FOREIGN, "move_foreign") /* another pack moves a model's blocks */                                              \
	X(OUTSIDE, "outside") /* memory past the manager is taken */                                                           \
	X(OUTSIDE_DROP, "outside_drop")                                                                                        \
	X(CPU_MEMORY, "cpu_memory") /* of main memory, how much is in use */

enum action_kind {
#define ACTION_ENUM(name, text) ACTION_##name,
	ACTION_KINDS(ACTION_ENUM)
#undef ACTION_ENUM
		ACTION_KIND_COUNT
};

const char *action_kind_name(enum action_kind kind);

/* What the scenario does next; put before it is done. Until the next action the judge wants the stages that it must lead to: a
 * prompt or a queue to `loaded` or `next_prompt`; a post that asks to before_unload, after_unload, after_gc and after_empty_cache;
 * soft_empty to after_direct_soft_empty, free_memory and load_foreign to after_free_memory. The last stage of a cell is `end`. */
struct record_action {
	uint32_t cell, cycle;
	enum action_kind kind;
	bool asks; /* a post with unload_models or free_memory true */
	char detail[RECORD_NAME_MAX];
};

/* The worker takes flags that ask models to go; put before it acts on them. (An action that asks is a request by itself; a
 * soft_empty that sets no flag asks nobody to go, and flags that are dropped before the worker sees them neither.) */
struct record_request {
	uint32_t cell, after_snapshot;
	bool unload_models, free_memory;
};

/* Followed at once by the residencies, holders and memory lines of this snapshot, before anything that happens later. */
struct record_snapshot {
	uint32_t cell;
	uint32_t snapshot; /* counts from 1 in a cell: the order of the stages */
	uint32_t cycle;
	enum stage stage;
	uint64_t time_ns;
	int32_t anchor_count; /* -1: the policy has no anchors */
	uint32_t listed_count;
	int32_t load_device; /* where models run whose loader names none; -1: unknown */
	int32_t current_device; /* what the manager takes for that now; -1: unknown */
	char exception[RECORD_TEXT_MAX];
};

/* One object at one snapshot; every object made so far has one at every snapshot, dead ones too. bytes_on_compute: what loading
 * put there; 0 for an unpatched model even where the offload device is the compute device. */
struct record_residency {
	uint32_t cell, snapshot, model;
	enum residency_state state;
	int32_t listed; /* index in the loaded list, newest first; -1: not in it */
	bool patcher_alive, model_alive;
	int8_t anchored; /* -1: the policy has no anchors, or the object is dead */
	int32_t device; /* where its model was last loaded to run; -1: nowhere yet, or dead */
	bool foreign_patches; /* those in its model's weights are another patcher's */
	uint64_t bytes_on_compute;
	uint64_t bytes_elsewhere;
};

/* Who refers to an object at one snapshot: the references to its patcher, or to its model once the patcher is dead. Wrappers
 * (CLIP, VAE) and clones are looked through: the holder is who holds those. Kinds that the judge knows: */
#define HOLDER_CACHE "cache" /* a slot of the executor's caches */
#define HOLDER_GARBAGE "garbage" /* a dropped cache set that no collection has seen yet */
#define HOLDER_LIST "list" /* the loaded list; weak upstream */
#define HOLDER_MANAGER "manager" /* the manager's own reference to a kept patcher, label "kept" */
#define HOLDER_ANCHORS "anchors" /* a policy's anchor set */
#define HOLDER_FOREIGN "foreign" /* a foreign hold */
#define HOLDER_EXECUTION "execution" /* a running node */

struct record_holder {
	uint32_t cell, snapshot, model;
	char label[RECORD_NAME_MAX];
	char kind[24];
	bool strong;
};

/* The shortest chain of strong references from a root to an object, as labels: "executor -> caches -> node 7 -> clip -> patcher
 * B". Put where it is evidence: an object that is alive though it is not resident any more, or listed and dead, or made beside an
 * older one of its name; and at the end every object alive but the kept ones that are where they should be. */
struct record_path {
	uint32_t cell, snapshot, model;
	uint32_t length; /* references; 0: no root reaches it, it is garbage until the next collection */
	char path[RECORD_TEXT_MAX];
};

/* One line of a device's ledger; `line` is used, context, weights, activations, cache, other, unattributed; besides, `noise`, put
 * before unattributed where it is not 0: up to so much of that is no evidence. */
struct record_memory {
	uint32_t cell, snapshot, device;
	char line[16];
	uint64_t size_bytes;
};

/* Why an object left, as the subject told it when it happened. */
struct record_departure {
	uint32_t cell, model, after_snapshot; /* happened after this snapshot, before the next */
	enum reason reason;
	uint64_t time_ns;
};

/* A sampler begins: the patches that the workflow puts on its model, and those that are in the weights; "" for none. Judged, not
 * stored. */
struct record_sampled {
	uint32_t cell, model, after_snapshot;
	char node[RECORD_NAME_MAX]; /* its id */
	char wanted[RECORD_TEXT_MAX], found[RECORD_TEXT_MAX];
};

struct record_placement { /* run-length: `count` blocks from `first` on are on `device` */
	uint32_t cell, snapshot, model;
	uint32_t first, count, device;
};

/* Bytes of a model's blocks, run-length: `count` blocks from `first` on have size_bytes each. Put once, with the first placement. */
struct record_block {
	uint32_t cell, model;
	uint32_t first, count;
	uint64_t size_bytes;
};

/* Where the plan wants the blocks of a distributed model, run-length as above; put with the placement. Only blocks that were put in
 * place: one that pressure took away is elsewhere by decision. */
struct record_planned {
	uint32_t cell, snapshot, model;
	uint32_t first, count, device;
};

/* By which allocation string a model was placed; put with the placement, and where it is not the one that the model's own loader
 * set ("" for none). */
struct record_allocation {
	uint32_t cell, snapshot, model;
	char own[RECORD_TEXT_MAX], used[RECORD_TEXT_MAX];
};

struct record_transfer {
	uint32_t cell, from, to, stream;
	uint64_t size_bytes, start_ns, end_ns;
};

struct record_step {
	uint32_t cell, node, step, pass_count;
	uint64_t start_ns, end_ns, moved_bytes;
};

/* One measurement of a link or an offload curve. */
struct record_sample {
	char series[RECORD_NAME_MAX]; /* "links", "offload" */
	char topology[RECORD_NAME_MAX];
	char backend[16];
	char label[RECORD_NAME_MAX]; /* "cpu->cuda:0", "flux1-dev bf16, donor cuda:1" */
	double x; /* transfer size in bytes, or bytes offloaded */
	double value; /* bytes/s, or seconds per iteration */
	uint32_t repeat;
};

/* What became of one object in a cell. The first object of each name counts for the verdict (`judged`). Stages by the object's
 * own state: the first one not resident after the first one resident; the first of all if it never was. The outcome also
 * counts an object as resident whose model is listed through another patcher. */
struct record_verdict_model {
	uint32_t cell, model;
	char name[RECORD_NAME_MAX];
	uint32_t generation;
	bool judged;
	enum keep_wish keep;
	enum outcome outcome;
	char first_lost_stage[32]; /* "c1.after_gc"; "" where it never left */
	enum reason reason;
	enum residency_state first_lost_state; /* STATE_COUNT where it never left */
	enum residency_state end_state;
	char died_stage[32]; /* the first with state dead; "" where it lives */
	char holders_before[512]; /* JSON list of {"label","kind","strength"} one stage before it was lost */
	char holders_after[512];
	uint32_t disk_loads; /* of the name, over the whole cell */
};

struct record_verdict {
	uint32_t cell;
	enum verdict verdict;
	uint64_t dropped; /* records that did not fit the ring */
	char why[160]; /* what is missing where it is UNTRUSTWORTHY, a dead worker; else "" */
};

/* One thing wrong, with what shows it. `class_name` is a finding class: lost, leaked, duplicated, ... What a class has no use for
 * is left unknown. `facts` are codes of probes/diagnosis/diagnosis.h; the last four fields are what those say about the likely cause. */
struct record_finding {
	uint32_t cell;
	char class_name[16];
	char model[RECORD_NAME_MAX]; /* "B"; "B#2" for the second object of the name; "" where no model is to blame */
	char stage[32]; /* the first that shows it */
	char detail[512]; /* one line for people */
	int32_t object; /* its number in the cell; -1: none */
	uint64_t size_bytes; /* of the model, or of what is unattributed */
	int32_t device; /* index; -1: unknown */
	int32_t planned_device; /* where the plan wants what is misplaced; -1 */
	char action[96]; /* the action before that stage: "post unload_models free_memory" */
	enum reason reason;
	enum residency_state state, end_state; /* at that stage, at the end; STATE_COUNT: of no object */
	char holders_before[512]; /* JSON as in record_verdict_model; of a duplicate: who holds the kept copy */
	char holders_after[512]; /* at that stage */
	char missing_holder[128]; /* labels of those who held it one stage earlier and no longer do */
	char path[RECORD_TEXT_MAX]; /* the shortest retaining path; "" for a dead object */
	uint64_t bytes_before, bytes_after; /* on its device, one stage earlier and at that stage */
	char weak_state[64]; /* of a list entry: "patcher dead, model alive" */
	char place[RECORD_NAME_MAX]; /* which blocks, tensor and element, ledger line, place in the list */
	char expected[96], actual[96]; /* hashes or values there */
	char facts[768];
	int32_t failure_class; /* likely known cause; -1: none that is known */
	char cause[160];
	char threads[96]; /* upstream's: "CC#6705, MG#69" */
	char why[512]; /* the facts that decided, in words */
};

/* A file that a run made. */
struct record_artifact {
	uint32_t cell; /* 0: of the run */
	char kind[16]; /* png, report, ... */
	char path[RECORD_TEXT_MAX];
	char hash[80];
};

/* A sweep over a repository's history, in a run of its own: what it is about, then its commits and its cells. `setting` is canonical
 * JSON of all that decides a verdict besides the commit and the cell. */
struct record_sweep {
	char repository[RECORD_NAME_MAX]; /* the folder's name */
	char of[16]; /* "nodes" or "comfyui": what the commits are of */
	char range[RECORD_TEXT_MAX]; /* as it was asked for */
	char setting[RECORD_SETTING_MAX];
};

struct record_sweep_commit {
	uint32_t number; /* oldest first; 0: the one before the range */
	char id[RECORD_COMMIT_MAX];
	int64_t committed_wall_ns;
	char summary[RECORD_TEXT_MAX]; /* the message's first line */
};

struct record_sweep_cell { /* numbered by the store, in their order */
	char matrix[32];
	char flow[32];
	char device_mode[16];
	char node_flags[16];
};

/* What a run's cells ran: a commit under a setting; or why it could not start. */
struct record_run_commit {
	char repository[RECORD_NAME_MAX];
	char id[RECORD_COMMIT_MAX];
	char setting[RECORD_SETTING_MAX];
	char why[RECORD_TEXT_MAX]; /* "": it started */
};

enum record_type {
	RECORD_RUN,
	RECORD_RUN_END,
	RECORD_DEVICE,
	RECORD_LINK,
	RECORD_CELL,
	RECORD_MODEL,
	RECORD_LOAD,
	RECORD_ACTION,
	RECORD_REQUEST,
	RECORD_SNAPSHOT,
	RECORD_RESIDENCY,
	RECORD_HOLDER,
	RECORD_PATH,
	RECORD_MEMORY,
	RECORD_DEPARTURE,
	RECORD_PLACEMENT,
	RECORD_PLANNED,
	RECORD_ALLOCATION,
	RECORD_TRANSFER,
	RECORD_STEP,
	RECORD_SAMPLE,
	RECORD_VERDICT_MODEL,
	RECORD_VERDICT,
	RECORD_FINDING,
	RECORD_ARTIFACT,
	RECORD_SAMPLED,
	RECORD_BLOCK,
	RECORD_SWEEP,
	RECORD_SWEEP_COMMIT,
	RECORD_SWEEP_CELL,
	RECORD_RUN_COMMIT,
	RECORD_TYPE_COUNT
};

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

/* Copies text into a record's field, cut where it does not fit (never in the middle of a UTF-8 character). */
void record_text(char *field, size_t field_size_bytes, const char *text);

#endif
