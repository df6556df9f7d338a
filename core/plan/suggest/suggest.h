/* suggest.h - allocation strings that fit, fastest first.
 *
 * For each compute device and each set of donors the strings that a node can store are made (virtual VRAM with one or more donors, sizes
 * with a wildcard), planned by the version's own rules, and kept where every device has room for what the plan puts on it. A runner
 * (the simulator, scenarios/placed/plan_trial.h) then says what an iteration takes, and whether its activations fit beside the weights;
 * where they do not, strings are made again with that much less space. What a string's copies take by the formula of predict.h is less
 * than what they take when run, so strings that cannot be among the wanted ones any more are not run.
 */
#ifndef RESIDENCY_PLAN_SUGGEST_H
#define RESIDENCY_PLAN_SUGGEST_H

#include "core/plan/plan.h"
#include "core/plan/suggest/profile.h"

/* One string, and the inputs of a DisTorch2 loader node that store it. */
struct suggestion {
	char *allocation; /* "" where nothing needs to be offloaded: DisTorch is then off */
	char *expert; /* expert_mode_allocations; "" in virtual VRAM mode */
	char *donors; /* donor_device */
	double virtual_vram_gb;
	unsigned compute; /* device index */
	struct predict_load load;
	size_t runs; /* of consecutive blocks in one place */
	struct prediction prediction;
	double seconds; /* of an iteration: as run, or the prediction's where there is no runner; NAN where unknown */
	double copy_seconds; /* of it, likewise: what offloading adds */
	bool was_run;
};

struct suggestions {
	struct suggestion *items; /* fastest first */
	size_t count, capacity;
};

struct suggest_run {
	double seconds; /* of an iteration; NAN where the family or the device's rates are unknown */
	double copy_seconds;
	bool fits; /* else both are NAN, and: */
	unsigned short_device; /* what lacks most */
	uint64_t lacking_bytes; /* and how much */
};

/* Runs a placement. Out of device memory is a result, not an error. */
struct suggest_runner {
	void *context;
	bool (*run)(void *context, const struct plan *plan, unsigned compute, struct suggest_run *run, struct error *e);
};

/* All borrowed. */
struct suggest_request {
	const struct plan_rules *rules;
	const struct topology *topology;
	const struct plan_block *blocks;
	size_t block_count;
	bool is_clip;
	const uint64_t *room_bytes; /* per device: weights it may hold */
	int compute; /* device index; -1: any card */
	const struct model_profile *profile;
	double passes; /* instead of the profile's; 0: the profile's */
	double resident_seconds; /* of an iteration with all weights on the compute device, where it was measured; NAN: estimated */
	bool converts_at_source;
	const struct suggest_runner *runner; /* NULL: predictions alone */
	size_t wanted; /* how many to keep at most */
};

/* ERROR_DEVICE_MEMORY where nothing fits, saying by how much; ERROR_ABSENT where there is no card. The caller frees with
 * suggest_free(), also after an error. */
bool suggest(const struct suggest_request *request, struct suggestions *out, struct error *e);
void suggest_free(struct suggestions *suggestions);

#endif
