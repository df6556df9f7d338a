/* compute.h - one forward pass over placed blocks.
 *
 * A pass has a model, a compute device, a type to compute in, and the tensors it made. The functions below are the vocabulary
 * of the families' forwards. The first failure (a weight that is missing, a device that is full) is kept in the pass and every
 * later call does nothing and returns NULL, so that a forward reads as the formula it is, without checks between its lines;
 * compute_end tells. No tensor is freed after a failure until then, and sizes are asked with tensor_size.
 *
 * Ownership: every function takes over the references to the tensors it is given, and the caller owns what it returns. A
 * tensor that is needed again is given as compute_keep(x), in an earlier statement than its last use: C does not say which
 * argument is evaluated first. Only compute_download and compute_tell borrow.
 *
 * Weights stored on another device are copied in when they are used and released after (`sync` mode): a module's weight
 * and bias, cast to the type of the pass, live for one operation.
 *
 *	struct compute c;
 *	compute_begin(&c, model, device, DTYPE_BF16, &e);
 *	y = compute_linear(&c, compute_keep(x), "blocks.%d.mlp.fc1", i);
 *	x = compute_add(&c, x, y);
 *	...
 *	if (!compute_download(&c, x, out)) ...
 *	compute_end(&c);
 */
#ifndef RESIDENCY_COMPUTE_COMPUTE_H
#define RESIDENCY_COMPUTE_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/compute/ops.h"
#include "core/compute/tensor.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/patch/patch.h"

#define TAP_WHOLE (-1)
#define TAP_INPUT (-2)

/* Told the value of each named module, for tests that compare intermediate activations. `part` counts the members of a tuple;
 * TAP_WHOLE where there is one value, TAP_INPUT for what goes into a norm. */
struct compute_tap {
	void *context;
	void (*told)(void *context, const char *module, int part, const struct tensor *value);
};

struct compute {
	const struct model *model;
	struct device *device;
	struct stream *stream; /* the device's: all of the pass is put on it */
	struct device *host; /* cpu: where values come from and go to */
	enum dtype dtype;
	const struct ops *ops; /* those that the backend names */
	bool bytes_exist; /* on the machine */
	const struct compute_tap *tap; /* may be NULL */
	const struct patch_pending *pending; /* patches for weights when they are used; may be NULL */
	const char *prefix; /* put before every module's name: "clip_l." */
	struct error *error;
	bool failed;
	struct tensor *tensors;
	uint64_t moved_bytes; /* weights brought from other devices */
};

/* The type to compute in for a model's weights: their own; bfloat16 for 8-bit ones. */
enum dtype compute_dtype_of(const struct model *model);

void compute_begin(struct compute *c, const struct model *model, struct device *device, enum dtype dtype, struct error *e);

/* Frees what is left, kept or not. True unless something failed. */
bool compute_end(struct compute *c);

/* Marks the pass as failed. Returns NULL. */
__attribute__((format(printf, 3, 4))) struct tensor *compute_fail(struct compute *c, enum error_kind kind, const char *format,
								  ...);

/* Room in main memory for a table of numbers; NULL when the pass failed. The caller frees. */
void *compute_array(struct compute *c, size_t count, size_t element_size_bytes);

/* For a model without a forward: brings the block's weights to the pass's device as an operation does, charges the cost to the pass's
 * stream, and drops what was brought. False when the pass failed. */
bool compute_charge_block(struct compute *c, size_t block, const struct kernel_cost *cost);

/* ---- tensors ---- */

struct tensor *compute_new(struct compute *c, unsigned rank, const int64_t *shape);
/* One reference more, to the same values. NULL is fine, here and below. */
struct tensor *compute_keep(struct tensor *tensor);
/* One reference less; the last one frees. */
void compute_drop(struct compute *c, struct tensor *tensor);

/* float32 values in main memory to a tensor of the pass's type, rounded. values may be NULL on a backend that only counts bytes. */
struct tensor *compute_upload(struct compute *c, const float *values, unsigned rank, const int64_t *shape);
/* The same without rounding: tables of angles, biases. */
struct tensor *compute_upload_f32(struct compute *c, const float *values, unsigned rank, const int64_t *shape);
/* The values into to[], which has room. Nothing is written on a backend that only counts bytes. Waits for the device. */
bool compute_download(struct compute *c, const struct tensor *tensor, float *to);

/* Tells the tap. */
__attribute__((format(printf, 4, 5))) void compute_tell(struct compute *c, const struct tensor *value, int part,
							const char *module, ...);

/* ---- operations; module names are printf formats, prefix first ---- */

__attribute__((format(printf, 3, 4))) struct tensor *compute_linear(struct compute *c, struct tensor *x, const char *module,
								    ...);
__attribute__((format(printf, 4, 5))) struct tensor *compute_convolve(struct compute *c, struct tensor *x,
								      const struct convolution *how, const char *module, ...);
/* module NULL: plain, without weights. */
__attribute__((format(printf, 4, 5))) struct tensor *compute_layer_norm(struct compute *c, struct tensor *x, double eps,
									const char *module, ...);
/* `parameter` is the whole name of the weight. */
__attribute__((format(printf, 4, 5))) struct tensor *compute_rms_norm(struct compute *c, struct tensor *x, double eps,
								      const char *parameter, ...);
__attribute__((format(printf, 5, 6))) struct tensor *compute_group_norm(struct compute *c, struct tensor *x, unsigned groups,
									double eps, const char *module, ...);
struct tensor *compute_attend(struct compute *c, struct tensor *q, struct tensor *k, struct tensor *v, struct tensor *bias,
			      double scale);
struct tensor *compute_unary(struct compute *c, enum unary kind, struct tensor *x);
struct tensor *compute_add(struct compute *c, struct tensor *x, struct tensor *y);
struct tensor *compute_multiply(struct compute *c, struct tensor *x, struct tensor *y);
struct tensor *compute_modulate(struct compute *c, struct tensor *x, struct tensor *scale, struct tensor *shift);
struct tensor *compute_gate(struct compute *c, struct tensor *x, struct tensor *gate, struct tensor *y);
struct tensor *compute_rotate(struct compute *c, struct tensor *x, struct tensor *angles);
__attribute__((format(printf, 4, 5))) struct tensor *compute_embed(struct compute *c, const int64_t *ids, size_t count,
								   const char *parameter, ...);

/* ---- arranging ---- */

struct tensor *compute_gather(struct compute *c, struct tensor *x, const struct view *from);
/* x's elements in another shape of the same count: the same memory where this is the last reference, else a copy. */
struct tensor *compute_reshape(struct compute *c, struct tensor *x, unsigned rank, const int64_t *shape);
/* Indexes from .. from + count of one dimension. */
struct tensor *compute_slice(struct compute *c, struct tensor *x, unsigned dimension, int64_t from, int64_t count);
struct tensor *compute_concatenate(struct compute *c, struct tensor *x, struct tensor *y, unsigned dimension);
/* Channels from .. from + heads * d of x [b, tokens, n], as [b, heads, tokens, d]; and back to [b, tokens, heads * d]. */
struct tensor *compute_split_heads(struct compute *c, struct tensor *x, int64_t from, int64_t heads, int64_t d);
struct tensor *compute_merge_heads(struct compute *c, struct tensor *x);

/* [cos(t f_0), ..., sin(t f_0), ...] with f_j = exp(-ln(10000) j / half), computed in float32 as PyTorch does, of each of count
 * values t: a tensor [count, dim]. */
struct tensor *compute_sinusoids(struct compute *c, const float *t, size_t count, int64_t dim);

#endif
