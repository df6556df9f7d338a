/* AutoencoderKL: of SD 1.5 and SDXL, FLUX's without quantisation convolutions, HunyuanVideo's with causal convolutions over
 * time. Modules in the order in which ComfyUI registers them: the decoder's levels from the finest up. */
#include "core/model/families/family.h"
#include "core/model/families/family_autoencoder.h"

#define FIELDS(scale_or, shift_or)                                                                                             \
	CONFIG_COUNT(struct autoencoder_config, channels, "ch", 1, 4096),                                                      \
		CONFIG_COUNT(struct autoencoder_config, latent_channels, "z_channels", 1, 4096),                               \
		CONFIG_COUNT_OR(struct autoencoder_config, image_channels, "in_channels", 1, 64, 3),                           \
		CONFIG_COUNT(struct autoencoder_config, blocks, "num_res_blocks", 1, 64),                                      \
		CONFIG_LIST(struct autoencoder_config, multipliers, "ch_mult", 1, 64),                                         \
		CONFIG_NUMBER_OR(struct autoencoder_config, scale, "scale", -1e9, 1e9, scale_or),                              \
		CONFIG_NUMBER_OR(struct autoencoder_config, shift, "shift", -1e9, 1e9, shift_or), CONFIG_END

static const struct config_field fields_sd[] = { FIELDS(0.18215, 0) };
static const struct config_field fields_flux[] = { FIELDS(0.3611, 0.1159) };
static const struct config_field fields_hunyuan[] = { FIELDS(0.476986, 0) };

static bool check(const void *from, const char *where, struct error *e)
{
	const struct autoencoder_config *config = from;

	if (config->multipliers.count < 1 || config->multipliers.count > 8)
		return error_set(e, ERROR_FORMAT, "%s: \"ch_mult\" has %zu levels; there are 1 to 8", where,
				 config->multipliers.count);
	if (config->channels % 32 != 0)
		return error_set(e, ERROR_FORMAT, "%s: \"ch\" must be a multiple of 32, the number of groups", where);
	return true;
}

/* The families differ in their convolutions: flat, or over time inside a wrapper. */
struct autoencoder_shape {
	bool video;
	bool quantised; /* quant_conv and post_quant_conv */
};

static const struct autoencoder_shape shape_sd = { .quantised = true };
static const struct autoencoder_shape shape_flux = { .quantised = false };
static const struct autoencoder_shape shape_hunyuan = { .video = true, .quantised = true };

static void convolution(struct architecture *a, const struct autoencoder_shape *shape, int64_t out, int64_t in, int64_t kernel,
			const char *name)
{
	if (shape->video)
		architecture_convolution3(a, MODULE_CONV3D, out, in, kernel, "%s.conv", name);
	else
		architecture_convolution(a, out, in, kernel, "%s", name);
}

/* Of one pixel, without the wrapper. */
static void pointwise(struct architecture *a, const struct autoencoder_shape *shape, int64_t out, int64_t in, const char *name)
{
	if (shape->video)
		architecture_convolution3(a, MODULE_CONV3D, out, in, 1, "%s", name);
	else
		architecture_convolution(a, out, in, 1, "%s", name);
}

static void residual(struct architecture *a, const struct autoencoder_shape *shape, int64_t in, int64_t out)
{
	architecture_norm(a, MODULE_GROUP_NORM, in, "norm1");
	convolution(a, shape, out, in, 3, "conv1");
	architecture_norm(a, MODULE_GROUP_NORM, out, "norm2");
	convolution(a, shape, out, out, 3, "conv2");
	if (in != out)
		convolution(a, shape, out, in, 1, "nin_shortcut");
}

static void middle(struct architecture *a, const struct autoencoder_shape *shape, int64_t channels)
{
	static const char *const projections[] = { "attn_1.q", "attn_1.k", "attn_1.v", "attn_1.proj_out" };
	size_t mid = architecture_enter(a, "mid.");
	size_t outside = architecture_enter(a, "block_1.");

	residual(a, shape, channels, channels);
	architecture_leave(a, outside);
	architecture_norm(a, MODULE_GROUP_NORM, channels, "attn_1.norm");
	for (int i = 0; i < 4; i++)
		pointwise(a, shape, channels, channels, projections[i]);
	outside = architecture_enter(a, "block_2.");
	residual(a, shape, channels, channels);
	architecture_leave(a, outside);
	architecture_leave(a, mid);
}

static void encoder(struct architecture *a, const struct autoencoder_shape *shape, const struct autoencoder_config *config)
{
	int levels = (int)config->multipliers.count;
	int64_t channels = config->channels;
	size_t side = architecture_enter(a, "encoder.");
	size_t outside;

	convolution(a, shape, channels, config->image_channels, 3, "conv_in");
	for (int level = 0; level < levels; level++) {
		int64_t out = config->channels * config->multipliers.values[level];

		outside = architecture_enter(a, "down.%d.", level);
		for (int i = 0; i < config->blocks; i++) {
			size_t inside = architecture_enter(a, "block.%d.", i);

			residual(a, shape, channels, out);
			architecture_leave(a, inside);
			channels = out;
		}
		if (level + 1 < levels)
			convolution(a, shape, channels, channels, 3, "downsample.conv");
		architecture_leave(a, outside);
	}
	middle(a, shape, channels);
	architecture_norm(a, MODULE_GROUP_NORM, channels, "norm_out");
	convolution(a, shape, 2 * config->latent_channels, channels, 3, "conv_out");
	architecture_leave(a, side);
}

static void decoder(struct architecture *a, const struct autoencoder_shape *shape, const struct autoencoder_config *config)
{
	int levels = (int)config->multipliers.count;
	int64_t deepest = config->channels * config->multipliers.values[levels - 1];
	int64_t finest = config->channels * config->multipliers.values[0];
	size_t side = architecture_enter(a, "decoder.");
	size_t outside;

	convolution(a, shape, deepest, config->latent_channels, 3, "conv_in");
	middle(a, shape, deepest);
	for (int level = 0; level < levels; level++) {
		int64_t out = config->channels * config->multipliers.values[level];
		int64_t in = level + 1 < levels ? config->channels * config->multipliers.values[level + 1] : deepest;

		outside = architecture_enter(a, "up.%d.", level);
		for (int i = 0; i <= config->blocks; i++) {
			size_t inside = architecture_enter(a, "block.%d.", i);

			residual(a, shape, i == 0 ? in : out, out);
			architecture_leave(a, inside);
		}
		if (level > 0)
			convolution(a, shape, out, out, 3, "upsample.conv");
		architecture_leave(a, outside);
	}
	architecture_norm(a, MODULE_GROUP_NORM, finest, "norm_out");
	convolution(a, shape, config->image_channels, finest, 3, "conv_out");
	architecture_leave(a, side);
}

static void describe(const struct autoencoder_config *config, struct architecture *a, const struct autoencoder_shape *shape)
{
	int64_t latent = config->latent_channels;

	encoder(a, shape, config);
	decoder(a, shape, config);
	if (!shape->quantised)
		return;
	pointwise(a, shape, 2 * latent, 2 * latent, "quant_conv");
	pointwise(a, shape, latent, latent, "post_quant_conv");
}

static void describe_sd(const void *config, struct architecture *a)
{
	describe(config, a, &shape_sd);
}

static void describe_flux(const void *config, struct architecture *a)
{
	describe(config, a, &shape_flux);
}

static void describe_hunyuan(const void *config, struct architecture *a)
{
	describe(config, a, &shape_hunyuan);
}

/* ---- detection ---- */

/* `inner` is ".conv" where convolutions are wrapped. */
static bool detect(const struct tensor_view *view, struct autoencoder_config *config, const char *inner)
{
	if (!tensor_view_find(view, "decoder.conv_in%s.weight", inner) ||
	    !tensor_view_find(view, "decoder.up.0.block.0.norm1.weight") ||
	    !tensor_view_find(view, "decoder.mid.block_1.norm1.weight"))
		return false;
	config->channels = tensor_view_dimension(view, 0, "encoder.conv_in%s.weight", inner);
	config->image_channels = tensor_view_dimension(view, 1, "encoder.conv_in%s.weight", inner);
	config->latent_channels = tensor_view_dimension(view, 1, "decoder.conv_in%s.weight", inner);
	config->blocks = tensor_view_count(view, "encoder.down.0.block.");
	if (config->channels < 1)
		return true; /* the check says what is wrong */
	for (int i = 0; i < CONFIG_LIST_MAX && tensor_view_has(view, "encoder.down.%d.", i); i++)
		config->multipliers.values[config->multipliers.count++] =
			tensor_view_dimension(view, 0, "encoder.down.%d.block.0.conv1%s.weight", i, inner) / config->channels;
	return true;
}

static bool detect_sd(const struct tensor_view *view, enum layout layout, void *into)
{
	struct autoencoder_config *config = into;

	config->scale = 0.18215;
	return layout == LAYOUT_OWN && tensor_view_find(view, "quant_conv.weight") && detect(view, config, "");
}

static bool detect_flux(const struct tensor_view *view, enum layout layout, void *into)
{
	struct autoencoder_config *config = into;

	config->scale = 0.3611;
	config->shift = 0.1159;
	return layout == LAYOUT_OWN && !tensor_view_find(view, "quant_conv.weight") && detect(view, config, "");
}

static bool detect_hunyuan(const struct tensor_view *view, enum layout layout, void *into)
{
	struct autoencoder_config *config = into;

	config->scale = 0.476986;
	return layout == LAYOUT_OWN && detect(view, config, ".conv");
}

static const char *upstream_kl(const void *config)
{
	(void)config;
	return "comfy.ldm.models.autoencoder.AutoencoderKL";
}

static const char *upstream_flux(const void *config)
{
	(void)config;
	return "comfy.ldm.models.autoencoder.AutoencodingEngine";
}

#define FULL "{\"ch\":128,\"num_res_blocks\":2,\"ch_mult\":[1,2,4,4],\"z_channels\":"
#define SMALL "{\"ch\":32,\"num_res_blocks\":1,\"ch_mult\":[1,1,2,2],\"z_channels\":"

static const struct family_variant variants_sd[] = {
	{ .name = "sd15_vae", .config = FULL "4}", .dtype = DTYPE_F32 },
	{ .name = "sdxl_vae", .config = FULL "4,\"scale\":0.13025}", .dtype = DTYPE_F16 },
	{ .name = NULL },
};

static const struct family_variant variants_flux[] = {
	{ .name = "flux_ae_vae", .config = FULL "16}", .dtype = DTYPE_F32 },
	{ .name = NULL },
};

static const struct family_variant variants_hunyuan[] = {
	{ .name = "hunyuan_video_vae", .config = FULL "16}", .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_sd_vae = {
	.name = "sd_vae",
	.summary = "SD 1.5 and SDXL autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "AutoencoderKL",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct autoencoder_config),
	.fields = fields_sd,
	.check = check,
	.describe = describe_sd,
	.detect = detect_sd,
	.upstream = upstream_kl,
	.variants = variants_sd,
	.small = SMALL "4}",
};

/* The latter two are checkpoints. */
static const struct family_file files_flux[] = {
	{ .begins = "ae-small", .small = true },
	{ .begins = "ae." },
	{ .begins = "flux1-small", .small = true },
	{ .begins = "flux1-dev" },
	{ .begins = NULL },
};

const struct family family_flux_ae = {
	.name = "flux_ae",
	.summary = "FLUX autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "AutoencoderKL 16 channels",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct autoencoder_config),
	.fields = fields_flux,
	.check = check,
	.describe = describe_flux,
	.detect = detect_flux,
	.upstream = upstream_flux,
	.variants = variants_flux,
	.small = SMALL "16}",
	.files = files_flux,
};

const struct family family_hunyuan_vae = {
	.name = "hunyuan_vae",
	.summary = "HunyuanVideo autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "Hunyuan video",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct autoencoder_config),
	.fields = fields_hunyuan,
	.check = check,
	.describe = describe_hunyuan,
	.detect = detect_hunyuan,
	.upstream = upstream_kl,
	.variants = variants_hunyuan,
	.small = SMALL "16}",
};
