/* profile.h - what one iteration of a model costs in all, in the terms of predict.h. costs.h tells it from a load list.
 */
#ifndef RESIDENCY_PLAN_PROFILE_H
#define RESIDENCY_PLAN_PROFILE_H

#include "core/plan/plan.h"
#include "core/plan/suggest/predict.h"

struct picture {
	unsigned width, height; /* in pixels */
	unsigned frames; /* 1 but for video */
};

struct model_profile {
	const char *family; /* static; "unknown" */
	bool is_video;
	bool is_text; /* text encoders: an iteration is a prompt */
	double bytes_per_element; /* of stored weights; NAN where the family is unknown */
	double passes; /* as its workflows use it: 2 where guidance runs a negative prompt on its own */
	double flops; /* of one pass; NAN where unknown */
};

/* Terms on a device: resident_seconds is NAN where the operations or the device's rate are unknown. */
struct predict_terms profile_terms(const struct model_profile *profile, const struct device_description *compute);

/* What a plan puts where; blocks that it leaves to the loader, and devices that the topology has not, count for the compute device.
 * Returns the number of runs of consecutive blocks in one place. */
size_t profile_load(const struct plan *plan, const struct plan_block *blocks, const struct topology *topology, unsigned compute,
		    struct predict_load *load);

#endif
