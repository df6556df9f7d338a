/* The operations, computed in main memory: products through OpenBLAS, everything else in plain loops. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/compute/compute.h"
#include "core/compute/ops.h"
#include "core/tensor/dtype/rounding.h"

static float *scratch(struct compute *c, size_t count)
{
	float *values = array_new(count, sizeof(*values), c->error);

	if (!values)
		c->failed = true;
	return values;
}

static void linear(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b,
		   struct tensor *out)
{
	int n = (int)w->shape[0];
	int k = (int)w->shape[1];
	size_t rows = tensor_count(x) / (size_t)k;
	float *y = tensor_values(out);

	(void)c;
	for (size_t i = 0; b && i < rows; i++)
		memcpy(y + i * (size_t)n, b->values, (size_t)n * sizeof(*y));
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, n, k, 1.0F, tensor_values(x), k, w->values, k,
		    b ? 1.0F : 0.0F, y, n);
	round_values(out->dtype, y, tensor_count(out));
}

/* One image as columns: row (channel, ky, kx), column (y, x) of the output. */
static void image_to_columns(const float *image, const struct tensor *x, const struct weight *w, const struct convolution *how,
			     const struct tensor *out, float *columns)
{
	int64_t height = x->shape[2], width = x->shape[3];
	int64_t out_height = out->shape[2], out_width = out->shape[3];

	for (int64_t channel = 0; channel < x->shape[1]; channel++) {
		for (int64_t ky = 0; ky < w->shape[2]; ky++) {
			for (int64_t kx = 0; kx < w->shape[3]; kx++) {
				for (int64_t oy = 0; oy < out_height; oy++) {
					int64_t iy = oy * how->stride + ky - how->top;
					bool row_is_inside = iy >= 0 && iy < height;

					for (int64_t ox = 0; ox < out_width; ox++) {
						int64_t ix = ox * how->stride + kx - how->left;

						*columns++ = row_is_inside && ix >= 0 && ix < width
								     ? image[(channel * height + iy) * width + ix]
								     : 0.0F;
					}
				}
			}
		}
	}
}

static void convolve(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b,
		     const struct convolution *how, struct tensor *out)
{
	size_t places = (size_t)(out->shape[2] * out->shape[3]);
	size_t taps = (size_t)(w->shape[1] * w->shape[2] * w->shape[3]);
	size_t image_count = (size_t)(x->shape[1] * x->shape[2] * x->shape[3]);
	float *columns = scratch(c, taps * places);

	for (int64_t i = 0; columns && i < x->shape[0]; i++) {
		float *y = tensor_values(out) + (size_t)i * (size_t)out->shape[1] * places;

		image_to_columns(tensor_values(x) + (size_t)i * image_count, x, w, how, out, columns);
		for (int64_t n = 0; n < out->shape[1]; n++) {
			for (size_t p = 0; p < places; p++)
				y[(size_t)n * places + p] = b ? b->values[n] : 0.0F;
		}
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)out->shape[1], (int)places, (int)taps, 1.0F,
			    w->values, (int)taps, columns, (int)places, 1.0F, y, (int)places);
	}
	free(columns);
	round_values(out->dtype, tensor_values(out), tensor_count(out));
}

static void softmax_row(float *row, size_t count)
{
	float largest = -INFINITY;
	float sum = 0;

	for (size_t i = 0; i < count; i++)
		largest = row[i] > largest ? row[i] : largest;
	for (size_t i = 0; i < count; i++) {
		row[i] = expf(row[i] - largest);
		sum += row[i];
	}
	for (size_t i = 0; i < count; i++)
		row[i] /= sum;
}

static void attend(struct compute *c, const struct tensor *q, const struct tensor *k, const struct tensor *v,
		   const struct tensor *bias, double scale, struct tensor *out)
{
	size_t heads = (size_t)(q->shape[0] * q->shape[1]);
	int queries = (int)q->shape[2];
	int keys = (int)k->shape[2];
	int d = (int)q->shape[3];
	size_t score_count = (size_t)queries * (size_t)keys;
	float *scores = scratch(c, score_count);

	for (size_t h = 0; scores && h < heads; h++) {
		const float *add = NULL;

		if (bias)
			add = tensor_values(bias) + (bias->shape[0] == 1 ? 0 : h % (size_t)q->shape[1]) * score_count;
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, queries, keys, d, (float)scale,
			    tensor_values(q) + h * (size_t)queries * (size_t)d, d,
			    tensor_values(k) + h * (size_t)keys * (size_t)d, d, 0.0F, scores, keys);
		for (size_t i = 0; add && i < score_count; i++)
			scores[i] += add[i];
		for (int i = 0; i < queries; i++)
			softmax_row(scores + (size_t)i * (size_t)keys, (size_t)keys);
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, queries, d, keys, 1.0F, scores, keys,
			    tensor_values(v) + h * (size_t)keys * (size_t)d, d, 0.0F,
			    tensor_values(out) + h * (size_t)queries * (size_t)d, d);
	}
	free(scores);
	round_values(out->dtype, tensor_values(out), tensor_count(out));
}

static void mean_and_variance(const float *values, size_t count, double *mean, double *variance)
{
	double sum = 0;
	double squares = 0;

	for (size_t i = 0; i < count; i++)
		sum += (double)values[i];
	*mean = sum / (double)count;
	for (size_t i = 0; i < count; i++)
		squares += ((double)values[i] - *mean) * ((double)values[i] - *mean);
	*variance = squares / (double)count;
}

static void layer_norm(struct compute *c, const struct tensor *x, const struct weight *w, const struct weight *b, double eps,
		       struct tensor *out)
{
	size_t channels = (size_t)x->shape[x->rank - 1];
	size_t rows = tensor_count(x) / channels;

	(void)c;
	for (size_t r = 0; r < rows; r++) {
		const float *from = tensor_values(x) + r * channels;
		float *to = tensor_values(out) + r * channels;
		double mean, variance;
		float factor;

		mean_and_variance(from, channels, &mean, &variance);
		factor = (float)(1 / sqrt(variance + eps));
		for (size_t i = 0; i < channels; i++) {
			float value = (from[i] - (float)mean) * factor;

			to[i] = (w ? value * w->values[i] : value) + (b ? b->values[i] : 0.0F);
		}
	}
	round_values(out->dtype, tensor_values(out), tensor_count(out));
}

static void rms_norm(struct compute *c, const struct tensor *x, const struct weight *w, double eps, struct tensor *out)
{
	size_t channels = (size_t)x->shape[x->rank - 1];
	size_t rows = tensor_count(x) / channels;

	(void)c;
	for (size_t r = 0; r < rows; r++) {
		const float *from = tensor_values(x) + r * channels;
		float *to = tensor_values(out) + r * channels;
		double squares = 0;
		float factor;

		for (size_t i = 0; i < channels; i++)
			squares += (double)from[i] * (double)from[i];
		factor = (float)(1 / sqrt(squares / (double)channels + eps));
		for (size_t i = 0; i < channels; i++)
			to[i] = from[i] * factor * w->values[i];
	}
	round_values(out->dtype, tensor_values(out), tensor_count(out));
}

static void group_norm(struct compute *c, const struct tensor *x, unsigned groups, const struct weight *w,
		       const struct weight *b, double eps, struct tensor *out)
{
	size_t channels = (size_t)x->shape[1];
	size_t places = tensor_count(x) / ((size_t)x->shape[0] * channels);
	size_t group_channels = channels / groups;

	(void)c;
	for (size_t g = 0; g < (size_t)x->shape[0] * groups; g++) {
		const float *from = tensor_values(x) + g * group_channels * places;
		float *to = tensor_values(out) + g * group_channels * places;
		size_t first = g % groups * group_channels;
		double mean, variance;
		float factor;

		mean_and_variance(from, group_channels * places, &mean, &variance);
		factor = (float)(1 / sqrt(variance + eps));
		for (size_t i = 0; i < group_channels * places; i++) {
			size_t channel = first + i / places;

			to[i] = (from[i] - (float)mean) * factor * w->values[channel] + (b ? b->values[channel] : 0.0F);
		}
	}
	round_values(out->dtype, tensor_values(out), tensor_count(out));
}

static float gelu_tanh(float x)
{
	const float factor = 0.7978845608028654F; /* sqrt(2 / pi) */

	return 0.5F * x * (1.0F + tanhf(factor * (x + 0.044715F * x * x * x)));
}

static void unary(struct compute *c, enum unary kind, const struct tensor *x, struct tensor *out)
{
	const float *from = tensor_values(x);
	float *to = tensor_values(out);
	size_t count = tensor_count(x);

	(void)c;
	switch (kind) {
	case UNARY_SILU:
		for (size_t i = 0; i < count; i++)
			to[i] = from[i] / (1.0F + expf(-from[i]));
		break;
	case UNARY_GELU_TANH:
		for (size_t i = 0; i < count; i++)
			to[i] = gelu_tanh(from[i]);
		break;
	case UNARY_GELU_ERF:
		for (size_t i = 0; i < count; i++)
			to[i] = 0.5F * from[i] * (1.0F + erff(from[i] * 0.7071067811865476F));
		break;
	case UNARY_QUICK_GELU:
		for (size_t i = 0; i < count; i++)
			to[i] = from[i] / (1.0F + expf(-1.702F * from[i]));
		break;
	case UNARY_IMAGE:
		for (size_t i = 0; i < count; i++)
			to[i] = fminf(fmaxf((from[i] + 1.0F) / 2.0F, 0.0F), 1.0F);
		break;
	case UNARY_FINITE_HALF:
		for (size_t i = 0; i < count; i++)
			to[i] = isnan(from[i]) ? 0.0F : fminf(fmaxf(from[i], -65504.0F), 65504.0F);
		break;
	}
	round_values(out->dtype, to, count);
}

static void scale_by(struct compute *c, const struct tensor *x, float factor, struct tensor *out)
{
	const float *from = tensor_values(x);
	float *to = tensor_values(out);
	size_t count = tensor_count(x);

	(void)c;
	for (size_t i = 0; i < count; i++)
		to[i] = from[i] * factor;
	round_values(out->dtype, to, count);
}

static void binary(struct compute *c, enum binary kind, const struct tensor *x, const struct tensor *y, struct tensor *out)
{
	const float *a = tensor_values(x);
	const float *b = tensor_values(y);
	float *to = tensor_values(out);
	size_t count = tensor_count(x);

	(void)c;
	if (kind == BINARY_ADD) {
		for (size_t i = 0; i < count; i++)
			to[i] = a[i] + b[i];
	} else {
		for (size_t i = 0; i < count; i++)
			to[i] = a[i] * b[i];
	}
	round_values(out->dtype, to, count);
}

static void modulate(struct compute *c, const struct tensor *x, const struct tensor *scale, const struct tensor *shift,
		     struct tensor *out)
{
	size_t channels = (size_t)x->shape[2];
	size_t tokens = (size_t)x->shape[1];

	(void)c;
	for (size_t row = 0; row < (size_t)x->shape[0] * tokens; row++) {
		const float *from = tensor_values(x) + row * channels;
		const float *by = tensor_values(scale) + row / tokens * channels;
		const float *add = tensor_values(shift) + row / tokens * channels;
		float *to = tensor_values(out) + row * channels;

		for (size_t i = 0; i < channels; i++)
			to[i] = round_value(out->dtype, from[i] * round_value(out->dtype, 1.0F + by[i]) + add[i]);
	}
}

static void gate(struct compute *c, const struct tensor *x, const struct tensor *by, const struct tensor *y, struct tensor *out)
{
	size_t channels = (size_t)x->shape[2];
	size_t tokens = (size_t)x->shape[1];

	(void)c;
	for (size_t row = 0; row < (size_t)x->shape[0] * tokens; row++) {
		const float *from = tensor_values(x) + row * channels;
		const float *add = tensor_values(y) + row * channels;
		const float *factor = tensor_values(by) + row / tokens * channels;
		float *to = tensor_values(out) + row * channels;

		for (size_t i = 0; i < channels; i++)
			to[i] = round_value(out->dtype, from[i] + round_value(out->dtype, factor[i] * add[i]));
	}
}

static void rotate(struct compute *c, const struct tensor *x, const struct tensor *angles, struct tensor *out)
{
	size_t pairs = (size_t)x->shape[3] / 2;
	size_t tokens = (size_t)x->shape[2];
	size_t rows = tensor_count(x) / (2 * pairs);

	(void)c;
	for (size_t row = 0; row < rows; row++) {
		const float *from = tensor_values(x) + row * 2 * pairs;
		const float *turn = tensor_values(angles) + row % tokens * 2 * pairs;
		float *to = tensor_values(out) + row * 2 * pairs;

		for (size_t i = 0; i < 2 * pairs; i += 2) {
			to[i] = turn[i] * from[i] - turn[i + 1] * from[i + 1];
			to[i + 1] = turn[i + 1] * from[i] + turn[i] * from[i + 1];
		}
	}
	round_values(out->dtype, tensor_values(out), tensor_count(out));
}

/* Walks a view in the order of a dense tensor of its shape; `seen` is at the view's element, `dense` at the dense one's. */
static void copy_view(const struct view *view, float *seen, float *dense_values, bool into_view)
{
	int64_t index[TENSOR_RANK_MAX] = { 0 };
	unsigned last = view->rank - 1;
	int64_t run = view->shape[last];
	int64_t step = view->stride[last];
	size_t rows = 1;

	for (unsigned i = 0; i < last; i++)
		rows *= (size_t)view->shape[i];
	for (size_t row = 0; row < rows; row++, dense_values += run) {
		float *at = seen + view->offset;

		for (unsigned i = 0; i < last; i++)
			at += index[i] * view->stride[i];
		if (into_view) {
			for (int64_t i = 0; i < run; i++)
				at[i * step] = dense_values[i];
		} else {
			for (int64_t i = 0; i < run; i++)
				dense_values[i] = at[i * step];
		}
		for (unsigned i = last; i-- > 0;) {
			if (++index[i] < view->shape[i])
				break;
			index[i] = 0;
		}
	}
}

static void gather(struct compute *c, const struct tensor *x, const struct view *from, struct tensor *out)
{
	(void)c;
	copy_view(from, tensor_values(x), tensor_values(out), false);
}

static void scatter(struct compute *c, const struct tensor *x, const struct view *to, struct tensor *out)
{
	(void)c;
	copy_view(to, tensor_values(out), tensor_values(x), true);
}

static void embed(struct compute *c, const struct weight *w, const int64_t *ids, size_t count, struct tensor *out)
{
	size_t channels = (size_t)w->shape[1];

	(void)c;
	for (size_t i = 0; i < count; i++)
		memcpy(tensor_values(out) + i * channels, w->values + (size_t)ids[i] * channels, channels * sizeof(float));
}

const struct ops ops_host = {
	.name = "host",
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
