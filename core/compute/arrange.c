/* arrange.c - views of tensors: reshaping, slicing, joining, heads.
 *
 * All but a reshape are copies through a view (ops.h), so that a tensor is always dense and an operation never sees strides.
 * Views are written from the shapes of the input, which are 0 where a failed pass gave none; gather then does nothing.
 */
#include "core/compute/compute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tensor *compute_gather(struct compute *c, struct tensor *x, const struct view *from)
{
	struct tensor *out = c->failed ? NULL : compute_new(c, from->rank, from->shape);

	if (out && !c->ops->gather(c, x, from, out)) {
		c->failed = true;
		return NULL;
	}
	compute_drop(c, x);
	return out;
}

/* The strides of a dense tensor of this shape. */
static struct view dense(unsigned rank, const int64_t *shape)
{
	struct view view = { .rank = rank };
	int64_t stride = 1;

	for (unsigned i = rank; i-- > 0;) {
		view.shape[i] = shape[i];
		view.stride[i] = stride;
		stride *= shape[i];
	}
	return view;
}

struct tensor *compute_reshape(struct compute *c, struct tensor *x, unsigned rank, const int64_t *shape)
{
	struct view view = dense(rank, shape);

	if (c->failed || x->references > 1)
		return compute_gather(c, x, &view);
	x->rank = rank;
	memcpy(x->shape, shape, rank * sizeof(*shape));
	return x;
}

struct tensor *compute_slice(struct compute *c, struct tensor *x, unsigned dimension, int64_t from, int64_t count)
{
	struct view view;

	if (c->failed)
		return NULL;
	view = dense(x->rank, x->shape);
	view.shape[dimension] = count;
	view.offset = (size_t)(from * view.stride[dimension]);
	return compute_gather(c, x, &view);
}

struct tensor *compute_concatenate(struct compute *c, struct tensor *x, struct tensor *y, unsigned dimension)
{
	int64_t shape[TENSOR_RANK_MAX];
	struct tensor *out;
	struct view view;
	bool fine;

	if (c->failed)
		return NULL;
	memcpy(shape, x->shape, sizeof(shape));
	shape[dimension] += y->shape[dimension];
	out = compute_new(c, x->rank, shape);
	if (!out)
		return NULL;
	view = dense(x->rank, shape);
	memcpy(view.shape, x->shape, sizeof(shape));
	fine = c->ops->scatter(c, x, &view, out);
	view.offset = (size_t)(x->shape[dimension] * view.stride[dimension]);
	memcpy(view.shape, y->shape, sizeof(shape));
	if (!fine || !c->ops->scatter(c, y, &view, out)) {
		c->failed = true;
		return NULL;
	}
	compute_drop(c, x);
	compute_drop(c, y);
	return out;
}

struct tensor *compute_split_heads(struct compute *c, struct tensor *x, int64_t from, int64_t heads, int64_t d)
{
	int64_t tokens = tensor_size(x, 1);
	int64_t channels = tensor_size(x, 2);
	struct view view = { .offset = (size_t)from,
			     .rank = 4,
			     .shape = { tensor_size(x, 0), heads, tokens, d },
			     .stride = { tokens * channels, d, channels, 1 } };

	return compute_gather(c, x, &view);
}

struct tensor *compute_merge_heads(struct compute *c, struct tensor *x)
{
	int64_t batch = tensor_size(x, 0);
	int64_t heads = tensor_size(x, 1);
	int64_t tokens = tensor_size(x, 2);
	int64_t d = tensor_size(x, 3);
	struct view view = { .rank = 4,
			     .shape = { batch, tokens, heads, d },
			     .stride = { heads * tokens * d, d, tokens * d, 1 } };

	return compute_reshape(c, compute_gather(c, x, &view), 3, (int64_t[]) { batch, tokens, heads * d });
}

struct tensor *compute_sinusoids(struct compute *c, const float *t, size_t count, int64_t dim)
{
	int64_t half = dim / 2;
	float *values = compute_array(c, count * (size_t)dim, sizeof(*values));
	struct tensor *out;

	if (!values)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		for (int64_t j = 0; j < half; j++) {
			float frequency = expf(-9.210340371976184f * (float)j / (float)half); /* ln(10000) */

			values[i * (size_t)dim + (size_t)j] = cosf(t[i] * frequency);
			values[i * (size_t)dim + (size_t)(half + j)] = sinf(t[i] * frequency);
		}
	}
	out = compute_upload(c, values, 2, (int64_t[]) { (int64_t)count, dim });
	free(values);
	return out;
}
