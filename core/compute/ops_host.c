/* ops_host.c - the operations computed by this processor: products through OpenBLAS, everything else in plain loops.
 *
 * Each operation waits for the pass's stream, maps its operands, computes, and unmaps what it wrote. On host a mapping is the
 * memory itself and nothing is waited for; elsewhere it is a copy, so that a backend without kernels of its own computes all the
 * same. Weights are read as float32; those of any other format are declined, and converted before.
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/compute/compute.h"
#include "core/compute/ops.h"
#include "core/tensor/dtype/rounding.h"

#define OPERANDS_MAX 5

/* What one operation has mapped. */
struct mapped_operands {
	const struct compute *c;
	struct mapping places[OPERANDS_MAX];
	size_t count;
	bool fine; /* nothing failed so far */
};

static struct mapped_operands map_begin(const struct compute *c)
{
	return (struct mapped_operands) { .c = c, .fine = stream_synchronize(c->stream, c->error) };
}

static void *map(struct mapped_operands *mapped, const struct buffer *buffer, enum map_use use)
{
	struct mapping *place = &mapped->places[mapped->count];

	if (!mapped->fine || !device_map(buffer, use, place, mapped->c->error)) {
		mapped->fine = false;
		return NULL;
	}
	mapped->count++;
	return place->bytes;
}

/* The values of a tensor or a weight that is read; NULL for NULL. */
static const float *read_tensor(struct mapped_operands *mapped, const struct tensor *tensor)
{
	return tensor ? map(mapped, &tensor->buffer, MAP_READ) : NULL;
}

static const float *read_weight(struct mapped_operands *mapped, const struct operand *weight)
{
	return weight ? map(mapped, &weight->buffer, MAP_READ) : NULL;
}

static float *write_tensor(struct mapped_operands *mapped, const struct tensor *tensor)
{
	return map(mapped, &tensor->buffer, MAP_WRITE);
}

static bool map_end(struct mapped_operands *mapped)
{
	while (mapped->count)
		mapped->fine = device_unmap(&mapped->places[--mapped->count], mapped->fine, mapped->c->error);
	return mapped->fine;
}

/* ---- weights ---- */

static bool takes(enum operation operation, const struct operand *weight, enum dtype dtype)
{
	(void)operation;
	return !weight->quantised && weight->dtype == DTYPE_F32 && dtype == DTYPE_F32;
}

static bool convert(struct compute *c, const struct parameter *parameter, const struct operand *from, const struct operand *to)
{
	size_t index = (size_t)(parameter - c->model->parameters);
	struct mapped_operands mapped = map_begin(c);
	const void *bytes = map(&mapped, &from->buffer, MAP_READ);
	float *values = map(&mapped, &to->buffer, MAP_WRITE);

	if (mapped.fine)
		mapped.fine = model_parameter_to_f32(c->model, parameter, bytes, values, c->error);
	if (mapped.fine && patch_is_pending(c->pending, index))
		mapped.fine = patch_copy(c->model, index, &c->pending->list, c->dtype, bytes, values, c->error);
	if (mapped.fine)
		round_values(c->dtype, values, to->count);
	return map_end(&mapped);
}

static bool scale_weight(struct compute *c, const struct operand *weight, float factor)
{
	struct mapped_operands mapped = map_begin(c);
	float *values = map(&mapped, &weight->buffer, MAP_CHANGE);

	for (size_t i = 0; mapped.fine && i < weight->count; i++)
		values[i] = round_value(c->dtype, values[i] * factor);
	return map_end(&mapped);
}

/* ---- products ---- */

static bool linear(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
		   struct tensor *out)
{
	int n = (int)w->shape[0];
	int k = (int)w->shape[1];
	size_t rows = tensor_count(x) / (size_t)k;
	struct mapped_operands mapped = map_begin(c);
	const float *xs = read_tensor(&mapped, x);
	const float *ws = read_weight(&mapped, w);
	const float *bs = read_weight(&mapped, b);
	float *y = write_tensor(&mapped, out);

	if (mapped.fine) {
		for (size_t i = 0; bs && i < rows; i++)
			memcpy(y + i * (size_t)n, bs, (size_t)n * sizeof(*y));
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, n, k, 1.0F, xs, k, ws, k, bs ? 1.0F : 0.0F, y,
			    n);
		round_values(out->dtype, y, tensor_count(out));
	}
	return map_end(&mapped);
}

/* One image as columns: row (channel, ky, kx), column (y, x) of the output. */
static void image_to_columns(const float *image, const struct tensor *x, const struct operand *w, const struct convolution *how,
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

static bool convolve(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b,
		     const struct convolution *how, struct tensor *out)
{
	size_t places = (size_t)(out->shape[2] * out->shape[3]);
	size_t taps = (size_t)(w->shape[1] * w->shape[2] * w->shape[3]);
	size_t image_count = (size_t)(x->shape[1] * x->shape[2] * x->shape[3]);
	struct mapped_operands mapped = map_begin(c);
	const float *xs = read_tensor(&mapped, x);
	const float *ws = read_weight(&mapped, w);
	const float *bs = read_weight(&mapped, b);
	float *ys = write_tensor(&mapped, out);
	float *columns = mapped.fine ? array_new(taps * places, sizeof(*columns), c->error) : NULL;

	mapped.fine = columns;
	for (int64_t i = 0; columns && i < x->shape[0]; i++) {
		float *y = ys + (size_t)i * (size_t)out->shape[1] * places;

		image_to_columns(xs + (size_t)i * image_count, x, w, how, out, columns);
		for (int64_t n = 0; n < out->shape[1]; n++) {
			for (size_t p = 0; p < places; p++)
				y[(size_t)n * places + p] = bs ? bs[n] : 0.0F;
		}
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)out->shape[1], (int)places, (int)taps, 1.0F, ws,
			    (int)taps, columns, (int)places, 1.0F, y, (int)places);
	}
	if (columns)
		round_values(out->dtype, ys, tensor_count(out));
	free(columns);
	return map_end(&mapped);
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

static bool attend(struct compute *c, const struct tensor *q, const struct tensor *k, const struct tensor *v,
		   const struct tensor *bias, double scale, struct tensor *out)
{
	size_t heads = (size_t)(q->shape[0] * q->shape[1]);
	int queries = (int)q->shape[2];
	int keys = (int)k->shape[2];
	int d = (int)q->shape[3];
	size_t score_count = (size_t)queries * (size_t)keys;
	struct mapped_operands mapped = map_begin(c);
	const float *qs = read_tensor(&mapped, q);
	const float *ks = read_tensor(&mapped, k);
	const float *vs = read_tensor(&mapped, v);
	const float *biases = read_tensor(&mapped, bias);
	float *ys = write_tensor(&mapped, out);
	float *scores = mapped.fine ? array_new(score_count, sizeof(*scores), c->error) : NULL;

	mapped.fine = scores;
	for (size_t h = 0; scores && h < heads; h++) {
		const float *add = NULL;

		if (biases)
			add = biases + (bias->shape[0] == 1 ? 0 : h % (size_t)q->shape[1]) * score_count;
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, queries, keys, d, (float)scale,
			    qs + h * (size_t)queries * (size_t)d, d, ks + h * (size_t)keys * (size_t)d, d, 0.0F, scores, keys);
		for (size_t i = 0; add && i < score_count; i++)
			scores[i] += add[i];
		for (int i = 0; i < queries; i++)
			softmax_row(scores + (size_t)i * (size_t)keys, (size_t)keys);
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, queries, d, keys, 1.0F, scores, keys,
			    vs + h * (size_t)keys * (size_t)d, d, 0.0F, ys + h * (size_t)queries * (size_t)d, d);
	}
	if (scores)
		round_values(out->dtype, ys, tensor_count(out));
	free(scores);
	return map_end(&mapped);
}

/* ---- norms ---- */

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

static bool layer_norm(struct compute *c, const struct tensor *x, const struct operand *w, const struct operand *b, double eps,
		       struct tensor *out)
{
	size_t channels = (size_t)x->shape[x->rank - 1];
	size_t rows = tensor_count(x) / channels;
	struct mapped_operands mapped = map_begin(c);
	const float *xs = read_tensor(&mapped, x);
	const float *ws = read_weight(&mapped, w);
	const float *bs = read_weight(&mapped, b);
	float *ys = write_tensor(&mapped, out);

	if (mapped.fine) {
		for (size_t r = 0; r < rows; r++) {
			const float *from = xs + r * channels;
			float *to = ys + r * channels;
			double mean, variance;
			float factor;

			mean_and_variance(from, channels, &mean, &variance);
			factor = (float)(1 / sqrt(variance + eps));
			for (size_t i = 0; i < channels; i++) {
				float value = (from[i] - (float)mean) * factor;

				to[i] = (ws ? value * ws[i] : value) + (bs ? bs[i] : 0.0F);
			}
		}
		round_values(out->dtype, ys, tensor_count(out));
	}
	return map_end(&mapped);
}

static bool rms_norm(struct compute *c, const struct tensor *x, const struct operand *w, double eps, struct tensor *out)
{
	size_t channels = (size_t)x->shape[x->rank - 1];
	size_t rows = tensor_count(x) / channels;
	struct mapped_operands mapped = map_begin(c);
	const float *xs = read_tensor(&mapped, x);
	const float *ws = read_weight(&mapped, w);
	float *ys = write_tensor(&mapped, out);

	if (mapped.fine) {
		for (size_t r = 0; r < rows; r++) {
			const float *from = xs + r * channels;
			float *to = ys + r * channels;
			double squares = 0;
			float factor;

			for (size_t i = 0; i < channels; i++)
				squares += (double)from[i] * (double)from[i];
			factor = (float)(1 / sqrt(squares / (double)channels + eps));
			for (size_t i = 0; i < channels; i++)
				to[i] = from[i] * factor * ws[i];
		}
		round_values(out->dtype, ys, tensor_count(out));
	}
	return map_end(&mapped);
}

static bool group_norm(struct compute *c, const struct tensor *x, unsigned groups, const struct operand *w,
		       const struct operand *b, double eps, struct tensor *out)
{
	size_t channels = (size_t)x->shape[1];
	size_t places = tensor_count(x) / ((size_t)x->shape[0] * channels);
	size_t group_channels = channels / groups;
	struct mapped_operands mapped = map_begin(c);
	const float *xs = read_tensor(&mapped, x);
	const float *ws = read_weight(&mapped, w);
	const float *bs = read_weight(&mapped, b);
	float *ys = write_tensor(&mapped, out);

	if (mapped.fine) {
		for (size_t g = 0; g < (size_t)x->shape[0] * groups; g++) {
			const float *from = xs + g * group_channels * places;
			float *to = ys + g * group_channels * places;
			size_t first = g % groups * group_channels;
			double mean, variance;
			float factor;

			mean_and_variance(from, group_channels * places, &mean, &variance);
			factor = (float)(1 / sqrt(variance + eps));
			for (size_t i = 0; i < group_channels * places; i++) {
				size_t channel = first + i / places;

				to[i] = (from[i] - (float)mean) * factor * ws[channel] + (bs ? bs[channel] : 0.0F);
			}
		}
		round_values(out->dtype, ys, tensor_count(out));
	}
	return map_end(&mapped);
}

static float gelu_tanh(float x)
{
	const float factor = 0.7978845608028654F; /* sqrt(2 / pi) */

	return 0.5F * x * (1.0F + tanhf(factor * (x + 0.044715F * x * x * x)));
}

static bool unary(struct compute *c, enum unary kind, const struct tensor *x, struct tensor *out)
{
	size_t count = tensor_count(x);
	struct mapped_operands mapped = map_begin(c);
	const float *from = read_tensor(&mapped, x);
	float *to = write_tensor(&mapped, out);

	if (mapped.fine) {
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
	return map_end(&mapped);
}

static bool scale_by(struct compute *c, const struct tensor *x, float factor, struct tensor *out)
{
	size_t count = tensor_count(x);
	struct mapped_operands mapped = map_begin(c);
	const float *from = read_tensor(&mapped, x);
	float *to = write_tensor(&mapped, out);

	if (mapped.fine) {
		for (size_t i = 0; i < count; i++)
			to[i] = from[i] * factor;
		round_values(out->dtype, to, count);
	}
	return map_end(&mapped);
}

static bool binary(struct compute *c, enum binary kind, const struct tensor *x, const struct tensor *y, struct tensor *out)
{
	size_t count = tensor_count(x);
	struct mapped_operands mapped = map_begin(c);
	const float *a = read_tensor(&mapped, x);
	const float *b = read_tensor(&mapped, y);
	float *to = write_tensor(&mapped, out);

	if (mapped.fine) {
		if (kind == BINARY_ADD) {
			for (size_t i = 0; i < count; i++)
				to[i] = a[i] + b[i];
		} else {
			for (size_t i = 0; i < count; i++)
				to[i] = a[i] * b[i];
		}
		round_values(out->dtype, to, count);
	}
	return map_end(&mapped);
}

/* A row of the output from a row of each operand. */
typedef void (*row_operation)(enum dtype dtype, const float *x, const float *by, const float *add, float *to, size_t channels);

/* One row a token. `by` has one row for each member of the batch, `add` one for each `adds_shared` tokens. */
static bool each_row(struct compute *c, row_operation run, const struct tensor *x, const struct tensor *by,
		     const struct tensor *add, size_t adds_shared, struct tensor *out)
{
	size_t channels = (size_t)x->shape[2];
	size_t tokens = (size_t)x->shape[1];
	struct mapped_operands mapped = map_begin(c);
	const float *xs = read_tensor(&mapped, x);
	const float *bys = read_tensor(&mapped, by);
	const float *adds = read_tensor(&mapped, add);
	float *ys = write_tensor(&mapped, out);

	for (size_t row = 0; mapped.fine && row < (size_t)x->shape[0] * tokens; row++)
		run(out->dtype, xs + row * channels, bys + row / tokens * channels, adds + row / adds_shared * channels,
		    ys + row * channels, channels);
	return map_end(&mapped);
}

static void modulate_row(enum dtype dtype, const float *x, const float *by, const float *add, float *to, size_t channels)
{
	for (size_t i = 0; i < channels; i++)
		to[i] = round_value(dtype, x[i] * round_value(dtype, 1.0F + by[i]) + add[i]);
}

static bool modulate(struct compute *c, const struct tensor *x, const struct tensor *scale, const struct tensor *shift,
		     struct tensor *out)
{
	return each_row(c, modulate_row, x, scale, shift, (size_t)x->shape[1], out);
}

static void gate_row(enum dtype dtype, const float *x, const float *by, const float *add, float *to, size_t channels)
{
	for (size_t i = 0; i < channels; i++)
		to[i] = round_value(dtype, x[i] + round_value(dtype, by[i] * add[i]));
}

static bool gate(struct compute *c, const struct tensor *x, const struct tensor *by, const struct tensor *y, struct tensor *out)
{
	return each_row(c, gate_row, x, by, y, 1, out);
}

static bool rotate(struct compute *c, const struct tensor *x, const struct tensor *angles, struct tensor *out)
{
	size_t pairs = (size_t)x->shape[3] / 2;
	size_t tokens = (size_t)x->shape[2];
	size_t rows = tensor_count(x) / (2 * pairs);
	struct mapped_operands mapped = map_begin(c);
	const float *xs = read_tensor(&mapped, x);
	const float *turns = read_tensor(&mapped, angles);
	float *ys = write_tensor(&mapped, out);

	if (mapped.fine) {
		for (size_t row = 0; row < rows; row++) {
			const float *from = xs + row * 2 * pairs;
			const float *turn = turns + row % tokens * 2 * pairs;
			float *to = ys + row * 2 * pairs;

			for (size_t i = 0; i < 2 * pairs; i += 2) {
				to[i] = turn[i] * from[i] - turn[i + 1] * from[i + 1];
				to[i + 1] = turn[i + 1] * from[i] + turn[i] * from[i + 1];
			}
		}
		round_values(out->dtype, ys, tensor_count(out));
	}
	return map_end(&mapped);
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

static bool gather(struct compute *c, const struct tensor *x, const struct view *from, struct tensor *out)
{
	struct mapped_operands mapped = map_begin(c);
	float *xs = map(&mapped, &x->buffer, MAP_READ);
	float *ys = write_tensor(&mapped, out);

	if (mapped.fine) {
		copy_view(from, xs, ys, false);
	}
	return map_end(&mapped);
}

static bool scatter(struct compute *c, const struct tensor *x, const struct view *to, struct tensor *out)
{
	struct mapped_operands mapped = map_begin(c);
	float *xs = map(&mapped, &x->buffer, MAP_READ);
	float *ys = map(&mapped, &out->buffer, MAP_CHANGE);

	if (mapped.fine) {
		copy_view(to, ys, xs, true);
	}
	return map_end(&mapped);
}

static bool embed(struct compute *c, const struct operand *w, const int64_t *ids, size_t count, struct tensor *out)
{
	size_t channels = (size_t)w->shape[1];
	struct mapped_operands mapped = map_begin(c);
	const float *ws = read_weight(&mapped, w);
	float *ys = write_tensor(&mapped, out);

	if (mapped.fine) {
		for (size_t i = 0; i < count; i++)
			memcpy(ys + i * channels, ws + (size_t)ids[i] * channels, channels * sizeof(float));
	}
	return map_end(&mapped);
}

const struct ops ops_host = {
	.name = "host",
	.keeps_float32 = true,
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
