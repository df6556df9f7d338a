/* lora_private.h - what a LoRA file is, for lora.c, renamed.c and match.c. Private to core/patch/lora. */
#ifndef RESIDENCY_PATCH_LORA_PRIVATE_H
#define RESIDENCY_PATCH_LORA_PRIVATE_H

#include "core/patch/lora/lora.h"
#include "core/tensor/safetensors/safetensors.h"

/* A tensor by the name that the rules know. */
struct lora_name {
	const char *name; /* of names.by_tensor */
	size_t index; /* of the tensor in the file */
};

/* Names of trainers that no rule takes apart, brought to ones that the rules know. All NULL: the file's own names count. */
struct lora_names {
	char **by_tensor; /* owned, as are the texts */
	struct lora_name *sorted; /* by name */
	size_t count;
	char *reshape_name; /* of a shape that the file implies and does not hold; NULL: none */
	struct safetensors_tensor reshape;
	uint64_t reshape_rank;
	int64_t reshape_shape[2];
};

struct lora_file {
	char *name;
	struct safetensors *file; /* NULL: synthetic, or blank */
	struct lora_names names;
	bool is_blank;
	size_t owner_count;
};

/* The caller ends it, also on failure. */
bool lora_names_make(struct lora_names *names, const struct safetensors *file, struct error *e);
void lora_names_end(struct lora_names *names);

/* What the rules know tensor `index` of the file by. */
const char *lora_tensor_name(const struct lora_file *lora, size_t index);

/* The tensor that the rules know so, or NULL. */
const struct safetensors_tensor *lora_find(const struct lora_file *lora, const char *name);

#endif
