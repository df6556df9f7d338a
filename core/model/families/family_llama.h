/* family_llama.h - configurations of language models that encode text (family.h): plain data, counts and widths in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_LLAMA_H
#define RESIDENCY_MODEL_FAMILY_LLAMA_H

#include <stdint.h>

/* Llama 3, and Qwen2.5-VL with its vision tower. */
struct llama_config {
	int64_t layers, hidden, heads, kv_heads, head_width, intermediate, vocabulary;
};

struct qwen_vl_config {
	struct llama_config language;
	int64_t vision_layers, vision_hidden, vision_intermediate, patch, temporal_patch, merge;
};

#endif
