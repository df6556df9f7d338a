/* stored.h - a weight as it is stored, and the way to its patched values and back. For core/patch and its benchmark.
 *
 * An fp8 or int8 weight may have a scale beside it, or one a row: what it stands for is its value times the scale, and that is what
 * is patched; it is stored at the same scale again. A quantised weight has no way back: only a copy of it is patched, by stored_patch_in().
 */
#ifndef RESIDENCY_PATCH_STORED_H
#define RESIDENCY_PATCH_STORED_H

#include "core/patch/patch.h"

/* Which blocks, and how they become numbers. */
struct quant_way_of {
	enum quant quant;
	enum quant_way way;
};

struct stored {
	const char *key; /* the full name: seeds the rounding */
	enum dtype dtype;
	const struct quant_way_of *blocks; /* of a quantised weight; NULL: plain elements */
	unsigned rank;
	const int64_t *shape;
	const void *bytes;
	float scale; /* 0: none */
	const float *row_scales; /* instead, one a row; NULL: none */
};

static inline bool stored_is_scaled(const struct stored *stored)
{
	return stored->scale != 0 || stored->row_scales;
}

uint64_t stored_count(const struct stored *stored);

/* Load time: its values in float32, with all adapters of the parameter, without the scale again. The caller frees weight->values,
 * also on failure. */
bool stored_patch(const struct stored *stored, const struct patch_list *list, size_t parameter, struct weight_values *weight,
		  struct error *e);

/* The whole way where the shape stays: from the stored bytes to patched ones at `to`, which may be where they are. */
bool stored_patch_round(const struct stored *stored, const struct patch_list *list, size_t parameter, void *to,
			struct error *e);

/* Run time, by upstream's rules: the values in `dtype`. A quantised weight's differences are formed in float32, as ComfyUI-GGUF
 * does, and added in `dtype`. */
bool stored_patch_in(const struct stored *stored, const struct patch_list *list, size_t parameter, enum dtype dtype,
		     struct weight_values *weight, struct error *e);

/* Values to the stored type: fp8 by chance, the others to nearest; what int8 cannot hold becomes its least or its most. */
bool stored_round(const struct stored *stored, const float *values, size_t count, void *bytes, struct error *e);

/* Values as they are after that. */
bool stored_settle(const struct stored *stored, struct weight_values *weight, struct error *e);

static inline bool is_fp8(enum dtype dtype)
{
	return dtype == DTYPE_F8_E4M3 || dtype == DTYPE_F8_E5M2;
}

#endif
