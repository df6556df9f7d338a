/* model_keys.h - a model's parameters by their full names in upstream. Private to core/patch.
 *
 * Our models name parameters as files do; upstream's hang below "diffusion_model." or below the encoder's name. The full name is
 * what LoRA files mean, and what seeds the rounding.
 */
#ifndef RESIDENCY_PATCH_MODEL_KEYS_H
#define RESIDENCY_PATCH_MODEL_KEYS_H

#include "core/model/model.h"
#include "core/patch/keys/key_map.h"

/* What stands before a parameter's name. Static text. */
const char *model_key_prefix(const struct model *model);

/* One target a parameter, in the model's order; *text holds the names. The caller frees both. */
struct key_target *model_keys(const struct model *model, char **text, struct error *e);

#endif
