/* judge_state.h - what a judge remembers of a cell; private to judge.c and judge_findings.c. */
#ifndef RESIDENCY_PROBES_JUDGE_STATE_H
#define RESIDENCY_PROBES_JUDGE_STATE_H

#include "probes/judge.h"

#define NO_SNAPSHOT SIZE_MAX

/* A stage that was seen. */
struct seen_stage {
	uint32_t cycle;
	enum stage stage;
};

/* The holders of all objects at one snapshot, in the order they came. */
struct holder_list {
	struct record_holder *items;
	size_t count, capacity;
};

struct judged_object {
	struct record_model model;
	struct record_residency now; /* at the newest snapshot */
	size_t seen_at; /* number of snapshots begun when `now` came; 0 before the first */
	size_t first_seen; /* index of the first snapshot with it */
	bool was_resident; /* by its own state, at some snapshot */
	bool counted_resident; /* itself or through another patcher of the model, at some snapshot */
	bool left; /* not counted resident at a snapshot after one where it was */
	bool displaced; /* not counted resident at a snapshot: pressure, with the manager holding on, explains that */
	bool left_otherwise; /* ... and at another one it does not */
	bool loss_is_said;
	bool asked; /* to go, since its last load */
	enum reason departure; /* the first since it was last resident */
	size_t lost_at; /* index of the first snapshot without it, by its own state */
	size_t died_at;
	size_t stale_at, detached_at; /* first snapshots with such an entry */
	size_t duplicate_of; /* index of the kept object beside which it was read; SIZE_MAX for none */
	uint32_t disk_loads;
};

struct judge {
	struct record_cell cell;
	struct judged_object *objects;
	size_t object_count, object_capacity;
	struct seen_stage *stages;
	size_t stage_count, stage_capacity;
	bool open; /* the newest snapshot is not complete yet */
	struct holder_list holders, before; /* of the newest snapshot, and of the one before it */
	struct record_verdict_model *verdicts; /* one an object; filled as the cell goes on */
	size_t verdict_capacity;
	struct record_finding *findings;
	size_t finding_count, finding_capacity;
	unsigned wanted; /* stages that the last action must lead to, as bits */
	uint32_t next_snapshot; /* the number that the next snapshot must have */
	bool prompted; /* a prompt was among the actions */
	bool worker_died;
	uint64_t dropped;
	uint64_t unattributed_bytes; /* the most seen on one device */
	uint32_t unattributed_device;
	size_t unattributed_at;
	enum verdict verdict;
	char why[160]; /* of UNTRUSTWORTHY: the first thing missing */
	const struct log_sink *log; /* that losses are told to; NULL: nobody */
	struct error fault; /* out of memory, or records that cannot be */
};

/* "c1.after_gc" into text[32]; "" for NO_SNAPSHOT. */
void judge_stage_text(const struct judge *judge, size_t snapshot, char text[32]);

/* The object is resident, or its model through another patcher, at the newest snapshot. */
bool judge_counts_as_resident(const struct judge *judge, const struct judged_object *object);

/* Whether a strong holder of one of the kinds is among the object's at the newest snapshot. */
bool judge_is_held_by(const struct judge *judge, const struct judged_object *object, const char *kind);

/* JSON list of an object's holders, cut at a whole holder where it does not fit. */
void judge_holders_text(const struct holder_list *holders, uint32_t model, char *text, size_t size_bytes);

/* A kept object has left, by more than pressure, at the newest snapshot. */
void judge_say_loss(const struct judge *judge, const struct judged_object *object, enum reason reason);

/* Outcomes are known: fills judge->findings. */
bool judge_find(struct judge *judge, struct error *e);

#endif
