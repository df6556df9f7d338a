/* family_lumina.h - configurations of Lumina 2 and Z-Image (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_LUMINA_H
#define RESIDENCY_MODEL_FAMILY_LUMINA_H

#include <stdbool.h>
#include <stdint.h>

struct lumina_config {
	int64_t in_channels; /* of a pixel of the latent; a token has four */
	int64_t dim, layers, refiner_layers, heads, kv_heads, ffn_dim, context_channels;
	bool z_image; /* learned padding tokens, and modulation from 256 channels without an activation before it */
};

#endif
