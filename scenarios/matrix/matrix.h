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
#include "db/records/record.h"
#include "probes/judge/judge.h"
#include "scenarios/subject/subject.h"

struct flow;

/* What to run: one bit for each member of the tables policies[], matrix_list[] and of the enums, and the flows. A flow that carries
 * its own models runs over those, once, and not over each matrix; one that does not fit a matrix is not run over it. */
struct matrix_axes {
	/* No policy at all stands for what a live subject does where that has no name here. */
	uint64_t policies, matrices, caches, device_modes, node_flags;
	const struct flow *const *flows;
	size_t flow_count;
};

/* One cell under whatever policy and cache. The names are borrowed from the axes it was made of. */
struct matrix_cell {
	struct matrix_axes axes; /* this cell alone */
	const char *matrix, *flow, *device_mode, *node_flags;
};

/* All policies, the matrices that run by default, classic cache, split, real; no flow. */
struct matrix_axes matrix_axes_default(void);

/* Pairs of a matrix and a flow that cannot be. */
struct matrix_left_out {
	size_t count;
	char why[160]; /* of the first: "flow second-model-held on matrix clone: ..." */
};

/* How many cells there will be; what is left out, where the caller asks (NULL: it does not). */
size_t matrix_cell_count(const struct matrix_axes *axes, struct matrix_left_out *left_out);

/* The cells of the axes one by one, in the order in which matrix_run runs them, each under all the policies and caches of the axes.
 * false past the last. */
bool matrix_cell_at(const struct matrix_axes *axes, size_t index, struct matrix_cell *cell);

struct matrix_run {
	struct subject *subject;
	const char *subject_name; /* "engine": the policy's name is put after it */
	const char *topology_name; /* whose devices the records number */
	const struct record_sink *sink; /* everything goes there, too */
	/* Records of a cell that the sink had no room for; NULL where it always has. */
	uint64_t (*dropped)(void *context, uint32_t cell);
	/* Told of cells that the subject cannot run, and why, before those of the pair would run; NULL: not told. */
	void (*left_out)(void *context, const char *matrix, const char *flow, size_t cells, const char *why);
	/* Told each finished cell; what it is given is borrowed until it returns. false stops the run. */
	bool (*finished)(void *context, const struct judge_result *result);
	void *context;
	const struct log_sink *log; /* told each loss when it happens; NULL: none */
	uint32_t first_cell; /* numbers count from here; 0 means 1 */
};

/* False on an error of the run itself (memory, a subject that is gone, interrupted); a cell that fails is a result. */
bool matrix_run(const struct matrix_run *run, const struct matrix_axes *axes, struct error *e);

#endif
