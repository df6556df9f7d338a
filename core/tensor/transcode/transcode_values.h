/* transcode_values.h - what a file says besides tensors, as values of a GGUF file. Private to core/tensor/transcode.
 *
 * Texts become strings of the same key; the values of another GGUF file are copied with their types. The way to safetensors is
 * weights_texts.h.
 */
#ifndef RESIDENCY_TENSOR_TRANSCODE_VALUES_H
#define RESIDENCY_TENSOR_TRANSCODE_VALUES_H

#include "core/tensor/transcode/transcode.h"
#include "core/tensor/weights/weights_texts.h"

/* Freed with gguf_metadata_free(), also after an error. */
bool transcode_metadata(const struct weights *weights, const struct transcode_request *request, struct gguf_metadata *metadata,
			struct error *e);

/* Adds comfy.gguf.orig_shape.NAME. */
bool transcode_original_shape(struct gguf_metadata *metadata, const struct weights_tensor *tensor, struct error *e);

#endif
