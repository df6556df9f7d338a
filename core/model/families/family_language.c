/* Qwen3, Gemma 2 and 3, Mistral 3: language models that encode text for diffusion models of 2025 and 2026.
 *
 * All have Llama's layers. Qwen3 and Gemma 3 normalise the heads of q and k; Gemma has two more norms a layer, about the MLP.
 * What follows from the family is in its form, what a file may have or lack in the configuration: the output head of the larger
 * Qwen3, the vision tower of Gemma 3, the last norm that FLUX.2's cut Mistral does without.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_language.h"

#define LANGUAGE_FIELDS                                                                                                        \
	CONFIG_COUNT(struct language_config, base.layers, "num_hidden_layers", 1, 1024),                                       \
		CONFIG_COUNT(struct language_config, base.hidden, "hidden_size", 1, 1 << 20),                                  \
		CONFIG_COUNT(struct language_config, base.heads, "num_attention_heads", 1, 4096),                              \
		CONFIG_COUNT(struct language_config, base.kv_heads, "num_key_value_heads", 1, 4096),                           \
		CONFIG_COUNT_OR(struct language_config, base.head_width, "head_dim", 1, 1 << 16, 128),                         \
		CONFIG_COUNT(struct language_config, base.intermediate, "intermediate_size", 1, 1 << 22),                      \
		CONFIG_COUNT(struct language_config, base.vocabulary, "vocab_size", 1, 1 << 26)

static const struct config_field qwen3_fields[] = {
	LANGUAGE_FIELDS,
	CONFIG_BOOL_OR(struct language_config, output_head, "lm_head", false),
	CONFIG_END,
};

static const struct config_field gemma2_fields[] = {
	LANGUAGE_FIELDS,
	CONFIG_END,
};

static const struct config_field gemma3_fields[] = {
	LANGUAGE_FIELDS,
	CONFIG_QUIET(struct language_config, vision_layers, "vision_num_hidden_layers", 0, 1024, 0),
	CONFIG_QUIET(struct language_config, vision_hidden, "vision_hidden_size", 1, 1 << 20, 1152),
	CONFIG_QUIET(struct language_config, vision_intermediate, "vision_intermediate_size", 1, 1 << 22, 4304),
	CONFIG_END,
};

static const struct config_field mistral3_fields[] = {
	LANGUAGE_FIELDS,
	CONFIG_BOOL_OR(struct language_config, no_final_norm, "no_final_norm", false),
	CONFIG_END,
};

/* ---- modules ---- */

/* What every layer of a family has beyond Llama's. */
struct language_form {
	bool head_norms;
	bool mlp_norms;
};

static void layer(struct architecture *a, const struct llama_config *config, const struct language_form *form)
{
	int64_t hidden = config->hidden;
	int64_t inner = config->heads * config->head_width;
	int64_t kv = config->kv_heads * config->head_width;

	architecture_linear(a, inner, hidden, false, "self_attn.q_proj");
	architecture_linear(a, kv, hidden, false, "self_attn.k_proj");
	architecture_linear(a, kv, hidden, false, "self_attn.v_proj");
	architecture_linear(a, hidden, inner, false, "self_attn.o_proj");
	if (form->head_norms) {
		architecture_scale_norm(a, MODULE_OWN_RMS_NORM, config->head_width, "self_attn.q_norm");
		architecture_scale_norm(a, MODULE_OWN_RMS_NORM, config->head_width, "self_attn.k_norm");
	}
	architecture_linear(a, config->intermediate, hidden, false, "mlp.gate_proj");
	architecture_linear(a, config->intermediate, hidden, false, "mlp.up_proj");
	architecture_linear(a, hidden, config->intermediate, false, "mlp.down_proj");
	architecture_scale_norm(a, MODULE_OWN_RMS_NORM, hidden, "input_layernorm");
	architecture_scale_norm(a, MODULE_OWN_RMS_NORM, hidden, "post_attention_layernorm");
	if (form->mlp_norms) {
		architecture_scale_norm(a, MODULE_OWN_RMS_NORM, hidden, "pre_feedforward_layernorm");
		architecture_scale_norm(a, MODULE_OWN_RMS_NORM, hidden, "post_feedforward_layernorm");
	}
}

static void language_model(struct architecture *a, const struct language_config *config, const struct language_form *form)
{
	const struct llama_config *base = &config->base;
	size_t model = architecture_enter(a, "transformer.model.");

	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(base->vocabulary, base->hidden), "embed_tokens");
	for (int i = 0; i < base->layers; i++) {
		size_t outside = architecture_enter(a, "layers.%d.", i);

		layer(a, base, form);
		architecture_leave(a, outside);
	}
	if (!config->no_final_norm)
		architecture_scale_norm(a, MODULE_OWN_RMS_NORM, base->hidden, "norm");
	if (config->output_head)
		architecture_linear(a, base->vocabulary, base->hidden, false, "lm_head");
	architecture_leave(a, model);
}

static void vision_layer(struct architecture *a, int64_t hidden, int64_t intermediate)
{
	static const char *const projections[] = { "q_proj", "k_proj", "v_proj", "out_proj" };

	architecture_norm(a, MODULE_LAYER_NORM, hidden, "layer_norm1");
	for (int i = 0; i < 4; i++)
		architecture_linear(a, hidden, hidden, true, "self_attn.%s", projections[i]);
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "layer_norm2");
	architecture_linear(a, intermediate, hidden, true, "mlp.fc1");
	architecture_linear(a, hidden, intermediate, true, "mlp.fc2");
}

/* SigLIP of 896 pixels a side, in patches of 14. */
static void vision_tower(struct architecture *a, const struct language_config *config)
{
	int64_t hidden = config->vision_hidden;
	size_t outside = architecture_enter(a, "transformer.");
	size_t block;

	architecture_loose(a, "multi_modal_projector", "mm_input_projection_weight", SHAPE(hidden, config->base.hidden));
	architecture_scale_norm(a, MODULE_OWN_RMS_NORM, hidden, "multi_modal_projector.mm_soft_emb_norm");
	architecture_convolution(a, hidden, 3, 14, "vision_model.embeddings.patch_embedding");
	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(4096, hidden), "vision_model.embeddings.position_embedding");
	for (int i = 0; i < config->vision_layers; i++) {
		block = architecture_enter(a, "vision_model.encoder.layers.%d.", i);
		vision_layer(a, hidden, config->vision_intermediate);
		architecture_leave(a, block);
	}
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "vision_model.post_layernorm");
	architecture_leave(a, outside);
}

static void describe_qwen3(const void *config, struct architecture *a)
{
	language_model(a, config, &(struct language_form) { .head_norms = true });
}

static void describe_gemma2(const void *config, struct architecture *a)
{
	language_model(a, config, &(struct language_form) { .mlp_norms = true });
}

static void describe_gemma3(const void *from, struct architecture *a)
{
	const struct language_config *config = from;

	language_model(a, config, &(struct language_form) { .head_norms = true, .mlp_norms = true });
	if (config->vision_layers > 0)
		vision_tower(a, config);
}

static void describe_mistral3(const void *config, struct architecture *a)
{
	language_model(a, config, &(struct language_form) { .head_norms = false });
}

/* ---- detection ---- */

/* The layers' shapes; `head_width` where no norm of the heads states it. False: other modules, or biases, which none of these has. */
static bool detect_language(const struct tensor_view *view, const struct language_form *form, int64_t head_width,
			    struct language_config *config)
{
	struct llama_config *base = &config->base;

	if (!tensor_view_find(view, "model.embed_tokens.weight") ||
	    !tensor_view_find(view, "model.layers.0.post_attention_layernorm.weight") ||
	    tensor_view_has(view, "model.layers.0.self_attn.k_proj.bias") ||
	    tensor_view_has(view, "model.layers.0.self_attn.q_norm.") != form->head_norms ||
	    tensor_view_has(view, "model.layers.0.post_feedforward_layernorm.") != form->mlp_norms)
		return false;
	if (form->head_norms)
		head_width = tensor_view_dimension(view, 0, "model.layers.0.self_attn.q_norm.weight");
	if (head_width < 1)
		return false;
	base->layers = tensor_view_count(view, "model.layers.");
	base->hidden = tensor_view_dimension(view, 1, "model.embed_tokens.weight");
	base->vocabulary = tensor_view_dimension(view, 0, "model.embed_tokens.weight");
	base->head_width = head_width;
	base->heads = tensor_view_dimension(view, 0, "model.layers.0.self_attn.q_proj.weight") / head_width;
	base->kv_heads = tensor_view_dimension(view, 0, "model.layers.0.self_attn.k_proj.weight") / head_width;
	base->intermediate = tensor_view_dimension(view, 0, "model.layers.0.mlp.gate_proj.weight");
	config->output_head = tensor_view_has(view, "model.lm_head.");
	config->no_final_norm = !tensor_view_find(view, "model.norm.weight");
	config->vision_hidden = 1152;
	config->vision_intermediate = 4304;
	return true;
}

static bool detect_qwen3(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect_language(view, &(struct language_form) { .head_norms = true }, 0, config);
}

static bool detect_gemma2(const struct tensor_view *view, enum layout layout, void *config)
{
	return layout == LAYOUT_OWN && detect_language(view, &(struct language_form) { .mlp_norms = true }, 256, config);
}

static bool detect_gemma3(const struct tensor_view *view, enum layout layout, void *into)
{
	struct language_config *config = into;

	if (layout != LAYOUT_OWN ||
	    !detect_language(view, &(struct language_form) { .head_norms = true, .mlp_norms = true }, 0, config))
		return false;
	if (!tensor_view_find(view, "vision_model.embeddings.patch_embedding.weight"))
		return true;
	config->vision_layers = tensor_view_count(view, "vision_model.encoder.layers.");
	config->vision_hidden = tensor_view_dimension(view, 0, "vision_model.embeddings.patch_embedding.weight");
	config->vision_intermediate = tensor_view_dimension(view, 0, "vision_model.encoder.layers.0.mlp.fc1.weight");
	return true;
}

/* Nothing but their widths tells these from a Llama; upstream looks at them, too. */
static bool detect_mistral3(const struct tensor_view *view, enum layout layout, void *into)
{
	struct language_config *config = into;

	return layout == LAYOUT_OWN && detect_language(view, &(struct language_form) { .head_norms = false }, 128, config) &&
	       (config->base.hidden == 5120 || config->base.hidden == 3072);
}

/* ---- upstream's names ---- */

static const char *upstream_qwen3(const void *from)
{
	const struct language_config *config = from;

	switch (config->base.hidden) {
	case 1024:
		return "TEModel.QWEN3_06B";
	case 2048:
		return "TEModel.QWEN3_2B";
	case 4096:
		return "TEModel.QWEN3_8B";
	default:
		return "TEModel.QWEN3_4B";
	}
}

static const char *upstream_gemma2(const void *config)
{
	(void)config;
	return "TEModel.GEMMA_2_2B";
}

static const char *upstream_gemma3(const void *from)
{
	const struct language_config *config = from;

	if (config->base.layers >= 48)
		return "TEModel.GEMMA_3_12B";
	return config->vision_layers > 0 ? "TEModel.GEMMA_3_4B_VISION" : "TEModel.GEMMA_3_4B";
}

static const char *upstream_mistral3(const void *from)
{
	const struct language_config *config = from;

	if (config->base.hidden == 3072)
		return "TEModel.MINISTRAL_3_3B";
	return config->base.layers >= 40 ? "TEModel.MISTRAL3_24B" : "TEModel.MISTRAL3_24B_PRUNED_FLUX2";
}

/* ---- published models ---- */

#define QWEN3(layers, hidden, heads, intermediate, more)                                                                       \
	"{\"num_hidden_layers\":" #layers ",\"hidden_size\":" #hidden ",\"num_attention_heads\":" #heads                       \
	",\"num_key_value_heads\":8,\"intermediate_size\":" #intermediate ",\"vocab_size\":151936" more "}"
#define MISTRAL3(layers, more)                                                                                                 \
	"{\"num_hidden_layers\":" #layers ",\"hidden_size\":5120,\"num_attention_heads\":32,\"num_key_value_heads\":8,"        \
	"\"intermediate_size\":32768,\"vocab_size\":131072" more "}"

static const struct family_variant qwen3_variants[] = {
	{ .name = "qwen3_4b", .config = QWEN3(36, 2560, 32, 9728, ""), .dtype = DTYPE_BF16 },
	{ .name = "qwen3_0.6b", .config = QWEN3(28, 1024, 16, 3072, ""), .dtype = DTYPE_BF16 },
	{ .name = "qwen3_2b", .config = QWEN3(28, 2048, 16, 6144, ""), .dtype = DTYPE_BF16 },
	{ .name = "qwen3_8b", .config = QWEN3(36, 4096, 32, 12288, ",\"lm_head\":true"), .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

static const struct family_variant gemma2_variants[] = {
	{ .name = "gemma2_2b",
	  .config = "{\"num_hidden_layers\":26,\"hidden_size\":2304,\"num_attention_heads\":8,\"num_key_value_heads\":4,"
		    "\"head_dim\":256,\"intermediate_size\":9216,\"vocab_size\":256000}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

static const struct family_variant gemma3_variants[] = {
	{ .name = "gemma3_12b",
	  .config = "{\"num_hidden_layers\":48,\"hidden_size\":3840,\"num_attention_heads\":16,\"num_key_value_heads\":8,"
		    "\"head_dim\":256,\"intermediate_size\":15360,\"vocab_size\":262208,\"vision_num_hidden_layers\":27}",
	  .dtype = DTYPE_BF16 },
	{ .name = "gemma3_4b",
	  .config = "{\"num_hidden_layers\":34,\"hidden_size\":2560,\"num_attention_heads\":8,\"num_key_value_heads\":4,"
		    "\"head_dim\":256,\"intermediate_size\":10240,\"vocab_size\":262208}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

static const struct family_variant mistral3_variants[] = {
	{ .name = "mistral3_24b_flux2", .config = MISTRAL3(30, ",\"no_final_norm\":true"), .dtype = DTYPE_BF16 },
	{ .name = "mistral3_24b", .config = MISTRAL3(40, ""), .dtype = DTYPE_BF16 },
	{ .name = "ministral3_3b",
	  .config = "{\"num_hidden_layers\":26,\"hidden_size\":3072,\"num_attention_heads\":32,\"num_key_value_heads\":8,"
		    "\"intermediate_size\":9216,\"vocab_size\":131072}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

#define SMALL                                                                                                                  \
	"{\"num_hidden_layers\":2,\"hidden_size\":64,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":16,"     \
	"\"intermediate_size\":128,\"vocab_size\":1000}"

#define LANGUAGE_FAMILY(title, text, prefix)                                                                                   \
	const struct family family_##title = {                                                                                 \
		.name = #title,                                                                                                \
		.summary = text,                                                                                               \
		.kind = MODEL_CLIP,                                                                                            \
		.root = prefix,                                                                                                \
		.trunk = "transformer.",                                                                                       \
		.buffer_bytes = 4, /* logit_scale */                                                                           \
		.config_size_bytes = sizeof(struct language_config),                                                           \
		.fields = title##_fields,                                                                                      \
		.describe = describe_##title,                                                                                  \
		.detect = detect_##title,                                                                                      \
		.upstream = upstream_##title,                                                                                  \
		.variants = title##_variants,                                                                                  \
		.small = SMALL,                                                                                                \
	}

LANGUAGE_FAMILY(qwen3, "Qwen3 text encoder (0.6B, 2B, 4B, 8B)", "qwen3_4b.");
LANGUAGE_FAMILY(gemma2, "Gemma 2 text encoder (2B, for Lumina 2)", "gemma2_2b.");
LANGUAGE_FAMILY(gemma3, "Gemma 3 text encoder (4B; 12B with its vision tower, for LTX-2)", "gemma3_12b.");
LANGUAGE_FAMILY(mistral3, "Mistral 3 text encoder (24B, for FLUX.2; 3B)", "mistral3_24b.");
