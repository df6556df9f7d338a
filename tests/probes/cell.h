/* cell.h - a cell told to a judge in a few lines: objects, actions, and at each stage a letter an object.
 *
 *	R resident   U unloaded   N loaded, not listed   L leaked   D dead
 */
#ifndef RESIDENCY_TESTS_PROBES_CELL_H
#define RESIDENCY_TESTS_PROBES_CELL_H

#include "probes/judge/judge.h"

struct cell {
	struct judge *judge;
	struct record_sink sink;
	uint32_t objects;
	uint32_t snapshots;
	uint32_t cycle;
};

void cell_begin(struct cell *cell);
void cell_end(struct cell *cell); /* frees the judge */

/* A new object of `name`, read from disk. Returns its number. */
uint32_t cell_object(struct cell *cell, const char *name, enum keep_request keep);
/* A patcher of another object's model. */
uint32_t cell_clone(struct cell *cell, const char *name, enum keep_request keep, uint32_t of);

void cell_action(struct cell *cell, enum action_kind kind, bool asks);
void cell_worker_takes_flags(struct cell *cell);
void cell_departs(struct cell *cell, uint32_t object, enum reason reason);

/* One letter an object, in their order. */
void cell_stage(struct cell *cell, enum stage stage, const char *states);
void cell_holder(struct cell *cell, uint32_t object, const char *label, const char *kind, bool strong);

void cell_path(struct cell *cell, uint32_t object, const char *path);
/* Blocks [first, first + count) of an object at the newest stage: where they are, or where the plan wants them. */
void cell_blocks(struct cell *cell, uint32_t object, uint32_t first, uint32_t count, uint32_t device, bool planned);

struct judge_result cell_judge(struct cell *cell);

#endif
