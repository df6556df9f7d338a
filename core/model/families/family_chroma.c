/* Chroma: FLUX.1 schnell's blocks without their modulations.
 *
 * One small network, the distilled guidance layer, makes the modulation of every block at once from the time, so that the blocks
 * hold only attention and MLP.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_chroma.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"chroma\""),
	CONFIG_COUNT_OR(struct chroma_config, channels, "in_channels", 1, 4096, 64),
	CONFIG_COUNT(struct chroma_config, hidden, "hidden_size", 1, 1 << 20),
	CONFIG_COUNT(struct chroma_config, heads, "num_heads", 1, 4096),
	CONFIG_COUNT_OR(struct chroma_config, mlp_ratio, "mlp_ratio", 1, 64, 4),
	CONFIG_COUNT(struct chroma_config, depth, "depth", 0, 1024),
	CONFIG_COUNT(struct chroma_config, single_depth, "depth_single_blocks", 0, 1024),
	CONFIG_COUNT(struct chroma_config, context_channels, "context_in_dim", 1, 1 << 20),
	CONFIG_COUNT_OR(struct chroma_config, guidance_channels, "in_dim", 1, 1 << 16, 64),
	CONFIG_COUNT_OR(struct chroma_config, guidance_hidden, "hidden_dim", 1, 1 << 20, 5120),
	CONFIG_COUNT_OR(struct chroma_config, guidance_layers, "n_layers", 0, 64, 5),
	CONFIG_TEXT("patch_size", "2"),
	CONFIG_TEXT("qkv_bias", "true"),
	CONFIG_END,
};

static bool check(const void *from, const char *where, struct error *e)
{
	const struct chroma_config *config = from;

	return config->hidden % config->heads == 0 ||
	       error_set(e, ERROR_FORMAT, "%s: \"hidden_size\" must be a multiple of \"num_heads\"", where);
}

static void guidance(struct architecture *a, const struct chroma_config *config)
{
	int64_t inner = config->guidance_hidden;
	size_t outside = architecture_enter(a, "distilled_guidance_layer.");

	architecture_linear(a, inner, config->guidance_channels, true, "in_proj");
	for (int i = 0; i < config->guidance_layers; i++) {
		architecture_linear(a, inner, inner, true, "layers.%d.in_layer", i);
		architecture_linear(a, inner, inner, true, "layers.%d.out_layer", i);
	}
	for (int i = 0; i < config->guidance_layers; i++) {
		architecture_module(a, MODULE_OWN_RMS_NORM, "norms.%d", i);
		architecture_parameter(a, "scale", SHAPE(inner));
	}
	architecture_linear(a, config->hidden, inner, true, "out_proj");
	architecture_leave(a, outside);
}

static void head_norms(struct architecture *a, const struct chroma_config *config, const char *name)
{
	static const char *const norms[] = { "query_norm", "key_norm" };

	for (int i = 0; i < 2; i++) {
		architecture_module(a, MODULE_OWN_RMS_NORM, "%s.%s", name, norms[i]);
		architecture_parameter(a, "scale", SHAPE(config->hidden / config->heads));
	}
}

/* One stream's half of a double block: "img_" or "txt_". */
static void double_half(struct architecture *a, const struct chroma_config *config, const char *stream)
{
	int64_t hidden = config->hidden;
	size_t outside = architecture_enter(a, "%s", stream);

	architecture_bare_norm(a, "norm1");
	architecture_linear(a, 3 * hidden, hidden, true, "attn.qkv");
	head_norms(a, config, "attn.norm");
	architecture_linear(a, hidden, hidden, true, "attn.proj");
	architecture_bare_norm(a, "norm2");
	architecture_linear(a, config->mlp_ratio * hidden, hidden, true, "mlp.0");
	architecture_linear(a, hidden, config->mlp_ratio * hidden, true, "mlp.2");
	architecture_leave(a, outside);
}

static void single_block(struct architecture *a, const struct chroma_config *config)
{
	int64_t hidden = config->hidden;

	architecture_linear(a, (3 + config->mlp_ratio) * hidden, hidden, true, "linear1");
	architecture_linear(a, hidden, (1 + config->mlp_ratio) * hidden, true, "linear2");
	head_norms(a, config, "norm");
	architecture_bare_norm(a, "pre_norm");
}

static void describe(const void *from, struct architecture *a)
{
	const struct chroma_config *config = from;
	size_t outside;

	architecture_linear(a, config->hidden, config->channels, true, "img_in");
	architecture_linear(a, config->hidden, config->context_channels, true, "txt_in");
	guidance(a, config);
	for (int i = 0; i < config->depth; i++) {
		outside = architecture_enter(a, "double_blocks.%d.", i);
		double_half(a, config, "img_");
		double_half(a, config, "txt_");
		architecture_leave(a, outside);
	}
	for (int i = 0; i < config->single_depth; i++) {
		outside = architecture_enter(a, "single_blocks.%d.", i);
		single_block(a, config);
		architecture_leave(a, outside);
	}
	architecture_bare_norm(a, "final_layer.norm_final");
	architecture_linear(a, config->channels, config->hidden, true, "final_layer.linear");
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct chroma_config *config = into;
	int64_t head_width = tensor_view_dimension(view, 0, "double_blocks.0.img_attn.norm.key_norm.scale");

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "distilled_guidance_layer.in_proj.weight") ||
	    !tensor_view_find(view, "final_layer.linear.weight") || head_width < 1)
		return false;
	config->channels = tensor_view_dimension(view, 1, "img_in.weight");
	config->hidden = tensor_view_dimension(view, 0, "img_in.weight");
	config->heads = config->hidden / head_width;
	config->mlp_ratio =
		config->hidden ? tensor_view_dimension(view, 0, "double_blocks.0.img_mlp.0.weight") / config->hidden : 0;
	config->depth = tensor_view_count(view, "double_blocks.");
	config->single_depth = tensor_view_count(view, "single_blocks.");
	config->context_channels = tensor_view_dimension(view, 1, "txt_in.weight");
	config->guidance_channels = tensor_view_dimension(view, 1, "distilled_guidance_layer.in_proj.weight");
	config->guidance_hidden = tensor_view_dimension(view, 0, "distilled_guidance_layer.in_proj.weight");
	config->guidance_layers = tensor_view_count(view, "distilled_guidance_layer.layers.");
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "Chroma";
}

static const struct family_variant variants[] = {
	{ .name = "chroma1_hd_transformer",
	  .config = "{\"hidden_size\":3072,\"num_heads\":24,\"depth\":19,\"depth_single_blocks\":38,\"context_in_dim\":4096}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_chroma = {
	.name = "chroma",
	.summary = "Chroma transformer",
	.kind = MODEL_UNET,
	.memory_class = "Chroma",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 40000,
	.config_size_bytes = sizeof(struct chroma_config),
	.fields = fields,
	.check = check,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"hidden_size\":64,\"num_heads\":4,\"depth\":2,\"depth_single_blocks\":2,\"context_in_dim\":32,"
		 "\"hidden_dim\":48,\"n_layers\":2}",
};
