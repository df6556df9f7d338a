#include "core/compute/forwards/autoencoder.h"

#include <math.h>
#include <stdio.h>

#include "core/compute/forwards/forward.h"

#define GROUPS 32u
#define NORM_EPS 1e-6

static const struct convolution same = { .stride = 1, .top = 1, .left = 1, .bottom = 1, .right = 1 };
static const struct convolution point = { .stride = 1 };
static const struct convolution halve = { .stride = 2, .bottom = 1, .right = 1 };

static struct tensor *norm_and_silu(struct compute *c, const struct tensor *x, const char *name, const char *norm)
{
	struct tensor *y = compute_group_norm(c, x, GROUPS, NORM_EPS, "%s.%s", name, norm);

	return compute_replace(c, y, compute_unary(c, UNARY_SILU, y));
}

static struct tensor *add_to(struct compute *c, struct tensor *x, struct tensor *y)
{
	x = compute_replace(c, x, compute_add(c, x, y));
	compute_drop(c, y);
	return x;
}

static struct tensor *residual(struct compute *c, struct tensor *x, const char *name)
{
	struct tensor *y = norm_and_silu(c, x, name, "norm1");

	y = compute_replace(c, y, compute_convolve(c, y, &same, "%s.conv1", name));
	y = compute_replace(c, y, norm_and_silu(c, y, name, "norm2"));
	y = compute_replace(c, y, compute_convolve(c, y, &same, "%s.conv2", name));
	if (!c->failed && x->shape[1] != y->shape[1])
		x = compute_replace(c, x, compute_convolve(c, x, &point, "%s.nin_shortcut", name));
	x = add_to(c, x, y);
	compute_tell(c, x, TAP_WHOLE, "%s", name);
	return x;
}

/* [b, c, h, w] as [b, 1 head, h * w, c]. */
static struct tensor *as_tokens(struct compute *c, struct tensor *x)
{
	int64_t places;
	struct view view;

	if (c->failed)
		return NULL;
	places = x->shape[2] * x->shape[3];
	view = (struct view) { .rank = 4,
			       .shape = { x->shape[0], 1, places, x->shape[1] },
			       .stride = { x->shape[1] * places, 0, 1, places } };
	return compute_replace(c, x, compute_gather(c, x, &view));
}

/* One head of all channels over all places. */
static struct tensor *attention(struct compute *c, struct tensor *x, const char *side)
{
	struct tensor *norm = compute_group_norm(c, x, GROUPS, NORM_EPS, "%s.mid.attn_1.norm", side);
	struct tensor *q = as_tokens(c, compute_convolve(c, norm, &point, "%s.mid.attn_1.q", side));
	struct tensor *k = as_tokens(c, compute_convolve(c, norm, &point, "%s.mid.attn_1.k", side));
	struct tensor *v = as_tokens(c, compute_convolve(c, norm, &point, "%s.mid.attn_1.v", side));
	struct tensor *y;
	struct view view;

	compute_drop(c, norm);
	if (c->failed)
		return x;
	y = compute_attend(c, q, k, v, NULL, 1 / sqrt((double)x->shape[1]));
	compute_drop(c, q);
	compute_drop(c, k);
	compute_drop(c, v);
	view = (struct view) { .rank = 4,
			       .shape = { x->shape[0], x->shape[1], x->shape[2], x->shape[3] },
			       .stride = { x->shape[1] * x->shape[2] * x->shape[3], 1, x->shape[3] * x->shape[1],
					   x->shape[1] } };
	y = compute_replace(c, y, compute_gather(c, y, &view));
	y = compute_replace(c, y, compute_convolve(c, y, &point, "%s.mid.attn_1.proj_out", side));
	x = add_to(c, x, y);
	compute_tell(c, x, TAP_WHOLE, "%s.mid.attn_1", side);
	return x;
}

static struct tensor *middle(struct compute *c, struct tensor *x, const char *side)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.mid.block_1", side);
	x = attention(c, residual(c, x, name), side);
	snprintf(name, sizeof(name), "%s.mid.block_2", side);
	return residual(c, x, name);
}

/* Each pixel four times, then a convolution. */
static struct tensor *double_size(struct compute *c, struct tensor *x, int level)
{
	struct view view;
	struct tensor *y;

	if (c->failed)
		return NULL;
	view = (struct view) { .rank = 6,
			       .shape = { x->shape[0], x->shape[1], x->shape[2], 2, x->shape[3], 2 },
			       .stride = { x->shape[1] * x->shape[2] * x->shape[3], x->shape[2] * x->shape[3], x->shape[3], 0,
					   1, 0 } };
	y = compute_gather(c, x, &view);
	if (!y)
		return NULL;
	y->rank = 4;
	y->shape[2] = 2 * x->shape[2];
	y->shape[3] = 2 * x->shape[3];
	compute_drop(c, x);
	y = compute_replace(c, y, compute_convolve(c, y, &same, "decoder.up.%d.upsample.conv", level));
	compute_tell(c, y, TAP_WHOLE, "decoder.up.%d.upsample", level);
	return y;
}

static struct tensor *last(struct compute *c, struct tensor *x, const char *side)
{
	x = compute_replace(c, x, compute_group_norm(c, x, GROUPS, NORM_EPS, "%s.norm_out", side));
	compute_tell(c, x, TAP_WHOLE, "%s.norm_out", side);
	x = compute_replace(c, x, compute_unary(c, UNARY_SILU, x));
	return compute_replace(c, x, compute_convolve(c, x, &same, "%s.conv_out", side));
}

struct tensor *autoencoder_decode(struct compute *c, struct tensor *z)
{
	const struct autoencoder_config *config = c->model->config;
	struct tensor *x = compute_replace(c, z, compute_convolve(c, z, &same, "decoder.conv_in"));

	compute_tell(c, x, TAP_WHOLE, "decoder.conv_in");
	x = middle(c, x, "decoder");
	for (int level = (int)config->multipliers.count - 1; level >= 0; level--) {
		for (int i = 0; i <= config->blocks; i++) {
			char name[64];

			snprintf(name, sizeof(name), "decoder.up.%d.block.%d", level, i);
			x = residual(c, x, name);
		}
		if (level > 0)
			x = double_size(c, x, level);
	}
	return last(c, x, "decoder");
}

struct tensor *autoencoder_encode(struct compute *c, struct tensor *x)
{
	const struct autoencoder_config *config = c->model->config;
	x = compute_replace(c, x, compute_convolve(c, x, &same, "encoder.conv_in"));
	compute_tell(c, x, TAP_WHOLE, "encoder.conv_in");
	for (int level = 0; level < (int)config->multipliers.count; level++) {
		for (int i = 0; i < config->blocks; i++) {
			char name[64];

			snprintf(name, sizeof(name), "encoder.down.%d.block.%d", level, i);
			x = residual(c, x, name);
		}
		if (level + 1 < (int)config->multipliers.count) {
			x = compute_replace(c, x, compute_convolve(c, x, &halve, "encoder.down.%d.downsample.conv", level));
			compute_tell(c, x, TAP_WHOLE, "encoder.down.%d.downsample", level);
		}
	}
	return last(c, middle(c, x, "encoder"), "encoder");
}

static struct forward_shapes shapes_of(const void *config)
{
	return (struct forward_shapes) { .latent = ((const struct autoencoder_config *)config)->latent_channels };
}

const struct forward forward_flux_ae_decode = {
	.family = &family_flux_ae,
	.kind = FORWARD_DECODE,
	.shapes = shapes_of,
	.decode = autoencoder_decode,
};
