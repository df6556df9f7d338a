/* family_language.h - configurations of language models of 2025 that encode text (family.h): plain data, counts and widths in
 * elements. */
#ifndef RESIDENCY_MODEL_FAMILY_LANGUAGE_H
#define RESIDENCY_MODEL_FAMILY_LANGUAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/families/family_llama.h"

/* Qwen3, Gemma and Mistral: Llama's layers, and what each adds to them. */
struct language_config {
	struct llama_config base;
	bool output_head; /* the head that continues a text, where it has weights of its own */
	bool no_final_norm; /* cut before the last layers, whose output nothing uses */
	int64_t vision_layers, vision_hidden, vision_intermediate; /* Gemma 3's vision tower; 0 layers: none */
};

#endif
