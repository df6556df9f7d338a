/* lora.h - the tensors of a LoRA file, by the parameter that they change.
 *
 * Plain LoRA: W' = W + strength * alpha / rank * up down, computed in float32; up [out, rank], down [rank, in], alpha a number,
 * rank where it is absent. A file names the pair after the parameter, "double_blocks.0.img_mlp.0.lora_up.weight" and
 * ".lora_down.weight" and ".alpha", with or without "diffusion_model." before it, or as ".lora_B.weight" and ".lora_A.weight".
 * Names that begin with "flux-lora-small" are made up: a pair of rank 4 for each product of FLUX's double blocks.
 */
#ifndef RESIDENCY_PATCH_LORA_H
#define RESIDENCY_PATCH_LORA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/model/model.h"

struct lora_file;

/* From FOLDER/FILE or FOLDER/loras/FILE, else made up by name. folder may be NULL. The caller closes. ERROR_MISSING names what
 * is made up. */
struct lora_file *lora_open(const char *folder, const char *file, struct error *e);
void lora_close(struct lora_file *lora);

/* One that changes nothing, for models that nobody runs. */
struct lora_file *lora_blank(const char *name, struct error *e);

/* One owner more, who closes, too. Returns the same. Owners are of one thread. */
struct lora_file *lora_share(struct lora_file *lora);

const char *lora_name(const struct lora_file *lora);

/* Whether it changes a parameter. */
bool lora_covers(const struct lora_file *lora, const struct parameter *parameter);

/* Adds strength times its change to the parameter's values (float32, as many as its shape says). Nothing where it does not cover
 * it. ERROR_FORMAT when its tensors do not fit. */
bool lora_add(const struct lora_file *lora, const struct parameter *parameter, double strength, float *values, struct error *e);

#endif
