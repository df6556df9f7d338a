/* sample.h - one sampler run of a node, for the sampling nodes. Private to core/workflow/nodes. */
#ifndef RESIDENCY_WORKFLOW_SAMPLE_H
#define RESIDENCY_WORKFLOW_SAMPLE_H

#include <stdlib.h>

#include "core/workflow/graph/node.h"

struct sampling {
	const struct data *positive, *negative; /* negative may be NULL */
	struct data *latent;
	const char *sampler;
	const float *sigmas;
	size_t sigma_count;
	double cfg;
	uint64_t seed;
};

/* Loads the model, samples, sets output 0. A placeholder model is only loaded, and the latent passed on. */
bool sample_with(struct call *call, struct patcher *patcher, const struct sampling *sampling, struct error *e);

/* The schedule for a patcher's model and shift; none for a placeholder model. The caller frees *sigmas. */
bool sample_sigmas(const struct call *call, const struct patcher *patcher, const char *scheduler, int64_t steps, double denoise,
		   float **sigmas, size_t *sigma_count, struct error *e);

#endif
