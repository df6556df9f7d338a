/* plan_trial.h - plans tried in the simulator: the runner that suggestions are measured with (core/plan/suggest/suggest.h).
 *
 * Every plan is run as a placed pass (placed_pass.h), whatever the family; FLUX.1 too, which has a forward of its own, so that its
 * quantised files and the others compare. The forward (placed_run.h) is what the placed pass is tested against.
 */
#ifndef RESIDENCY_SCENARIOS_PLAN_TRIAL_H
#define RESIDENCY_SCENARIOS_PLAN_TRIAL_H

#include "core/plan/suggest/costs.h"
#include "core/plan/suggest/suggest.h"

struct plan_trial;

/* All borrowed; lives as long as the trial, but for the topology. */
struct plan_trial_request {
	const struct topology *topology;
	const uint64_t *free_bytes; /* per device, for weights and activations */
	const struct plan_block *blocks;
	const struct pass_costs *costs; /* of these blocks */
	double passes; /* instead of the family's; 0: the family's */
	double resident_seconds; /* of an iteration with all weights on the compute device, where it was measured; NAN: simulated */
	bool converts_at_source;
	const bool *interrupted; /* may be NULL */
};

/* NULL when out of memory. */
struct plan_trial *plan_trial_new(const struct plan_trial_request *request, struct error *e);
void plan_trial_free(struct plan_trial *trial);

/* Valid as long as the trial. */
struct suggest_runner plan_trial_runner(struct plan_trial *trial);

/* What a plan's iteration takes. */
struct plan_outlook {
	struct model_profile profile;
	struct prediction prediction; /* by the formula */
	struct suggest_run run;
	struct error refusal; /* why it cannot be run at all: no way leads from where its blocks wait; empty where it can */
	size_t runs; /* of consecutive blocks in one place */
	double *block_copy_seconds; /* per block, what bringing it over adds to an iteration */
};

/* The caller frees with plan_outlook_free(), also after an error. */
bool plan_outlook(const struct plan *plan, const struct plan_trial_request *request, struct plan_outlook *outlook,
		  struct error *e);
void plan_outlook_free(struct plan_outlook *outlook);

#endif
