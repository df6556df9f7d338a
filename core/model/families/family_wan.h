/* family_wan.h - Wan's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_WAN_H
#define RESIDENCY_MODEL_FAMILY_WAN_H

#include <stdbool.h>
#include <stdint.h>

struct wan_config {
	int64_t dim, ffn_dim, freq_dim, text_dim;
	int64_t in_channels, out_channels, heads, layers;
	bool image; /* takes an encoded image: has k_img, v_img and img_emb (2.1 I2V) */
	int64_t image_dim; /* of that encoding */
	int64_t vace_layers, vace_channels; /* VACE: blocks beside the first ones, over the video to be changed; 0: none */
};

#endif
