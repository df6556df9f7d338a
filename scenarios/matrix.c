#include "scenarios/matrix.h"

#include <stdio.h>
#include <string.h>

#include "core/manager/policy.h"
#include "scenarios/flow.h"
#include "scenarios/matrix_workflow.h"

static bool is_set(uint64_t bits, size_t index)
{
	return bits >> index & 1;
}

static uint64_t first_bits(size_t count)
{
	return (UINT64_C(1) << count) - 1;
}

struct matrix_axes matrix_axes_default(void)
{
	size_t policy_count = 0;

	while (policies[policy_count])
		policy_count++;
	return (struct matrix_axes) { .policies = first_bits(policy_count),
				      .matrices = first_bits(MATRICES_DEFAULT),
				      .flows = first_bits(FLOWS_DEFAULT),
				      .caches = UINT64_C(1) << CACHE_CLASSIC,
				      .device_modes = UINT64_C(1) << DEVICE_MODE_SPLIT,
				      .node_flags = UINT64_C(1) << NODE_FLAGS_REAL };
}

size_t matrix_cell_count(const struct matrix_axes *axes)
{
	return (size_t)__builtin_popcountll(axes->policies) * (size_t)__builtin_popcountll(axes->matrices) *
	       (size_t)__builtin_popcountll(axes->flows) * (size_t)__builtin_popcountll(axes->caches) *
	       (size_t)__builtin_popcountll(axes->device_modes) * (size_t)__builtin_popcountll(axes->node_flags);
}

/* Where a run stands. */
struct progress {
	const struct matrix_run *run;
	struct judge *judge;
	struct record_tee tee;
	struct record_sink both;
	uint32_t cell;
	bool stopped;
};

/* One cell's place in the axes. */
struct place {
	const struct policy *policy;
	const struct matrix *matrix;
	const struct flow *flow;
	enum cache_kind cache;
	enum device_mode device_mode;
	enum node_flags node_flags;
};

static void put_cell(const struct progress *progress, const struct place *place)
{
	struct record_cell cell = { .cell = progress->cell };
	char subject[RECORD_NAME_MAX];

	snprintf(subject, sizeof(subject), "%s:%s", progress->run->subject_name, place->policy->name);
	record_text(cell.subject, sizeof(cell.subject), subject);
	record_text(cell.policy, sizeof(cell.policy), place->policy->name);
	record_text(cell.matrix, sizeof(cell.matrix), place->matrix->name);
	record_text(cell.flow, sizeof(cell.flow), place->flow->name);
	record_text(cell.cache, sizeof(cell.cache), cache_kind_name(place->cache));
	record_text(cell.device_mode, sizeof(cell.device_mode), device_mode_name(place->device_mode));
	record_text(cell.node_flags, sizeof(cell.node_flags), node_flags_name(place->node_flags));
	record_put(&progress->both, RECORD_CELL, &cell, sizeof(cell));
}

static bool judge_cell(struct progress *progress, struct error *e)
{
	const struct matrix_run *run = progress->run;
	struct judge_result result;

	if (run->dropped)
		judge_add_dropped(progress->judge, run->dropped(run->context, progress->cell));
	if (!judge_finish(progress->judge, &result, e))
		return false;
	judge_put(progress->judge, run->sink);
	progress->stopped = run->finished && !run->finished(run->context, &result);
	return true;
}

static bool run_cell(struct progress *progress, const struct place *place, struct error *e)
{
	const struct matrix_run *run = progress->run;
	const struct subject_operations *subject = run->subject->operations;
	struct subject_setup setup = { .cell = progress->cell,
				       .policy = place->policy,
				       .cache = place->cache,
				       .device_mode = place->device_mode,
				       .node_flags = place->node_flags };
	bool fine;

	judge_reset(progress->judge);
	put_cell(progress, place);
	if (!subject->begin(run->subject, &setup, &progress->both, e))
		return false;
	fine = flow_run(place->flow, place->matrix->models, place->matrix->model_count, run->subject, &progress->both,
			progress->cell, e);
	if (!subject->end(run->subject, e) || !fine)
		return error_context(e, "cell %s/%s/%s", place->policy->name, place->matrix->name, place->flow->name);
	return judge_cell(progress, e);
}

/* The innermost axes: everything but the policy, the matrix and the flow. */
static bool run_modes(struct progress *progress, const struct matrix_axes *axes, struct place *place, struct error *e)
{
	for (unsigned cache = 0; cache < CACHE_KIND_COUNT; cache++) {
		for (unsigned mode = 0; mode < DEVICE_MODE_COUNT; mode++) {
			for (unsigned flags = 0; flags < NODE_FLAGS_COUNT && !progress->stopped; flags++) {
				if (!is_set(axes->caches, cache) || !is_set(axes->device_modes, mode) ||
				    !is_set(axes->node_flags, flags))
					continue;
				place->cache = (enum cache_kind)cache;
				place->device_mode = (enum device_mode)mode;
				place->node_flags = (enum node_flags)flags;
				if (!run_cell(progress, place, e))
					return false;
				progress->cell++;
			}
		}
	}
	return true;
}

static bool run_all(struct progress *progress, const struct matrix_axes *axes, struct error *e)
{
	struct place place;

	for (size_t p = 0; policies[p]; p++) {
		for (size_t m = 0; matrices[m]; m++) {
			for (size_t f = 0; flows[f]; f++) {
				if (!is_set(axes->policies, p) || !is_set(axes->matrices, m) || !is_set(axes->flows, f))
					continue;
				place = (struct place) { .policy = policies[p], .matrix = matrices[m], .flow = flows[f] };
				if (!run_modes(progress, axes, &place, e))
					return false;
				if (progress->stopped)
					return true;
			}
		}
	}
	return true;
}

bool matrix_run(const struct matrix_run *run, const struct matrix_axes *axes, struct error *e)
{
	struct progress progress = { .run = run, .cell = run->first_cell ? run->first_cell : 1 };
	bool fine;

	if (!subject_check(run->subject->operations, e))
		return false;
	progress.judge = judge_new(e);
	if (!progress.judge)
		return false;
	progress.tee = (struct record_tee) { .first = judge_sink(progress.judge) };
	if (run->sink)
		progress.tee.second = *run->sink;
	progress.both = record_tee_sink(&progress.tee);
	fine = run_all(&progress, axes, e);
	judge_free(progress.judge);
	return fine;
}
