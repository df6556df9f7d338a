#include "scenarios/explore/explore.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/policy.h"
#include "scenarios/explore/explore_save.h"
#include "scenarios/explore/explore_shrink.h"

#define ENOUGH_KNOWN 8 /* failures of one invariant and cause that were shrunk to what is known, one after the other */

/* What a policy's failures were so far: one row for each invariant and cause. */
struct explore_kind {
	struct explore_failure like;
	unsigned known_count;
};

struct explore_run {
	const struct explore *explore;
	const struct policy *policy;
	struct explore_result *result;
	struct explore_trial trial;
	struct sequence sequence;
	struct explore_kind *kinds;
	size_t kind_count, kind_capacity;
	size_t first; /* of the policy's items in the result */
	uint64_t steps, sequences; /* of this policy */
};

static bool is_interrupted(const struct explore *explore)
{
	return explore->interrupted && *explore->interrupted;
}

/* ---- what was found ---- */

static void explored_free(struct explored *explored)
{
	explore_sequence_free(&explored->sequence);
	free(explored->line);
	free(explored->shape);
	free(explored->text);
}

void explore_result_free(struct explore_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		explored_free(&result->items[i]);
	free(result->items);
	*result = (struct explore_result) { .count = 0 };
}

static bool describe(struct explored *explored, struct error *e)
{
	struct strbuf line = STRBUF_INIT;
	struct strbuf shape = STRBUF_INIT;

	explore_sequence_line(&explored->sequence, &line);
	explore_sequence_shape(&explored->sequence, &shape);
	explored->line = strbuf_finish(&line, e);
	explored->shape = strbuf_finish(&shape, e);
	strbuf_free(&line);
	strbuf_free(&shape);
	return explored->line && explored->shape;
}

static bool is_known(const struct explore_run *run, const struct explored *explored)
{
	for (size_t i = run->first; i < run->result->count; i++) {
		const struct explored *other = &run->result->items[i];

		if (other->failure.invariant == explored->failure.invariant &&
		    strcmp(other->failure.cause, explored->failure.cause) == 0 && strcmp(other->shape, explored->shape) == 0)
			return true;
	}
	return false;
}

static unsigned number_of(const struct explore_run *run, const struct explored *explored)
{
	unsigned number = 1;

	for (size_t i = run->first; i < run->result->count; i++)
		number += run->result->items[i].failure.invariant == explored->failure.invariant;
	return number;
}

static bool add_new(struct explore_run *run, struct explored *explored, struct error *e)
{
	struct explore_result *result = run->result;

	explored->number = number_of(run, explored);
	if (!array_reserve(&result->items, &result->capacity, result->count + 1, sizeof(*result->items), e) ||
	    !explore_save(run->explore, explored, (uint32_t)result->count + 1, e))
		return false;
	result->items[result->count++] = *explored;
	if (run->explore->found && !run->explore->found(run->explore->context, &result->items[result->count - 1]))
		result->was_stopped = true;
	return true;
}

/* Takes over what explored owns, also on failure. */
static bool add(struct explore_run *run, struct explored *explored, struct explore_kind *kind, struct error *e)
{
	bool fine = describe(explored, e);

	if (fine && !is_known(run, explored)) {
		kind->known_count = 0;
		fine = add_new(run, explored, e);
		if (fine)
			return true;
	} else {
		kind->known_count++;
	}
	explored_free(explored);
	return fine;
}

/* ---- one sequence ---- */

static struct explore_kind *find_kind(struct explore_run *run, const struct explore_failure *failure, struct error *e)
{
	for (size_t i = 0; i < run->kind_count; i++) {
		struct explore_kind *kind = &run->kinds[i];

		if (kind->like.invariant == failure->invariant && strcmp(kind->like.cause, failure->cause) == 0)
			return kind;
	}
	if (!array_reserve(&run->kinds, &run->kind_capacity, run->kind_count + 1, sizeof(*run->kinds), e))
		return NULL;
	run->kinds[run->kind_count] = (struct explore_kind) { .like = *failure };
	return &run->kinds[run->kind_count++];
}

static bool shrink_failure(struct explore_run *run, const struct explore_failure *failure, struct error *e)
{
	struct explore_kind *kind = find_kind(run, failure, e);
	struct explored explored = { .policy = run->policy, .failure = *failure, .after = run->sequences };
	size_t runs = 0;

	if (!kind)
		return false;
	if (kind->known_count >= ENOUGH_KNOWN)
		return true;
	if (!explore_sequence_copy(&explored.sequence, &run->sequence, e) ||
	    !explore_shrink(&run->trial, &explored.sequence, &explored.failure, run->explore->interrupted, &runs, e)) {
		explored_free(&explored);
		return false;
	}
	run->result->shrink_runs += runs;
	if (is_interrupted(run->explore)) { /* half shrunk: another run would say something else */
		explored_free(&explored);
		return true;
	}
	return add(run, &explored, kind, e);
}

/* Shrinking uses the trial, so its failures are copied first. */
static bool shrink_all(struct explore_run *run, struct error *e)
{
	struct explore_failure failures[CHECK_FAILURES_MAX];
	size_t count = run->trial.failure_count;

	memcpy(failures, run->trial.failures, count * sizeof(*failures));
	for (size_t i = 0; i < count && !run->result->was_stopped; i++) {
		if (!shrink_failure(run, &failures[i], e))
			return false;
		if (!run->explore->go_on)
			break;
	}
	return true;
}

static bool explore_one(struct explore_run *run, struct error *e)
{
	const struct explore *explore = run->explore;
	struct explore_result *result = run->result;
	size_t before = run->trial.steps;

	if (!explore_generate(&run->sequence, &explore->space, run->policy, explore->seed, run->sequences, e) ||
	    !explore_trial_run(&run->trial, &run->sequence, e))
		return false;
	run->sequences++;
	run->steps += run->trial.steps - before;
	result->sequences++;
	result->steps += run->trial.steps - before;
	result->cut += run->trial.was_cut;
	result->failing += run->trial.failure_count > 0;
	if (run->trial.failure_count && !shrink_all(run, e))
		return false;
	if (explore->ran && !explore->ran(explore->context, result->steps))
		result->was_stopped = true;
	return true;
}

/* ---- all of them ---- */

static bool goes_on(const struct explore_run *run)
{
	const struct explore *explore = run->explore;

	return !run->result->was_stopped && (!explore->steps_most || run->steps < explore->steps_most) &&
	       (!explore->sequences_most || run->sequences < explore->sequences_most) &&
	       (explore->go_on || run->result->count == run->first);
}

bool explore_policy(const struct explore *explore, const struct policy *policy, struct explore_result *result, struct error *e)
{
	struct explore_run run = { .explore = explore, .policy = policy, .result = result, .first = result->count };
	bool fine;

	run.trial.subject = explore->subject;
	run.trial.check = explore_check_new(e);
	fine = run.trial.check != NULL;
	while (fine && goes_on(&run)) {
		fine = explore_one(&run, e);
		if (is_interrupted(explore))
			result->was_stopped = true;
	}
	explore_check_free(run.trial.check);
	explore_sequence_free(&run.sequence);
	free(run.kinds);
	return fine;
}
