/* weights.h - tensors in a file, whatever its format: safetensors, an index of several, or GGUF.
 *
 * For work that takes any of them, like converting. What a format has of its own (values, metadata) is reached through its reader.
 */
#ifndef RESIDENCY_TENSOR_WEIGHTS_H
#define RESIDENCY_TENSOR_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/tensor/gguf/gguf.h"
#include "core/tensor/safetensors/safetensors.h"
#include "core/tensor/safetensors/shards.h"
#include "core/tensor/scaled/scaled.h"

enum weights_format { WEIGHTS_SAFETENSORS, WEIGHTS_GGUF, WEIGHTS_FORMATS };

const char *weights_format_name(enum weights_format format);
bool weights_format_from_name(const char *name, enum weights_format *format);

/* The type of a tensor's elements: a plain one, or one of blocks. */
struct weights_type {
	bool is_quantised;
	enum dtype dtype; /* where plain */
	enum quant quant; /* where not */
};

const char *weights_type_name(const struct weights_type *type);
/* Any name of dtype.h or quant.h; names that both know are plain. */
bool weights_type_from_name(const char *name, struct weights_type *type);
/* Bytes of count elements, which are whole blocks. */
uint64_t weights_type_bytes(const struct weights_type *type, uint64_t count);

/* Borrowed from the weights. */
struct weights_tensor {
	const char *name;
	size_t name_length;
	struct weights_type type;
	size_t rank;
	const int64_t *shape; /* as the model has it, ComfyUI-GGUF's original shapes included */
	const uint8_t *bytes;
	uint64_t size_bytes;
	uint64_t element_count;
};

#define WEIGHTS_PATH_MAX 4096

/* Owns all it opened; one of the first three is not NULL. */
struct weights {
	struct safetensors *safetensors;
	struct shards *shards;
	struct gguf *gguf;
	struct weights_tensor *tensors;
	size_t count;
	int64_t *shapes;
	struct scaled_map scaled; /* of safetensors: which tensors are scales of others */
	char path[WEIGHTS_PATH_MAX]; /* of the file or the index; "" where it was opened otherwise */
};

/* The path itself, or of a folder that of the file that diffusers puts there: an index of shards before a single file. ERROR_MISSING
 * where the folder holds no such file, or the path is too long. */
bool weights_find_file(const char *path, char file[WEIGHTS_PATH_MAX], struct error *e);

/* By the file's first bytes and its name; a folder is entered. ERROR_FORMAT, ERROR_MISSING. Closed with weights_close(), also
 * after an error. */
bool weights_open(struct weights *weights, const char *path, struct error *e);
/* The same for whoever reads no elements: tensors' bytes may be NULL (safetensors_open_head). */
bool weights_open_head(struct weights *weights, const char *path, struct error *e);

/* Of a file that is open, which the weights take over, also when they fail. */
bool weights_of_safetensors(struct weights *weights, struct safetensors *file, struct error *e);
void weights_close(struct weights *weights);

/* The bytes of a layer of weights->scaled, for scaled_decode(). */
struct scaled_bytes weights_scaled_bytes(const struct weights *weights, const struct scaled_layer *layer);

/* scaled_metadata_without() of all files' headers. */
char *weights_scaled_metadata(const struct weights *weights, const char *const *without, size_t count, struct error *e);

#endif
