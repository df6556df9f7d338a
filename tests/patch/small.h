/* small.h - a small model with bytes, LoRA files made on the spot, and weights to try adapters on. */
#ifndef RESIDENCY_TESTS_PATCH_SMALL_H
#define RESIDENCY_TESTS_PATCH_SMALL_H

#include "core/patch/patch.h"
#include "core/tensor/safetensors/safetensors.h"

#define SHAPE(...)                                                                                                             \
	(const int64_t[])                                                                                                      \
	{                                                                                                                      \
		__VA_ARGS__                                                                                                    \
	}

/* A machine of cpu and cuda:0 on a backend whose bytes exist, and a folder for files. */
struct small {
	struct machine *machine;
	char *folder;
};
void small_open(struct small *small, const struct backend *backend);
void small_close(struct small *small);

/* A model of these parameters, each a block of its own. */
struct model *small_model(const struct small *small, const struct parameter_description *parameters, size_t count);

/* A LoRA file of these tensors. Fails the test where it cannot be written; the caller closes. */
struct lora_file *small_lora(const struct small *small, const struct safetensors_entry *entries, size_t count);

/* One LoRA on the model, and the list of it. Takes the file over. Ended with one_end(). */
struct one {
	struct patch_use use;
	struct patch_list list;
};
void one_begin(struct one *one, const struct model *model, struct lora_file *lora, double strength);
void one_end(struct one *one);

#endif
