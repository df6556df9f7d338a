/* judge_state.h - what a judge remembers of a cell. Private to probes/judge. */
#ifndef RESIDENCY_PROBES_JUDGE_STATE_H
#define RESIDENCY_PROBES_JUDGE_STATE_H

#include "probes/diagnosis/diagnosis.h"
#include "probes/judge/judge.h"
#include "probes/judge/rules.h"

#define NO_SNAPSHOT SIZE_MAX

/* What the worker took, or a direct call asked for, since the last action; bits. */
#define ASKED_UNLOAD 1u
#define ASKED_FREE 2u

/* A stage that was seen, and what led to it. */
struct seen_stage {
	uint32_t cycle;
	enum stage stage;
	size_t action; /* index of the last one; SIZE_MAX for none */
	unsigned asked;
};

/* The holders of all objects at one snapshot, in the order they came. */
struct holder_list {
	struct record_holder *items;
	size_t count, capacity;
};

/* Some of the cell's evidence. */
struct holder_span {
	size_t first, count;
};

/* The paths put with the newest snapshot. */
struct path_list {
	struct record_path *items;
	size_t count, capacity;
};

/* Runs of blocks at the newest snapshot: where they are, and where the plan wants them. */
struct block_run {
	uint32_t model, first, count, device;
	bool planned;
};
struct block_run_list {
	struct block_run *items;
	size_t count, capacity;
};

/* An object as it was when something was first seen wrong with it. */
struct sight {
	size_t snapshot; /* NO_SNAPSHOT: never */
	struct record_residency before, now;
	fact_set facts;
	char path[RECORD_TEXT_MAX];
};

struct judged_object {
	struct record_model model;
	struct record_residency now; /* at the newest snapshot */
	struct record_residency before; /* at the one before it; its snapshot number is 0 where there was none */
	size_t seen_at; /* number of snapshots begun when `now` came; 0 before the first */
	size_t first_seen; /* index of the first snapshot with it */
	bool was_resident; /* by its own state, at some snapshot */
	bool was_kept; /* asked to be kept, at some time */
	struct retention retention;
	bool loss_is_said;
	bool asked; /* to go, since its last load */
	bool asked_all; /* ... by a direct call that was to free all memory */
	enum reason departure; /* the first since it was last resident */
	struct sight lost; /* the first snapshot without it, by its own state */
	struct sight gone; /* the first without its model through any patcher; of the patcher that had it last */
	uint32_t gone_with; /* that one's number */
	enum reason gone_reason;
	struct holder_span gone_before, gone_after; /* its holders */
	struct holder_span lost_before, lost_after; /* the object's own, when it was first not resident by its own state */
	struct sight
		mispatched; /* the first at which it is listed, or was sampled, with other patches in its weights than its own */
	bool sampled_otherwise; /* ... since the newest snapshot */
	struct sight stale, detached; /* first snapshots with such an entry */
	struct sight misplaced; /* the first snapshot with blocks not where planned */
	struct sight strayed; /* the first at which it runs elsewhere than where stock loaders should put it */
	int32_t should_run_on; /* then */
	struct sight misread; /* the first snapshot at which it was placed by another string than its own */
	char own_allocation[RECORD_TEXT_MAX], used_allocation[RECORD_TEXT_MAX];
	struct block_run planned, actual; /* the first such run, where it should be and where it is */
	size_t listed_at; /* index of the last snapshot with it in the list */
	int32_t listed_place; /* there */
	size_t died_at;
	size_t duplicate_of; /* index of the kept object beside which it was read; SIZE_MAX for none */
	uint32_t disk_loads;
	uint32_t load_evictions;
};

struct judge {
	struct record_cell cell;
	struct judged_object *objects;
	size_t object_count, object_capacity;
	struct seen_stage *stages;
	size_t stage_count, stage_capacity;
	struct record_action *actions;
	size_t action_count, action_capacity;
	unsigned asked; /* since the last action */
	struct path_list paths;
	struct block_run_list runs;
	int32_t load_device, current_device; /* at the newest snapshot; -1: unknown */
	bool open; /* the newest snapshot is not complete yet */
	struct holder_list holders, before; /* of the newest snapshot, and of the one before it */
	struct holder_list evidence; /* holders that findings and verdicts show */
	struct record_verdict_model *verdicts; /* one an object; filled as the cell goes on */
	size_t verdict_capacity;
	struct record_finding *findings;
	size_t finding_count, finding_capacity;
	unsigned wanted; /* stages that the last action must lead to, as bits */
	uint32_t next_snapshot; /* the number that the next snapshot must have */
	bool prompted; /* a prompt was among the actions */
	bool worker_died;
	char exception[RECORD_TEXT_MAX]; /* the first */
	uint64_t dropped;
	uint64_t unattributed_bytes; /* the most seen on one device */
	uint32_t unattributed_device;
	size_t unattributed_at;
	struct ledger_reading ledger; /* of the device whose lines come */
	enum verdict verdict;
	char why[160]; /* of UNTRUSTWORTHY: the first thing missing */
	const struct log_sink *log; /* that losses are reported to; NULL: none */
	struct error fault; /* out of memory, or records that cannot be */
};

/* "c1.after_gc" into text[32]; "" for NO_SNAPSHOT. */
void judge_stage_text(const struct judge *judge, size_t snapshot, char text[32]);

/* What the rules read, and the object's index there. Borrows the judge. */
struct cell_view judge_view(const struct judge *judge);
size_t judge_index(const struct judge *judge, const struct judged_object *object);

/* The records have a hole: `what` with `of` appended is why the verdict is UNTRUSTWORTHY. Only the first is told. */
void judge_distrust(struct judge *judge, const char *what, const char *of);

/* All that belongs to the newest snapshot has come: notes what it shows of each object. Nothing where that was done. */
void judge_close_snapshot(struct judge *judge);

/* The stages that the last action must lead to have all been there, or the worker died on the way. */
void judge_settle_wanted(struct judge *judge);

/* The object is resident, or its model through another patcher, at the newest snapshot. */
bool judge_counts_as_resident(const struct judge *judge, const struct judged_object *object);

/* The object's sight of the newest snapshot, with facts that can only be told then; nothing where it has one. */
void judge_sight(const struct judge *judge, const struct judged_object *object, size_t snapshot, struct sight *sight);

/* The object does not count as resident at the newest snapshot: notes it where it did until then, through another patcher. */
void judge_note_gone(struct judge *judge, struct judged_object *object, size_t snapshot);

/* A model from a stock loader runs on a device that was not named for it: where another loader's device stayed set. */
void judge_note_strayed(const struct judge *judge, struct judged_object *object, size_t snapshot);

/* Compares runs of blocks with the plan's at the newest snapshot. */
void judge_compare_runs(const struct judge *judge, struct judged_object *object, size_t snapshot);

/* All memory was to be freed at once, and an executor's cache or a foreign hold still keeps the object: it has not gone, though it
 * does not count as leaked. */
bool judge_outlives_free(const struct judge *judge, const struct judged_object *object);

/* The path put with the newest snapshot, "" for none. */
const char *judge_path(const struct judge *judge, const struct judged_object *object);

/* Facts of the cell's end, and how the object left by its reason. */
fact_set judge_end_facts(const struct judge *judge, const struct judged_object *object);
fact_set judge_reason_facts(enum reason reason);
/* What led to a snapshot. */
fact_set judge_cause_facts(const struct judge *judge, size_t snapshot);
fact_set judge_holder_facts(const struct judge *judge, const struct judged_object *object);

/* Appends to a text of so many bytes, of which `length` are used, what fits whole; returns the new length, or the old one. */
size_t judge_append(char *text, size_t size_bytes, size_t length, const char *piece);

/* Copies an object's holders to the evidence; fewer, and the judge's fault is set, when out of memory. */
struct holder_span judge_keep_holders(struct judge *judge, const struct holder_list *of, uint32_t model);

/* A JSON list of {"label","kind","strength"}; where it does not fit, the last says "and N more". */
void judge_holders_json(const struct judge *judge, struct holder_span span, char *text, size_t size_bytes);

/* Appends "executor cache, kept (weak)", or "nothing", to a text of so many bytes of which `length` are used; returns the new length. */
size_t judge_append_holders(const struct judge *judge, struct holder_span span, char *text, size_t size_bytes, size_t length);

/* Labels of those who are in the first list and not in the second. */
void judge_missing_holders(const struct judge *judge, struct holder_span before, struct holder_span after, char *text,
			   size_t size_bytes);

/* A kept object has left, by more than pressure, at the newest snapshot. */
void judge_say_loss(const struct judge *judge, const struct judged_object *object, enum reason reason);

/* Outcomes are known: fills judge->findings. */
bool judge_find(struct judge *judge, struct error *e);

#endif
