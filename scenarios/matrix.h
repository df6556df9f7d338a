/* matrix.h - the retention matrix: cells over policies, matrices, flows, caches, device modes and node flags, each run and judged.
 *
 * A cell is one thing that passes or fails. It gets a fresh subject, runs its flow, and its records go to a judge and to the
 * caller's sink, followed by the verdict's. Outcomes come from the records alone; nothing here knows what a policy should do.
 */
#ifndef RESIDENCY_SCENARIOS_MATRIX_H
#define RESIDENCY_SCENARIOS_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/record.h"
#include "probes/judge.h"
#include "scenarios/subject.h"

/* What to run: one bit for each member of the tables policies[], matrices[], flows[] and of the enums. */
struct matrix_axes {
	uint64_t policies, matrices, flows, caches, device_modes, node_flags;
};

/* All policies, the matrices and flows that run by default, classic cache, split, real. */
struct matrix_axes matrix_axes_default(void);
size_t matrix_cell_count(const struct matrix_axes *axes);

struct matrix_run {
	struct subject *subject;
	const char *subject_name; /* "engine": the policy's name is put after it */
	const struct record_sink *sink; /* everything goes there, too */
	/* Records of a cell that the sink had no room for; NULL where it always has. */
	uint64_t (*dropped)(void *context, uint32_t cell);
	/* Told each finished cell; what it is given is borrowed until it returns. false stops the run. */
	bool (*finished)(void *context, const struct judge_result *result);
	void *context;
	uint32_t first_cell; /* numbers count from here; 0 means 1 */
};

/* False on an error of the run itself (memory, a subject that is gone, interrupted); a cell that fails is a result. */
bool matrix_run(const struct matrix_run *run, const struct matrix_axes *axes, struct error *e);

#endif
