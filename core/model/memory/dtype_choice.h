/* dtype_choice.h - in which type a model's weights are kept, and in which they compute, by card and flags.
 *
 * A `place` says for which device is asked; parameter_count is the model's, where negative stands for unknown. DTYPE_NONE is
 * no type: nothing to cast to, nothing known.
 */
#ifndef RESIDENCY_MODEL_DTYPE_CHOICE_H
#define RESIDENCY_MODEL_DTYPE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/model/memory/settings.h"
#include "core/tensor/dtype/dtype.h"

#define DTYPE_NONE DTYPE_COUNT
#define DTYPE_LIST_MAX 4

/* Types that a family can compute in, best first. */
struct dtype_list {
	enum dtype dtypes[DTYPE_LIST_MAX];
	size_t count;
};

/* Whether a type is worth computing in. for_speed: else memory matters, too; cast: weights may be of it and be cast when used. */
bool dtype_should_use_fp16(const struct settings *s, enum settings_place place, double parameter_count, bool for_speed,
			   bool cast);
bool dtype_should_use_bf16(const struct settings *s, enum settings_place place, double parameter_count, bool for_speed,
			   bool cast);

bool dtype_has_fp8_compute(const struct settings *s, enum settings_place place);
bool dtype_is_supported(const struct settings *s, enum settings_place place, enum dtype dtype);
bool dtype_can_be_cast(const struct settings *s, enum settings_place place, enum dtype dtype);

/* The requested type, or the fallback where none was requested, it is wider, or the device cannot cast it. */
enum dtype dtype_pick(const struct settings *s, enum settings_place place, enum dtype wanted, enum dtype fallback);

/* A diffusion model's weights, which are of file_dtype in their file; and the type they are cast to when used, DTYPE_NONE for
 * none. */
enum dtype dtype_of_unet(const struct settings *s, enum settings_place place, double parameter_count,
			 const struct dtype_list *family, enum dtype file_dtype);
enum dtype dtype_cast_of_unet(const struct settings *s, enum settings_place place, enum dtype weights,
			      const struct dtype_list *family);

enum dtype dtype_of_vae(const struct settings *s, enum settings_place place, const struct dtype_list *allowed);
enum dtype dtype_of_text_encoder(const struct settings *s);

#endif
