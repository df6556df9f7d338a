/* model_library.h - the catalog of models that run: files of a models folder, else synthetic ones by name (core/model/synthesis/synthesis.h).
 *
 * A file is looked for in the folder itself and in ComfyUI's subfolders (checkpoints, unet, diffusion_models, clip,
 * text_encoders, vae, diffusers): safetensors, GGUF, the index of a sharded model, or a folder of diffusers with one of these. Its
 * family and configuration are in its metadata where residency wrote it, else they follow from its tensors' names and shapes
 * (core/model/detect/detect.h), in checkpoints as in files of one model. Tensors that diffusers or open_clip named and cut become the
 * family's own (core/model/detect/layout.h); quantised ones stay in their blocks. Weights are read into place, several reads in flight.
 */
#ifndef RESIDENCY_WORKFLOW_MODEL_LIBRARY_H
#define RESIDENCY_WORKFLOW_MODEL_LIBRARY_H

#include "core/base/error.h"
#include "core/tensor/transcode/bulk.h"
#include "core/workflow/library/catalog.h"

struct known_file;

/* Told of every file that is simulated from its name, once an open. */
struct model_naming {
	void *context;
	void (*named)(void *context, const char *file, const struct known_file *known);
};

struct model_library {
	const char *folder; /* borrowed; NULL: every model is synthetic */
	const struct bulk_watcher *watcher; /* borrowed: told how many bytes of a file are in place; may be NULL */
	const struct model_naming *naming; /* borrowed; may be NULL */
};

/* Whether a file's weights are at hand: it is in the folder, or synthesis gives its name weights. */
bool model_library_has(const struct model_library *library, const char *file);

/* The catalog over a library, which must live as long. */
struct catalog model_library_catalog(const struct model_library *library);

#endif
