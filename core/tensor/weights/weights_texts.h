/* weights_texts.h - what a file of weights says besides tensors, as texts under keys: what safetensors' metadata can hold.
 *
 * GGUF's numbers become texts; its lists and its strings that are no text cannot. What only says how a GGUF file is laid out (its
 * alignment, the original shapes) is no value of the model's. Of several safetensors files the first that has a key counts.
 */
#ifndef RESIDENCY_TENSOR_WEIGHTS_TEXTS_H
#define RESIDENCY_TENSOR_WEIGHTS_TEXTS_H

#include "core/tensor/weights/weights.h"

/* key, value, key, value, ..., NULL; owned. Zeroed when empty. */
struct weights_texts {
	char **pairs;
	size_t count, capacity; /* of single texts */
};

/* What cannot be a text is ERROR_UNSUPPORTED, or left out. Freed with weights_texts_free(), also after an error. */
bool weights_texts(const struct weights *weights, bool drop_values, struct weights_texts *texts, struct error *e);
void weights_texts_free(struct weights_texts *texts);

/* What is said under a key, or NULL. */
const char *weights_texts_find(const struct weights_texts *texts, const char *key);

/* Takes the value over and says it in the place of what is said under the key; NULL: nothing is said there any more. A key that is
 * not there stays so. */
void weights_texts_replace(struct weights_texts *texts, const char *key, char *value);

/* Whether a GGUF value is about the file, not about the model. */
#define WEIGHTS_SHAPE_PREFIX "comfy.gguf.orig_shape."
bool weights_value_is_layout(const struct gguf_value *value);

#endif
