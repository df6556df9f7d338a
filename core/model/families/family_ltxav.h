/* family_ltxav.h - LTX-2's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_LTXAV_H
#define RESIDENCY_MODEL_FAMILY_LTXAV_H

#include <stdint.h>

struct ltxav_config {
	int64_t layers, caption_channels;
	int64_t channels, dim, cross_channels; /* of the video's tokens */
	int64_t audio_channels, audio_dim, audio_cross_channels; /* of the sound's */
	int64_t connector_layers, registers; /* of the two networks that prepare the text */
};

#endif
