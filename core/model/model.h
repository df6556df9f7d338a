/* model.h - the inner module tree with weights: parameters, the blocks they belong to, and where each block is now.
 *
 * A block is the planner's unit: one module with its parameters, an item of ComfyUI's load list, in module registration order.
 * A model may be shared by several patchers. Its weights rest on the offload device and are placed block by block; `resting`
 * of a parameter is the buffer that holds its bytes wherever that is. On sim no bytes exist, only their accounting.
 *
 * A quantised parameter (of a GGUF file) keeps the blocks of its file wherever it waits; they become numbers where it is used, as
 * ComfyUI-GGUF does it. Its sizes are those of the blocks.
 */
#ifndef RESIDENCY_MODEL_MODEL_H
#define RESIDENCY_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/tensor/dtype/dtype.h"
#include "core/tensor/quant/quant.h"

#define TENSOR_RANK_MAX 6

struct family;

/* What a node calls the model: decides which nodes take it. */
enum model_kind { MODEL_UNET, MODEL_CLIP, MODEL_VAE };

struct parameter {
	char *name; /* full name as in the file, "double_blocks.0.img_attn.qkv.weight" */
	enum dtype dtype; /* of a quantised one, what its blocks are turned into */
	bool quantised; /* its bytes are blocks of `quant`; no patch is ever put into them */
	enum quant quant;
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
	uint64_t size_bytes;
	size_t block;
	struct buffer resting; /* owned */
};

struct block {
	char *name; /* module path, "double_blocks.0.img_attn.qkv" */
	const char *type; /* "Linear", "Conv2d", ...; static text */
	size_t first_parameter; /* parameters of a block are consecutive */
	size_t parameter_count;
	uint64_t size_bytes; /* L of the planner: bytes in the load list */
	uint64_t weight_size_bytes; /* W of the planner: weight and bias; UINT64_MAX where the module has no weight */
	bool has_bias; /* the module has a bias attribute, None counting as one */
	bool castable; /* weights may be cast when used, so may wait on another device */
	bool of_container; /* what a module owns that has others with weights below it: in no load list, moves with the whole model */
	bool patched;
	unsigned device; /* index of the device where its parameters are now */
};

struct model {
	char *name; /* as the workflow's loader names it: a file name, or A, B, C in the matrix */
	const char *class_name; /* upstream's class, where that matters; NULL: the family or the name stands for it. Borrowed */
	enum model_kind kind;
	const struct family *family; /* NULL for a placeholder model */
	void *config; /* the family's own, freed with the model; NULL if none */
	struct machine *machine;
	struct parameter *parameters;
	size_t parameter_count;
	struct block *blocks;
	size_t block_count;
	uint64_t size_bytes;
	uint64_t bytes_on[DEVICE_MAX]; /* by device index; their sum is size_bytes while all weights are somewhere */
	uint64_t placement_version; /* changes whenever a block moves: a probe need not look again while it does not */
	bool quantised; /* some parameter is: upstream then puts the others' patches in wherever they wait */
	enum quant_way way; /* how blocks become numbers */
	size_t *by_name; /* private: indexes of parameters, sorted by name */
};

/* What to build a model from: one parameter after the other, in module registration order. */
struct parameter_description {
	const char *name;
	enum dtype dtype;
	bool quantised; /* as in struct parameter */
	enum quant quant;
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
	const void *bytes; /* copied where the machine has bytes; NULL leaves zeros */
	bool optional; /* upstream makes it up where a file lacks it */
	bool filled_later; /* bytes is NULL, and not for zeros: the caller writes them into `resting` */
};

struct block_description {
	const char *name;
	const char *type;
	size_t parameter_count; /* the next so many parameters are this block's */
	uint64_t weight_size_bytes;
	bool has_bias;
	bool castable;
	bool of_container;
};

/* All weights on `device`. The caller frees with model_free(). NULL with ERROR_DEVICE_MEMORY when they do not fit. */
struct model *model_new(struct machine *machine, struct device *device, const char *name, enum model_kind kind,
			const struct block_description *blocks, size_t block_count,
			const struct parameter_description *parameters, size_t parameter_count, struct error *e);
void model_free(struct model *model);

/* Moves one block's parameters to a device on its compute stream; nothing if they are there. On failure the block is whole,
 * where it was. */
bool model_move_block(struct model *model, size_t block, struct device *to, struct error *e);

/* Moves one parameter ahead of its block, which stays where it is until it is moved, too. */
bool model_move_parameter(struct model *model, size_t parameter, struct device *to, struct error *e);

/* Gives a parameter room for so many bytes where it is; they are zeros. On failure it is as it was. */
bool model_resize_parameter(struct model *model, size_t parameter, uint64_t size_bytes, struct error *e);

/* Upstream's load order: (bytes, full name) descending, names compared as texts. Negative: the left one comes first. */
int model_load_order_compare(uint64_t left_bytes, const char *left_name, uint64_t right_bytes, const char *right_name);

/* Bytes of a block that are not on a device yet. */
uint64_t model_bytes_to_move(const struct model *model, size_t block, const struct device *to);

/* Moves every block; on failure the blocks before the failing one have moved. */
bool model_move(struct model *model, struct device *to, struct error *e);

/* The parameter by full name, or NULL. */
struct parameter *model_parameter(const struct model *model, const char *name);

/* How many elements a parameter has; of blocks, those that they stand for. */
size_t model_parameter_element_count(const struct parameter *parameter);

/* Its bytes, which are at `bytes`, as float32. `to` has room for all of them. */
bool model_parameter_to_f32(const struct model *model, const struct parameter *parameter, const void *bytes, float *to,
			    struct error *e);

#endif
