/* explore_trial.h - one sequence on a fresh subject: which invariants fail.
 */
#ifndef RESIDENCY_SCENARIOS_EXPLORE_TRIAL_H
#define RESIDENCY_SCENARIOS_EXPLORE_TRIAL_H

#include "scenarios/explore/explore_check.h"
#include "scenarios/explore/explore_sequence.h"
#include "scenarios/subject/subject.h"

struct explore_trial {
	struct subject *subject; /* borrowed */
	struct check *check; /* borrowed */
	struct explore_failure failures[CHECK_FAILURES_MAX]; /* of the last run */
	size_t failure_count;
	size_t steps; /* actions taken in all runs */
	bool was_cut; /* a prompt of the last run could not be run to its end: a device is full */
};

/* A kept model that no action of the sequence samples is lost, too, but it is no failure of the policy that is tried: it is left out.
 * A failure is a result, and so is a prompt that fails for want of device memory: the sequence ends there. */
bool explore_trial_run(struct explore_trial *trial, struct sequence *sequence, struct error *e);

/* The failure of the last run that is the same: the same invariant, the same cause. NULL if it had none. */
const struct explore_failure *explore_trial_same_failure(const struct explore_trial *trial,
							 const struct explore_failure *wanted);

#endif
