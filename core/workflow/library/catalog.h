/* catalog.h - where model files come from.
 *
 * A loader node asks for a model by its files; the catalog opens it: from disk, by synthesis, or, for a placeholder model, from
 * a few synthetic blocks. One open is one disk load.
 */
#ifndef RESIDENCY_WORKFLOW_CATALOG_H
#define RESIDENCY_WORKFLOW_CATALOG_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/patch/lora/lora.h"

#define MODEL_FILES_MAX 4

/* What a loader asks for. A checkpoint holds three models: it is asked for once a kind. */
struct model_source {
	enum model_kind kind;
	const char *files[MODEL_FILES_MAX]; /* as the workflow names them */
	size_t file_count;
	bool of_checkpoint; /* the file holds models of several kinds */
	const char *type; /* of text encoders: "flux", "sdxl"; "" where the loader has none */
	uint64_t size_bytes; /* wanted of a placeholder model; 0: whatever it has */
	const char *weight_dtype; /* "default", "fp8_e4m3fn", ...; "default" where the loader has none */
	bool through_gguf; /* by a loader of ComfyUI-GGUF, whose operations know no scales */
	bool dequantises_exactly; /* GGUF's blocks become numbers in single precision; else as ComfyUI-GGUF does, in half */
};

struct catalog {
	void *context;
	/* All weights on `device`; the model's name is what its objects are called. ERROR_MISSING names the file. The caller frees
	 * with model_free(). */
	struct model *(*open)(void *context, const struct model_source *source, struct machine *machine, struct device *device,
			      struct error *e);
	/* The tensors of a LoRA file; the caller closes with lora_close(). NULL: LoRAs change nothing here. */
	struct lora_file *(*open_lora)(void *context, const char *file, struct error *e);
};

#endif
