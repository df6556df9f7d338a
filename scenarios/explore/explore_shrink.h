/* explore_shrink.h - cuts a sequence down to the shortest that still shows the same failure. Private to scenarios/explore.
 *
 * Delta debugging: actions go in halves, quarters, down to one; then models; then what actions and models take becomes simpler.
 * Each candidate runs from a fresh subject and is taken if it fails in the same way; so the result fails, and nothing can be left
 * out of it alone. The policy and the node flags stay: they are whose failure it is.
 */
#ifndef RESIDENCY_SCENARIOS_EXPLORE_SHRINK_H
#define RESIDENCY_SCENARIOS_EXPLORE_SHRINK_H

#include "scenarios/explore/explore_trial.h"

/* Changes the sequence and, with it, where the failure is. *runs counts candidates tried. */
bool explore_shrink(struct explore_trial *trial, struct sequence *sequence, struct explore_failure *failure,
		    const bool *interrupted, size_t *runs, struct error *e);

#endif
