/* flux.h - the FLUX.1 transformer's forward. One pass, one thread; the tensor belongs to the pass. */
#ifndef RESIDENCY_COMPUTE_FLUX_H
#define RESIDENCY_COMPUTE_FLUX_H

#include "core/compute/forwards/forward.h"

/* What the network returns, [batch, in_channels, height, width]; NULL when the pass failed. Values may be NULL on a machine
 * without bytes. */
struct tensor *flux_forward(struct compute *c, const struct denoise_request *request);

#endif
