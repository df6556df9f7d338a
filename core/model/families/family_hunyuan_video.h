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

#endif
