/* transcode_values.h - what a file says besides tensors, from one format to the other. Private to transcode.c.
 *
 * safetensors has texts under keys; GGUF has typed values. Texts become strings of the same key and back; numbers become texts, by
 * which their type is forgotten but not their value; lists are lost, and so refused unless they may be dropped. What only says how
 * a GGUF file is laid out (its alignment, the original shapes) is no value of the model's.
 */
#ifndef RESIDENCY_TENSOR_TRANSCODE_VALUES_H
#define RESIDENCY_TENSOR_TRANSCODE_VALUES_H

#include "core/tensor/transcode.h"

/* key, value, key, value, ..., NULL; owned. Zeroed when empty. */
struct transcode_texts {
	char **pairs;
	size_t count, capacity; /* of single texts */
};

/* For a safetensors file. Freed with transcode_texts_free(), also after an error. */
bool transcode_texts(const struct weights *weights, bool drop_values, struct transcode_texts *texts, struct error *e);
void transcode_texts_free(struct transcode_texts *texts);

/* For a GGUF file. Freed with gguf_metadata_free(), also after an error. */
bool transcode_metadata(const struct weights *weights, const struct transcode_request *request, struct gguf_metadata *metadata,
			struct error *e);

/* Adds comfy.gguf.orig_shape.NAME. */
bool transcode_original_shape(struct gguf_metadata *metadata, const struct weights_tensor *tensor, struct error *e);

#endif
