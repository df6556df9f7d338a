/* family_mochi.h - Mochi's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_MOCHI_H
#define RESIDENCY_MODEL_FAMILY_MOCHI_H

#include <stdint.h>

struct mochi_config {
	int64_t depth, heads, in_channels;
	int64_t hidden_x, hidden_y; /* of image tokens, of text tokens */
	int64_t text_channels;
};

#endif
