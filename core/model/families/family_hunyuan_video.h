/* family_hunyuan_video.h - HunyuanVideo's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_HUNYUAN_VIDEO_H
#define RESIDENCY_MODEL_FAMILY_HUNYUAN_VIDEO_H

#include <stdint.h>

#include "core/model/families/family_flux.h"

/* HunyuanVideo: FLUX's blocks over video, and a refiner of its text tokens. */
struct hunyuan_video_config {
	struct flux_config flux;
	int64_t refiner_depth;
};

/* HunyuanVideo 1.5: double blocks only, and conditions from a byte model of glyphs and from an encoded image. */
struct hunyuan_video15_config {
	struct hunyuan_video_config video;
	int64_t glyph_channels, vision_channels;
};

#endif
