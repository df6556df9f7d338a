/* ops.h - the operations of a forward pass, as one table.
 *
 * Every family's forward is written once, as calls of compute.h, and those end here. Two tables: ops_host computes, ops_sim
 * charges what a kernel would cost. Inputs and the output are tensors of one pass whose shapes have been checked; the output is
 * allocated. No slot fails.
 *
 * Products accumulate in float32. Norms compute inside in float32, weight and bias included, and round once at the end. The
 * result of each operation is rounded to the output's type.
 */
#ifndef RESIDENCY_COMPUTE_OPS_H
#define RESIDENCY_COMPUTE_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "core/compute/tensor.h"

/* A weight brought to the compute device in the pass's type. `values` is NULL on a machine without bytes. */
struct weight {
	const float *values;
	size_t count;
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
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
	/* out[..., n] = sum_k x[..., k] w[n, k] + b[n]; b may be NULL. */
	void (*linear)(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b,
		       struct tensor *out);
	/* x [b, c, h, w], w [n, c, kh, kw]: cross-correlation. */
	void (*convolve)(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b,
			 const struct convolution *how, struct tensor *out);
	/* softmax(q k^T * scale + bias) v a head; q, k, v [b, heads, tokens, d]; bias [1 or heads, queries, keys] or NULL. */
	void (*attend)(struct compute *c, const struct tensor *q, const struct tensor *k, const struct tensor *v,
		       const struct tensor *bias, double scale, struct tensor *out);
	/* Over the last dimension; w and b may be NULL. */
	void (*layer_norm)(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b,
			   double eps, struct tensor *out);
	void (*rms_norm)(struct compute *c, const struct tensor *x, const struct weight *w, double eps, struct tensor *out);
	/* x [b, channels, ...]. */
	void (*group_norm)(struct compute *c, const struct tensor *x, unsigned groups, const struct weight *w,
			   const struct weight *b, double eps, struct tensor *out);
	void (*unary)(struct compute *c, enum unary kind, const struct tensor *x, struct tensor *out);
	/* x times a number. */
	void (*scale)(struct compute *c, const struct tensor *x, float factor, struct tensor *out);
	void (*binary)(struct compute *c, enum binary kind, const struct tensor *x, const struct tensor *y, struct tensor *out);
	/* x * (1 + scale) + shift, rounded once after 1 + scale and once at the end; x [b, tokens, n], scale and shift [b, n]. */
	void (*modulate)(struct compute *c, const struct tensor *x, const struct tensor *scale, const struct tensor *shift,
			 struct tensor *out);
	/* x + gate * y, the product rounded first; x, y [b, tokens, n], gate [b, n]. */
	void (*gate)(struct compute *c, const struct tensor *x, const struct tensor *gate, const struct tensor *y,
		     struct tensor *out);
	/* Rotates adjacent pairs: x [b, heads, tokens, d], angles [tokens, d / 2, 2] holding cosine and sine. In float32. */
	void (*rotate)(struct compute *c, const struct tensor *x, const struct tensor *angles, struct tensor *out);
	/* out = the view of x, or the view of out = x. */
	void (*gather)(struct compute *c, const struct tensor *x, const struct view *from, struct tensor *out);
	void (*scatter)(struct compute *c, const struct tensor *x, const struct view *to, struct tensor *out);
	/* Rows of a table: out [count, n] = w[ids[i]]; ids are valid. */
	void (*embed)(struct compute *c, const struct weight *w, const int64_t *ids, size_t count, struct tensor *out);
};

/* What converting stored weights to the pass's type costs on a device, dequantising among it: 2.3 times the traffic of reading the one
 * and writing the other. Read from upstream's tables: an iteration of Qwen-Image in fp8 (4.28 s) takes 0.35 s longer than in bf16
 * (what its three bf16 lines come to with nothing offloaded), for twice 20.4e9 elements. */
struct kernel_cost ops_conversion_cost(uint64_t stored_bytes, uint64_t converted_bytes);

extern const struct ops ops_host;
extern const struct ops ops_sim;

#endif
