/* family_clip.h - CLIP's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_CLIP_H
#define RESIDENCY_MODEL_FAMILY_CLIP_H

#include <stdbool.h>
#include <stdint.h>

/* CLIP's text model. */
struct clip_config {
	int64_t layers, hidden, heads, intermediate, positions, vocabulary;
	int64_t start_token, end_token, pad_token;
	bool quick_gelu; /* else gelu_erf */
};

#endif
