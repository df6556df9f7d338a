/* What each operation would cost on a device: products by their flops, everything by the bytes it touches. */
#include "core/compute/compute.h"
#include "core/compute/ops.h"

#define CONVERSION_TRAFFIC 2.3

struct kernel_cost ops_conversion_cost(uint64_t stored_bytes, uint64_t converted_bytes)
{
	return (struct kernel_cost) { .bytes = CONVERSION_TRAFFIC * ((double)stored_bytes + (double)converted_bytes) };
}

/* A card's kernels read a weight in the type that they compute in; anything else is converted before. */
static bool takes(enum operation operation, const struct operand *weight, enum dtype dtype)
{
	(void)operation;
	return !weight->quantised && weight->dtype == dtype;
}

static double weight_bytes(const struct operand *w)
{
	return w ? (double)w->count * (double)dtype_size_bytes(w->dtype) : 0;
}

static bool charge(const struct compute *c, double flops, double bytes)
{
	struct kernel_cost cost = { .flops = flops, .bytes = bytes };

	return stream_kernel(c->stream, &cost, c->error);
}

static bool convert(struct compute *c, const struct parameter *parameter, const struct operand *from, const struct operand *to)
{
	struct kernel_cost cost = ops_conversion_cost(from->buffer.size_bytes, to->buffer.size_bytes);

	if (!stream_kernel(c->stream, &cost, c->error))
		return false;
	if (!patch_is_pending(c->pending, (size_t)(parameter - c->model->parameters)))
		return true;
	cost = patch_cost(parameter, c->pending->list.use_count);
	return stream_kernel(c->stream, &cost, c->error);
}

static bool scale_weight(struct compute *c, const struct operand *weight, float factor)
{
	(void)factor;
	return charge(c, 0, 2.0 * weight_bytes(weight));
}

static bool linear(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
		   struct tensor *out)
{
	return charge(c, 2.0 * (double)tensor_count(x) * (double)w->shape[0],
		      tensor_bytes(x) + weight_bytes(w) + weight_bytes(b) + tensor_bytes(out));
}

static bool convolve(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
		     const struct convolution *how, struct tensor *out)
{
	(void)how;
	return charge(c, 2.0 * (double)tensor_count(out) * (double)w->count / (double)w->shape[0],
		      tensor_bytes(x) + weight_bytes(w) + weight_bytes(b) + tensor_bytes(out));
}

static bool attend(struct compute *c, const struct tensor *q, const struct tensor *k, const struct tensor *v,
		   const struct tensor *bias, double scale, struct tensor *out)
{
	(void)scale; /* a fused kernel: the scores never reach memory */
	return charge(c, 4.0 * (double)tensor_count(q) * (double)k->shape[2],
		      tensor_bytes(q) + tensor_bytes(k) + tensor_bytes(v) + (bias ? tensor_bytes(bias) : 0) +
			      tensor_bytes(out));
}

static bool layer_norm(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b, double eps,
		       struct tensor *out)
{
	(void)eps;
	return charge(c, 0, tensor_bytes(x) + weight_bytes(w) + weight_bytes(b) + tensor_bytes(out));
}

static bool rms_norm(struct compute *c, const struct tensor *x, const struct operand *w, double eps, struct tensor *out)
{
	return layer_norm(c, x, w, NULL, eps, out);
}

static bool group_norm(struct compute *c, const struct tensor *x, unsigned groups, const struct operand *w,
		       const struct operand *b, double eps, struct tensor *out)
{
	(void)groups;
	return layer_norm(c, x, w, b, eps, out);
}

static bool unary(struct compute *c, enum unary kind, const struct tensor *x, struct tensor *out)
{
	(void)kind;
	return charge(c, 0, tensor_bytes(x) + tensor_bytes(out));
}

static bool scale_by(struct compute *c, const struct tensor *x, float factor, struct tensor *out)
{
	(void)factor;
	return charge(c, 0, tensor_bytes(x) + tensor_bytes(out));
}

static bool binary(struct compute *c, enum binary kind, const struct tensor *x, const struct tensor *y, struct tensor *out)
{
	(void)kind;
	return charge(c, 0, tensor_bytes(x) + tensor_bytes(y) + tensor_bytes(out));
}

static bool modulate(struct compute *c, const struct tensor *x, const struct tensor *scale, const struct tensor *shift,
		     struct tensor *out)
{
	return charge(c, 0, tensor_bytes(x) + tensor_bytes(scale) + tensor_bytes(shift) + tensor_bytes(out));
}

static bool gate(struct compute *c, const struct tensor *x, const struct tensor *by, const struct tensor *y, struct tensor *out)
{
	return charge(c, 0, tensor_bytes(x) + tensor_bytes(by) + tensor_bytes(y) + tensor_bytes(out));
}

static bool rotate(struct compute *c, const struct tensor *x, const struct tensor *angles, struct tensor *out)
{
	return charge(c, 0, tensor_bytes(x) + tensor_bytes(angles) + tensor_bytes(out));
}

/* Rearranging is a stride on a real device as often as a copy; it is charged as a copy. */
static bool gather(struct compute *c, const struct tensor *x, const struct view *from, struct tensor *out)
{
	(void)x;
	(void)from;
	return charge(c, 0, 2 * tensor_bytes(out));
}

static bool scatter(struct compute *c, const struct tensor *x, const struct view *to, struct tensor *out)
{
	(void)to;
	(void)out;
	return charge(c, 0, 2 * tensor_bytes(x));
}

static bool embed(struct compute *c, const struct operand *w, const int64_t *ids, size_t count, struct tensor *out)
{
	(void)w;
	(void)ids;
	(void)count;
	return charge(c, 0, 2 * tensor_bytes(out));
}

const struct ops ops_sim = {
	.name = "sim",
	.keeps_float32 = false,
	.takes = takes,
	.convert = convert,
	.scale_weight = scale_weight,
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
