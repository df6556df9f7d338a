/* family_flux.h - FLUX.1's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_FLUX_H
#define RESIDENCY_MODEL_FAMILY_FLUX_H

#include <stdbool.h>
#include <stdint.h>

/* FLUX.1: the transformer. */
struct flux_config {
	int64_t in_channels, out_channels; /* of the latent, 16; four of its pixels make a token */
	int64_t hidden, heads, mlp_ratio;
	int64_t depth, single_depth;
	int64_t context_channels, pooled_channels;
	int64_t axes[3]; /* rotary dimensions of id, row, column; their sum is the head's width */
	double theta;
	bool guidance;
};

#endif
