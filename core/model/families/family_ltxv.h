/* family_ltxv.h - LTX-Video's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_LTXV_H
#define RESIDENCY_MODEL_FAMILY_LTXV_H

#include <stdint.h>

struct ltxv_config {
	int64_t layers, in_channels, heads, head_width;
	int64_t cross_channels; /* of the text after its projection */
	int64_t caption_channels; /* before it */
};

#endif
