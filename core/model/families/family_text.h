/* family_text.h - configurations of pairs of text encoders (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_TEXT_H
#define RESIDENCY_MODEL_FAMILY_TEXT_H

#include "core/model/families/family_clip.h"
#include "core/model/families/family_llama.h"
#include "core/model/families/family_t5.h"

/* Two text encoders under one patcher, as loaders of two files give them. */
struct flux_text_config {
	struct clip_config clip; /* prefix "clip_l." */
	struct t5_config t5; /* prefix "t5xxl." */
};

struct sdxl_text_config {
	struct clip_config clip_l, clip_g;
};

struct hunyuan_text_config {
	struct clip_config clip;
	struct llama_config llama;
};

#endif
