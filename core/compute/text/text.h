/* text.h - the text encoders' forwards: CLIP and T5, from token ids to conditioning. */
#ifndef RESIDENCY_COMPUTE_TEXT_H
#define RESIDENCY_COMPUTE_TEXT_H

#include "core/compute/compute.h"
#include "core/model/families/family.h"
#include "core/model/families/family_clip.h"
#include "core/model/families/family_t5.h"

/* Rows of token ids with a weight each; weights NULL means 1 everywhere. */
struct tokens {
	const int64_t *ids; /* [rows, length] */
	const float *weights; /* [rows, length] */
	size_t rows, length;
};

struct clip_options {
	bool penultimate; /* the second last layer's output, else the last one's */
	bool skip_final_norm; /* of that output; pooled always has it */
	bool project; /* pooled through text_projection */
};

/* cond [rows * length, hidden], sections one after the other; pooled [hidden] of the first row. Both have room; nothing is
 * written on a backend that only counts bytes. Token weights other than 1 move an output away from that of an empty prompt. */
bool text_clip_encode(struct compute *c, const struct clip_config *config, const struct tokens *tokens,
		      const struct clip_options *options, float *cond, float *pooled);

/* cond [rows * length, width]. masked: keys after the first end token are not attended to. */
bool text_t5_encode(struct compute *c, const struct t5_config *config, const struct tokens *tokens, bool masked, float *cond);

/* The bucket of a relative position (key minus query): 32 of them, exact up to 8 on each side, then logarithmic to 128. */
int64_t text_t5_bucket(int64_t relative);

#endif
