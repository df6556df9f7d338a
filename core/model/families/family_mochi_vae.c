/* Mochi's autoencoder: an encoder with attention from the second width on, and a decoder of twice its widths without. */
#include "core/model/families/family.h"
#include "core/model/families/family_mochi_vae.h"

static const struct config_field fields[] = {
	CONFIG_COUNT(struct mochi_vae_config, channels, "base_channels", 1, 1 << 16),
	CONFIG_COUNT(struct mochi_vae_config, latent_channels, "latent_dim", 1, 4096),
	CONFIG_COUNT_OR(struct mochi_vae_config, image_channels, "in_channels", 1, 256, 15), /* 3, and 12 Fourier features */
	CONFIG_END,
};

/* By level, finest first: widths in units of the base, residual blocks, and how much time shrinks on the way there. */
#define LEVELS 4
#define OUTPUT_CHANNELS 3
static const int widths[LEVELS] = { 1, 2, 4, 6 };
static const int encoder_blocks[LEVELS] = { 3, 3, 4, 6 };
static const int decoder_blocks[LEVELS] = { 3, 3, 4, 6 };
static const int time_steps[LEVELS] = { 1, 1, 2, 3 };
#define MIDDLE_BLOCKS 3

static void residual(struct architecture *a, int64_t channels, bool attention)
{
	architecture_norm(a, MODULE_SPATIAL_GROUP_NORM, channels, "stack.0");
	architecture_convolution3(a, MODULE_PADDED_CONV3D, channels, channels, 3, "stack.2");
	architecture_norm(a, MODULE_SPATIAL_GROUP_NORM, channels, "stack.3");
	architecture_convolution3(a, MODULE_PADDED_CONV3D, channels, channels, 3, "stack.5");
	if (!attention)
		return;
	architecture_norm(a, MODULE_SPATIAL_GROUP_NORM, channels, "attn_block.norm");
	architecture_weighted(a, MODULE_PLAIN_LINEAR, false, SHAPE(3 * channels, channels), "attn_block.attn.qkv");
	architecture_weighted(a, MODULE_PLAIN_LINEAR, true, SHAPE(channels, channels), "attn_block.attn.out");
}

/* `count` of them, named BEGINNING.first ... */
static void residuals(struct architecture *a, int64_t channels, bool attention, const char *beginning, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		size_t outside = architecture_enter(a, "%s%d.", beginning, i);

		residual(a, channels, attention);
		architecture_leave(a, outside);
	}
}

static void encoder(struct architecture *a, const struct mochi_vae_config *config)
{
	int64_t channels = config->channels;
	int layer = 1 + encoder_blocks[0];
	size_t side = architecture_enter(a, "encoder.");

	architecture_weighted(a, MODULE_CONV1X1, true, SHAPE(channels, config->image_channels), "layers.0");
	residuals(a, channels, false, "layers.", 1, encoder_blocks[0]);
	for (int level = 1; level < LEVELS; level++, layer++) {
		int64_t out = config->channels * widths[level];
		size_t outside = architecture_enter(a, "layers.%d.", layer);

		architecture_weighted(a, MODULE_PADDED_CONV3D, true, SHAPE(out, channels, time_steps[level], 2, 2), "layers.0");
		residuals(a, out, true, "layers.", 1, encoder_blocks[level]);
		architecture_leave(a, outside);
		channels = out;
	}
	residuals(a, channels, true, "layers.", layer, MIDDLE_BLOCKS);
	architecture_norm(a, MODULE_SPATIAL_GROUP_NORM, channels, "output_norm");
	architecture_weighted(a, MODULE_CONV1X1, false, SHAPE(2 * config->latent_channels, channels), "output_proj");
	architecture_leave(a, side);
}

static void decoder(struct architecture *a, const struct mochi_vae_config *config)
{
	int64_t base = 2 * config->channels;
	int64_t deepest = base * widths[LEVELS - 1];
	int64_t finest = base * widths[0];
	size_t side = architecture_enter(a, "decoder.");

	architecture_convolution3(a, MODULE_CONV3D, deepest, config->latent_channels, 1, "blocks.0.0");
	residuals(a, deepest, false, "blocks.0.", 1, MIDDLE_BLOCKS);
	for (int level = LEVELS - 1; level > 0; level--) {
		int64_t channels = base * widths[level];
		int64_t out = base * widths[level - 1] * time_steps[level] * 4; /* unfolded into time, rows and columns */
		size_t outside = architecture_enter(a, "blocks.%d.", LEVELS - level);

		residuals(a, channels, false, "blocks.", 0, decoder_blocks[level]);
		architecture_weighted(a, MODULE_CONV1X1, true, SHAPE(out, channels), "proj");
		architecture_leave(a, outside);
	}
	residuals(a, finest, false, "blocks.4.", 0, decoder_blocks[0]);
	architecture_weighted(a, MODULE_CONV1X1, true, SHAPE(OUTPUT_CHANNELS, finest), "output_proj");
	architecture_leave(a, side);
}

static void describe(const void *config, struct architecture *a)
{
	encoder(a, config);
	decoder(a, config);
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct mochi_vae_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "decoder.blocks.0.0.weight") ||
	    !tensor_view_find(view, "decoder.blocks.0.1.stack.0.weight"))
		return false;
	config->channels = tensor_view_dimension(view, 0, "encoder.layers.0.weight");
	config->image_channels = tensor_view_dimension(view, 1, "encoder.layers.0.weight");
	config->latent_channels = tensor_view_dimension(view, 1, "decoder.blocks.0.0.weight");
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "comfy.ldm.genmo.vae.model.VideoVAE";
}

static const struct family_variant variants[] = {
	{ .name = "mochi_vae", .config = "{\"base_channels\":64,\"latent_dim\":12}", .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_mochi_vae = {
	.name = "mochi_vae",
	.summary = "Mochi autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "Mochi",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct mochi_vae_config),
	.fields = fields,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"base_channels\":8,\"latent_dim\":12}",
};
