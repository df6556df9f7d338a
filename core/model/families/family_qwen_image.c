/* Qwen-Image: two streams, image and text, in every block. */
#include "core/model/families/family.h"
#include "core/model/families/family_qwen_image.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"qwen_image\""),
	CONFIG_COUNT_OR(struct qwen_image_config, in_channels, "in_channels", 1, 4096, 64),
	CONFIG_COUNT(struct qwen_image_config, layers, "num_layers", 0, 1024),
	CONFIG_QUIET(struct qwen_image_config, out_channels, "out_channels", 1, 1024, 16),
	CONFIG_QUIET(struct qwen_image_config, heads, "num_attention_heads", 1, 4096, 24),
	CONFIG_QUIET(struct qwen_image_config, head_width, "attention_head_dim", 1, 4096, 128),
	CONFIG_QUIET(struct qwen_image_config, context_channels, "joint_attention_dim", 1, 1 << 20, 3584),
	CONFIG_END,
};

/* One stream's modulation, norms and MLP: "img_" or "txt_". */
static void stream(struct architecture *a, int64_t dim, const char *name)
{
	size_t outside = architecture_enter(a, "%s", name);

	architecture_linear(a, 6 * dim, dim, true, "mod.1");
	architecture_bare_norm(a, "norm1");
	architecture_bare_norm(a, "norm2");
	architecture_linear(a, 4 * dim, dim, true, "mlp.net.0.proj");
	architecture_linear(a, dim, 4 * dim, true, "mlp.net.2");
	architecture_leave(a, outside);
}

static void attention(struct architecture *a, int64_t dim, int64_t head_width)
{
	static const char *const norms[] = { "norm_q", "norm_k", "norm_added_q", "norm_added_k" };
	static const char *const projections[] = { "to_q",	 "to_k",       "to_v",	   "add_q_proj",
						   "add_k_proj", "add_v_proj", "to_out.0", "to_add_out" };

	for (int i = 0; i < 4; i++)
		architecture_scale_norm(a, MODULE_RMS_NORM, head_width, "attn.%s", norms[i]);
	for (int i = 0; i < 8; i++)
		architecture_linear(a, dim, dim, true, "attn.%s", projections[i]);
}

static void describe(const void *from, struct architecture *a)
{
	const struct qwen_image_config *config = from;
	int64_t dim = config->heads * config->head_width;
	size_t outside;

	architecture_linear(a, dim, 256, true, "time_text_embed.timestep_embedder.linear_1");
	architecture_linear(a, dim, dim, true, "time_text_embed.timestep_embedder.linear_2");
	architecture_scale_norm(a, MODULE_RMS_NORM, config->context_channels, "txt_norm");
	architecture_linear(a, dim, config->in_channels, true, "img_in");
	architecture_linear(a, dim, config->context_channels, true, "txt_in");
	for (int i = 0; i < config->layers; i++) {
		outside = architecture_enter(a, "transformer_blocks.%d.", i);
		stream(a, dim, "img_");
		stream(a, dim, "txt_");
		attention(a, dim, config->head_width);
		architecture_leave(a, outside);
	}
	architecture_linear(a, 2 * dim, dim, true, "norm_out.linear");
	architecture_bare_norm(a, "norm_out.norm");
	architecture_linear(a, 4 * config->out_channels, dim, true, "proj_out");
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct qwen_image_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "txt_norm.weight") ||
	    !tensor_view_find(view, "transformer_blocks.0.img_mod.1.weight"))
		return false;
	config->in_channels = tensor_view_dimension(view, 1, "img_in.weight");
	config->out_channels = tensor_view_dimension(view, 0, "proj_out.weight") / 4;
	config->layers = tensor_view_count(view, "transformer_blocks.");
	config->head_width = tensor_view_dimension(view, 0, "transformer_blocks.0.attn.norm_q.weight");
	config->heads = config->head_width ? tensor_view_dimension(view, 0, "img_in.weight") / config->head_width : 0;
	config->context_channels = tensor_view_dimension(view, 0, "txt_norm.weight");
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "QwenImage";
}

static const struct family_variant variants[] = {
	{ .name = "qwen_image_transformer", .config = "{\"num_layers\":60}", .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_qwen_image = {
	.name = "qwen_image",
	.summary = "Qwen-Image transformer",
	.kind = MODEL_UNET,
	.memory_class = "QwenImage",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 40000,
	.config_size_bytes = sizeof(struct qwen_image_config),
	.fields = fields,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"num_layers\":2,\"num_attention_heads\":4,\"attention_head_dim\":32,\"joint_attention_dim\":64}",
};
