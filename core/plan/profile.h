/* profile.h - what one iteration of a model costs, told from its blocks.
 *
 * A family is known by one of its blocks and that block's number of elements; its bytes then say how the weights are stored. With
 * passes per iteration, tokens and floating point operations this gives the terms of predict.h. A family that is not in the table has
 * one pass and unknown costs: what offloading adds is still predicted.
 */
#ifndef RESIDENCY_PLAN_PROFILE_H
#define RESIDENCY_PLAN_PROFILE_H

#include "core/plan/plan.h"
#include "core/plan/predict.h"

struct picture {
	unsigned width, height; /* in pixels */
	unsigned frames; /* 1 but for video */
};

struct model_profile {
	const char *family; /* static; "unknown" */
	bool is_video;
	double bytes_per_element; /* of stored weights; NAN where the family is unknown */
	double passes; /* as its workflows use it: 2 where guidance runs a negative prompt on its own */
	double flops; /* of one pass; NAN where unknown */
};

struct model_profile profile_model(const struct plan_block *blocks, size_t block_count, const struct picture *picture);

/* Terms on a device: resident_seconds is NAN where the operations or the device's rate are unknown. */
struct predict_terms profile_terms(const struct model_profile *profile, const struct device_description *compute);

/* What a plan puts where; blocks that it leaves to the loader, and devices that the topology has not, count for the compute device.
 * Returns the number of runs of consecutive blocks in one place. */
size_t profile_load(const struct plan *plan, const struct plan_block *blocks, const struct topology *topology, unsigned compute,
		    struct predict_load *load);

#endif
