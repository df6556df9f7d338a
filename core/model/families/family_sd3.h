/* family_sd3.h - Stable Diffusion 3's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_SD3_H
#define RESIDENCY_MODEL_FAMILY_SD3_H

#include <stdbool.h>
#include <stdint.h>

struct sd3_config {
	int64_t in_channels, out_channels; /* of a pixel of the latent */
	int64_t depth, pooled_channels, context_channels;
	int64_t grid; /* sides of the table of positions, in patches */
	int64_t own_attention; /* so many first blocks attend to the picture once more on their own */
	bool head_norms;
};

#endif
