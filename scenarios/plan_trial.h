/* plan_trial.h - a plan tried in the simulator: the runner that suggestions are measured with (core/plan/suggest.h).
 *
 * The blocks of a plan are matched by name and size with those of a made-up model that can be run (placed_run.h); where they are those of
 * none, nothing is run and the prediction stands.
 */
#ifndef RESIDENCY_SCENARIOS_PLAN_TRIAL_H
#define RESIDENCY_SCENARIOS_PLAN_TRIAL_H

#include "core/plan/suggest.h"

struct plan_trial;

/* All but the topology borrowed. free_bytes: what each device has for weights and activations. NULL when out of memory. */
struct plan_trial *plan_trial_new(const struct topology *topology, const uint64_t *free_bytes, const struct plan_block *blocks,
				  size_t block_count, const struct picture *picture, const bool *interrupted, struct error *e);
void plan_trial_free(struct plan_trial *trial);

/* Valid as long as the trial. */
struct suggest_runner plan_trial_runner(struct plan_trial *trial);

/* What a plan's iteration takes: run in the simulator where that can be, else predicted. */
struct plan_outlook {
	struct model_profile profile;
	struct prediction prediction;
	double seconds; /* NAN where unknown, or where it was run and did not fit */
	bool was_run;
	size_t runs; /* of consecutive blocks in one place */
};

bool plan_outlook(const struct plan *plan, const struct topology *topology, const uint64_t *free_bytes,
		  const struct plan_block *blocks, const struct picture *picture, const bool *interrupted,
		  struct plan_outlook *outlook, struct error *e);

#endif
