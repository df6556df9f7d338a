/* patch_file_state.h - a model's file while LoRAs are put into it. Private to core/patch/file.
 */
#ifndef RESIDENCY_PATCH_PATCH_FILE_STATE_H
#define RESIDENCY_PATCH_PATCH_FILE_STATE_H

#include "core/patch/file/file_units.h"
#include "core/patch/patch.h"
#include "core/patch/file/patch_file.h"
#include "core/tensor/weights/weights_texts.h"

struct patch_file {
	struct patch_file_request request;
	struct weights weights; /* safetensors, one file or several */
	struct tensor_table table; /* the same, by name */
	struct weights_texts texts; /* the model's own metadata, which goes along */
	struct file_units units;
	struct key_map *map;
	struct patch_use *uses; /* by LoRA */
	struct patch_list list;
	struct safetensors_entry *entries; /* of the new file, in the order of the units' tensors */
	int64_t (*reshaped)[TENSOR_RANK_MAX]; /* by unit, where a shape changes */
	struct whole *wholes; /* by unit */
};

/* A patched weight that is in several tensors, or shares one, while these are written. */
struct whole {
	void *bytes;
	size_t written; /* pieces */
};

/* The type that a tensor has in the new file. */
enum dtype patch_file_dtype(const struct patch_file *file, const struct weights_tensor *tensor);

/* The scales that a tensor is stored with: *one where there is one, else an array, one a row, that the caller frees. Neither where it
 * has none. False when out of memory. */
bool patch_file_scales(const struct patch_file *file, size_t tensor, float *one, float **rows, struct error *e);

/* The tensor that a weight's piece is in. */
const struct weights_tensor *patch_file_part(const struct patch_file *file, const struct file_unit *unit, size_t piece);

/* The unit that is this tensor and nothing else, or NULL. */
const struct file_unit *patch_file_unit(const struct patch_file *file, size_t tensor);

/* Whether a LoRA changes any of a tensor. */
bool patch_file_covers(const struct patch_file *file, size_t tensor);

#endif
