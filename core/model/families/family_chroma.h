/* family_chroma.h - Chroma's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_CHROMA_H
#define RESIDENCY_MODEL_FAMILY_CHROMA_H

#include <stdint.h>

struct chroma_config {
	int64_t channels; /* of a token, in and out: four pixels of 16 */
	int64_t hidden, heads, mlp_ratio, depth, single_depth, context_channels;
	int64_t guidance_channels, guidance_hidden, guidance_layers; /* of the network that makes all modulations */
};

#endif
