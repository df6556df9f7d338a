/* family_autoencoder.h - the image autoencoders' configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_AUTOENCODER_H
#define RESIDENCY_MODEL_FAMILY_AUTOENCODER_H

#include <stdint.h>

#include "core/model/families/config.h"

/* AutoencoderKL, and FLUX's without quantisation convolutions. */
struct autoencoder_config {
	int64_t channels, latent_channels, image_channels, blocks;
	struct config_list multipliers; /* by level */
	double scale, shift; /* of the latent format: latent = (x - shift) * scale */
};

#endif
