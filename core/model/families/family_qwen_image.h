/* family_qwen_image.h - Qwen-Image's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_QWEN_IMAGE_H
#define RESIDENCY_MODEL_FAMILY_QWEN_IMAGE_H

#include <stdint.h>

struct qwen_image_config {
	int64_t in_channels; /* of a token: four pixels of 16 channels */
	int64_t out_channels; /* of a pixel */
	int64_t layers, heads, head_width, context_channels;
};

#endif
