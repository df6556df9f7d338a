/* patch.h - LoRAs put into a model's weights, and taken out again so that the first bytes are back.
 *
 * A block is patched where it is, on the compute device, before it goes to the device where it waits (load, patch, distribute).
 * A parameter that a LoRA covers is kept as it was, once; then its values become float32, each LoRA's change is added in order,
 * and the sum is rounded to the parameter's type, to nearest.
 */
#ifndef RESIDENCY_PATCH_PATCH_H
#define RESIDENCY_PATCH_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/patch/lora.h"

/* What a model's parameters were before. Zero-initialised means nothing is kept. */
struct patch_backups {
	struct patch_backup *kept;
	size_t count, capacity;
};

struct patch_use {
	const struct lora_file *lora;
	double strength;
};

/* Patches one block. On failure the parameters before the failing one are patched, and patch_restore undoes them. */
bool patch_block(struct patch_backups *backups, struct model *model, size_t block, const struct patch_use *uses,
		 size_t use_count, struct error *e);

/* Puts the first bytes back, wherever the parameters are now, and forgets them. */
void patch_restore(struct patch_backups *backups, struct model *model);
void patch_backups_free(struct patch_backups *backups);

/* Main memory that the kept bytes take. */
uint64_t patch_backups_size_bytes(const struct patch_backups *backups);

#endif
