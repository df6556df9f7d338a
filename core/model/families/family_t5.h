/* family_t5.h - T5's configuration (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_T5_H
#define RESIDENCY_MODEL_FAMILY_T5_H

#include <stdint.h>

/* T5's encoder, and UMT5's, whose every layer has its own table of relative positions. */
struct t5_config {
	int64_t layers, width, intermediate, heads, head_width, vocabulary;
	int64_t end_token, pad_token;
};

#endif
