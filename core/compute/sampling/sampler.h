/* sampler.h - from noise to a latent with a flow model, whatever network denoises. */
#ifndef RESIDENCY_COMPUTE_SAMPLER_H
#define RESIDENCY_COMPUTE_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* One run. Arrays hold `count` values and are the caller's; without values (a backend that only counts bytes) they are NULL and only the
 * calls are made. */
struct sampler_run {
	const float *sigmas;
	size_t sigma_count;
	float *x; /* the state */
	float *denoised; /* scratch: what denoise gave */
	size_t count;
	void *context;
	/* x0 of the state at a sigma, into run->denoised. */
	bool (*denoise)(void *context, struct sampler_run *run, unsigned step, float sigma, struct error *e);
	/* After each step; may be NULL. */
	void (*stepped)(void *context, struct sampler_run *run, unsigned step);
};

struct sampler {
	const char *name;
	bool (*run)(struct sampler_run *run, struct error *e);
};

/* ERROR_UNSUPPORTED names the samplers there are. */
const struct sampler *sampler_find(const char *name, struct error *e);

/* run->x holds noise; it becomes sigma * noise + (1 - sigma) * latent at the first sigma, with a latent in the model's scale (NULL:
 * all zero). */
void sampler_mix_noise(struct sampler_run *run, const float *latent);

/* Takes what noise scaling the last sigma left out of the state. */
void sampler_unmix_noise(struct sampler_run *run);

#endif
