/* cost_rows.h - the families whose passes are known: by which block one is known, and what its pass sees. Private to core/plan/suggest. */
#ifndef RESIDENCY_PLAN_COST_ROWS_H
#define RESIDENCY_PLAN_COST_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/plan/plan.h"

/* A diffusion model: a transformer, or a UNet (one that has levels). A token is a square of pixels over some frames. */
struct cost_row {
	const char *family;
	const char *variant; /* of core/model: whose modules say what each block multiplies */
	const char *block; /* by whose elements it is known */
	double elements;
	const char *other; /* a second one, so that quantised blocks of one family are not taken for another's */
	double other_elements;
	const char *absent; /* of a larger sibling's; NULL: none */
	double passes; /* of an iteration: 2 where guidance runs a negative prompt on its own */
	double batch; /* of a pass: 2 where it runs both as one */
	double hidden; /* 0: a UNet's, by block */
	double text_tokens;
	unsigned pixels; /* a token's side */
	unsigned frames; /* latent frames are (frames - 1) / this + 1; 0: no video */
	bool is_joint; /* attention is over text and picture together */
	const char *attention[2]; /* what ends the names of those blocks that feed it last */
	const char *cross_attention; /* the same of attention over the text; NULL: the family has none */
};

/* One encoder of a text encoder's load list. */
struct tower_row {
	const char *family;
	const char *word; /* in the prefix; NULL: any */
	const char *block; /* what ends the name of the block by whose elements it is known */
	double elements;
	double tokens; /* of a prompt as upstream pads it, or a usual one */
	bool is_quantised; /* is met in GGUF files */
};

/* Of a family in the load list: its row and how many bytes an element has. NULL for none. */
const struct cost_row *cost_row_find(const struct plan_block *blocks, size_t count, double *bytes_per_element);
/* The tower that a block makes known; *prefix_length is that of its blocks' names. NULL for none. */
const struct tower_row *cost_tower_of(const struct plan_block *block, size_t *prefix_length, double *bytes_per_element);

/* A name within the model: without what a load list or a checkpoint puts before it. */
const char *cost_inner_name(const char *name);

/* Whether so many bytes can be one element: 32, 16 or 8 bits, or exactly those; fewer, or 8 and a scale, where quantised. */
bool cost_is_stored(double bytes_per_element, bool may_be_quantised);

#endif
