/* ops.h - the operations of a forward pass, as tables.
 *
 * Every family's forward is written once, as calls of compute.h, and those end here. A backend names the table that runs on its
 * devices (struct backend, `operations`): "host" computes, in whatever memory the backend lets it map; "sim" charges what a
 * kernel would cost. Nothing compares tables: what callers need to know of one is a member.
 *
 * Inputs and the output are tensors of one pass whose shapes have been checked; the output is allocated. A weight is an operand:
 * a buffer on the device and the format of what is in it. An operation that `takes` the format of a weight gets it as it is
 * stored; for one that declines, the pass has it converted first. Each slot that returns bool fills the pass's error and returns
 * false when it fails; what it put on the pass's stream may fail later, which whoever waits for the stream is told.
 *
 * Products accumulate in float32. Norms compute inside in float32, weight and bias included, and round once at the end. The
 * result of each operation is rounded to the output's type. One thread a pass.
 */
#ifndef RESIDENCY_COMPUTE_OPS_H
#define RESIDENCY_COMPUTE_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "core/compute/tensor.h"

/* A weight on the compute device, in some format. */
struct operand {
	struct buffer buffer; /* borrowed */
	enum dtype dtype; /* of its elements; of what the blocks stand for, where quantised */
	bool quantised; /* blocks of `quant` */
	enum quant quant;
	size_t count; /* of elements */
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
};

/* Those that take a weight. */
enum operation {
	OPERATION_LINEAR,
	OPERATION_CONVOLVE,
	OPERATION_LAYER_NORM,
	OPERATION_RMS_NORM,
	OPERATION_GROUP_NORM,
	OPERATION_EMBED
};

enum unary {
	UNARY_SILU,
	UNARY_GELU_TANH,
	UNARY_GELU_ERF,
	UNARY_QUICK_GELU,
	UNARY_IMAGE, /* clamp((x + 1) / 2, 0, 1) */
	UNARY_FINITE_HALF /* NaN to 0, the rest clamped to what half precision can hold */
};
enum binary { BINARY_ADD, BINARY_MULTIPLY };

struct convolution {
	unsigned stride;
	unsigned top, left, bottom, right; /* zeros around the image */
};

/* A piece of a tensor seen with other strides: element (i0, i1, ...) lies at offset + sum(i * stride), in elements. A stride of
 * 0 repeats. */
struct view {
	size_t offset;
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
	int64_t stride[TENSOR_RANK_MAX];
};

struct compute;

struct ops {
	const char *name;
	/* Tensors and converted weights are kept as float32, rounded to their type; else at the type's own size. */
	bool keeps_float32;
	/* Whether the operation, in a pass of this type, reads a weight of this format. */
	bool (*takes)(enum operation operation, const struct operand *weight, enum dtype dtype);
	/* A parameter's stored bytes to the pass's type and, where patches are pending for it, patched. to->buffer is allocated. */
	bool (*convert)(struct compute *c, const struct parameter *parameter, const struct operand *from,
			const struct operand *to);
	/* A converted weight times a number, in place. */
	bool (*scale_weight)(struct compute *c, const struct operand *weight, float factor);
	/* out[..., n] = sum_k x[..., k] w[n, k] + b[n]; b may be NULL. */
	bool (*linear)(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
		       struct tensor *out);
	/* x [b, c, h, w], w [n, c, kh, kw]: cross-correlation. */
	bool (*convolve)(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
			 const struct convolution *how, struct tensor *out);
	/* softmax(q k^T * scale + bias) v a head; q, k, v [b, heads, tokens, d]; bias [1 or heads, queries, keys] or NULL. */
	bool (*attend)(struct compute *c, const struct tensor *q, const struct tensor *k, const struct tensor *v,
		       const struct tensor *bias, double scale, struct tensor *out);
	/* Over the last dimension; w and b may be NULL. */
	bool (*layer_norm)(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
			   double eps, struct tensor *out);
	bool (*rms_norm)(struct compute *c, const struct tensor *x, const struct operand *w, double eps, struct tensor *out);
	/* x [b, channels, ...]. */
	bool (*group_norm)(struct compute *c, const struct tensor *x, unsigned groups, const struct operand *w,
			   const struct operand *b, double eps, struct tensor *out);
	bool (*unary)(struct compute *c, enum unary kind, const struct tensor *x, struct tensor *out);
	/* x times a number. */
	bool (*scale)(struct compute *c, const struct tensor *x, float factor, struct tensor *out);
	bool (*binary)(struct compute *c, enum binary kind, const struct tensor *x, const struct tensor *y, struct tensor *out);
	/* x * (1 + scale) + shift, rounded once after 1 + scale and once at the end; x [b, tokens, n], scale and shift [b, n]. */
	bool (*modulate)(struct compute *c, const struct tensor *x, const struct tensor *scale, const struct tensor *shift,
			 struct tensor *out);
	/* x + gate * y, the product rounded first; x, y [b, tokens, n], gate [b, n]. */
	bool (*gate)(struct compute *c, const struct tensor *x, const struct tensor *gate, const struct tensor *y,
		     struct tensor *out);
	/* Rotates adjacent pairs: x [b, heads, tokens, d], angles [tokens, d / 2, 2] holding cosine and sine. In float32. */
	bool (*rotate)(struct compute *c, const struct tensor *x, const struct tensor *angles, struct tensor *out);
	/* out = the view of x, or the view of out = x. */
	bool (*gather)(struct compute *c, const struct tensor *x, const struct view *from, struct tensor *out);
	bool (*scatter)(struct compute *c, const struct tensor *x, const struct view *to, struct tensor *out);
	/* Rows of a table: out [count, n] = w[ids[i]]; ids are valid. */
	bool (*embed)(struct compute *c, const struct operand *w, const int64_t *ids, size_t count, struct tensor *out);
};

/* What converting stored weights to the pass's type costs on a device, dequantising among it: 2.3 times the traffic of reading the one
 * and writing the other. Read from upstream's tables: an iteration of Qwen-Image in fp8 (4.28 s) takes 0.35 s longer than in bf16
 * (what its three bf16 lines come to with nothing offloaded), for twice 20.4e9 elements. */
struct kernel_cost ops_conversion_cost(uint64_t stored_bytes, uint64_t converted_bytes);

extern const struct ops ops_host;
extern const struct ops ops_sim;

/* NULL-terminated. */
extern const struct ops *const ops_tables[];
const struct ops *ops_find(const char *name); /* NULL if not found */

#endif
