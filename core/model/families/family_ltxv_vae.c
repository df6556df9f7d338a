/* LTX-Video's autoencoders: 0.9, and 0.9.5, whose decoder is told how noisy the latent is. Each side is a list of blocks;
 * the decoder of 0.9 is the encoder's read backwards. */
#include "core/model/families/family.h"
#include "core/model/families/family_ltxv_vae.h"

static const struct config_field fields[] = {
	CONFIG_COUNT(struct ltxv_vae_config, channels, "base_channels", 1, 1 << 16),
	CONFIG_COUNT(struct ltxv_vae_config, latent_channels, "latent_channels", 1, 4096),
	CONFIG_COUNT_OR(struct ltxv_vae_config, image_channels, "patch_channels", 1, 1 << 16, 48), /* 3 of 4x4 pixels */
	CONFIG_END,
};

enum ltxv_block_kind {
	END,
	RESIDUALS, /* `number` of them */
	WIDEN, /* one residual that changes the width by `number` */
	COMPRESS, /* a convolution of the same width; the decoder's makes 8 times as many, for space and time */
	FOLD /* a convolution to width * 2 / number, whose output is folded into twice the width */
};

struct ltxv_block {
	enum ltxv_block_kind kind;
	int number;
};

static const struct ltxv_block encoder_09[] = {
	{ .kind = RESIDUALS, .number = 4 },
	{ .kind = COMPRESS, .number = 1 },
	{ .kind = WIDEN, .number = 2 },
	{ .kind = RESIDUALS, .number = 3 },
	{ .kind = COMPRESS, .number = 1 },
	{ .kind = WIDEN, .number = 2 },
	{ .kind = RESIDUALS, .number = 3 },
	{ .kind = COMPRESS, .number = 1 },
	{ .kind = RESIDUALS, .number = 3 },
	{ .kind = RESIDUALS, .number = 4 },
	{ .kind = END },
};
static const struct ltxv_block encoder_095[] = {
	{ .kind = RESIDUALS, .number = 4 }, { .kind = FOLD, .number = 4 },
	{ .kind = RESIDUALS, .number = 6 }, { .kind = FOLD, .number = 2 },
	{ .kind = RESIDUALS, .number = 6 }, { .kind = FOLD, .number = 8 },
	{ .kind = RESIDUALS, .number = 2 }, { .kind = FOLD, .number = 8 },
	{ .kind = RESIDUALS, .number = 2 }, { .kind = END },
};
/* Deepest width in units of the base. */
#define DEPTH_09 4
#define DEPTH_095_ENCODER 16
#define DEPTH_095_DECODER 8
#define DECODER_095_LEVELS 4
#define DECODER_095_RESIDUALS 5

static void convolution(struct architecture *a, int64_t out, int64_t in, const char *name)
{
	architecture_convolution3(a, MODULE_CONV3D, out, in, 3, "%s.conv", name);
}

static void residuals(struct architecture *a, int64_t channels, int count, bool timed)
{
	for (int i = 0; i < count; i++) {
		size_t outside = architecture_enter(a, "res_blocks.%d.", i);

		if (timed)
			architecture_loose(a, "", "scale_shift_table", SHAPE(4, channels));
		convolution(a, channels, channels, "conv1");
		convolution(a, channels, channels, "conv2");
		architecture_leave(a, outside);
	}
}

static void widen(struct architecture *a, int64_t out, int64_t in)
{
	convolution(a, out, in, "conv1");
	convolution(a, out, out, "conv2");
	architecture_convolution3(a, MODULE_CONV3D, out, in, 1, "conv_shortcut");
	architecture_norm(a, MODULE_LAYER_NORM, in, "norm3.norm");
}

static void encoder(struct architecture *a, const struct ltxv_vae_config *config, const struct ltxv_block *parts)
{
	int64_t channels = config->channels;
	size_t side = architecture_enter(a, "encoder.");

	convolution(a, channels, config->image_channels, "conv_in");
	for (int i = 0; parts[i].kind != END; i++) {
		size_t outside = architecture_enter(a, "down_blocks.%d.", i);

		if (parts[i].kind == RESIDUALS) {
			residuals(a, channels, parts[i].number, false);
		} else if (parts[i].kind == COMPRESS) {
			architecture_convolution3(a, MODULE_CONV3D, channels, channels, 3, "conv");
		} else if (parts[i].kind == FOLD) {
			convolution(a, 2 * channels / parts[i].number, channels, "conv");
			channels *= 2;
		} else {
			widen(a, channels * parts[i].number, channels);
			channels *= parts[i].number;
		}
		architecture_leave(a, outside);
	}
	convolution(a, config->latent_channels + 1, channels, "conv_out");
	architecture_leave(a, side);
}

static void decoder_09(struct architecture *a, const struct ltxv_vae_config *config)
{
	int64_t channels = config->channels * DEPTH_09;
	int last = 0;

	while (encoder_09[last + 1].kind != END)
		last++;
	convolution(a, channels, config->latent_channels, "conv_in");
	for (int i = 0; i <= last; i++) {
		const struct ltxv_block *part = &encoder_09[last - i];
		size_t outside = architecture_enter(a, "up_blocks.%d.", i);

		if (part->kind == RESIDUALS) {
			residuals(a, channels, part->number, false);
		} else if (part->kind == COMPRESS) {
			convolution(a, 8 * channels, channels, "conv");
		} else {
			widen(a, channels / part->number, channels);
			channels /= part->number;
		}
		architecture_leave(a, outside);
	}
	convolution(a, config->image_channels, channels, "conv_out");
}

static void time_embedder(struct architecture *a, int64_t width, const char *name)
{
	architecture_linear(a, width, 256, true, "%s.timestep_embedder.linear_1", name);
	architecture_linear(a, width, width, true, "%s.timestep_embedder.linear_2", name);
}

static void decoder_095(struct architecture *a, const struct ltxv_vae_config *config)
{
	int64_t channels = config->channels * DEPTH_095_DECODER;

	architecture_loose(a, "", "timestep_scale_multiplier", 0, (int64_t[]) { 0 });
	architecture_parameter(a, "last_scale_shift_table", SHAPE(2, config->channels));
	convolution(a, channels, config->latent_channels, "conv_in");
	for (int level = 0; level < DECODER_095_LEVELS; level++) {
		size_t outside = architecture_enter(a, "up_blocks.%d.", 2 * level);

		time_embedder(a, 4 * channels, "time_embedder");
		residuals(a, channels, DECODER_095_RESIDUALS, true);
		architecture_leave(a, outside);
		if (level + 1 == DECODER_095_LEVELS)
			break;
		outside = architecture_enter(a, "up_blocks.%d.", 2 * level + 1);
		convolution(a, 4 * channels, channels, "conv");
		architecture_leave(a, outside);
		channels /= 2;
	}
	convolution(a, config->image_channels, channels, "conv_out");
	time_embedder(a, 2 * channels, "last_time_embedder");
}

static void statistics(struct architecture *a, int64_t channels)
{
	static const char *const names[] = { "std-of-means", "mean-of-means", "mean-of-stds", "mean-of-stds_over_std-of-means",
					     "channel" };

	architecture_module(a, MODULE_CONTAINER, "per_channel_statistics"); /* buffers alone are in no load list */
	for (int i = 0; i < 5; i++)
		architecture_parameter(a, names[i], SHAPE(channels));
}

static void describe(const struct ltxv_vae_config *config, struct architecture *a, const struct ltxv_block *parts,
		     void (*decoder)(struct architecture *a, const struct ltxv_vae_config *config))
{
	size_t side;

	encoder(a, config, parts);
	side = architecture_enter(a, "decoder.");
	decoder(a, config);
	architecture_leave(a, side);
	statistics(a, config->latent_channels);
}

static void describe_09(const void *config, struct architecture *a)
{
	describe(config, a, encoder_09, decoder_09);
}

static void describe_095(const void *config, struct architecture *a)
{
	describe(config, a, encoder_095, decoder_095);
}

static bool detect(const struct tensor_view *view, struct ltxv_vae_config *config, bool timed)
{
	if (!tensor_view_find(view, "decoder.up_blocks.0.res_blocks.0.conv1.conv.weight") ||
	    tensor_view_has(view, "decoder.last_time_embedder.") != timed)
		return false;
	config->channels = tensor_view_dimension(view, 0, "encoder.conv_in.conv.weight");
	config->image_channels = tensor_view_dimension(view, 1, "encoder.conv_in.conv.weight");
	config->latent_channels = tensor_view_dimension(view, 1, "decoder.conv_in.conv.weight");
	return true;
}

static bool detect_09(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect(view, config, false);
}

static bool detect_095(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect(view, config, true);
}

static const char *upstream(const void *config)
{
	(void)config;
	return "comfy.ldm.lightricks.vae.causal_video_autoencoder.VideoVAE";
}

#define FULL "{\"base_channels\":128,\"latent_channels\":128}"
#define SMALL "{\"base_channels\":8,\"latent_channels\":16}"

static const struct family_variant variants_09[] = {
	{ .name = "ltxv_0.9_vae", .config = FULL, .dtype = DTYPE_BF16 },
	{ .name = NULL },
};
static const struct family_variant variants_095[] = {
	{ .name = "ltxv_0.9.5_vae", .config = FULL, .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_ltxv_vae = {
	.name = "ltxv_vae",
	.summary = "LTX-Video 0.9 autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "LTXV",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct ltxv_vae_config),
	.fields = fields,
	.describe = describe_09,
	.detect = detect_09,
	.upstream = upstream,
	.variants = variants_09,
	.small = SMALL,
};

const struct family family_ltxv095_vae = {
	.name = "ltxv095_vae",
	.summary = "LTX-Video 0.9.5 autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "LTXV",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct ltxv_vae_config),
	.fields = fields,
	.describe = describe_095,
	.detect = detect_095,
	.upstream = upstream,
	.variants = variants_095,
	.small = SMALL,
};
