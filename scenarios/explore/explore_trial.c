#include "scenarios/explore/explore_trial.h"

#include <string.h>

/* A prompt that does not fit is the workflow's fault. */
static bool is_result(const struct error *e)
{
	return e->kind == ERROR_DEVICE_MEMORY || e->kind == ERROR_NODE;
}

/* Failures come in order; what was seen in the action that could not be done to its end does not count. */
static void drop_failures_of_last_step(struct explore_trial *trial)
{
	size_t steps = explore_check_step_count(trial->check);

	while (trial->failure_count && trial->failures[trial->failure_count - 1].step + 1 >= steps)
		trial->failure_count--;
}

bool explore_trial_run(struct explore_trial *trial, struct sequence *sequence, struct error *e)
{
	const struct subject_operations *subject = trial->subject->operations;
	struct subject_setup setup = { .cell = 1,
				       .policy = sequence->setting.policy,
				       .cache = sequence->setting.cache,
				       .device_mode = sequence->setting.device_mode,
				       .node_flags = sequence->setting.node_flags,
				       .record_brief = true };
	struct record_sink sink = explore_check_sink(trial->check);
	struct error fault = ERROR_INIT;
	struct flow flow;
	const struct explore_failure *failures = NULL;
	size_t count = 0;
	bool fine;

	explore_check_reset(trial->check);
	if (!explore_sequence_as_flow(sequence, &flow, e) || !subject->begin(trial->subject, &setup, &sink, e))
		return false;
	fine = flow_run(&flow, NULL, 0, trial->subject, &sink, setup.cell, &fault);
	trial->was_cut = !fine && is_result(&fault);
	if (!fine && !trial->was_cut)
		error_set(e, fault.kind, "%s", fault.text);
	fine = subject->end(trial->subject, e) && (fine || trial->was_cut);
	fine = fine && explore_check_finish(trial->check, &failures, &count, e);
	trial->failure_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!failures[i].was_never_loaded)
			trial->failures[trial->failure_count++] = failures[i];
	}
	if (fine && trial->was_cut)
		drop_failures_of_last_step(trial);
	trial->steps += explore_check_step_count(trial->check);
	return fine;
}

const struct explore_failure *explore_trial_same_failure(const struct explore_trial *trial,
							 const struct explore_failure *wanted)
{
	for (size_t i = 0; i < trial->failure_count; i++) {
		const struct explore_failure *failure = &trial->failures[i];

		if (failure->invariant == wanted->invariant && strcmp(failure->cause, wanted->cause) == 0)
			return failure;
	}
	return NULL;
}
