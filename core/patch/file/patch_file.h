/* patch_file.h - LoRAs put into a weights file: tensor by tensor, as the engine would at load, and written to another.
 *
 * The file's names are brought to upstream's full ones, which the LoRAs mean and the rounding is seeded with: a plain file of a
 * diffusion model or of a text encoder, or a checkpoint that holds both. What diffusers or open_clip named and cut is patched as
 * upstream's weights would be, and keeps its names. Tensors that no LoRA changes are copied as they are. A model in several files
 * becomes one.
 */
#ifndef RESIDENCY_PATCH_PATCH_FILE_H
#define RESIDENCY_PATCH_PATCH_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/patch/lora/lora.h"
#include "core/tensor/dtype/dtype.h"

struct patch_file_lora {
	struct lora_file *file; /* borrowed */
	double strength;
};

struct patch_file_request {
	const char *model, *out;
	const struct patch_file_lora *loras; /* in the order in which they are applied */
	size_t lora_count;
	bool has_dtype;
	enum dtype dtype; /* what floating-point tensors become before they are patched, as a loader's weight_dtype */
	const struct log_sink *log; /* may be NULL */
	/* Told after each tensor; returns false to stop. May be NULL. */
	void *context;
	bool (*told)(void *context, size_t done, size_t count);
};

struct patch_file;

/* Opens the model and matches the LoRAs. ERROR_FORMAT where a LoRA means nothing to the model. The caller ends it. */
struct patch_file *patch_file_begin(const struct patch_file_request *request, struct error *e);

/* Writes: a partial file that is renamed when it is whole. ERROR_INTERRUPTED when told said so. */
bool patch_file_write(struct patch_file *file, struct error *e);
void patch_file_end(struct patch_file *file);

/* What was matched. */
size_t patch_file_tensors(const struct patch_file *file); /* of the model */
size_t patch_file_patched(const struct patch_file *file); /* of them */
const struct lora_match *patch_file_match(const struct patch_file *file, size_t lora);

#endif
