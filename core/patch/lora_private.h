/* lora_private.h - what a LoRA file is, for lora.c and match.c. */
#ifndef RESIDENCY_PATCH_LORA_PRIVATE_H
#define RESIDENCY_PATCH_LORA_PRIVATE_H

#include "core/patch/lora.h"

struct lora_file {
	char *name;
	struct safetensors *file; /* NULL: made up, or blank */
	bool is_blank;
	size_t owner_count;
};

#endif
