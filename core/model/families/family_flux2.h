/* family_flux2.h - FLUX.2's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_FLUX2_H
#define RESIDENCY_MODEL_FAMILY_FLUX2_H

#include <stdbool.h>
#include <stdint.h>

struct flux2_config {
	int64_t channels; /* of a token, in and out */
	int64_t hidden, heads, mlp_ratio, depth, single_depth, context_channels;
	bool guidance; /* the strength of guidance is an input of the network */
};

#endif
