/* placed_pass.h - a pass over any load list, placed, on a simulated machine: seconds of an iteration, memory, or what is lacking.
 *
 * Every block's weights are put where the plan has them, and the pass goes through the blocks in the order in which they run: weights
 * that wait elsewhere are copied to the compute device and dropped after use, as upstream loads (copy, compute, copy, compute); weights
 * of another type than the pass's are converted there, or, between cards, before they cross: the donor does that while the compute
 * device is still busy, since whoever issues the work runs ahead of it. What a block computes is told by its costs
 * (core/plan/suggest/costs.h): the product, the attention it feeds, and the traffic between products, each as one operation of the device.
 * Passes of an iteration are alike, so one is run.
 */
#ifndef RESIDENCY_SCENARIOS_PLACED_PASS_H
#define RESIDENCY_SCENARIOS_PLACED_PASS_H

#include "core/plan/suggest/costs.h"

/* All borrowed. */
struct pass_request {
	const struct topology *topology; /* with the capacities that there are for weights and activations */
	const struct plan_block *blocks;
	const struct pass_costs *costs; /* of these blocks */
	const unsigned *device_of; /* per block, a device index */
	unsigned compute; /* device index */
	double passes; /* of an iteration */
	bool converts_at_source; /* 8-bit weights between cards */
	double *block_copy_seconds; /* filled per block: its time on links in an iteration; may be NULL */
};

struct pass_result {
	double seconds; /* of an iteration, of its copies alone where the family is unknown; NAN where it does not fit */
	double copy_seconds; /* of it: weights on links; NAN where it does not fit */
	uint64_t moved_bytes; /* that crossed a link in an iteration */
	uint64_t peak_bytes[DEVICE_MAX]; /* most that was allocated; what would have been needed where it does not fit */
	bool fits;
	unsigned short_device; /* where it does not: the device that lacks most */
	uint64_t lacking_bytes; /* and how much */
};

/* Out of device memory is a result, not an error. */
bool placed_pass(const struct pass_request *request, struct pass_result *result, struct error *e);

/* A copy of a topology where nothing is ever full. The caller frees with topology_free(). NULL when out of memory. */
struct topology *placed_pass_boundless(const struct topology *topology, struct error *e);

#endif
