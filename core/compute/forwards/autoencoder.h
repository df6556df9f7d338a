/* autoencoder.h - FLUX's autoencoder: latents to images and back. A pass is one thread's; each takes over the tensor it is given. */
#ifndef RESIDENCY_COMPUTE_AUTOENCODER_H
#define RESIDENCY_COMPUTE_AUTOENCODER_H

#include "core/compute/compute.h"
#include "core/model/families/family.h"

/* z [b, latent_channels, h, w], after the latent format's process_out, to x [b, image_channels, h * f, w * f] in -1 .. 1. */
struct tensor *autoencoder_decode(struct compute *c, struct tensor *z);

/* x in -1 .. 1 to the moments [b, 2 * latent_channels, h, w]; the latent is their first half. */
struct tensor *autoencoder_encode(struct compute *c, struct tensor *x);

#endif
