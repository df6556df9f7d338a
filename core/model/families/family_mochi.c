/* Mochi: image tokens (x) and text tokens (y) of different widths; the last block leaves the text as it is. */
#include "core/model/families/family.h"
#include "core/model/families/family_mochi.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"mochi_preview\""),
	CONFIG_COUNT(struct mochi_config, depth, "depth", 1, 1024),
	CONFIG_COUNT(struct mochi_config, heads, "num_heads", 1, 4096),
	CONFIG_COUNT_OR(struct mochi_config, in_channels, "in_channels", 1, 4096, 12),
	CONFIG_COUNT(struct mochi_config, hidden_x, "hidden_size_x", 1, 1 << 20),
	CONFIG_COUNT(struct mochi_config, hidden_y, "hidden_size_y", 1, 1 << 20),
	CONFIG_COUNT_OR(struct mochi_config, text_channels, "t5_feat_dim", 1, 1 << 20, 4096),
	CONFIG_TEXT("attend_to_padding", "false"),
	CONFIG_TEXT("attn_drop", "0.0"),
	CONFIG_TEXT("learn_sigma", "false"),
	CONFIG_TEXT("mlp_ratio_x", "4.0"),
	CONFIG_TEXT("mlp_ratio_y", "4.0"),
	CONFIG_TEXT("out_bias", "true"),
	CONFIG_TEXT("patch_embed_bias", "true"),
	CONFIG_TEXT("patch_size", "2"),
	CONFIG_TEXT("posenc_preserve_area", "true"),
	CONFIG_TEXT("qk_norm", "true"),
	CONFIG_TEXT("qkv_bias", "false"),
	CONFIG_TEXT("rope_theta", "10000.0"),
	CONFIG_TEXT("t5_token_length", "256"),
	CONFIG_TEXT("timestep_mlp_bias", "true"),
	CONFIG_TEXT("timestep_scale", "1000.0"),
	CONFIG_TEXT("use_t5", "true"),
	CONFIG_END,
};

/* Two thirds of four times the width, in whole 256s. */
static int64_t mlp_width(int64_t width)
{
	return (2 * (4 * width) / 3 + 255) / 256 * 256;
}

static void mlp(struct architecture *a, int64_t width, const char *name)
{
	architecture_linear(a, 2 * mlp_width(width), width, false, "%s.w1", name);
	architecture_linear(a, width, mlp_width(width), false, "%s.w2", name);
}

static void attention(struct architecture *a, const struct mochi_config *config, bool last)
{
	static const char *const norms[] = { "q_norm_x", "k_norm_x", "q_norm_y", "k_norm_y" };
	int64_t x = config->hidden_x;
	int64_t y = config->hidden_y;

	architecture_linear(a, 3 * x, x, false, "attn.qkv_x");
	architecture_linear(a, 3 * x, y, false, "attn.qkv_y");
	for (int i = 0; i < 4; i++)
		architecture_scale_norm(a, MODULE_RMS_NORM, x / config->heads, "attn.%s", norms[i]);
	architecture_linear(a, x, x, true, "attn.proj_x");
	if (!last)
		architecture_linear(a, y, x, true, "attn.proj_y");
}

static void block(struct architecture *a, const struct mochi_config *config, bool last)
{
	int64_t x = config->hidden_x;
	int64_t y = config->hidden_y;

	architecture_linear(a, 4 * x, x, true, "mod_x");
	architecture_linear(a, last ? y : 4 * y, x, true, "mod_y");
	attention(a, config, last);
	mlp(a, x, "mlp_x");
	if (!last)
		mlp(a, y, "mlp_y");
}

static void text_pool(struct architecture *a, const struct mochi_config *config)
{
	architecture_linear(a, 2 * config->text_channels, config->text_channels, true, "t5_y_embedder.to_kv");
	architecture_linear(a, config->text_channels, config->text_channels, true, "t5_y_embedder.to_q");
	architecture_linear(a, config->hidden_x, config->text_channels, true, "t5_y_embedder.to_out");
}

static void describe(const void *from, struct architecture *a)
{
	const struct mochi_config *config = from;
	int64_t x = config->hidden_x;
	size_t outside;

	architecture_loose(a, "", "pos_frequencies", SHAPE(3, config->heads, x / config->heads / 2));
	architecture_weighted(a, MODULE_CONV2D, true, SHAPE(x, config->in_channels, 2, 2), "x_embedder.proj");
	architecture_linear(a, x, 256, true, "t_embedder.mlp.0");
	architecture_linear(a, x, x, true, "t_embedder.mlp.2");
	text_pool(a, config);
	architecture_linear(a, config->hidden_y, config->text_channels, true, "t5_yproj");
	for (int i = 0; i < config->depth; i++) {
		outside = architecture_enter(a, "blocks.%d.", i);
		block(a, config, i + 1 == config->depth);
		architecture_leave(a, outside);
	}
	architecture_bare_norm(a, "final_layer.norm_final");
	architecture_linear(a, 2 * x, x, true, "final_layer.mod");
	architecture_linear(a, 4 * config->in_channels, x, true, "final_layer.linear");
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct mochi_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "t5_yproj.weight") || !tensor_view_find(view, "pos_frequencies"))
		return false;
	config->depth = tensor_view_count(view, "blocks.");
	config->heads = tensor_view_dimension(view, 1, "pos_frequencies");
	config->in_channels = tensor_view_dimension(view, 1, "x_embedder.proj.weight");
	config->hidden_x = tensor_view_dimension(view, 0, "x_embedder.proj.weight");
	config->hidden_y = tensor_view_dimension(view, 0, "t5_yproj.weight");
	config->text_channels = tensor_view_dimension(view, 1, "t5_yproj.weight");
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "GenmoMochi";
}

static const struct family_variant variants[] = {
	{ .name = "mochi_transformer",
	  .config = "{\"depth\":48,\"num_heads\":24,\"hidden_size_x\":3072,\"hidden_size_y\":1536}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_mochi = {
	.name = "mochi",
	.summary = "Mochi transformer",
	.kind = MODEL_UNET,
	.memory_class = "GenmoMochi",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct mochi_config),
	.fields = fields,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"depth\":2,\"num_heads\":4,\"hidden_size_x\":128,\"hidden_size_y\":64,\"t5_feat_dim\":64}",
};
