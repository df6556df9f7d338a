/* weights_source.h - a file of weights as a loader finds it: opened, its tensors listed, its models recognised.
 * Private to core/workflow/library.
 *
 * A file is safetensors, GGUF, or the index of a model in several files; a folder stands for the one of these that diffusers puts
 * in it.
 */
#ifndef RESIDENCY_WORKFLOW_WEIGHTS_SOURCE_H
#define RESIDENCY_WORKFLOW_WEIGHTS_SOURCE_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/model/detect/detect.h"
#include "core/model/tensors/tensor_table.h"
#include "core/tensor/weights/weights.h"

/* Zero-initialise. */
struct weights_source {
	struct weights weights;
	struct gguf *vision; /* of a Qwen2.5-VL in GGUF: the tower's own file, as ComfyUI-GGUF finds it; NULL: none */
	char path[WEIGHTS_PATH_MAX]; /* set by the caller; of a folder it becomes that of its file */
	char vision_path[WEIGHTS_PATH_MAX];
	struct tensor_table table;
	struct detection found; /* at least one model */
};

/* Whether a file of the models folder is there: its path, into path. folder may be NULL: then it is not. */
bool weights_source_find(const char *folder, const char *file, char path[WEIGHTS_PATH_MAX]);

/* ERROR_UNSUPPORTED where nothing in the file is known, or its bytes are those of another kind of machine. The caller closes it,
 * also after an error. */
bool weights_source_open(struct weights_source *source, struct error *e);
void weights_source_close(struct weights_source *source);

/* Whether llama.cpp wrote its Llama tensors, which keeps the rows of q and k in an order of its own. */
bool weights_source_interleaves_heads(const struct weights_source *source);

#endif
