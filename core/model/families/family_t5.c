/* T5's encoder and UMT5's; modules in the order in which ComfyUI registers them. */
#include "core/model/families/family.h"
#include "core/model/families/family_t5.h"

static const struct config_field fields[] = {
	CONFIG_COUNT(struct t5_config, layers, "num_layers", 1, 1024),
	CONFIG_COUNT(struct t5_config, width, "d_model", 1, 1 << 20),
	CONFIG_COUNT(struct t5_config, intermediate, "d_ff", 1, 1 << 22),
	CONFIG_COUNT(struct t5_config, heads, "num_heads", 1, 4096),
	CONFIG_COUNT(struct t5_config, head_width, "d_kv", 1, 1 << 16),
	CONFIG_COUNT_OR(struct t5_config, vocabulary, "vocab_size", 1, 1 << 26, 32128),
	CONFIG_COUNT_OR(struct t5_config, end_token, "eos_token_id", 0, 1 << 26, 1),
	CONFIG_COUNT_OR(struct t5_config, pad_token, "pad_token_id", 0, 1 << 26, 0),
	CONFIG_END,
};

#define POSITION_BUCKETS 32

static void layer(struct architecture *a, const struct t5_config *config, bool has_positions)
{
	int64_t width = config->width;
	int64_t inner = config->heads * config->head_width;

	architecture_linear(a, inner, width, false, "layer.0.SelfAttention.q");
	architecture_linear(a, inner, width, false, "layer.0.SelfAttention.k");
	architecture_linear(a, inner, width, false, "layer.0.SelfAttention.v");
	architecture_linear(a, width, inner, false, "layer.0.SelfAttention.o");
	if (has_positions)
		architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(POSITION_BUCKETS, config->heads),
				      "layer.0.SelfAttention.relative_attention_bias");
	architecture_scale_norm(a, MODULE_T5_NORM, width, "layer.0.layer_norm");
	architecture_linear(a, config->intermediate, width, false, "layer.1.DenseReluDense.wi_0");
	architecture_linear(a, config->intermediate, width, false, "layer.1.DenseReluDense.wi_1");
	architecture_linear(a, width, config->intermediate, false, "layer.1.DenseReluDense.wo");
	architecture_scale_norm(a, MODULE_T5_NORM, width, "layer.1.layer_norm");
}

static void describe(const struct t5_config *config, struct architecture *a, bool positions_each)
{
	size_t outside;

	for (int i = 0; i < config->layers; i++) {
		outside = architecture_enter(a, "transformer.encoder.block.%d.", i);
		layer(a, config, i == 0 || positions_each);
		architecture_leave(a, outside);
	}
	architecture_scale_norm(a, MODULE_T5_NORM, config->width, "transformer.encoder.final_layer_norm");
	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(config->vocabulary, config->width), "transformer.shared");
}

static void describe_t5(const void *config, struct architecture *a)
{
	describe(config, a, false);
}

static void describe_umt5(const void *config, struct architecture *a)
{
	describe(config, a, true);
}

static bool detect(const struct tensor_view *view, struct t5_config *config)
{
	int64_t inner = tensor_view_dimension(view, 0, "encoder.block.0.layer.0.SelfAttention.k.weight");

	if (!inner || !tensor_view_find(view, "encoder.final_layer_norm.weight"))
		return false;
	config->layers = tensor_view_count(view, "encoder.block.");
	config->width = tensor_view_dimension(view, 0, "encoder.final_layer_norm.weight");
	config->intermediate = tensor_view_dimension(view, 0, "encoder.block.0.layer.1.DenseReluDense.wi_0.weight");
	config->heads = tensor_view_dimension(view, 1, "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
	config->head_width = config->heads ? inner / config->heads : 0;
	config->vocabulary = tensor_view_dimension(view, 0, "shared.weight");
	config->end_token = 1;
	return true;
}

static bool has_positions_each(const struct tensor_view *view)
{
	return tensor_view_find(view, "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight") != NULL;
}

static bool detect_t5(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect(view, config) && !has_positions_each(view);
}

static bool detect_umt5(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect(view, config) && has_positions_each(view);
}

/* Upstream does not tell them apart: the loader's type does. */
static const char *upstream(const void *config)
{
	(void)config;
	return "TEModel.T5_XXL";
}

#define XXL "{\"num_layers\":24,\"d_model\":4096,\"d_ff\":10240,\"num_heads\":64,\"d_kv\":64,\"vocab_size\":"
#define SMALL "{\"num_layers\":2,\"d_model\":64,\"d_ff\":128,\"num_heads\":4,\"d_kv\":16,\"vocab_size\":1000}"

static const struct family_variant variants_t5[] = {
	{ .name = "t5xxl_encoder", .config = XXL "32128}", .dtype = DTYPE_F16 },
	{ .name = NULL },
};

static const struct family_variant variants_umt5[] = {
	{ .name = "umt5xxl_encoder", .config = XXL "256384}", .dtype = DTYPE_F16 },
	{ .name = NULL },
};

static const struct family_file files_t5[] = {
	{ .begins = "t5-small", .small = true },
	{ .begins = "t5xxl" },
	{ .begins = "t5-v1_1-xxl" },
	{ .begins = NULL },
};

const struct family family_t5 = {
	.name = "t5",
	.summary = "T5 text encoder",
	.kind = MODEL_CLIP,
	.root = "t5xxl.",
	.trunk = "transformer.",
	.buffer_bytes = 4, /* logit_scale */
	.config_size_bytes = sizeof(struct t5_config),
	.fields = fields,
	.describe = describe_t5,
	.detect = detect_t5,
	.upstream = upstream,
	.variants = variants_t5,
	.small = SMALL,
	.files = files_t5,
};

const struct family family_umt5 = {
	.name = "umt5",
	.summary = "UMT5 text encoder",
	.kind = MODEL_CLIP,
	.root = "umt5xxl.",
	.trunk = "transformer.",
	.buffer_bytes = 4,
	.config_size_bytes = sizeof(struct t5_config),
	.fields = fields,
	.describe = describe_umt5,
	.detect = detect_umt5,
	.upstream = upstream,
	.variants = variants_umt5,
	.small = SMALL,
};
