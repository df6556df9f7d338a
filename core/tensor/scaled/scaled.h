/* scaled.h - weights that are stored with scales beside them: which tensors belong to which weight, and what it stands for.
 *
 * A layer is a module's weight and what its file keeps beside it. Its format follows from a mark (a tensor `L.comfy_quant` of JSON,
 * the header's `_quantization_metadata`, or `scaled_fp8` with `L.scale_weight`), or, without either, from the types and shapes:
 *
 *	float8_e4m3fn, float8_e5m2, int8_tensorwise   stored x scale; one scale a tensor or one a row
 *	mxfp8    e4m3 x 2^(exponent - 127), an exponent for each 32 elements of a row
 *	nvfp4    e2m1, two a byte, the first in the upper half; x e4m3 scale for each 16 elements x the tensor's scale
 *
 * Block scales lie in tiles of 128 rows by 4 columns, padded to whole tiles, as tensor cores read them; or row by row, where the
 * shape tells that they are not padded. ComfyUI reads only weights that a mark names: others it takes without their scales.
 *
 *	struct scaled_map map;
 *	if (scaled_find(&map, tensors, count, &metadata, 1, &e))
 *		... map.uses[i].role says what tensor i is ...
 *	scaled_map_free(&map);
 *
 * Nothing here has state; a map may be read from several threads.
 */
#ifndef RESIDENCY_TENSOR_SCALED_H
#define RESIDENCY_TENSOR_SCALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/tensor/dtype/dtype.h"

enum scaled_format {
	SCALED_F8_E4M3,
	SCALED_F8_E5M2,
	SCALED_INT8,
	SCALED_MXFP8,
	SCALED_NVFP4,
	SCALED_OTHER, /* one that nothing here reads; the layer's `word` has its name */
	SCALED_FORMATS
};

/* What says that the scales count. */
enum scaled_mark { SCALED_UNMARKED, SCALED_BY_TENSOR, SCALED_BY_METADATA, SCALED_BY_FLAG, SCALED_MARKS };

#define SCALED_METADATA "_quantization_metadata"
#define SCALED_NOWHERE SIZE_MAX

/* A tensor as its file has it. Borrowed. */
struct scaled_tensor {
	const char *name;
	enum dtype dtype;
	unsigned rank;
	const int64_t *shape; /* the first SCALED_RANK_MAX dimensions at least */
	const void *bytes; /* NULL: not at hand. Only marks are read while layers are found */
	uint64_t size_bytes;
};
#define SCALED_RANK_MAX 4u

/* A weight and what belongs to it; indexes are of the tensors that it was found in. */
struct scaled_layer {
	enum scaled_format format;
	enum scaled_mark mark;
	const char *fault; /* why its values cannot be had, static text; NULL: they can */
	char word[32]; /* the format as its mark names it */
	size_t weight, scale, tensor_scale; /* tensor_scale: of nvfp4. SCALED_NOWHERE: not found */
	enum dtype stored, scale_dtype, tensor_scale_dtype;
	uint64_t rows, columns; /* of the weight; further dimensions count as columns */
	uint64_t scale_count; /* of formats without blocks: 1, or rows */
	bool in_tiles; /* block scales */
	uint64_t size_bytes; /* of the weight and all that belongs to it but its mark */
};

enum scaled_role {
	SCALED_PLAIN,
	SCALED_WEIGHT,
	SCALED_SCALE, /* belongs to the weight of the layer: scales of weights and of inputs */
	SCALED_MARK, /* says what the layer is */
	SCALED_FLAG /* `scaled_fp8`: of all layers under its prefix */
};

struct scaled_use {
	enum scaled_role role;
	size_t layer; /* of all but SCALED_PLAIN and SCALED_FLAG */
};

/* Owns its arrays; freed with scaled_map_free(). Zeroed it is one without layers. */
struct scaled_map {
	struct scaled_layer *layers;
	size_t count, capacity;
	struct scaled_use *uses; /* by tensor; NULL where nothing was looked at */
	char fault[160]; /* why the metadata's word could not be read; "": it could, or the file has none */
};

/* "float8_e4m3fn", "nvfp4", ...; of SCALED_OTHER the mark's word. */
const char *scaled_format_name(const struct scaled_layer *layer);
/* "comfy_quant", "_quantization_metadata", "scaled_fp8"; "" of SCALED_UNMARKED. */
const char *scaled_mark_name(enum scaled_mark mark);

/* Finds the layers among tensors in any order; metadata are the texts under SCALED_METADATA, one a file. A layer that cannot be read
 * is found with its fault. False only when out of memory; the caller frees the map either way. */
bool scaled_find(struct scaled_map *map, const struct scaled_tensor *tensors, size_t count, const char *const *metadata,
		 size_t metadata_count, struct error *e);
void scaled_map_free(struct scaled_map *map);

/* The layer of which a tensor is the weight, or NULL. */
const struct scaled_layer *scaled_layer_of(const struct scaled_map *map, size_t tensor);

/* Sets ERROR_UNSUPPORTED, with what to do, where the layer has a fault; `name` is its weight's. */
bool scaled_readable(const struct scaled_layer *layer, const char *where, const char *name, struct error *e);

/* The bytes of a layer without a fault, where they are at hand; tensor_scale of nvfp4 only. */
struct scaled_bytes {
	const void *weight, *scale, *tensor_scale;
};

/* What elements first to first + count of rows x columns stand for. */
bool scaled_decode(const struct scaled_layer *layer, const struct scaled_bytes *bytes, uint64_t first, size_t count,
		   float *values, struct error *e);

/* Whether stored elements and a factor each are all there is to it, so that changed values can be stored at the same scale. */
bool scaled_has_factors(const struct scaled_layer *layer);

/* The factors of such a layer: scale_count of them. */
bool scaled_factors(const struct scaled_layer *layer, const void *scale, float *factors, struct error *e);

/* One text of what the headers of one model's files say, without the layers of some weights ("a.b.weight"), for a file that has no
 * scales of theirs; the caller frees. NULL where nothing is left, and with e set where there is no memory. */
char *scaled_metadata_without(const char *const *metadata, size_t count, const char *const *weights, size_t weight_count,
			      struct error *e);

#endif
