/* What the formula of predict.h wants to know of a model and of a plan: the seconds of an iteration with all weights at
 * hand, how bytes grow on the way between cards, and the bytes and copies that a placement puts on each device. Runs are
 * counted on the way.
 */
#include "core/plan/suggest/profile.h"

#include <math.h>

#include "core/plan/place/plan_model.h"

struct predict_terms profile_terms(const struct model_profile *profile, const struct device_description *compute)
{
	bool is_eight_bits = fabs(profile->bytes_per_element - 1) < 0.01;

	/* Quantised blocks cross as they are stored, whatever the link. */
	return (struct predict_terms) { .passes = profile->passes,
					.resident_seconds = profile->passes * profile->flops / compute->flops_per_s,
					.expansion = is_eight_bits ? 2 : 1,
					.converts_at_source = true };
}

size_t profile_load(const struct plan *plan, const struct plan_block *blocks, const struct topology *topology, unsigned compute,
		    struct predict_load *load)
{
	unsigned last = DEVICE_MAX;
	size_t runs = 0;

	*load = (struct predict_load) { .bytes_on = { 0 } };
	for (size_t i = 0; i < plan->block_count; i++) {
		uint64_t size = blocks[i].size_bytes;
		uint32_t row = plan->share_of[i];
		int found = row == PLAN_NO_DEVICE ? -1 : plan_find_device(topology, plan->shares[row].name);
		unsigned device = found < 0 ? compute : (unsigned)found;

		if (size == PLAN_NO_SIZE || size == 0)
			continue;
		load->bytes_on[device] += size;
		load->copies_on[device]++;
		runs += device != last;
		last = device;
	}
	return runs;
}
