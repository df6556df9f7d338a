/* patch.h - LoRAs put into a model's weights, and taken out again so that the first bytes are back.
 *
 * A parameter is patched where it is, on the compute device, before its block goes to the device where it waits (load, patch,
 * distribute). Its bytes are kept as they were; then its values become float32, each LoRA's change is added in order, and the sum is
 * rounded to the parameter's type, to nearest. A weight that is cast when it is used gets the same change in its copy, rounded the
 * same way: the bits do not depend on which of the two it was.
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

struct patch_use {
	struct lora_file *lora;
	double strength;
};

/* Whether any of the LoRAs changes the parameter. */
bool patch_covers(const struct patch_use *uses, size_t use_count, const struct parameter *parameter);

/* The bytes of a parameter as they are now, for patch_restore; NULL without an error on a machine without bytes. */
bool patch_keep(const struct model *model, size_t parameter, void **kept, struct error *e);

/* Puts the bytes kept back, wherever the parameter is now, frees them and empties *kept. */
void patch_restore(const struct model *model, size_t parameter, void **kept);

/* Changes a parameter where it is. On failure it is as it was. On a machine without bytes it costs the time. */
bool patch_parameter(const struct model *model, size_t parameter, const struct patch_use *uses, size_t use_count,
		     struct error *e);

/* The same change to a parameter's values in float32, rounded to the parameter's type. */
bool patch_values(const struct parameter *parameter, const struct patch_use *uses, size_t use_count, float *values,
		  struct error *e);

/* What a patch of a parameter costs a device that has no bytes. */
struct kernel_cost patch_cost(const struct parameter *parameter, size_t use_count);

/* Patches that are wanted and not in the weights: they are applied to a weight's copy when it is used. All borrowed. */
struct patch_pending {
	const struct patch_use *uses;
	size_t use_count;
	const bool *wanted, *done; /* by parameter; wanted is NULL where there are none */
};

static inline bool patch_is_pending(const struct patch_pending *pending, size_t parameter)
{
	return pending && pending->wanted && pending->wanted[parameter] && !pending->done[parameter];
}

#endif
