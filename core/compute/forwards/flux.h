/* flux.h - the FLUX.1 transformer's forward. */
#ifndef RESIDENCY_COMPUTE_FLUX_H
#define RESIDENCY_COMPUTE_FLUX_H

#include "core/compute/compute.h"
#include "core/model/families/family.h"

/* A reference image's latent (Kontext): [batch, channels, height, width]. */
struct flux_reference {
	const float *values;
	int64_t height, width;
};

struct flux_request {
	const float *x; /* [batch, in_channels, height, width], any height and width */
	int64_t batch, height, width;
	const float *timesteps; /* [batch]: sigma */
	const float *context; /* [batch, tokens, context_channels] */
	int64_t tokens;
	const float *pooled; /* [batch, pooled_channels] */
	const float *guidance; /* [batch]; NULL skips guidance_in */
	const struct flux_reference *references;
	size_t reference_count;
	bool references_by_index; /* ids count 1, 2, ...; else they are laid out beside each other */
};

/* What the network returns, [batch, in_channels, height, width]; NULL when the pass failed. Values may be NULL on a machine
 * without bytes. */
struct tensor *flux_forward(struct compute *c, const struct flux_config *config, const struct flux_request *request);

#endif
