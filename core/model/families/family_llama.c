/* Llama 3 (LLaVA-llama3 8B, for HunyuanVideo) and Qwen2.5-VL with its vision tower (for Qwen-Image). */
#include "core/model/families/family.h"
#include "core/model/families/family_llama.h"

#define LANGUAGE_FIELDS(type, part)                                                                                            \
	CONFIG_COUNT(type, part layers, "num_hidden_layers", 1, 1024),                                                         \
		CONFIG_COUNT(type, part hidden, "hidden_size", 1, 1 << 20),                                                    \
		CONFIG_COUNT(type, part heads, "num_attention_heads", 1, 4096),                                                \
		CONFIG_COUNT(type, part kv_heads, "num_key_value_heads", 1, 4096),                                             \
		CONFIG_COUNT_OR(type, part head_width, "head_dim", 1, 1 << 16, 128),                                           \
		CONFIG_COUNT(type, part intermediate, "intermediate_size", 1, 1 << 22),                                        \
		CONFIG_COUNT(type, part vocabulary, "vocab_size", 1, 1 << 26)

static const struct config_field fields_llama[] = {
	LANGUAGE_FIELDS(struct llama_config, ),
	CONFIG_END,
};

static const struct config_field fields_qwen[] = {
	LANGUAGE_FIELDS(struct qwen_vl_config, language.),
	CONFIG_COUNT_OR(struct qwen_vl_config, vision_layers, "vision_depth", 1, 1024, 32),
	CONFIG_COUNT_OR(struct qwen_vl_config, vision_hidden, "vision_hidden_size", 1, 1 << 20, 1280),
	CONFIG_COUNT_OR(struct qwen_vl_config, vision_intermediate, "vision_intermediate_size", 1, 1 << 22, 3420),
	CONFIG_COUNT_OR(struct qwen_vl_config, patch, "vision_patch_size", 1, 256, 14),
	CONFIG_COUNT_OR(struct qwen_vl_config, temporal_patch, "vision_temporal_patch_size", 1, 64, 2),
	CONFIG_COUNT_OR(struct qwen_vl_config, merge, "vision_spatial_merge_size", 1, 64, 2),
	CONFIG_END,
};

/* Bias on q, k and v: Qwen's. */
static void layer(struct architecture *a, const struct llama_config *config, bool bias)
{
	int64_t hidden = config->hidden;
	int64_t inner = config->heads * config->head_width;
	int64_t kv = config->kv_heads * config->head_width;

	architecture_linear(a, inner, hidden, bias, "self_attn.q_proj");
	architecture_linear(a, kv, hidden, bias, "self_attn.k_proj");
	architecture_linear(a, kv, hidden, bias, "self_attn.v_proj");
	architecture_linear(a, hidden, inner, false, "self_attn.o_proj");
	architecture_linear(a, config->intermediate, hidden, false, "mlp.gate_proj");
	architecture_linear(a, config->intermediate, hidden, false, "mlp.up_proj");
	architecture_linear(a, hidden, config->intermediate, false, "mlp.down_proj");
	architecture_scale_norm(a, MODULE_OWN_RMS_NORM, hidden, "input_layernorm");
	architecture_scale_norm(a, MODULE_OWN_RMS_NORM, hidden, "post_attention_layernorm");
}

static void language_model(struct architecture *a, const struct llama_config *config, bool bias)
{
	size_t model = architecture_enter(a, "transformer.model.");
	size_t outside;

	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(config->vocabulary, config->hidden), "embed_tokens");
	for (int i = 0; i < config->layers; i++) {
		outside = architecture_enter(a, "layers.%d.", i);
		layer(a, config, bias);
		architecture_leave(a, outside);
	}
	architecture_scale_norm(a, MODULE_OWN_RMS_NORM, config->hidden, "norm");
	architecture_leave(a, model);
}

static void describe_llama(const void *config, struct architecture *a)
{
	language_model(a, config, false);
}

static void vision_block(struct architecture *a, int64_t hidden, int64_t intermediate)
{
	architecture_scale_norm(a, MODULE_RMS_NORM, hidden, "norm1");
	architecture_scale_norm(a, MODULE_RMS_NORM, hidden, "norm2");
	architecture_linear(a, 3 * hidden, hidden, true, "attn.qkv");
	architecture_linear(a, hidden, hidden, true, "attn.proj");
	architecture_linear(a, intermediate, hidden, true, "mlp.gate_proj");
	architecture_linear(a, intermediate, hidden, true, "mlp.up_proj");
	architecture_linear(a, hidden, intermediate, true, "mlp.down_proj");
}

static void describe_qwen(const void *from, struct architecture *a)
{
	const struct qwen_vl_config *config = from;
	int64_t hidden = config->vision_hidden;
	int64_t merged = hidden * config->merge * config->merge;
	size_t visual;
	size_t outside;

	language_model(a, &config->language, true);
	visual = architecture_enter(a, "transformer.visual.");
	architecture_weighted(a, MODULE_CONV3D, false, SHAPE(hidden, 3, config->temporal_patch, config->patch, config->patch),
			      "patch_embed.proj");
	for (int i = 0; i < config->vision_layers; i++) {
		outside = architecture_enter(a, "blocks.%d.", i);
		vision_block(a, hidden, config->vision_intermediate);
		architecture_leave(a, outside);
	}
	architecture_scale_norm(a, MODULE_RMS_NORM, hidden, "merger.ln_q");
	architecture_linear(a, merged, merged, true, "merger.mlp.0");
	architecture_linear(a, config->language.hidden, merged, true, "merger.mlp.2");
	architecture_leave(a, visual);
}

/* Heads are not in the shapes: 128 wide in both. */
static bool detect_language(const struct tensor_view *view, struct llama_config *config)
{
	int64_t width = 128;

	if (!tensor_view_find(view, "model.layers.0.post_attention_layernorm.weight") ||
	    !tensor_view_find(view, "model.embed_tokens.weight"))
		return false;
	while (width > 1 && tensor_view_dimension(view, 0, "model.layers.0.self_attn.k_proj.weight") % width != 0)
		width /= 2;
	config->layers = tensor_view_count(view, "model.layers.");
	config->hidden = tensor_view_dimension(view, 1, "model.embed_tokens.weight");
	config->vocabulary = tensor_view_dimension(view, 0, "model.embed_tokens.weight");
	config->head_width = width;
	config->heads = tensor_view_dimension(view, 0, "model.layers.0.self_attn.q_proj.weight") / width;
	config->kv_heads = tensor_view_dimension(view, 0, "model.layers.0.self_attn.k_proj.weight") / width;
	config->intermediate = tensor_view_dimension(view, 0, "model.layers.0.mlp.gate_proj.weight");
	return true;
}

static bool detect_llama(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && !tensor_view_has(view, "model.layers.0.self_attn.k_proj.bias") &&
	       detect_language(view, config);
}

static bool detect_qwen(const struct tensor_view *view, enum layout layout, void *into)
{
	struct qwen_vl_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_has(view, "model.layers.0.self_attn.k_proj.bias") ||
	    !tensor_view_has(view, "visual.") || !detect_language(view, &config->language))
		return false;
	config->vision_layers = tensor_view_count(view, "visual.blocks.");
	config->vision_hidden = tensor_view_dimension(view, 0, "visual.patch_embed.proj.weight");
	config->vision_intermediate = tensor_view_dimension(view, 0, "visual.blocks.0.mlp.gate_proj.weight");
	config->temporal_patch = tensor_view_dimension(view, 2, "visual.patch_embed.proj.weight");
	config->patch = tensor_view_dimension(view, 3, "visual.patch_embed.proj.weight");
	for (config->merge = 1; config->merge < 64; config->merge++) {
		if (config->vision_hidden * config->merge * config->merge >=
		    tensor_view_dimension(view, 0, "visual.merger.mlp.0.weight"))
			break;
	}
	return true;
}

static const char *upstream_llama(const void *config)
{
	(void)config;
	return "TEModel.LLAMA3_8";
}

static const char *upstream_qwen(const void *config)
{
	(void)config;
	return "TEModel.QWEN25_7B";
}

static const struct family_variant variants_llama[] = {
	{ .name = "llava_llama3_8b",
	  .config = "{\"num_hidden_layers\":32,\"hidden_size\":4096,\"num_attention_heads\":32,\"num_key_value_heads\":8,"
		    "\"intermediate_size\":14336,\"vocab_size\":128320}",
	  .dtype = DTYPE_F16 },
	{ .name = NULL },
};

static const struct family_variant variants_qwen[] = {
	{ .name = "qwen2.5_vl_7b",
	  .config = "{\"num_hidden_layers\":28,\"hidden_size\":3584,\"num_attention_heads\":28,\"num_key_value_heads\":4,"
		    "\"intermediate_size\":18944,\"vocab_size\":152064}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

#define SMALL                                                                                                                  \
	"{\"num_hidden_layers\":2,\"hidden_size\":64,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":16,"     \
	"\"intermediate_size\":128,\"vocab_size\":1000"

const struct family family_llama3 = {
	.name = "llama3",
	.summary = "Llama 3 text encoder (LLaVA-llama3 8B)",
	.kind = MODEL_CLIP,
	.root = "llama.",
	.trunk = "transformer.",
	.buffer_bytes = 4, /* logit_scale */
	.config_size_bytes = sizeof(struct llama_config),
	.fields = fields_llama,
	.describe = describe_llama,
	.detect = detect_llama,
	.upstream = upstream_llama,
	.variants = variants_llama,
	.small = SMALL "}",
};

const struct family family_qwen25_vl = {
	.name = "qwen2.5_vl",
	.summary = "Qwen2.5-VL text and vision encoder",
	.kind = MODEL_CLIP,
	.root = "qwen25_7b.",
	.trunk = "transformer.",
	.buffer_bytes = 4,
	.config_size_bytes = sizeof(struct qwen_vl_config),
	.fields = fields_qwen,
	.describe = describe_qwen,
	.detect = detect_qwen,
	.upstream = upstream_qwen,
	.variants = variants_qwen,
	.small = SMALL ",\"vision_depth\":2,\"vision_hidden_size\":32,\"vision_intermediate_size\":48}",
};
