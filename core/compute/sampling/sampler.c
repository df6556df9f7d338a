#include "core/compute/sampling/sampler.h"

#include <string.h>

#include "core/base/array.h"

/* Euler: along (x - x0) / sigma to the next sigma. */
static bool euler(struct sampler_run *run, struct error *e)
{
	for (unsigned step = 0; step + 1 < run->sigma_count; step++) {
		float sigma = run->sigmas[step];
		float change = run->sigmas[step + 1] - sigma;

		if (!run->denoise(run->context, run, step, sigma, e))
			return false;
		for (size_t i = 0; run->x && i < run->count; i++)
			run->x[i] = run->x[i] + (run->x[i] - run->denoised[i]) / sigma * change;
		if (run->stepped)
			run->stepped(run->context, run, step);
	}
	return true;
}

static const struct sampler samplers[] = {
	{ .name = "euler", .run = euler },
};

const struct sampler *sampler_find(const char *name, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(samplers); i++) {
		if (strcmp(samplers[i].name, name) == 0)
			return &samplers[i];
	}
	error_set(e, ERROR_UNSUPPORTED, "sampler \"%.40s\" is not built in; there is euler", name);
	return NULL;
}

void sampler_mix_noise(struct sampler_run *run, const float *latent)
{
	float sigma = run->sigmas[0];

	for (size_t i = 0; i < run->count; i++)
		run->x[i] = sigma * run->x[i] + (1.0F - sigma) * (latent ? latent[i] : 0.0F);
}

void sampler_unmix_noise(struct sampler_run *run)
{
	float last = run->sigmas[run->sigma_count - 1];

	for (size_t i = 0; i < run->count; i++)
		run->x[i] = run->x[i] / (1.0F - last);
}
