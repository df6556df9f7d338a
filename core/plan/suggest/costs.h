/* costs.h - what a pass of a model costs at each of its blocks, told from a load list.
 *
 * A diffusion model's family is known by one of its blocks and that block's number of elements; what its blocks multiply by is read
 * from the family's own modules (core/model), so that a quantised file, whose bytes do not say it, costs what it should. Blocks that the
 * family has not are taken to be square. Text encoders are known the same way, tower by tower. Of anything else only the bytes
 * are known: what it costs to move, not to run.
 *
 * Products count two operations a weight and token; attention four a channel and pair of tokens. What lies between products (norms,
 * modulation, heads, gates) is memory traffic in proportion to what comes out of them; the factor is what the forward of
 * FLUX.1 (core/compute/forwards/flux.c) has of it.
 */
#ifndef RESIDENCY_PLAN_COSTS_H
#define RESIDENCY_PLAN_COSTS_H

#include "core/plan/suggest/profile.h"

#define COST_TRAFFIC_BETWEEN 5.76 /* elements read and written between products for each that comes out of one */
#define COST_LIVE 2.0 /* elements that are held at once for each that goes in or comes out */

struct block_cost {
	double elements; /* of its weights; NAN where unknown */
	double flops; /* of its product */
	double attention_flops; /* of the attention that it is the last to feed */
	double activations; /* elements that go in and come out */
	double outputs; /* of them, that come out */
	bool is_cast; /* stored otherwise than the pass computes: converted at each use */
	bool is_eight_bits; /* and stored as a type that a copy can convert */
	bool is_skipped; /* no part of a pass: a vision tower where there is only text */
};

struct pass_costs {
	struct model_profile profile;
	struct block_cost *blocks; /* in the order of the load list */
	size_t *order; /* indexes in the order in which they run */
	size_t count;
	double element_size_bytes; /* of activations and of weights that were cast */
	uint64_t state_bytes; /* held from a pass's beginning to its end */
};

/* False only when out of memory. The caller frees with costs_free(), also after an error. */
bool costs_make(const struct plan_block *blocks, size_t count, const struct picture *picture, struct pass_costs *costs,
		struct error *e);
void costs_free(struct pass_costs *costs);

#endif
