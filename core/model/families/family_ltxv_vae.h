/* family_ltxv_vae.h - the configuration of LTX-Video's autoencoders (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_LTXV_VAE_H
#define RESIDENCY_MODEL_FAMILY_LTXV_VAE_H

#include <stdint.h>

struct ltxv_vae_config {
	int64_t channels, latent_channels, image_channels;
};

#endif
