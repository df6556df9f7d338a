/* FLUX.1: double blocks over text and image tokens side by side, then single blocks over both as one sequence. */
#include "core/compute/forwards/flux.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/tensor/dtype/rounding.h"

#define NORM_EPS 1e-6

/* ---- tokens ---- */

/* Height and width made even by repeating from the other side. */
static struct tensor *pad_to_even(struct compute *c, struct tensor *x)
{
	for (unsigned dimension = 2; dimension < 4 && !c->failed; dimension++) {
		struct tensor *first;

		if (x->shape[dimension] % 2 == 0)
			continue;
		first = compute_slice(c, x, dimension, 0, 1);
		x = compute_replace(c, x, compute_concatenate(c, x, first, dimension));
		compute_drop(c, first);
	}
	return x;
}

/* [b, c, h, w] to tokens [b, h/2 * w/2, c * 4], channel slowest, then row and column in the 2 x 2 patch. */
static struct tensor *patches_of(struct compute *c, struct tensor *x)
{
	int64_t channels, height, width;
	struct view view;
	struct tensor *out;

	if (c->failed)
		return NULL;
	channels = x->shape[1];
	height = x->shape[2];
	width = x->shape[3];
	view = (struct view) { .rank = 6,
			       .shape = { x->shape[0], height / 2, width / 2, channels, 2, 2 },
			       .stride = { channels * height * width, 2 * width, 2, height * width, width, 1 } };
	out = compute_replace(c, x, compute_gather(c, x, &view));
	if (out) {
		out->rank = 3;
		out->shape[1] = height / 2 * (width / 2);
		out->shape[2] = channels * 4;
	}
	return out;
}

/* Tokens back to an image of height x width, cut from the even one. */
static struct tensor *image_of(struct compute *c, struct tensor *x, int64_t channels, int64_t height, int64_t width)
{
	int64_t rows = (height + 1) / 2;
	int64_t columns = (width + 1) / 2;
	struct view view;
	struct tensor *out;

	if (c->failed)
		return NULL;
	view = (struct view) { .rank = 6,
			       .shape = { x->shape[0], channels, rows, 2, columns, 2 },
			       .stride = { rows * columns * channels * 4, 4, columns * channels * 4, 2, channels * 4, 1 } };
	out = compute_replace(c, x, compute_gather(c, x, &view));
	if (!out)
		return NULL;
	out->rank = 4;
	out->shape[2] = 2 * rows;
	out->shape[3] = 2 * columns;
	if (height % 2)
		out = compute_replace(c, out, compute_slice(c, out, 2, 0, height));
	if (width % 2)
		out = compute_replace(c, out, compute_slice(c, out, 3, 0, width));
	return out;
}

/* ---- positions ---- */

struct positions {
	double (*ids)[3];
	size_t count;
};

static void add_grid(struct positions *positions, int64_t rows, int64_t columns, double index, int64_t row, int64_t column)
{
	for (int64_t y = 0; y < rows; y++) {
		for (int64_t x = 0; x < columns; x++) {
			double *id = positions->ids[positions->count++];

			id[0] = index;
			id[1] = (double)(y + row);
			id[2] = (double)(x + column);
		}
	}
}

/* References lie below or to the right of the earlier ones, whichever keeps the whole squarer. Offsets in latent pixels. */
static void add_references(struct positions *positions, const struct denoise_request *request)
{
	int64_t height = 0;
	int64_t width = 0;

	for (size_t i = 0; i < request->reference_count; i++) {
		const struct reference_latent *reference = &request->references[i];
		int64_t down = 0;
		int64_t right = 0;

		if (!request->references_by_index) {
			if (reference->height + height > reference->width + width)
				right = width;
			else
				down = height;
			height = height > reference->height + down ? height : reference->height + down;
			width = width > reference->width + right ? width : reference->width + right;
		}
		add_grid(positions, (reference->height + 1) / 2, (reference->width + 1) / 2,
			 request->references_by_index ? (double)(i + 1) : 1.0, (down + 1) / 2, (right + 1) / 2);
	}
}

/* Cosine and sine of every token's angles, [tokens, d / 2, 2], computed in double. */
static void fill_angles(const struct positions *positions, const struct flux_config *config, float *angles)
{
	for (size_t t = 0; t < positions->count; t++) {
		for (unsigned axis = 0; axis < 3; axis++) {
			for (int64_t j = 0; j < config->axes[axis] / 2; j++) {
				double angle = positions->ids[t][axis] *
					       pow(config->theta, -2.0 * (double)j / (double)config->axes[axis]);

				*angles++ = (float)cos(angle);
				*angles++ = (float)sin(angle);
			}
		}
	}
}

/* The table as upstream has it, for the tap: [batch, 1, tokens, d / 2, 2, 2] of rotation matrices. */
static void tell_angles(struct compute *c, const float *angles, int64_t batch, int64_t tokens, int64_t pairs)
{
	size_t count = (size_t)(tokens * pairs);
	float *matrices = array_new((size_t)batch * count * 4, sizeof(*matrices), NULL);

	for (size_t i = 0; matrices && i < (size_t)batch * count; i++) {
		const float *turn = angles + i % count * 2;

		matrices[4 * i] = turn[0];
		matrices[4 * i + 1] = -turn[1];
		matrices[4 * i + 2] = turn[1];
		matrices[4 * i + 3] = turn[0];
	}
	if (matrices) {
		struct tensor *told = compute_upload_f32(c, matrices, 5, (int64_t[]) { batch, tokens, pairs, 2, 2 });

		compute_tell(c, told, TAP_WHOLE, "pe_embedder");
		compute_drop(c, told);
	}
	free(matrices);
}

static struct tensor *angles_of(struct compute *c, const struct flux_config *config, const struct denoise_request *request,
				int64_t tokens)
{
	int64_t pairs = config->hidden / config->heads / 2;
	struct positions positions = { .count = 0 };
	struct tensor *out = NULL;
	float *angles = NULL;

	if (c->failed)
		return NULL;
	if (c->ops == &ops_sim)
		return compute_upload_f32(c, NULL, 3, (int64_t[]) { tokens, pairs, 2 });
	positions.ids = array_new((size_t)tokens, sizeof(*positions.ids), c->error);
	angles = array_new((size_t)(tokens * pairs), 2 * sizeof(*angles), c->error);
	if (!positions.ids || !angles) {
		c->failed = true;
		goto out;
	}
	positions.count = (size_t)request->tokens; /* text: all zero */
	add_grid(&positions, (request->height + 1) / 2, (request->width + 1) / 2, 0, 0, 0);
	add_references(&positions, request);
	fill_angles(&positions, config, angles);
	out = compute_upload_f32(c, angles, 3, (int64_t[]) { tokens, pairs, 2 });
	if (c->tap)
		tell_angles(c, angles, request->batch, tokens, pairs);
out:
	free(angles);
	free(positions.ids);
	return out;
}

/* ---- the vector that modulates ---- */

static struct tensor *embedder(struct compute *c, struct tensor *x, const char *name)
{
	x = compute_replace(c, x, compute_linear(c, x, "%s.in_layer", name));
	x = compute_replace(c, x, compute_unary(c, UNARY_SILU, x));
	x = compute_replace(c, x, compute_linear(c, x, "%s.out_layer", name));
	compute_tell(c, x, TAP_WHOLE, "%s", name);
	return x;
}

/* sin_emb(1000 v): the factor is applied in the type that v has, which for guidance is the pass's own: in bf16 3.5 becomes
 * 3504. */
static struct tensor *scalar_embedding(struct compute *c, const float *values, int64_t batch, enum dtype dtype,
				       const char *name)
{
	struct tensor *x;
	float *scaled;

	if (c->failed)
		return NULL;
	scaled = array_new((size_t)batch, sizeof(*scaled), c->error);
	if (!scaled) {
		c->failed = true;
		return NULL;
	}
	for (int64_t i = 0; i < batch; i++)
		scaled[i] = round_value(dtype, round_value(dtype, values[i]) * 1000.0F);
	x = compute_sinusoids(c, scaled, (size_t)batch, 256);
	free(scaled);
	return embedder(c, x, name);
}

static struct tensor *accumulate(struct compute *c, struct tensor *sum, struct tensor *x)
{
	sum = compute_replace(c, sum, compute_add(c, sum, x));
	compute_drop(c, x);
	return sum;
}

/* SiLU of the sum of the embeddings of time, guidance and pooled text, which is what every modulation starts with. */
static struct tensor *modulating_vector(struct compute *c, const struct flux_config *config,
					const struct denoise_request *request)
{
	struct tensor *vector = scalar_embedding(c, request->timesteps, request->batch, DTYPE_F32, "time_in");

	if (config->guidance && request->guidance)
		vector = accumulate(c, vector, scalar_embedding(c, request->guidance, request->batch, c->dtype, "guidance_in"));
	vector = accumulate(
		c, vector,
		embedder(c, compute_upload(c, request->pooled, 2, (int64_t[]) { request->batch, config->pooled_channels }),
			 "vector_in"));
	return compute_replace(c, vector, compute_unary(c, UNARY_SILU, vector));
}

/* Piece i of a modulation, [batch, hidden]. */
static struct tensor *piece(struct compute *c, const struct tensor *modulation, int64_t i, int64_t hidden)
{
	return compute_slice(c, modulation, 1, i * hidden, hidden);
}

/* LN(x) * (1 + scale) + shift, with shift and scale at pieces `first` and `first + 1`. */
static struct tensor *modulated_norm(struct compute *c, const struct tensor *x, const struct tensor *modulation, int64_t first,
				     int64_t hidden, const char *name)
{
	struct tensor *norm = compute_layer_norm(c, x, NORM_EPS, NULL);
	struct tensor *shift = piece(c, modulation, first, hidden);
	struct tensor *scale = piece(c, modulation, first + 1, hidden);

	compute_tell(c, x, TAP_INPUT, "%s", name);
	compute_tell(c, norm, TAP_WHOLE, "%s", name);
	norm = compute_replace(c, norm, compute_modulate(c, norm, scale, shift));
	compute_drop(c, shift);
	compute_drop(c, scale);
	return norm;
}

static struct tensor *gated(struct compute *c, struct tensor *x, const struct tensor *modulation, int64_t which, int64_t hidden,
			    struct tensor *y)
{
	struct tensor *gate = piece(c, modulation, which, hidden);

	x = compute_replace(c, x, compute_gate(c, x, gate, y));
	compute_drop(c, gate);
	compute_drop(c, y);
	return x;
}

/* ---- blocks ---- */

struct heads {
	struct tensor *q, *k, *v; /* [b, heads, tokens, d] */
};

static struct heads split(struct compute *c, const struct flux_config *config, const struct tensor *qkv, const char *norm)
{
	int64_t d = config->hidden / config->heads;
	struct heads h = { .q = compute_split_heads(c, qkv, 0, config->heads, d),
			   .k = compute_split_heads(c, qkv, config->hidden, config->heads, d),
			   .v = compute_split_heads(c, qkv, 2 * config->hidden, config->heads, d) };

	compute_tell(c, h.q, TAP_INPUT, "%s.query_norm", norm);
	compute_tell(c, h.k, TAP_INPUT, "%s.key_norm", norm);
	h.q = compute_replace(c, h.q, compute_rms_norm(c, h.q, NORM_EPS, "%s.query_norm.scale", norm));
	h.k = compute_replace(c, h.k, compute_rms_norm(c, h.k, NORM_EPS, "%s.key_norm.scale", norm));
	compute_tell(c, h.q, TAP_WHOLE, "%s.query_norm", norm);
	compute_tell(c, h.k, TAP_WHOLE, "%s.key_norm", norm);
	compute_tell(c, h.q, 0, "%s", norm);
	compute_tell(c, h.k, 1, "%s", norm);
	return h;
}

/* Rotates, attends, drops the heads; [b, tokens, hidden]. */
static struct tensor *attention(struct compute *c, struct heads h, const struct tensor *angles, int64_t d)
{
	struct tensor *out;

	h.q = compute_replace(c, h.q, compute_rotate(c, h.q, angles));
	h.k = compute_replace(c, h.k, compute_rotate(c, h.k, angles));
	out = compute_attend(c, h.q, h.k, h.v, NULL, 1 / sqrt((double)d));
	compute_drop(c, h.q);
	compute_drop(c, h.k);
	compute_drop(c, h.v);
	return compute_replace(c, out, compute_merge_heads(c, out));
}

static struct tensor *joined(struct compute *c, struct tensor *first, struct tensor *second, unsigned dimension)
{
	struct tensor *out = compute_concatenate(c, first, second, dimension);

	compute_drop(c, first);
	compute_drop(c, second);
	return out;
}

/* One of the two streams of a double block. */
struct stream_state {
	const char *name; /* "img", "txt" */
	struct tensor *x;
	struct tensor *modulation;
	struct heads heads;
};

static void stream_before(struct compute *c, const struct flux_config *config, struct stream_state *s,
			  const struct tensor *vector, int block)
{
	struct tensor *norm;
	struct tensor *qkv;
	char name[64];

	s->modulation = compute_linear(c, vector, "double_blocks.%d.%s_mod.lin", block, s->name);
	compute_tell(c, s->modulation, TAP_WHOLE, "double_blocks.%d.%s_mod.lin", block, s->name);
	snprintf(name, sizeof(name), "double_blocks.%d.%s_norm1", block, s->name);
	norm = modulated_norm(c, s->x, s->modulation, 0, config->hidden, name);
	qkv = compute_linear(c, norm, "double_blocks.%d.%s_attn.qkv", block, s->name);
	compute_drop(c, norm);
	compute_tell(c, qkv, TAP_WHOLE, "double_blocks.%d.%s_attn.qkv", block, s->name);
	snprintf(name, sizeof(name), "double_blocks.%d.%s_attn.norm", block, s->name);
	s->heads = split(c, config, qkv, name);
	compute_drop(c, qkv);
}

static void stream_after(struct compute *c, const struct flux_config *config, struct stream_state *s, struct tensor *attended,
			 int block)
{
	struct tensor *y = compute_linear(c, attended, "double_blocks.%d.%s_attn.proj", block, s->name);
	char name[64];

	compute_drop(c, attended);
	compute_tell(c, y, TAP_WHOLE, "double_blocks.%d.%s_attn.proj", block, s->name);
	s->x = gated(c, s->x, s->modulation, 2, config->hidden, y);
	snprintf(name, sizeof(name), "double_blocks.%d.%s_norm2", block, s->name);
	y = modulated_norm(c, s->x, s->modulation, 3, config->hidden, name);
	y = compute_replace(c, y, compute_linear(c, y, "double_blocks.%d.%s_mlp.0", block, s->name));
	y = compute_replace(c, y, compute_unary(c, UNARY_GELU_TANH, y));
	y = compute_replace(c, y, compute_linear(c, y, "double_blocks.%d.%s_mlp.2", block, s->name));
	compute_tell(c, y, TAP_WHOLE, "double_blocks.%d.%s_mlp", block, s->name);
	s->x = gated(c, s->x, s->modulation, 5, config->hidden, y);
	compute_drop(c, s->modulation);
}

/* In half precision large values are cut to what it can hold, where upstream does so. */
static struct tensor *cut_to_half(struct compute *c, struct tensor *x)
{
	return c->dtype == DTYPE_F16 ? compute_replace(c, x, compute_unary(c, UNARY_FINITE_HALF, x)) : x;
}

static void double_block(struct compute *c, const struct flux_config *config, struct tensor **img, struct tensor **txt,
			 const struct tensor *vector, const struct tensor *angles, int block)
{
	int64_t d = config->hidden / config->heads;
	struct stream_state image = { .name = "img", .x = *img };
	struct stream_state text = { .name = "txt", .x = *txt };
	struct tensor *attended;
	int64_t text_tokens;

	if (c->failed)
		return;
	text_tokens = text.x->shape[1];
	stream_before(c, config, &image, vector, block);
	stream_before(c, config, &text, vector, block);
	attended = attention(c,
			     (struct heads) { .q = joined(c, text.heads.q, image.heads.q, 2),
					      .k = joined(c, text.heads.k, image.heads.k, 2),
					      .v = joined(c, text.heads.v, image.heads.v, 2) },
			     angles, d);
	if (c->failed)
		return;
	stream_after(c, config, &image, compute_slice(c, attended, 1, text_tokens, attended->shape[1] - text_tokens), block);
	stream_after(c, config, &text, compute_slice(c, attended, 1, 0, text_tokens), block);
	compute_drop(c, attended);
	*img = image.x;
	*txt = cut_to_half(c, text.x);
	compute_tell(c, *img, 0, "double_blocks.%d", block);
	compute_tell(c, *txt, 1, "double_blocks.%d", block);
}

static struct tensor *single_block(struct compute *c, const struct flux_config *config, struct tensor *x,
				   const struct tensor *vector, const struct tensor *angles, int block)
{
	struct tensor *modulation = compute_linear(c, vector, "single_blocks.%d.modulation.lin", block);
	struct tensor *both;
	struct tensor *mlp;
	char name[64];

	snprintf(name, sizeof(name), "single_blocks.%d.pre_norm", block);
	both = modulated_norm(c, x, modulation, 0, config->hidden, name);
	both = compute_replace(c, both, compute_linear(c, both, "single_blocks.%d.linear1", block));
	compute_tell(c, both, TAP_WHOLE, "single_blocks.%d.linear1", block);
	mlp = c->failed ? NULL : compute_slice(c, both, 2, 3 * config->hidden, config->mlp_ratio * config->hidden);
	mlp = compute_replace(c, mlp, compute_unary(c, UNARY_GELU_TANH, mlp));
	snprintf(name, sizeof(name), "single_blocks.%d.norm", block);
	both = compute_replace(c, both, attention(c, split(c, config, both, name), angles, config->hidden / config->heads));
	both = joined(c, both, mlp, 2);
	both = compute_replace(c, both, compute_linear(c, both, "single_blocks.%d.linear2", block));
	x = cut_to_half(c, gated(c, x, modulation, 2, config->hidden, both));
	compute_drop(c, modulation);
	compute_tell(c, x, TAP_WHOLE, "single_blocks.%d", block);
	return x;
}

static struct tensor *final_layer(struct compute *c, const struct flux_config *config, struct tensor *x,
				  const struct tensor *vector)
{
	struct tensor *modulation = compute_linear(c, vector, "final_layer.adaLN_modulation.1");

	x = compute_replace(c, x, modulated_norm(c, x, modulation, 0, config->hidden, "final_layer.norm_final"));
	compute_drop(c, modulation);
	x = compute_replace(c, x, compute_linear(c, x, "final_layer.linear"));
	compute_tell(c, x, TAP_WHOLE, "final_layer");
	return x;
}

/* ---- the whole ---- */

static struct tensor *image_tokens(struct compute *c, const struct flux_config *config, const float *values, int64_t batch,
				   int64_t height, int64_t width)
{
	struct tensor *x = compute_upload(c, values, 4, (int64_t[]) { batch, config->in_channels, height, width });

	return patches_of(c, pad_to_even(c, x));
}

struct tensor *flux_forward(struct compute *c, const struct denoise_request *request)
{
	const struct flux_config *config = c->model->config;
	struct tensor *img = image_tokens(c, config, request->x, request->batch, request->height, request->width);
	struct tensor *txt;
	struct tensor *vector;
	struct tensor *angles;
	int64_t image_count = img ? img->shape[1] : 0;

	for (size_t i = 0; i < request->reference_count && !c->failed; i++) {
		const struct reference_latent *reference = &request->references[i];
		struct tensor *more =
			image_tokens(c, config, reference->values, request->batch, reference->height, reference->width);

		img = compute_replace(c, img, compute_concatenate(c, img, more, 1));
		compute_drop(c, more);
	}
	img = compute_replace(c, img, compute_linear(c, img, "img_in"));
	compute_tell(c, img, TAP_WHOLE, "img_in");
	vector = modulating_vector(c, config, request);
	txt = compute_upload(c, request->context, 3, (int64_t[]) { request->batch, request->tokens, config->context_channels });
	txt = compute_replace(c, txt, compute_linear(c, txt, "txt_in"));
	compute_tell(c, txt, TAP_WHOLE, "txt_in");
	angles = c->failed ? NULL : angles_of(c, config, request, request->tokens + img->shape[1]);
	for (int i = 0; i < config->depth && !c->failed; i++)
		double_block(c, config, &img, &txt, vector, angles, i);
	img = cut_to_half(c, img);
	img = joined(c, txt, img, 1);
	for (int i = 0; i < config->single_depth && !c->failed; i++)
		img = single_block(c, config, img, vector, angles, i);
	if (!c->failed)
		img = compute_replace(c, img, compute_slice(c, img, 1, request->tokens, image_count));
	img = final_layer(c, config, img, vector);
	compute_drop(c, vector);
	compute_drop(c, angles);
	return image_of(c, img, config->in_channels, request->height, request->width);
}

static struct forward_shapes shapes_of(const void *from)
{
	const struct flux_config *config = from;

	return (struct forward_shapes) { .latent = config->in_channels,
					 .context = config->context_channels,
					 .pooled = config->pooled_channels };
}

const struct forward forward_flux_step = {
	.family = &family_flux,
	.kind = FORWARD_STEP,
	.shapes = shapes_of,
	.latent_scale = 0.3611, /* upstream's latent_formats.Flux */
	.latent_shift = 0.1159,
	.sampling = SAMPLING_SHIFT_EXPONENTIAL,
	.sampling_shift = 1.15,
	.sampling_multiplier = 1,
	.guidance = 3.5,
	.context_tokens = 256,
	.step = flux_forward,
};
