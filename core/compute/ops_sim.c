/* What each operation would cost on a device: products by their flops, everything by the bytes it touches. */
#include "core/compute/compute.h"
#include "core/compute/ops.h"

#define CONVERSION_TRAFFIC 2.3

struct kernel_cost ops_conversion_cost(uint64_t stored_bytes, uint64_t converted_bytes)
{
	return (struct kernel_cost) { .bytes = CONVERSION_TRAFFIC * ((double)stored_bytes + (double)converted_bytes) };
}

static double weight_bytes(const struct compute *c, const struct weight *w)
{
	return w ? (double)w->count * (double)dtype_size_bytes(c->dtype) : 0;
}

static void charge(struct compute *c, double flops, double bytes)
{
	struct kernel_cost cost = { .flops = flops, .bytes = bytes };

	if (!stream_kernel(c->stream, &cost, c->error))
		c->failed = true;
}

static void linear(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b,
		   struct tensor *out)
{
	charge(c, 2.0 * (double)tensor_count(x) * (double)w->shape[0],
	       tensor_bytes(x) + weight_bytes(c, w) + weight_bytes(c, b) + tensor_bytes(out));
}

static void convolve(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b,
		     const struct convolution *how, struct tensor *out)
{
	(void)how;
	charge(c, 2.0 * (double)tensor_count(out) * (double)w->count / (double)w->shape[0],
	       tensor_bytes(x) + weight_bytes(c, w) + weight_bytes(c, b) + tensor_bytes(out));
}

static void attend(struct compute *c, const struct tensor *q, const struct tensor *k, const struct tensor *v,
		   const struct tensor *bias, double scale, struct tensor *out)
{
	(void)scale; /* a fused kernel: the scores never reach memory */
	charge(c, 4.0 * (double)tensor_count(q) * (double)k->shape[2],
	       tensor_bytes(q) + tensor_bytes(k) + tensor_bytes(v) + (bias ? tensor_bytes(bias) : 0) + tensor_bytes(out));
}

static void layer_norm(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b, double eps,
		       struct tensor *out)
{
	(void)eps;
	charge(c, 0, tensor_bytes(x) + weight_bytes(c, w) + weight_bytes(c, b) + tensor_bytes(out));
}

static void rms_norm(struct compute *c, const struct tensor *x, const struct weight *w, double eps, struct tensor *out)
{
	layer_norm(c, x, w, NULL, eps, out);
}

static void group_norm(struct compute *c, const struct tensor *x, unsigned groups, const struct weight *w,
		       const struct weight *b, double eps, struct tensor *out)
{
	(void)groups;
	layer_norm(c, x, w, b, eps, out);
}

static void unary(struct compute *c, enum unary kind, const struct tensor *x, struct tensor *out)
{
	(void)kind;
	charge(c, 0, tensor_bytes(x) + tensor_bytes(out));
}

static void scale_by(struct compute *c, const struct tensor *x, float factor, struct tensor *out)
{
	(void)factor;
	charge(c, 0, tensor_bytes(x) + tensor_bytes(out));
}

static void binary(struct compute *c, enum binary kind, const struct tensor *x, const struct tensor *y, struct tensor *out)
{
	(void)kind;
	charge(c, 0, tensor_bytes(x) + tensor_bytes(y) + tensor_bytes(out));
}

static void modulate(struct compute *c, const struct tensor *x, const struct tensor *scale, const struct tensor *shift,
		     struct tensor *out)
{
	charge(c, 0, tensor_bytes(x) + tensor_bytes(scale) + tensor_bytes(shift) + tensor_bytes(out));
}

static void gate(struct compute *c, const struct tensor *x, const struct tensor *by, const struct tensor *y, struct tensor *out)
{
	charge(c, 0, tensor_bytes(x) + tensor_bytes(by) + tensor_bytes(y) + tensor_bytes(out));
}

static void rotate(struct compute *c, const struct tensor *x, const struct tensor *angles, struct tensor *out)
{
	charge(c, 0, tensor_bytes(x) + tensor_bytes(angles) + tensor_bytes(out));
}

/* Rearranging is a stride on a real device as often as a copy; it is charged as a copy. */
static void gather(struct compute *c, const struct tensor *x, const struct view *from, struct tensor *out)
{
	(void)x;
	(void)from;
	charge(c, 0, 2 * tensor_bytes(out));
}

static void scatter(struct compute *c, const struct tensor *x, const struct view *to, struct tensor *out)
{
	(void)to;
	(void)out;
	charge(c, 0, 2 * tensor_bytes(x));
}

static void embed(struct compute *c, const struct weight *w, const int64_t *ids, size_t count, struct tensor *out)
{
	(void)w;
	(void)ids;
	(void)count;
	charge(c, 0, 2 * tensor_bytes(out));
}

const struct ops ops_sim = {
	.name = "sim",
	.linear = linear,
	.convolve = convolve,
	.attend = attend,
	.layer_norm = layer_norm,
	.rms_norm = rms_norm,
	.group_norm = group_norm,
	.unary = unary,
	.scale = scale_by,
	.binary = binary,
	.modulate = modulate,
	.gate = gate,
	.rotate = rotate,
	.gather = gather,
	.scatter = scatter,
	.embed = embed,
};
