/* autoencoder.c - FLUX's autoencoder: residual blocks by level, with one attention block in the middle.
 *
 * Decoding: conv_in, middle, then each level from the deepest (residual blocks, and all but the last double the size), norm_out,
 * conv_out. Encoding is the same from the other end. Modules are called by upstream's names, so that a tap can be compared.
 */
#include "core/compute/forwards/autoencoder.h"

#include <math.h>
#include <stdio.h>

#include "core/compute/forwards/forward.h"
#include "core/model/families/family_autoencoder.h"

#define GROUPS 32u
#define NORM_EPS 1e-6

static const struct convolution same = { .stride = 1, .top = 1, .left = 1, .bottom = 1, .right = 1 };
static const struct convolution point = { .stride = 1 };
static const struct convolution halve = { .stride = 2, .bottom = 1, .right = 1 };

static struct tensor *norm_and_silu(struct compute *c, struct tensor *x, const char *name, const char *norm)
{
	return compute_unary(c, UNARY_SILU, compute_group_norm(c, x, GROUPS, NORM_EPS, "%s.%s", name, norm));
}

static struct tensor *residual(struct compute *c, struct tensor *x, const char *name)
{
	struct tensor *y = norm_and_silu(c, compute_keep(x), name, "norm1");

	y = compute_convolve(c, y, &same, "%s.conv1", name);
	y = norm_and_silu(c, y, name, "norm2");
	y = compute_convolve(c, y, &same, "%s.conv2", name);
	if (tensor_size(x, 1) != tensor_size(y, 1))
		x = compute_convolve(c, x, &point, "%s.nin_shortcut", name);
	x = compute_add(c, x, y);
	compute_tell(c, x, TAP_WHOLE, "%s", name);
	return x;
}

/* [b, c, h, w] as [b, 1 head, h * w, c]. */
static struct tensor *as_tokens(struct compute *c, struct tensor *x)
{
	int64_t channels = tensor_size(x, 1);
	int64_t places = tensor_size(x, 2) * tensor_size(x, 3);
	struct view view = { .rank = 4,
			     .shape = { tensor_size(x, 0), 1, places, channels },
			     .stride = { channels * places, 0, 1, places } };

	return compute_gather(c, x, &view);
}

/* One head of all channels over all places. */
static struct tensor *attention(struct compute *c, struct tensor *x, const char *side)
{
	int64_t batch = tensor_size(x, 0);
	int64_t channels = tensor_size(x, 1);
	int64_t height = tensor_size(x, 2);
	int64_t width = tensor_size(x, 3);
	struct view planes = { .rank = 4,
			       .shape = { batch, channels, height, width },
			       .stride = { channels * height * width, 1, width * channels, channels } };
	struct tensor *norm = compute_group_norm(c, compute_keep(x), GROUPS, NORM_EPS, "%s.mid.attn_1.norm", side);
	struct tensor *q = as_tokens(c, compute_convolve(c, compute_keep(norm), &point, "%s.mid.attn_1.q", side));
	struct tensor *k = as_tokens(c, compute_convolve(c, compute_keep(norm), &point, "%s.mid.attn_1.k", side));
	struct tensor *v = as_tokens(c, compute_convolve(c, norm, &point, "%s.mid.attn_1.v", side));
	struct tensor *y = compute_attend(c, q, k, v, NULL, 1 / sqrt((double)channels));

	y = compute_gather(c, y, &planes);
	y = compute_convolve(c, y, &point, "%s.mid.attn_1.proj_out", side);
	x = compute_add(c, x, y);
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
	int64_t batch = tensor_size(x, 0);
	int64_t channels = tensor_size(x, 1);
	int64_t height = tensor_size(x, 2);
	int64_t width = tensor_size(x, 3);
	struct view view = { .rank = 6,
			     .shape = { batch, channels, height, 2, width, 2 },
			     .stride = { channels * height * width, height * width, width, 0, 1, 0 } };

	x = compute_gather(c, x, &view);
	x = compute_reshape(c, x, 4, (int64_t[]) { batch, channels, 2 * height, 2 * width });
	x = compute_convolve(c, x, &same, "decoder.up.%d.upsample.conv", level);
	compute_tell(c, x, TAP_WHOLE, "decoder.up.%d.upsample", level);
	return x;
}

static struct tensor *last(struct compute *c, struct tensor *x, const char *side)
{
	x = compute_group_norm(c, x, GROUPS, NORM_EPS, "%s.norm_out", side);
	compute_tell(c, x, TAP_WHOLE, "%s.norm_out", side);
	x = compute_unary(c, UNARY_SILU, x);
	return compute_convolve(c, x, &same, "%s.conv_out", side);
}

struct tensor *autoencoder_decode(struct compute *c, struct tensor *z)
{
	const struct autoencoder_config *config = c->model->config;
	struct tensor *x = compute_convolve(c, z, &same, "decoder.conv_in");

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
	x = compute_convolve(c, x, &same, "encoder.conv_in");
	compute_tell(c, x, TAP_WHOLE, "encoder.conv_in");
	for (int level = 0; level < (int)config->multipliers.count; level++) {
		for (int i = 0; i < config->blocks; i++) {
			char name[64];

			snprintf(name, sizeof(name), "encoder.down.%d.block.%d", level, i);
			x = residual(c, x, name);
		}
		if (level + 1 < (int)config->multipliers.count) {
			x = compute_convolve(c, x, &halve, "encoder.down.%d.downsample.conv", level);
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
