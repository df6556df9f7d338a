/* LTX-Video. */
#include "core/model/families/family.h"
#include "core/model/families/family_ltxv.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"ltxv\""),
	CONFIG_COUNT_OR(struct ltxv_config, head_width, "attention_head_dim", 1, 4096, 64),
	CONFIG_COUNT_OR(struct ltxv_config, cross_channels, "cross_attention_dim", 1, 1 << 20, 2048),
	CONFIG_COUNT(struct ltxv_config, layers, "num_layers", 0, 1024),
	CONFIG_QUIET(struct ltxv_config, heads, "num_attention_heads", 1, 4096, 32),
	CONFIG_QUIET(struct ltxv_config, in_channels, "in_channels", 1, 4096, 128),
	CONFIG_QUIET(struct ltxv_config, caption_channels, "caption_channels", 1, 1 << 20, 4096),
	CONFIG_END,
};

static void attention(struct architecture *a, int64_t dim, int64_t context, const char *name)
{
	size_t outside = architecture_enter(a, "%s", name);

	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "q_norm");
	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "k_norm");
	architecture_linear(a, dim, dim, true, "to_q");
	architecture_linear(a, dim, context, true, "to_k");
	architecture_linear(a, dim, context, true, "to_v");
	architecture_linear(a, dim, dim, true, "to_out.0");
	architecture_leave(a, outside);
}

static void describe(const void *from, struct architecture *a)
{
	const struct ltxv_config *config = from;
	int64_t dim = config->heads * config->head_width;
	size_t outside;

	architecture_loose(a, "", "scale_shift_table", SHAPE(2, dim));
	architecture_linear(a, dim, config->in_channels, true, "patchify_proj");
	architecture_linear(a, dim, 256, true, "adaln_single.emb.timestep_embedder.linear_1");
	architecture_linear(a, dim, dim, true, "adaln_single.emb.timestep_embedder.linear_2");
	architecture_linear(a, 6 * dim, dim, true, "adaln_single.linear");
	architecture_linear(a, dim, config->caption_channels, true, "caption_projection.linear_1");
	architecture_linear(a, dim, dim, true, "caption_projection.linear_2");
	for (int i = 0; i < config->layers; i++) {
		outside = architecture_enter(a, "transformer_blocks.%d.", i);
		architecture_loose(a, "", "scale_shift_table", SHAPE(6, dim));
		attention(a, dim, dim, "attn1.");
		architecture_linear(a, 4 * dim, dim, true, "ff.net.0.proj");
		architecture_linear(a, dim, 4 * dim, true, "ff.net.2");
		attention(a, dim, config->cross_channels, "attn2.");
		architecture_leave(a, outside);
	}
	architecture_bare_norm(a, "norm_out");
	architecture_linear(a, config->in_channels, dim, true, "proj_out");
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct ltxv_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "adaln_single.emb.timestep_embedder.linear_1.bias") ||
	    !tensor_view_find(view, "transformer_blocks.0.scale_shift_table") ||
	    !tensor_view_find(view, "patchify_proj.weight"))
		return false;
	config->layers = tensor_view_count(view, "transformer_blocks.");
	config->in_channels = tensor_view_dimension(view, 1, "patchify_proj.weight");
	config->heads = 32; /* in every published model */
	config->head_width = tensor_view_dimension(view, 0, "patchify_proj.weight") / config->heads;
	config->cross_channels = tensor_view_dimension(view, 1, "transformer_blocks.0.attn2.to_k.weight");
	config->caption_channels = tensor_view_dimension(view, 1, "caption_projection.linear_1.weight");
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "LTXV";
}

static const struct family_variant variants[] = {
	{ .name = "ltxv_2b_transformer", .config = "{\"num_layers\":28}", .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_ltxv = {
	.name = "ltxv",
	.summary = "LTX-Video transformer",
	.kind = MODEL_UNET,
	.memory_class = "LTXV",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 40000,
	.config_size_bytes = sizeof(struct ltxv_config),
	.fields = fields,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"num_layers\":2,\"attention_head_dim\":4,\"cross_attention_dim\":128,\"caption_channels\":64}",
};
