/* Stable Diffusion 3 and 3.5: joint blocks over text and picture, 64 channels wide for each block of their depth.
 *
 * The last block's text half only feeds the attention: it ends at q, k and v. In 3.5 medium the first thirteen blocks attend to the
 * picture a second time. The table of positions is a buffer of upstream's model, stored in files.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_sd3.h"

#define HEAD_WIDTH 64

static const struct config_field fields[] = {
	CONFIG_COUNT_OR(struct sd3_config, in_channels, "in_channels", 1, 4096, 16),
	CONFIG_QUIET(struct sd3_config, out_channels, "out_channels", 1, 4096, 16),
	CONFIG_COUNT(struct sd3_config, depth, "depth", 1, 1024),
	CONFIG_COUNT_OR(struct sd3_config, pooled_channels, "adm_in_channels", 1, 1 << 20, 2048),
	CONFIG_QUIET(struct sd3_config, context_channels, "context_in_features", 1, 1 << 20, 4096),
	CONFIG_COUNT(struct sd3_config, grid, "pos_embed_max_size", 1, 4096),
	CONFIG_QUIET(struct sd3_config, own_attention, "x_block_self_attn_count", 0, 1024, 0),
	CONFIG_BOOL_OR(struct sd3_config, head_norms, "qk_norm", true),
	CONFIG_TEXT("input_size", "null"),
	CONFIG_TEXT("patch_size", "2"),
	CONFIG_TEXT("pos_embed_scaling_factor", "null"),
	CONFIG_END,
};

static int64_t width_of(const struct sd3_config *config)
{
	return HEAD_WIDTH * config->depth;
}

static void attention(struct architecture *a, const struct sd3_config *config, const char *name, bool projected)
{
	int64_t width = width_of(config);
	size_t outside = architecture_enter(a, "%s", name);

	architecture_linear(a, 3 * width, width, true, "qkv");
	if (projected)
		architecture_linear(a, width, width, true, "proj");
	if (config->head_norms) {
		architecture_scale_norm(a, MODULE_RMS_NORM, HEAD_WIDTH, "ln_q");
		architecture_scale_norm(a, MODULE_RMS_NORM, HEAD_WIDTH, "ln_k");
	}
	architecture_leave(a, outside);
}

/* One stream's half of a joint block. */
static void half(struct architecture *a, const struct sd3_config *config, const char *stream, bool ends_at_attention,
		 bool twice)
{
	int64_t width = width_of(config);
	size_t outside = architecture_enter(a, "%s", stream);

	architecture_bare_norm(a, "norm1");
	attention(a, config, "attn.", !ends_at_attention);
	if (twice)
		attention(a, config, "attn2.", true);
	if (!ends_at_attention) {
		architecture_bare_norm(a, "norm2");
		architecture_linear(a, 4 * width, width, true, "mlp.fc1");
		architecture_linear(a, width, 4 * width, true, "mlp.fc2");
	}
	architecture_linear(a, (ends_at_attention ? 2 : twice ? 9 : 6) * width, width, true, "adaLN_modulation.1");
	architecture_leave(a, outside);
}

static void embedder(struct architecture *a, const char *name, int64_t in, int64_t width)
{
	architecture_linear(a, width, in, true, "%s.mlp.0", name);
	architecture_linear(a, width, width, true, "%s.mlp.2", name);
}

static void describe(const void *from, struct architecture *a)
{
	const struct sd3_config *config = from;
	int64_t width = width_of(config);
	size_t outside;

	architecture_loose(a, "", "pos_embed", SHAPE(1, config->grid * config->grid, width));
	architecture_convolution(a, width, config->in_channels, 2, "x_embedder.proj");
	embedder(a, "t_embedder", 256, width);
	embedder(a, "y_embedder", config->pooled_channels, width);
	architecture_linear(a, width, config->context_channels, true, "context_embedder");
	for (int i = 0; i < config->depth; i++) {
		outside = architecture_enter(a, "joint_blocks.%d.", i);
		half(a, config, "context_block.", i + 1 == config->depth, false);
		half(a, config, "x_block.", false, i < config->own_attention);
		architecture_leave(a, outside);
	}
	architecture_bare_norm(a, "final_layer.norm_final");
	architecture_linear(a, 4 * config->out_channels, width, true, "final_layer.linear");
	architecture_linear(a, 2 * width, width, true, "final_layer.adaLN_modulation.1");
}

static int64_t square_root(int64_t number)
{
	int64_t root = 0;

	while ((root + 1) * (root + 1) <= number && root < 4096)
		root++;
	return root;
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct sd3_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "joint_blocks.0.context_block.attn.qkv.weight"))
		return false;
	config->in_channels = tensor_view_dimension(view, 1, "x_embedder.proj.weight");
	config->out_channels = tensor_view_dimension(view, 0, "final_layer.linear.weight") / 4;
	config->depth = tensor_view_count(view, "joint_blocks.");
	config->pooled_channels = tensor_view_dimension(view, 1, "y_embedder.mlp.0.weight");
	config->context_channels = tensor_view_dimension(view, 1, "context_embedder.weight");
	config->grid = square_root(tensor_view_dimension(view, 1, "pos_embed"));
	config->head_norms = tensor_view_has(view, "joint_blocks.0.context_block.attn.ln_k.");
	while (config->own_attention < config->depth &&
	       tensor_view_has(view, "joint_blocks.%d.x_block.attn2.", (int)config->own_attention))
		config->own_attention++;
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "SD3";
}

static const struct family_variant variants[] = {
	{ .name = "sd3.5_large_transformer", .config = "{\"depth\":38,\"pos_embed_max_size\":192}", .dtype = DTYPE_BF16 },
	{ .name = "sd3.5_medium_transformer",
	  .config = "{\"depth\":24,\"pos_embed_max_size\":384,\"x_block_self_attn_count\":13}",
	  .dtype = DTYPE_BF16 },
	{ .name = "sd3_medium_transformer",
	  .config = "{\"depth\":24,\"pos_embed_max_size\":192,\"qk_norm\":false}",
	  .dtype = DTYPE_F16 },
	{ .name = NULL },
};

const struct family family_sd3 = {
	.name = "sd3",
	.summary = "Stable Diffusion 3 and 3.5 transformer",
	.kind = MODEL_UNET,
	.memory_class = "SD3",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct sd3_config),
	.fields = fields,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"depth\":2,\"adm_in_channels\":32,\"context_in_features\":48,\"pos_embed_max_size\":8}",
};
