#include "scenarios/matrix/matrix.h"

#include <stdio.h>
#include <string.h>

#include "core/manager/policy.h"
#include "scenarios/flow/flow.h"
#include "scenarios/matrix/matrix_workflow.h"
#include "scenarios/run/cell_run.h"

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
				      .caches = UINT64_C(1) << CACHE_CLASSIC,
				      .device_modes = UINT64_C(1) << DEVICE_MODE_SPLIT,
				      .node_flags = UINT64_C(1) << NODE_FLAGS_REAL };
}

/* ---- which flow runs over what ---- */

/* Stands for the models that a flow carries. */
static const struct matrix own_models = { .name = "own", .summary = "the models that the flow carries" };

/* The matrix at an index: first those of matrices[], then, once, the flows' own models; NULL past the last. */
static const struct matrix *matrix_at(size_t index)
{
	size_t count = 0;

	while (matrices[count])
		count++;
	return index < count ? matrices[index] : index == count ? &own_models : NULL;
}

static bool is_chosen(const struct matrix_axes *axes, size_t index)
{
	return matrix_at(index) == &own_models || is_set(axes->matrices, index);
}

static bool runs_over(const struct flow *flow, const struct matrix *matrix, struct error *e)
{
	if (flow->model_count || matrix == &own_models)
		return flow->model_count && matrix == &own_models;
	return flow_fits(flow, matrix->model_count, e) && flow_is_about(flow, matrix->models, matrix->model_count, e);
}

/* A flow that says its node flags runs with those. */
static bool has_node_flags(const struct matrix_axes *axes, const struct flow *flow, size_t flags)
{
	return flow->setting.has_node_flags ? (size_t)flow->setting.node_flags == flags : is_set(axes->node_flags, flags);
}

/* Of a matrix and a flow under one policy and cache. */
static size_t mode_count(const struct matrix_axes *axes, const struct flow *flow)
{
	size_t flags = flow->setting.has_node_flags ? 1 : (size_t)__builtin_popcountll(axes->node_flags);

	return (size_t)__builtin_popcountll(axes->device_modes) * flags;
}

static size_t cells_of_a_policy(const struct matrix_axes *axes, struct matrix_left_out *left_out)
{
	size_t count = 0;

	for (size_t m = 0; matrix_at(m); m++) {
		for (size_t f = 0; f < axes->flow_count && is_chosen(axes, m); f++) {
			struct error why = ERROR_INIT;

			if (runs_over(axes->flows[f], matrix_at(m), &why))
				count += mode_count(axes, axes->flows[f]) * (size_t)__builtin_popcountll(axes->caches);
			if (!error_is_set(&why) || !left_out)
				continue;
			if (left_out->count++ == 0)
				snprintf(left_out->why, sizeof(left_out->why), "flow %s on matrix %s: %.80s",
					 axes->flows[f]->name, matrix_at(m)->name, why.text);
		}
	}
	return count;
}

size_t matrix_cell_count(const struct matrix_axes *axes, struct matrix_left_out *left_out)
{
	if (left_out)
		*left_out = (struct matrix_left_out) { .count = 0 };
	return cells_of_a_policy(axes, left_out) * (size_t)(axes->policies ? __builtin_popcountll(axes->policies) : 1);
}

/* Models that a flow carries may be those of a matrix, by any of its names. */
static const char *matrix_name(const struct matrix *matrix, const struct flow *flow)
{
	const char *said = matrix == &own_models ? flow->matrix : NULL;
	const struct matrix *found = said ? matrix_find(said) : matrix;

	return found ? found->name : said;
}

/* The n-th cell of a pair of a matrix and a flow, innermost axis last. */
static bool take_modes(const struct matrix_axes *axes, const struct flow *flow, size_t n, struct matrix_cell *cell)
{
	for (unsigned mode = 0; mode < DEVICE_MODE_COUNT; mode++) {
		for (unsigned flags = 0; flags < NODE_FLAGS_COUNT; flags++) {
			if (!is_set(axes->device_modes, mode) || !has_node_flags(axes, flow, flags) || n-- > 0)
				continue;
			cell->axes.device_modes = UINT64_C(1) << mode;
			cell->axes.node_flags = UINT64_C(1) << flags;
			cell->device_mode = device_mode_name((enum device_mode)mode);
			cell->node_flags = node_flags_name((enum node_flags)flags);
			return true;
		}
	}
	return false;
}

bool matrix_cell_at(const struct matrix_axes *axes, size_t index, struct matrix_cell *cell)
{
	*cell = (struct matrix_cell) { .axes = *axes };
	cell->axes.flow_count = 1;
	for (size_t m = 0; matrix_at(m); m++) {
		for (size_t f = 0; f < axes->flow_count && is_chosen(axes, m); f++) {
			size_t modes = mode_count(axes, axes->flows[f]);

			if (!runs_over(axes->flows[f], matrix_at(m), NULL))
				continue;
			if (index >= modes) {
				index -= modes;
				continue;
			}
			cell->axes.matrices = matrix_at(m) == &own_models ? 0 : UINT64_C(1) << m;
			cell->axes.flows = &axes->flows[f];
			cell->matrix = matrix_name(matrix_at(m), axes->flows[f]);
			cell->flow = axes->flows[f]->name;
			return take_modes(axes, axes->flows[f], index, cell);
		}
	}
	return false;
}

/* ---- cells ---- */

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
	const struct policy *policy; /* NULL: one that has no name */
	const struct matrix *matrix;
	const struct flow *flow;
	enum cache_kind cache;
	enum device_mode device_mode;
	enum node_flags node_flags;
};

static const char *policy_name(const struct policy *policy)
{
	return policy ? policy->name : "";
}

static struct record_cell describe_cell(const struct progress *progress, const struct place *place)
{
	struct record_cell cell = { .cell = progress->cell };
	char subject[RECORD_NAME_MAX];

	snprintf(subject, sizeof(subject), "%s%s%s", progress->run->subject_name, place->policy ? ":" : "",
		 policy_name(place->policy));
	record_text(cell.subject, sizeof(cell.subject), subject);
	record_text(cell.topology, sizeof(cell.topology), progress->run->topology_name ? progress->run->topology_name : "");
	record_text(cell.policy, sizeof(cell.policy), policy_name(place->policy));
	record_text(cell.matrix, sizeof(cell.matrix), matrix_name(place->matrix, place->flow));
	record_text(cell.flow, sizeof(cell.flow), place->flow->name);
	record_text(cell.cache, sizeof(cell.cache), cache_kind_name(place->cache));
	record_text(cell.device_mode, sizeof(cell.device_mode), device_mode_name(place->device_mode));
	record_text(cell.node_flags, sizeof(cell.node_flags), node_flags_name(place->node_flags));
	return cell;
}

/* What happens in a cell: its flow, over its matrix's models. */
struct flow_in_cell {
	const struct place *place;
	struct subject *subject;
	uint32_t cell;
};

static bool run_flow(void *context, const struct record_sink *sink, struct error *e)
{
	const struct flow_in_cell *flow = context;
	const struct matrix *matrix = flow->place->matrix;

	return flow_run(flow->place->flow, matrix->models, matrix->model_count, flow->subject, sink, flow->cell, e);
}

static bool run_cell(struct progress *progress, const struct place *place, struct error *e)
{
	const struct matrix_run *run = progress->run;
	struct subject_setup setup = { .cell = progress->cell,
				       .policy = place->policy,
				       .cache = place->cache,
				       .device_mode = place->device_mode,
				       .node_flags = place->node_flags };
	struct record_cell cell = describe_cell(progress, place);
	struct flow_in_cell flow = { .place = place, .subject = run->subject, .cell = progress->cell };
	char where[200];
	struct cell_run life = { .subject = run->subject,
				 .setup = &setup,
				 .cell = &cell,
				 .sink = &progress->both,
				 .where = where,
				 .act = run_flow,
				 .act_context = &flow,
				 .dropped = run->dropped,
				 .dropped_context = run->context };
	struct judge_result result;

	snprintf(where, sizeof(where), "cell %s%s%s/%s", policy_name(place->policy), place->policy ? "/" : "",
		 matrix_name(place->matrix, place->flow), place->flow->name);
	if (!cell_run_judged(&life, progress->judge, &result, e))
		return false;
	judge_put(progress->judge, run->sink);
	progress->stopped = run->finished && !run->finished(run->context, &result);
	return true;
}

/* The innermost axes: everything but the policy, the matrix and the flow. */
static bool run_modes(struct progress *progress, const struct matrix_axes *axes, struct place *place, struct error *e)
{
	for (unsigned cache = 0; cache < CACHE_KIND_COUNT; cache++) {
		for (unsigned mode = 0; mode < DEVICE_MODE_COUNT; mode++) {
			for (unsigned flags = 0; flags < NODE_FLAGS_COUNT && !progress->stopped; flags++) {
				if (!is_set(axes->caches, cache) || !is_set(axes->device_modes, mode) ||
				    !has_node_flags(axes, place->flow, flags))
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

/* The cells of a pair, unless the subject cannot run them: then the caller is told. */
static bool run_pair(struct progress *progress, const struct matrix_axes *axes, struct place *place, struct error *e)
{
	const struct matrix_run *run = progress->run;
	struct error why = ERROR_INIT;

	if (flow_can_run(place->flow, run->subject, &why))
		return run_modes(progress, axes, place, e);
	if (why.kind != ERROR_UNSUPPORTED)
		return error_set(e, why.kind, "%s", why.text);
	if (run->left_out)
		run->left_out(run->context, matrix_name(place->matrix, place->flow), place->flow->name,
			      mode_count(axes, place->flow) * (size_t)__builtin_popcountll(axes->caches), why.text);
	return true;
}

static bool run_policy(struct progress *progress, const struct matrix_axes *axes, const struct policy *policy, struct error *e)
{
	struct place place = { .policy = policy };

	for (size_t m = 0; matrix_at(m); m++) {
		for (size_t f = 0; f < axes->flow_count && is_chosen(axes, m) && !progress->stopped; f++) {
			place.matrix = matrix_at(m);
			place.flow = axes->flows[f];
			if (runs_over(place.flow, place.matrix, NULL) && !run_pair(progress, axes, &place, e))
				return false;
		}
	}
	return true;
}

static bool run_all(struct progress *progress, const struct matrix_axes *axes, struct error *e)
{
	if (!axes->policies)
		return run_policy(progress, axes, NULL, e);
	for (size_t p = 0; policies[p] && !progress->stopped; p++) {
		if (is_set(axes->policies, p) && !run_policy(progress, axes, policies[p], e))
			return false;
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
	judge_say_losses(progress.judge, run->log);
	progress.tee = (struct record_tee) { .first = judge_sink(progress.judge) };
	if (run->sink)
		progress.tee.second = *run->sink;
	progress.both = record_tee_sink(&progress.tee);
	fine = run_all(&progress, axes, e);
	judge_free(progress.judge);
	return fine;
}
