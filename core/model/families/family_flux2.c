/* FLUX.2 (dev and Klein): FLUX.1's double and single blocks with three changes.
 *
 * No module has a bias; the MLP is gated, so that its first matrix makes twice its width; and one modulation of each kind
 * serves all blocks, where FLUX.1 has one in every block.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_flux2.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"flux2\""),
	CONFIG_COUNT_OR(struct flux2_config, channels, "in_channels", 1, 4096, 128),
	CONFIG_COUNT(struct flux2_config, hidden, "hidden_size", 1, 1 << 20),
	CONFIG_COUNT(struct flux2_config, heads, "num_heads", 1, 4096),
	CONFIG_COUNT_OR(struct flux2_config, mlp_ratio, "mlp_ratio", 1, 64, 3),
	CONFIG_COUNT(struct flux2_config, depth, "depth", 0, 1024),
	CONFIG_COUNT(struct flux2_config, single_depth, "depth_single_blocks", 0, 1024),
	CONFIG_COUNT(struct flux2_config, context_channels, "context_in_dim", 1, 1 << 20),
	CONFIG_BOOL_OR(struct flux2_config, guidance, "guidance_embed", true),
	CONFIG_TEXT("patch_size", "1"),
	CONFIG_TEXT("qkv_bias", "false"),
	CONFIG_TEXT("global_modulation", "true"),
	CONFIG_END,
};

static bool check(const void *from, const char *where, struct error *e)
{
	const struct flux2_config *config = from;

	return config->hidden % config->heads == 0 ||
	       error_set(e, ERROR_FORMAT, "%s: \"hidden_size\" must be a multiple of \"num_heads\"", where);
}

static void embedder(struct architecture *a, const char *name, int64_t hidden)
{
	architecture_linear(a, hidden, 256, false, "%s.in_layer", name);
	architecture_linear(a, hidden, hidden, false, "%s.out_layer", name);
}

static void head_norms(struct architecture *a, const struct flux2_config *config, const char *name)
{
	static const char *const norms[] = { "query_norm", "key_norm" };

	for (int i = 0; i < 2; i++) {
		architecture_module(a, MODULE_OWN_RMS_NORM, "%s.%s", name, norms[i]);
		architecture_parameter(a, "scale", SHAPE(config->hidden / config->heads));
	}
}

/* One stream's half of a double block: "img_" or "txt_". */
static void double_half(struct architecture *a, const struct flux2_config *config, const char *stream)
{
	int64_t hidden = config->hidden;
	int64_t inner = config->mlp_ratio * hidden;
	size_t outside = architecture_enter(a, "%s", stream);

	architecture_bare_norm(a, "norm1");
	architecture_linear(a, 3 * hidden, hidden, false, "attn.qkv");
	head_norms(a, config, "attn.norm");
	architecture_linear(a, hidden, hidden, false, "attn.proj");
	architecture_bare_norm(a, "norm2");
	architecture_linear(a, 2 * inner, hidden, false, "mlp.0");
	architecture_linear(a, hidden, inner, false, "mlp.2");
	architecture_leave(a, outside);
}

static void single_block(struct architecture *a, const struct flux2_config *config)
{
	int64_t hidden = config->hidden;
	int64_t inner = config->mlp_ratio * hidden;

	architecture_linear(a, 3 * hidden + 2 * inner, hidden, false, "linear1");
	architecture_linear(a, hidden, hidden + inner, false, "linear2");
	head_norms(a, config, "norm");
	architecture_bare_norm(a, "pre_norm");
}

static void describe(const void *from, struct architecture *a)
{
	const struct flux2_config *config = from;
	int64_t hidden = config->hidden;
	size_t outside;

	architecture_linear(a, hidden, config->channels, false, "img_in");
	embedder(a, "time_in", hidden);
	if (config->guidance)
		embedder(a, "guidance_in", hidden);
	architecture_linear(a, hidden, config->context_channels, false, "txt_in");
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
	architecture_linear(a, config->channels, hidden, false, "final_layer.linear");
	architecture_linear(a, 2 * hidden, hidden, false, "final_layer.adaLN_modulation.1");
	architecture_linear(a, 6 * hidden, hidden, false, "double_stream_modulation_img.lin");
	architecture_linear(a, 6 * hidden, hidden, false, "double_stream_modulation_txt.lin");
	architecture_linear(a, 3 * hidden, hidden, false, "single_stream_modulation.lin");
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct flux2_config *config = into;
	int64_t head_width = tensor_view_dimension(view, 0, "double_blocks.0.img_attn.norm.key_norm.scale");

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "double_stream_modulation_img.lin.weight") ||
	    !tensor_view_find(view, "img_in.weight") || head_width < 1)
		return false;
	config->channels = tensor_view_dimension(view, 1, "img_in.weight");
	config->hidden = tensor_view_dimension(view, 0, "img_in.weight");
	config->heads = config->hidden / head_width;
	config->mlp_ratio =
		config->hidden ? tensor_view_dimension(view, 1, "double_blocks.0.img_mlp.2.weight") / config->hidden : 0;
	config->depth = tensor_view_count(view, "double_blocks.");
	config->single_depth = tensor_view_count(view, "single_blocks.");
	config->context_channels = tensor_view_dimension(view, 1, "txt_in.weight");
	config->guidance = tensor_view_has(view, "guidance_in.");
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "Flux2";
}

static const struct family_variant variants[] = {
	{ .name = "flux2_dev_transformer",
	  .config = "{\"hidden_size\":6144,\"num_heads\":48,\"depth\":8,\"depth_single_blocks\":48,\"context_in_dim\":15360}",
	  .dtype = DTYPE_BF16 },
	{ .name = "flux2_klein_4b_transformer",
	  .config = "{\"hidden_size\":3072,\"num_heads\":24,\"depth\":5,\"depth_single_blocks\":20,\"context_in_dim\":7680,"
		    "\"guidance_embed\":false}",
	  .dtype = DTYPE_BF16 },
	{ .name = "flux2_klein_9b_transformer",
	  .config = "{\"hidden_size\":4096,\"num_heads\":32,\"depth\":8,\"depth_single_blocks\":24,\"context_in_dim\":12288,"
		    "\"guidance_embed\":false}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_flux2 = {
	.name = "flux2",
	.summary = "FLUX.2 transformer (dev, Klein)",
	.kind = MODEL_UNET,
	.memory_class = "Flux2",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 40000,
	.config_size_bytes = sizeof(struct flux2_config),
	.fields = fields,
	.check = check,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"in_channels\":16,\"hidden_size\":64,\"num_heads\":4,\"depth\":2,\"depth_single_blocks\":2,"
		 "\"context_in_dim\":32}",
};
