/* flux.c - FLUX.1: double blocks over text and image tokens side by side, then single blocks over both as one sequence.
 *
 *	vector = SiLU(time + guidance + pooled text)		modulates every block: shift, scale and gate are linear in it
 *	double	 each stream: x += gate * proj(attention of both streams); x += gate * mlp(norm(x))
 *	single	 x += gate * linear2(attention, mlp) of one linear1(norm(x))
 *	final	 linear(norm(x)), and tokens become pixels again
 *
 * Text stands before image wherever both are one sequence. Norms are modulated: LN(x) * (1 + scale) + shift.
 */
#include "core/compute/forwards/flux.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/compute/forwards/flux_tokens.h"
#include "core/tensor/dtype/rounding.h"
#include "core/model/families/family_flux.h"

#define NORM_EPS 1e-6
#define NAME_BYTES 64

/* ---- the vector that modulates ---- */

static struct tensor *embedder(struct compute *c, struct tensor *x, const char *name)
{
	x = compute_linear(c, x, "%s.in_layer", name);
	x = compute_unary(c, UNARY_SILU, x);
	x = compute_linear(c, x, "%s.out_layer", name);
	compute_tell(c, x, TAP_WHOLE, "%s", name);
	return x;
}

/* sin_emb(1000 v): the factor is applied in the type that v has, which for guidance is the pass's own: in bf16 3.5 becomes
 * 3504. */
static struct tensor *scalar_embedding(struct compute *c, const float *values, int64_t batch, enum dtype dtype,
				       const char *name)
{
	float *scaled = compute_array(c, (size_t)batch, sizeof(*scaled));
	struct tensor *x = NULL;

	for (int64_t i = 0; scaled && i < batch; i++)
		scaled[i] = round_value(dtype, round_value(dtype, values[i]) * 1000.0F);
	if (scaled)
		x = compute_sinusoids(c, scaled, (size_t)batch, 256);
	free(scaled);
	return embedder(c, x, name);
}

/* SiLU of the sum of the embeddings of time, guidance and pooled text, which is what every modulation starts with. */
static struct tensor *modulating_vector(struct compute *c, const struct denoise_request *request)
{
	const struct flux_config *config = c->model->config;
	struct tensor *vector = scalar_embedding(c, request->timesteps, request->batch, DTYPE_F32, "time_in");
	struct tensor *pooled;

	if (config->guidance && request->guidance)
		vector =
			compute_add(c, vector, scalar_embedding(c, request->guidance, request->batch, c->dtype, "guidance_in"));
	pooled = compute_upload(c, request->pooled, 2, (int64_t[]) { request->batch, config->pooled_channels });
	vector = compute_add(c, vector, embedder(c, pooled, "vector_in"));
	return compute_unary(c, UNARY_SILU, vector);
}

/* ---- modulation ---- */

/* Piece i of a modulation, [batch, hidden]. */
static struct tensor *piece(struct compute *c, struct tensor *modulation, int64_t i, int64_t hidden)
{
	return compute_slice(c, modulation, 1, i * hidden, hidden);
}

/* LN(x) * (1 + scale) + shift, with shift and scale at pieces `first` and `first + 1`. */
static struct tensor *modulated_norm(struct compute *c, struct tensor *x, struct tensor *modulation, int64_t first,
				     const char *block, const char *norm_name)
{
	int64_t hidden = tensor_size(x, 2);
	struct tensor *shift, *scale;

	compute_tell(c, x, TAP_INPUT, "%s%s", block, norm_name);
	x = compute_layer_norm(c, x, NORM_EPS, NULL);
	compute_tell(c, x, TAP_WHOLE, "%s%s", block, norm_name);
	shift = piece(c, compute_keep(modulation), first, hidden);
	scale = piece(c, modulation, first + 1, hidden);
	return compute_modulate(c, x, scale, shift);
}

/* x + gate * y, with the gate at piece `which`. */
static struct tensor *gated(struct compute *c, struct tensor *x, struct tensor *modulation, int64_t which, struct tensor *y)
{
	return compute_gate(c, x, piece(c, modulation, which, tensor_size(x, 2)), y);
}

/* In half precision large values are cut to what it can hold, where upstream does so. */
static struct tensor *cut_to_half(struct compute *c, struct tensor *x)
{
	return c->dtype == DTYPE_F16 ? compute_unary(c, UNARY_FINITE_HALF, x) : x;
}

/* ---- attention ---- */

struct heads {
	struct tensor *q, *k, *v; /* [b, heads, tokens, d] */
};

/* RMSNorm of queries or keys; part counts them in what the tap is told of the pair. */
static struct tensor *head_norm(struct compute *c, struct tensor *x, const char *block, const char *norm, const char *which,
				int part)
{
	compute_tell(c, x, TAP_INPUT, "%s%s.%s_norm", block, norm, which);
	x = compute_rms_norm(c, x, NORM_EPS, "%s%s.%s_norm.scale", block, norm, which);
	compute_tell(c, x, TAP_WHOLE, "%s%s.%s_norm", block, norm, which);
	compute_tell(c, x, part, "%s%s", block, norm);
	return x;
}

static struct heads split(struct compute *c, struct tensor *qkv, const char *block, const char *norm)
{
	const struct flux_config *config = c->model->config;
	int64_t d = config->hidden / config->heads;
	struct heads h;

	h.q = compute_split_heads(c, compute_keep(qkv), 0, config->heads, d);
	h.k = compute_split_heads(c, compute_keep(qkv), config->hidden, config->heads, d);
	h.v = compute_split_heads(c, qkv, 2 * config->hidden, config->heads, d);
	h.q = head_norm(c, h.q, block, norm, "query", 0);
	h.k = head_norm(c, h.k, block, norm, "key", 1);
	return h;
}

/* [b, tokens, hidden]. */
static struct tensor *attention(struct compute *c, struct heads h, struct tensor *angles)
{
	double d = (double)tensor_size(angles, 1) * 2;

	h.q = compute_rotate(c, h.q, compute_keep(angles));
	h.k = compute_rotate(c, h.k, angles);
	return compute_merge_heads(c, compute_attend(c, h.q, h.k, h.v, NULL, 1 / sqrt(d)));
}

/* ---- blocks ---- */

/* One of the two streams through a double block. */
struct token_stream {
	struct tensor *x;
	struct tensor *modulation;
	char name[NAME_BYTES]; /* "double_blocks.3.img" */
};

static struct heads stream_before(struct compute *c, struct token_stream *s, struct tensor *vector)
{
	struct tensor *y;

	s->modulation = compute_linear(c, vector, "%s_mod.lin", s->name);
	compute_tell(c, s->modulation, TAP_WHOLE, "%s_mod.lin", s->name);
	y = modulated_norm(c, compute_keep(s->x), compute_keep(s->modulation), 0, s->name, "_norm1");
	y = compute_linear(c, y, "%s_attn.qkv", s->name);
	compute_tell(c, y, TAP_WHOLE, "%s_attn.qkv", s->name);
	return split(c, y, s->name, "_attn.norm");
}

static void stream_after(struct compute *c, struct token_stream *s, struct tensor *attended)
{
	struct tensor *y = compute_linear(c, attended, "%s_attn.proj", s->name);

	compute_tell(c, y, TAP_WHOLE, "%s_attn.proj", s->name);
	s->x = gated(c, s->x, compute_keep(s->modulation), 2, y);
	y = modulated_norm(c, compute_keep(s->x), compute_keep(s->modulation), 3, s->name, "_norm2");
	y = compute_linear(c, y, "%s_mlp.0", s->name);
	y = compute_unary(c, UNARY_GELU_TANH, y);
	y = compute_linear(c, y, "%s_mlp.2", s->name);
	compute_tell(c, y, TAP_WHOLE, "%s_mlp", s->name);
	s->x = gated(c, s->x, s->modulation, 5, y);
}

static void double_block(struct compute *c, struct token_stream *img, struct token_stream *txt, struct tensor *vector,
			 struct tensor *angles, int block)
{
	int64_t text_tokens = tensor_size(txt->x, 1);
	struct heads image, text;
	struct tensor *attended;

	snprintf(img->name, sizeof(img->name), "double_blocks.%d.img", block);
	snprintf(txt->name, sizeof(txt->name), "double_blocks.%d.txt", block);
	image = stream_before(c, img, compute_keep(vector));
	text = stream_before(c, txt, vector);
	text.q = compute_concatenate(c, text.q, image.q, 2);
	text.k = compute_concatenate(c, text.k, image.k, 2);
	text.v = compute_concatenate(c, text.v, image.v, 2);
	attended = attention(c, text, angles);
	stream_after(c, img, compute_slice(c, compute_keep(attended), 1, text_tokens, tensor_size(img->x, 1)));
	stream_after(c, txt, compute_slice(c, attended, 1, 0, text_tokens));
	txt->x = cut_to_half(c, txt->x);
	compute_tell(c, img->x, 0, "double_blocks.%d", block);
	compute_tell(c, txt->x, 1, "double_blocks.%d", block);
}

static struct tensor *single_block(struct compute *c, struct tensor *x, struct tensor *vector, struct tensor *angles, int block)
{
	const struct flux_config *config = c->model->config;
	struct tensor *modulation, *both, *mlp;
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "single_blocks.%d", block);
	modulation = compute_linear(c, vector, "%s.modulation.lin", name);
	both = modulated_norm(c, compute_keep(x), compute_keep(modulation), 0, name, ".pre_norm");
	both = compute_linear(c, both, "%s.linear1", name);
	compute_tell(c, both, TAP_WHOLE, "%s.linear1", name);
	mlp = compute_slice(c, compute_keep(both), 2, 3 * config->hidden, config->mlp_ratio * config->hidden);
	mlp = compute_unary(c, UNARY_GELU_TANH, mlp);
	both = attention(c, split(c, both, name, ".norm"), angles);
	both = compute_linear(c, compute_concatenate(c, both, mlp, 2), "%s.linear2", name);
	x = cut_to_half(c, gated(c, x, modulation, 2, both));
	compute_tell(c, x, TAP_WHOLE, "%s", name);
	return x;
}

static struct tensor *final_layer(struct compute *c, struct tensor *x, struct tensor *vector)
{
	struct tensor *modulation = compute_linear(c, vector, "final_layer.adaLN_modulation.1");

	x = modulated_norm(c, x, modulation, 0, "final_layer", ".norm_final");
	x = compute_linear(c, x, "final_layer.linear");
	compute_tell(c, x, TAP_WHOLE, "final_layer");
	return x;
}

/* ---- the whole ---- */

struct tensor *flux_forward(struct compute *c, const struct denoise_request *request)
{
	const struct flux_config *config = c->model->config;
	struct token_stream img = { .x = flux_tokens(c, request->x, request->batch, request->height, request->width) };
	struct token_stream txt = { .x = NULL };
	int64_t image_count = tensor_size(img.x, 1);
	struct tensor *vector, *angles, *x;

	for (size_t i = 0; i < request->reference_count; i++) {
		const struct reference_latent *reference = &request->references[i];

		x = flux_tokens(c, reference->values, request->batch, reference->height, reference->width);
		img.x = compute_concatenate(c, img.x, x, 1);
	}
	img.x = compute_linear(c, img.x, "img_in");
	compute_tell(c, img.x, TAP_WHOLE, "img_in");
	vector = modulating_vector(c, request);
	x = compute_upload(c, request->context, 3, (int64_t[]) { request->batch, request->tokens, config->context_channels });
	txt.x = compute_linear(c, x, "txt_in");
	compute_tell(c, txt.x, TAP_WHOLE, "txt_in");
	angles = flux_angles(c, request, request->tokens + tensor_size(img.x, 1));
	for (int i = 0; i < config->depth; i++)
		double_block(c, &img, &txt, compute_keep(vector), compute_keep(angles), i);
	x = compute_concatenate(c, txt.x, cut_to_half(c, img.x), 1);
	for (int i = 0; i < config->single_depth; i++)
		x = single_block(c, x, compute_keep(vector), compute_keep(angles), i);
	compute_drop(c, angles);
	x = compute_slice(c, x, 1, request->tokens, image_count);
	x = final_layer(c, x, vector);
	return flux_image(c, x, config->in_channels, request->height, request->width);
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
