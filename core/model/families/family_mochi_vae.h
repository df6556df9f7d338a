/* family_mochi_vae.h - the configuration of Mochi's autoencoder (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_MOCHI_VAE_H
#define RESIDENCY_MODEL_FAMILY_MOCHI_VAE_H

#include <stdint.h>

struct mochi_vae_config {
	int64_t channels, latent_channels, image_channels;
};

#endif
