/* matrix.c - which cells the axes make, in one order, and their runs.
 *
 * Two walks give the order, for counting, for finding the n-th and for running alike: over the pairs of a matrix and a flow that runs
 * over it, and within a pair over caches, device modes and node flags. A policy is outermost. One judge serves all cells.
 */
#include "scenarios/matrix/matrix.h"

#include <stdio.h>
#include <string.h>

#include "core/manager/policy.h"
#include "db/records/cell_axes.h"
#include "scenarios/flow/flow.h"
#include "scenarios/matrix/axes.h"
#include "scenarios/models/matrix_workflow.h"
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
	struct matrix_axes axes = { .matrices = first_bits(MATRICES_DEFAULT) };
	size_t policy_count = 0;

	while (policies[policy_count])
		policy_count++;
	axes.policies = first_bits(policy_count);
	for (enum cell_axis_id axis = 0; axis < CELL_AXIS_COUNT; axis++) {
		if (cell_axes[axis].usual[0])
			*matrix_axis_bits(&axes, axis) = matrix_axis_bit(axis, cell_axes[axis].usual);
	}
	return axes;
}

/* ---- which flow runs over what ---- */

/* Stands for the models that a flow carries. */
static const struct matrix own_models = { .name = "own", .summary = "the models that the flow carries" };

/* The matrix at an index: first those of matrix_list[], then, once, the flows' own models; NULL past the last. */
static const struct matrix *matrix_at(size_t index)
{
	size_t count = 0;

	while (matrix_list[count])
		count++;
	return index < count ? matrix_list[index] : index == count ? &own_models : NULL;
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

/* ---- one order of cells ---- */

/* The innermost axes of a pair of a matrix and a flow, the last turning fastest. */
struct modes {
	unsigned cache, device_mode, node_flags;
};

static bool is_chosen_mode(const struct matrix_axes *axes, const struct flow *flow, const struct modes *modes)
{
	return is_set(axes->caches, modes->cache) && is_set(axes->device_modes, modes->device_mode) &&
	       has_node_flags(axes, flow, modes->node_flags);
}

/* The first modes that are chosen, from these on. */
static bool modes_find(const struct matrix_axes *axes, const struct flow *flow, struct modes *modes)
{
	for (; modes->cache < CACHE_KIND_COUNT; modes->cache++, modes->device_mode = 0) {
		for (; modes->device_mode < DEVICE_MODE_COUNT; modes->device_mode++, modes->node_flags = 0) {
			for (; modes->node_flags < NODE_FLAGS_COUNT; modes->node_flags++) {
				if (is_chosen_mode(axes, flow, modes))
					return true;
			}
		}
	}
	return false;
}

static bool modes_next(const struct matrix_axes *axes, const struct flow *flow, struct modes *modes)
{
	modes->node_flags++;
	return modes_find(axes, flow, modes);
}

static size_t modes_count(const struct matrix_axes *axes, const struct flow *flow)
{
	struct modes modes = { .cache = 0 };
	size_t count = 0;

	for (bool found = modes_find(axes, flow, &modes); found; found = modes_next(axes, flow, &modes))
		count++;
	return count;
}

/* A matrix and a flow that runs over it, by their places in matrix_at() and in the axes. */
struct matrix_pair {
	size_t matrix, flow;
};

static void leave_out(struct matrix_left_out *left_out, const struct matrix_axes *axes, const struct matrix_pair *pair,
		      const struct error *why)
{
	if (left_out->count++ == 0)
		snprintf(left_out->why, sizeof(left_out->why), "flow %s on matrix %s: %.80s", axes->flows[pair->flow]->name,
			 matrix_at(pair->matrix)->name, why->text);
}

/* The first pair that runs, from this one on; those that cannot be are counted (NULL: they are not). */
static bool pair_find(const struct matrix_axes *axes, struct matrix_pair *pair, struct matrix_left_out *left_out)
{
	for (; matrix_at(pair->matrix); pair->matrix++, pair->flow = 0) {
		for (; pair->flow < axes->flow_count && is_chosen(axes, pair->matrix); pair->flow++) {
			struct error why = ERROR_INIT;

			if (runs_over(axes->flows[pair->flow], matrix_at(pair->matrix), left_out ? &why : NULL))
				return true;
			if (left_out && error_is_set(&why))
				leave_out(left_out, axes, pair, &why);
		}
	}
	return false;
}

static bool pair_next(const struct matrix_axes *axes, struct matrix_pair *pair, struct matrix_left_out *left_out)
{
	pair->flow++;
	return pair_find(axes, pair, left_out);
}

static size_t cells_of_a_policy(const struct matrix_axes *axes, struct matrix_left_out *left_out)
{
	struct matrix_pair pair = { .matrix = 0 };
	size_t count = 0;

	for (bool found = pair_find(axes, &pair, left_out); found; found = pair_next(axes, &pair, left_out))
		count += modes_count(axes, axes->flows[pair.flow]);
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

/* The n-th cell of a pair, under all the caches of the axes; where there are fewer, *n is how many more are to pass. */
static bool take_modes(const struct matrix_axes *axes, const struct flow *flow, size_t *n, struct matrix_cell *cell)
{
	struct matrix_axes one_cache = *axes;
	struct modes modes = { .cache = 0 };

	one_cache.caches = 1;
	for (bool found = modes_find(&one_cache, flow, &modes); found; found = modes_next(&one_cache, flow, &modes)) {
		if ((*n)-- > 0)
			continue;
		cell->axes.device_modes = UINT64_C(1) << modes.device_mode;
		cell->axes.node_flags = UINT64_C(1) << modes.node_flags;
		cell->device_mode = subject_device_mode_name((enum device_mode)modes.device_mode);
		cell->node_flags = subject_node_flags_name((enum node_flags)modes.node_flags);
		return true;
	}
	return false;
}

bool matrix_cell_at(const struct matrix_axes *axes, size_t index, struct matrix_cell *cell)
{
	struct matrix_pair pair = { .matrix = 0 };

	*cell = (struct matrix_cell) { .axes = *axes };
	cell->axes.flow_count = 1;
	for (bool found = pair_find(axes, &pair, NULL); found; found = pair_next(axes, &pair, NULL)) {
		const struct matrix *matrix = matrix_at(pair.matrix);
		const struct flow *flow = axes->flows[pair.flow];

		if (!take_modes(axes, flow, &index, cell))
			continue;
		cell->axes.matrices = matrix == &own_models ? 0 : UINT64_C(1) << pair.matrix;
		cell->axes.flows = &axes->flows[pair.flow];
		cell->matrix = matrix_name(matrix, flow);
		cell->flow = flow->name;
		return true;
	}
	return false;
}

/* ---- cells ---- */

/* Where a run stands. */
struct matrix_progress {
	const struct matrix_run *run;
	struct judge *judge;
	struct record_tee tee;
	struct record_sink both;
	uint32_t cell;
	bool stopped;
};

/* One cell's place in the axes. */
struct matrix_place {
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

static struct record_cell describe_cell(const struct matrix_progress *progress, const struct matrix_place *place)
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
	record_text(cell.device_mode, sizeof(cell.device_mode), subject_device_mode_name(place->device_mode));
	record_text(cell.node_flags, sizeof(cell.node_flags), subject_node_flags_name(place->node_flags));
	return cell;
}

/* What happens in a cell: its flow, over its matrix's models. */
struct flow_in_cell {
	const struct matrix_place *place;
	struct subject *subject;
	uint32_t cell;
};

static bool run_flow(void *context, const struct record_sink *sink, struct error *e)
{
	const struct flow_in_cell *flow = context;
	const struct matrix *matrix = flow->place->matrix;

	return flow_run(flow->place->flow, matrix->models, matrix->model_count, flow->subject, sink, flow->cell, e);
}

static bool run_cell(struct matrix_progress *progress, const struct matrix_place *place, struct error *e)
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

static bool run_modes(struct matrix_progress *progress, const struct matrix_axes *axes, struct matrix_place *place,
		      struct error *e)
{
	struct modes modes = { .cache = 0 };

	for (bool found = modes_find(axes, place->flow, &modes); found && !progress->stopped;
	     found = modes_next(axes, place->flow, &modes)) {
		place->cache = (enum cache_kind)modes.cache;
		place->device_mode = (enum device_mode)modes.device_mode;
		place->node_flags = (enum node_flags)modes.node_flags;
		if (!run_cell(progress, place, e))
			return false;
		progress->cell++;
	}
	return true;
}

/* The cells of a pair, unless the subject cannot run them: then the caller is told. */
static bool run_pair(struct matrix_progress *progress, const struct matrix_axes *axes, struct matrix_place *place,
		     struct error *e)
{
	const struct matrix_run *run = progress->run;
	struct error why = ERROR_INIT;

	if (flow_can_run(place->flow, run->subject, &why))
		return run_modes(progress, axes, place, e);
	if (why.kind != ERROR_UNSUPPORTED)
		return error_set(e, why.kind, "%s", why.text);
	if (run->left_out)
		run->left_out(run->context, matrix_name(place->matrix, place->flow), place->flow->name,
			      modes_count(axes, place->flow), why.text);
	return true;
}

static bool run_policy(struct matrix_progress *progress, const struct matrix_axes *axes, const struct policy *policy,
		       struct error *e)
{
	struct matrix_place place = { .policy = policy };
	struct matrix_pair pair = { .matrix = 0 };

	for (bool found = pair_find(axes, &pair, NULL); found && !progress->stopped; found = pair_next(axes, &pair, NULL)) {
		place.matrix = matrix_at(pair.matrix);
		place.flow = axes->flows[pair.flow];
		if (!run_pair(progress, axes, &place, e))
			return false;
	}
	return true;
}

static bool run_all(struct matrix_progress *progress, const struct matrix_axes *axes, struct error *e)
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
	struct matrix_progress progress = { .run = run, .cell = run->first_cell ? run->first_cell : 1 };
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
