/* architecture.h - a model's modules and parameters, written down by its family before there are any bytes.
 *
 * A family's describe function adds modules in registration order, each followed by its parameters; names nest:
 *
 *	size_t outside = architecture_enter(a, "single_blocks.%d.", i);
 *	architecture_linear(a, hidden, 5 * hidden, true, "linear2");
 *	architecture_module(a, MODULE_OWN_RMS_NORM, "norm.query_norm");
 *	architecture_parameter(a, "scale", SHAPE(head_width));
 *	architecture_leave(a, outside);
 *
 * The first failure is kept; architecture_ok tells.
 */
#ifndef RESIDENCY_MODEL_ARCHITECTURE_H
#define RESIDENCY_MODEL_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/model.h"

/* Kinds of modules: name here, upstream's class, whether it has a bias attribute (None counts as one), whether it is one of
 * ComfyUI's own operations, whose weights may be cast when used. A CONTAINER has modules below it: its parameters are in no load
 * list and move with the whole model. */
#define MODULE_KINDS(X)                                                                                                        \
	X(LINEAR, "Linear", true, true)                                                                                        \
	X(PLAIN_LINEAR, "Linear", true, false)                                                                                 \
	X(CONV2D, "Conv2d", true, true)                                                                                        \
	X(CONV3D, "Conv3d", true, true)                                                                                        \
	X(CAUSAL_CONV3D, "CausalConv3d", true, true)                                                                           \
	X(PADDED_CONV3D, "PConv3d", true, true)                                                                                \
	X(CONV1X1, "Conv1x1", true, true)                                                                                      \
	X(EMBEDDING, "Embedding", true, true)                                                                                  \
	X(LAYER_NORM, "LayerNorm", true, true)                                                                                 \
	X(GROUP_NORM, "GroupNorm", true, true)                                                                                 \
	X(SPATIAL_GROUP_NORM, "GroupNormSpatial", true, true)                                                                  \
	X(RMS_NORM, "RMSNorm", true, true)                                                                                     \
	X(OWN_RMS_NORM, "RMSNorm", false, false)                                                                               \
	X(T5_NORM, "T5LayerNorm", false, false)                                                                                \
	X(WAN_NORM, "RMS_norm", true, false)                                                                                   \
	X(CONTAINER, "Module", false, false)

enum module_kind {
#define MODULE_ENUM(name, type, has_bias, castable) MODULE_##name,
	MODULE_KINDS(MODULE_ENUM)
#undef MODULE_ENUM
};

/* How a file names and cuts a family's tensors: as upstream's modules do, or as another program's. */
enum layout {
	LAYOUT_OWN,
	LAYOUT_DIFFUSERS, /* Hugging Face diffusers */
	LAYOUT_OPEN_CLIP, /* open_clip, inside SDXL checkpoints */
	LAYOUT_COUNT
};

struct architecture {
	struct block_description *blocks; /* names owned */
	size_t block_count, block_capacity;
	struct parameter_description *parameters; /* names owned; bytes NULL until a source fills them */
	size_t parameter_count, parameter_capacity;
	char path[192]; /* put before every module's name; see architecture_enter */
	size_t path_length;
	enum layout layout; /* which of its names a family is asked for; LAYOUT_OWN unless set after begin */
	enum dtype dtype; /* of every parameter added from now on */
	bool as_module; /* types as upstream's modules have them once loaded, not as files do: some stay float32 */
	bool scaled; /* Linear weights and biases are F8_E4M3, each with a float32 scale_weight */
	const char *scaled_root; /* only of those below this name; NULL: of all. Borrowed */
	struct error *error;
	bool failed;
};

void architecture_begin(struct architecture *a, enum dtype dtype, struct error *e);
void architecture_end(struct architecture *a);

static inline bool architecture_ok(const struct architecture *a)
{
	return !a->failed;
}

/* Rank and dimensions, as the functions below take them. */
#define SHAPE(...)                                                                                                             \
	(unsigned)(sizeof((int64_t[]) { __VA_ARGS__ }) / sizeof(int64_t)), (const int64_t[])                                   \
	{                                                                                                                      \
		__VA_ARGS__                                                                                                    \
	}

/* Puts text before the names that follow; the result goes to architecture_leave, which takes it away. */
__attribute__((format(printf, 2, 3))) size_t architecture_enter(struct architecture *a, const char *path, ...);
void architecture_leave(struct architecture *a, size_t outside);

/* A module, its parameters to follow. */
__attribute__((format(printf, 3, 4))) void architecture_module(struct architecture *a, enum module_kind kind, const char *name,
							       ...);

/* "MODULE.suffix". "weight" and "bias" count for the planner's W. Returns what was added, to mark it further, or NULL. */
struct parameter_description *architecture_parameter(struct architecture *a, const char *suffix, unsigned rank,
						     const int64_t *shape);

/* A module with a weight of this shape and, if it has one, a bias as long as the first dimension. */
__attribute__((format(printf, 6, 7))) void architecture_weighted(struct architecture *a, enum module_kind kind, bool bias,
								 unsigned rank, const int64_t *shape, const char *name, ...);

/* The commonest of them. */
__attribute__((format(printf, 5, 6))) void architecture_linear(struct architecture *a, int64_t out, int64_t in, bool bias,
							       const char *name, ...);
/* Two-dimensional, square, with a bias. */
__attribute__((format(printf, 5, 6))) void architecture_convolution(struct architecture *a, int64_t out, int64_t in,
								    int64_t kernel, const char *name, ...);
/* Three-dimensional, a cube, with a bias. */
__attribute__((format(printf, 6, 7))) void architecture_convolution3(struct architecture *a, enum module_kind kind, int64_t out,
								     int64_t in, int64_t kernel, const char *name, ...);
/* Weight and bias of `channels` each. */
__attribute__((format(printf, 4, 5))) void architecture_norm(struct architecture *a, enum module_kind kind, int64_t channels,
							     const char *name, ...);
/* Only a weight. */
__attribute__((format(printf, 4, 5))) void architecture_scale_norm(struct architecture *a, enum module_kind kind,
								   int64_t channels, const char *name, ...);
/* Neither: weight and bias are None, and count as 0 bytes. */
__attribute__((format(printf, 2, 3))) void architecture_bare_norm(struct architecture *a, const char *name, ...);

/* A parameter of a module that has others below it ("" the model itself). */
void architecture_loose(struct architecture *a, const char *module, const char *suffix, unsigned rank, const int64_t *shape);

uint64_t architecture_parameter_size_bytes(const struct parameter_description *parameter);

/* Counts the blocks' weight bytes again, for parameters whose types were changed after they were added. */
void architecture_count_weights(struct architecture *a);

/* All parameters' bytes. */
uint64_t architecture_size_bytes(const struct architecture *a);

#endif
