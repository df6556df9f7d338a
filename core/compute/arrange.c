/* Views of tensors: reshaping, slicing, joining, heads. All of them copies, so that a tensor is always dense. */
#include "core/compute/compute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

struct tensor *compute_gather(struct compute *c, const struct tensor *x, const struct view *from)
{
	struct tensor *out = c->failed ? NULL : compute_new(c, from->rank, from->shape);

	if (out)
		c->ops->gather(c, x, from, out);
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

struct tensor *compute_reshape(struct compute *c, const struct tensor *x, unsigned rank, const int64_t *shape)
{
	struct view view = dense(rank, shape);

	return compute_gather(c, x, &view);
}

struct tensor *compute_slice(struct compute *c, const struct tensor *x, unsigned dimension, int64_t from, int64_t count)
{
	struct view view;

	if (c->failed)
		return NULL;
	view = dense(x->rank, x->shape);
	view.shape[dimension] = count;
	view.offset = (size_t)(from * view.stride[dimension]);
	return compute_gather(c, x, &view);
}

struct tensor *compute_concatenate(struct compute *c, const struct tensor *x, const struct tensor *y, unsigned dimension)
{
	int64_t shape[TENSOR_RANK_MAX];
	struct tensor *out;
	struct view view;

	if (c->failed)
		return NULL;
	memcpy(shape, x->shape, sizeof(shape));
	shape[dimension] += y->shape[dimension];
	out = compute_new(c, x->rank, shape);
	if (!out)
		return NULL;
	view = dense(x->rank, shape);
	memcpy(view.shape, x->shape, sizeof(shape));
	c->ops->scatter(c, x, &view, out);
	view.offset = (size_t)(x->shape[dimension] * view.stride[dimension]);
	memcpy(view.shape, y->shape, sizeof(shape));
	c->ops->scatter(c, y, &view, out);
	return out;
}

struct tensor *compute_split_heads(struct compute *c, const struct tensor *x, int64_t from, int64_t heads, int64_t d)
{
	int64_t channels;
	struct view view;

	if (c->failed)
		return NULL;
	channels = x->shape[2];
	view = (struct view) { .offset = (size_t)from,
			       .rank = 4,
			       .shape = { x->shape[0], heads, x->shape[1], d },
			       .stride = { x->shape[1] * channels, d, channels, 1 } };
	return compute_gather(c, x, &view);
}

struct tensor *compute_merge_heads(struct compute *c, const struct tensor *x)
{
	struct view view;
	struct tensor *apart;
	struct tensor *out;

	if (c->failed)
		return NULL;
	view = (struct view) { .rank = 4,
			       .shape = { x->shape[0], x->shape[2], x->shape[1], x->shape[3] },
			       .stride = { x->shape[1] * x->shape[2] * x->shape[3], x->shape[3], x->shape[2] * x->shape[3],
					   1 } };
	apart = compute_gather(c, x, &view);
	if (!apart)
		return NULL;
	out = apart;
	out->rank = 3; /* [b, tokens, heads, d] and [b, tokens, heads * d] lie alike */
	out->shape[2] = x->shape[1] * x->shape[3];
	return out;
}

struct tensor *compute_sinusoids(struct compute *c, const float *t, size_t count, int64_t dim)
{
	int64_t half = dim / 2;
	float *values;
	struct tensor *out;

	if (c->failed)
		return NULL;
	values = array_new(count * (size_t)dim, sizeof(*values), c->error);
	if (!values) {
		c->failed = true;
		return NULL;
	}
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
