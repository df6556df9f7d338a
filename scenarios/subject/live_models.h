/* live_models.h - the small models that matrices run on a real server: files that ComfyUI's stock loaders take.
 *
 * Every weight is zero, so that a file is a hole of a few kB on disk. What the loaders ask of a family decides which: a diffusion
 * model of the SD3 family one block deep (it may be as small as one likes), a text encoder of which only the tensors that name it
 * are in the file (CLIP-L has one size), an autoencoder of the tiny kind, a LoRA of rank 1 for the first.
 */
#ifndef RESIDENCY_SCENARIOS_LIVE_MODELS_H
#define RESIDENCY_SCENARIOS_LIVE_MODELS_H

#include <stdbool.h>

#include "core/base/error.h"

/* Writes FOLDER/models/{diffusion_models,text_encoders,vae,loras}/NAME.safetensors for the names of all matrices and of
 * other-workflow flows. */
bool live_models_write(const char *folder, struct error *e);

#endif
