/* blocks.h - lists of blocks to plan: from a load list's table, or from rows of JSON.
 *
 * A list owns its blocks and their names; freed with block_list_free().
 */
#ifndef RESIDENCY_PLAN_BLOCKS_H
#define RESIDENCY_PLAN_BLOCKS_H

#include <jansson.h>

#include "core/model/architecture.h"
#include "core/plan/plan.h"
#include "core/plan/string/text.h"

struct detected;
struct family;
struct tensor_table;

struct block_list {
	struct plan_block *blocks;
	size_t count, capacity;
	char **types; /* names of layer types; a block's `type` is an index into them */
	size_t type_count, type_capacity;
};

/* A table as a load list is printed: tab-separated, with a header naming the columns module, type, bytes, has_bias and params,
 * in any order and among others; plain or gzipped. A block's bytes are those of its weight and bias if its params include
 * `weight`, less 4 for each `scale_weight`, else it has no weight. ERROR_MISSING, ERROR_FORMAT with the line. */
bool block_list_read(struct block_list *list, const char *path, struct error *e);

/* {"types":["Linear",...],"blocks":[[name, type index, L, W, B],...]}: L and W may be null; B is 0 or 1. */
bool block_list_from_json(struct block_list *list, const json_t *model, const char *where, struct error *e);

/* A model's load list as upstream makes it, names after `root` ("diffusion_model."): what containers own themselves is in no
 * list. */
bool block_list_from_architecture(struct block_list *list, const struct architecture *a, const char *root, struct error *e);

/* The load list of a model found in a file's tensors: its family's, types as upstream would have them; of quantised tensors the
 * file's bytes, which is what ComfyUI-GGUF keeps. */
bool block_list_from_detected(struct block_list *list, const struct detected *part, const struct tensor_table *table,
			      struct error *e);

/* What a weights file's blocks were made from. */
struct block_source {
	const struct family *family; /* NULL: none that is known */
	char note[400]; /* the family's name, and what the file lacks of it */
};

/* The same of the model that a safetensors or GGUF file, an index of shards or a folder of diffusers holds (of several models, the
 * first: a checkpoint's UNet); source may be NULL. Of no known family: tensors of one module path are a block, in the order of
 * their names as people count; the file says neither the modules' order nor their types. */
bool block_list_from_weights(struct block_list *list, const char *path, struct block_source *source, struct error *e);

/* Appends one block; name and type are copied. For the functions above. */
bool block_list_add(struct block_list *list, const struct plan_block *block, struct span name, const char *type,
		    struct error *e);

/* What the planner makes of a list before it looks at devices: blocks of threshold bytes or more that have a bias attribute are
 * distributed, the others go to the compute device. */
struct block_summary {
	uint64_t size_bytes;
	double threshold_bytes; /* a ten-thousandth of it */
	size_t distributed_count;
	uint64_t distributed_bytes;
};
struct block_summary block_list_summarise(const struct block_list *list);

void block_list_free(struct block_list *list);

#endif
