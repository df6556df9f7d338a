/* family_unet.h - the UNet's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_UNET_H
#define RESIDENCY_MODEL_FAMILY_UNET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/families/config.h"

/* SD 1.5 and SDXL: the UNet. Lists are by residual block (transformer_depth) or by level. */
struct unet_config {
	int64_t in_channels, out_channels, model_channels, context_dim;
	int64_t adm_channels; /* of the vector condition; 0: none */
	struct config_list multipliers, blocks, depth, depth_out;
	int64_t depth_middle;
	bool linear_projections; /* proj_in and proj_out are Linear, not convolutions */
};

#endif
