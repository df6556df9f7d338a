/* Wan's autoencoders: 2.1 (Qwen-Image's, too) and 2.2, whose levels nest and whose decoder is wider. */
#include "core/model/families/family.h"
#include "core/model/families/family_wan_vae.h"

#define FIELDS(image)                                                                                                          \
	CONFIG_COUNT(struct wan_vae_config, channels, "dim", 1, 1 << 16),                                                      \
		CONFIG_COUNT(struct wan_vae_config, decoder_channels, "dec_dim", 1, 1 << 16),                                  \
		CONFIG_COUNT(struct wan_vae_config, latent_channels, "z_dim", 1, 4096),                                        \
		CONFIG_COUNT_OR(struct wan_vae_config, image_channels, "image_channels", 1, 256, image),                       \
		CONFIG_COUNT_OR(struct wan_vae_config, blocks, "num_res_blocks", 1, 64, 2),                                    \
		CONFIG_LIST(struct wan_vae_config, multipliers, "dim_mult", 1, 64), CONFIG_END

static const struct config_field fields_21[] = { FIELDS(3) };
static const struct config_field fields_22[] = { FIELDS(12) };

static bool check(const void *from, const char *where, struct error *e)
{
	const struct wan_vae_config *config = from;

	return (config->multipliers.count >= 1 && config->multipliers.count <= 8) ||
	       error_set(e, ERROR_FORMAT, "%s: \"dim_mult\" has %zu levels; there are 1 to 8", where,
			 config->multipliers.count);
}

/* Names are counted through all levels in 2.1, within a level in 2.2. */
struct wan_vae_walk {
	struct architecture *a;
	const struct wan_vae_config *config;
	bool nested;
	int index;
};

static void norm(struct architecture *a, int64_t channels, const char *name)
{
	architecture_module(a, MODULE_WAN_NORM, "%s", name);
	architecture_parameter(a, "gamma", SHAPE(channels, 1, 1, 1));
}

static void residual(struct architecture *a, int64_t in, int64_t out)
{
	norm(a, in, "residual.0");
	architecture_convolution3(a, MODULE_CAUSAL_CONV3D, out, in, 3, "residual.2");
	norm(a, out, "residual.3");
	architecture_convolution3(a, MODULE_CAUSAL_CONV3D, out, out, 3, "residual.6");
	if (in != out)
		architecture_convolution3(a, MODULE_CAUSAL_CONV3D, out, in, 1, "shortcut");
}

/* The next block of a side: "downsamples" or "upsamples". */
static size_t enter_block(struct wan_vae_walk *w, const char *side, int level)
{
	int index = w->index++;

	if (w->nested)
		return architecture_enter(w->a, "%s.%d.%s.%d.", side, level, side, index);
	return architecture_enter(w->a, "%s.%d.", side, index);
}

static void add_residual(struct wan_vae_walk *w, const char *side, int level, int64_t in, int64_t out)
{
	size_t outside = enter_block(w, side, level);

	residual(w->a, in, out);
	architecture_leave(w->a, outside);
}

static void add_resample(struct wan_vae_walk *w, const char *side, int level, int64_t out, int64_t in, int64_t time_out)
{
	size_t outside = enter_block(w, side, level);

	architecture_convolution(w->a, out, in, 3, "resample.1");
	if (time_out)
		architecture_weighted(w->a, MODULE_CAUSAL_CONV3D, true, SHAPE(time_out, in, 3, 1, 1), "time_conv");
	architecture_leave(w->a, outside);
}

static void middle(struct architecture *a, int64_t channels)
{
	size_t outside = architecture_enter(a, "middle.0.");

	residual(a, channels, channels);
	architecture_leave(a, outside);
	architecture_module(a, MODULE_WAN_NORM, "middle.1.norm");
	architecture_parameter(a, "gamma", SHAPE(channels, 1, 1));
	architecture_convolution(a, 3 * channels, channels, 1, "middle.1.to_qkv");
	architecture_convolution(a, channels, channels, 1, "middle.1.proj");
	outside = architecture_enter(a, "middle.2.");
	residual(a, channels, channels);
	architecture_leave(a, outside);
}

/* Time is halved below the first level. */
static void encoder(struct wan_vae_walk *w)
{
	const struct wan_vae_config *config = w->config;
	int levels = (int)config->multipliers.count;
	int64_t channels = config->channels;
	size_t side = architecture_enter(w->a, "encoder.");

	architecture_convolution3(w->a, MODULE_CAUSAL_CONV3D, channels, config->image_channels, 3, "conv1");
	for (int level = 0; level < levels; level++) {
		int64_t out = config->channels * config->multipliers.values[level];

		w->index = w->nested ? 0 : w->index;
		for (int i = 0; i < config->blocks; i++) {
			add_residual(w, "downsamples", level, channels, out);
			channels = out;
		}
		if (level + 1 < levels)
			add_resample(w, "downsamples", level, channels, channels, level > 0 ? channels : 0);
	}
	middle(w->a, channels);
	norm(w->a, channels, "head.0");
	architecture_convolution3(w->a, MODULE_CAUSAL_CONV3D, 2 * config->latent_channels, channels, 3, "head.2");
	architecture_leave(w->a, side);
}

/* From the deepest level up; 2.1 halves the channels on the way to the next level, 2.2 in its first block. */
static void decoder(struct wan_vae_walk *w)
{
	const struct wan_vae_config *config = w->config;
	int levels = (int)config->multipliers.count;
	int64_t channels = config->decoder_channels * config->multipliers.values[levels - 1];
	size_t side = architecture_enter(w->a, "decoder.");

	architecture_convolution3(w->a, MODULE_CAUSAL_CONV3D, channels, config->latent_channels, 3, "conv1");
	middle(w->a, channels);
	w->index = 0;
	for (int level = 0; level < levels; level++) {
		int64_t out = config->decoder_channels * config->multipliers.values[levels - 1 - level];

		w->index = w->nested ? 0 : w->index;
		for (int i = 0; i <= config->blocks; i++) {
			add_residual(w, "upsamples", level, channels, out);
			channels = out;
		}
		if (level + 1 == levels)
			break;
		channels = w->nested ? out : out / 2;
		add_resample(w, "upsamples", level, channels, out, level + 2 < levels ? 2 * out : 0);
	}
	norm(w->a, channels, "head.0");
	architecture_convolution3(w->a, MODULE_CAUSAL_CONV3D, config->image_channels, channels, 3, "head.2");
	architecture_leave(w->a, side);
}

static void describe(const struct wan_vae_config *config, struct architecture *a, bool nested)
{
	struct wan_vae_walk w = { .a = a, .config = config, .nested = nested };
	int64_t latent = config->latent_channels;

	encoder(&w);
	architecture_convolution3(a, MODULE_CAUSAL_CONV3D, 2 * latent, 2 * latent, 1, "conv1");
	architecture_convolution3(a, MODULE_CAUSAL_CONV3D, latent, latent, 1, "conv2");
	decoder(&w);
}

static void describe_21(const void *config, struct architecture *a)
{
	describe(config, a, false);
}

static void describe_22(const void *config, struct architecture *a)
{
	describe(config, a, true);
}

/* ---- detection ---- */

/* Widths by level: the block that changes them says so. A level of 2.1 ends with a resampling. */
static void detect_levels(const struct tensor_view *view, struct wan_vae_config *config, bool nested)
{
	int64_t count = tensor_view_count(view, "encoder.downsamples.");
	bool begins = true;

	for (int i = 0; i < count && config->multipliers.count < CONFIG_LIST_MAX; i++) {
		int64_t width =
			nested ? tensor_view_dimension(view, 0, "encoder.downsamples.%d.downsamples.0.residual.2.weight", i)
			       : tensor_view_dimension(view, 0, "encoder.downsamples.%d.residual.2.weight", i);

		if (width && (begins || nested))
			config->multipliers.values[config->multipliers.count++] = width / config->channels;
		begins = width == 0;
		if (width && config->multipliers.count == 1 && !nested)
			config->blocks++;
	}
	if (nested)
		config->blocks = tensor_view_count(view, "decoder.upsamples.0.upsamples.") - 2;
}

static bool detect(const struct tensor_view *view, struct wan_vae_config *config, bool nested)
{
	int64_t deepest = tensor_view_dimension(view, 0, "decoder.conv1.weight");

	if (!tensor_view_find(view, "decoder.middle.0.residual.0.gamma") ||
	    tensor_view_has(view, "decoder.upsamples.0.upsamples.0.residual.2.weight") != nested)
		return false;
	config->channels = tensor_view_dimension(view, 0, "encoder.conv1.weight");
	config->image_channels = tensor_view_dimension(view, 1, "encoder.conv1.weight");
	config->latent_channels = tensor_view_dimension(view, 1, "decoder.conv1.weight");
	if (config->channels < 1)
		return true; /* the check says what is wrong */
	detect_levels(view, config, nested);
	if (config->multipliers.count && config->multipliers.values[config->multipliers.count - 1] > 0)
		config->decoder_channels = deepest / config->multipliers.values[config->multipliers.count - 1];
	return true;
}

static bool detect_21(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect(view, config, false);
}

static bool detect_22(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect(view, config, true);
}

static const char *upstream_21(const void *config)
{
	(void)config;
	return "comfy.ldm.wan.vae.WanVAE";
}

static const char *upstream_22(const void *config)
{
	(void)config;
	return "comfy.ldm.wan.vae2_2.WanVAE";
}

#define FULL_21 "{\"dim\":96,\"dec_dim\":96,\"z_dim\":16,\"dim_mult\":[1,2,4,4]}"

static const struct family_variant variants_21[] = {
	{ .name = "wan2.1_vae", .config = FULL_21, .dtype = DTYPE_BF16 },
	{ .name = "qwen_image_vae", .config = FULL_21, .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

static const struct family_variant variants_22[] = {
	{ .name = "wan2.2_vae",
	  .config = "{\"dim\":160,\"dec_dim\":256,\"z_dim\":48,\"dim_mult\":[1,2,4,4]}",
	  .dtype = DTYPE_F16 },
	{ .name = NULL },
};

const struct family family_wan_vae = {
	.name = "wan_vae",
	.summary = "Wan 2.1 and Qwen-Image autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "WAN 2.1",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct wan_vae_config),
	.fields = fields_21,
	.check = check,
	.describe = describe_21,
	.detect = detect_21,
	.upstream = upstream_21,
	.variants = variants_21,
	.small = "{\"dim\":8,\"dec_dim\":8,\"z_dim\":16,\"dim_mult\":[1,2,4,4]}",
};

const struct family family_wan22_vae = {
	.name = "wan22_vae",
	.summary = "Wan 2.2 autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "WAN 2.2",
	.root = "",
	.trunk = "",
	.config_size_bytes = sizeof(struct wan_vae_config),
	.fields = fields_22,
	.check = check,
	.describe = describe_22,
	.detect = detect_22,
	.upstream = upstream_22,
	.variants = variants_22,
	.small = "{\"dim\":8,\"dec_dim\":16,\"z_dim\":48,\"dim_mult\":[1,2,4,4]}",
};
