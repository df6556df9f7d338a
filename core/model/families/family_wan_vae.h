/* family_wan_vae.h - the configuration of Wan's autoencoders (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_WAN_VAE_H
#define RESIDENCY_MODEL_FAMILY_WAN_VAE_H

#include <stdint.h>

#include "core/model/families/config.h"

struct wan_vae_config {
	int64_t channels, decoder_channels, latent_channels, image_channels, blocks;
	struct config_list multipliers;
};

#endif
