/* CLIP-L, T5, and the pair of them that FLUX uses; modules in the order in which ComfyUI registers them. */
#include <string.h>

#include "core/base/json.h"
#include "core/model/family.h"

static bool is_sane(int64_t layers, int64_t width, int64_t heads, int64_t intermediate, int64_t vocabulary)
{
	return layers > 0 && layers <= 1024 && width > 0 && width <= 1 << 20 && heads > 0 && heads <= 4096 &&
	       intermediate > 0 && intermediate <= 1 << 22 && vocabulary > 0 && vocabulary <= 1 << 26;
}

static bool read_clip(void *into, const json_t *object, const char *where, struct error *e)
{
	struct clip_config *config = into;
	json_t *special = json_object_get(object, "special_tokens");
	const char *activation;

	if (!json_get_integer(object, "num_hidden_layers", where, &config->layers, e) ||
	    !json_get_integer(object, "hidden_size", where, &config->hidden, e) ||
	    !json_get_integer(object, "num_attention_heads", where, &config->heads, e) ||
	    !json_get_integer(object, "intermediate_size", where, &config->intermediate, e) ||
	    !json_get_integer_or(object, "max_position_embeddings", where, 77, &config->positions, e) ||
	    !json_get_integer_or(object, "vocab_size", where, 49408, &config->vocabulary, e) ||
	    !json_get_string_or(object, "hidden_act", where, "quick_gelu", &activation, e) ||
	    !json_get_integer_or(special, "start", where, 49406, &config->start_token, e) ||
	    !json_get_integer_or(special, "end", where, 49407, &config->end_token, e) ||
	    !json_get_integer_or(special, "pad", where, config->end_token, &config->pad_token, e))
		return false;
	if (!is_sane(config->layers, config->hidden, config->heads, config->intermediate, config->vocabulary) ||
	    config->hidden % config->heads != 0 || config->positions < 2 || config->positions > 1 << 16)
		return error_set(e, ERROR_FORMAT, "%s: the numbers make no CLIP text model", where);
	config->quick_gelu = strcmp(activation, "quick_gelu") == 0;
	return true;
}

static void describe_clip(const void *from, struct architecture *a)
{
	static const char *const projections[] = { "q_proj", "k_proj", "v_proj", "out_proj" };
	const struct clip_config *config = from;
	int64_t hidden = config->hidden;

	architecture_block(a, "Embedding", true, "transformer.text_model.embeddings.token_embedding");
	architecture_parameter(a, "weight", 2, (int64_t[]) { config->vocabulary, hidden });
	architecture_block(a, "Embedding", true, "transformer.text_model.embeddings.position_embedding");
	architecture_parameter(a, "weight", 2, (int64_t[]) { config->positions, hidden });
	for (int i = 0; i < config->layers; i++) {
		architecture_norm(a, "LayerNorm", hidden, "transformer.text_model.encoder.layers.%d.layer_norm1", i);
		for (int j = 0; j < 4; j++)
			architecture_linear(a, hidden, hidden, true, "transformer.text_model.encoder.layers.%d.self_attn.%s", i,
					    projections[j]);
		architecture_norm(a, "LayerNorm", hidden, "transformer.text_model.encoder.layers.%d.layer_norm2", i);
		architecture_linear(a, config->intermediate, hidden, true, "transformer.text_model.encoder.layers.%d.mlp.fc1",
				    i);
		architecture_linear(a, hidden, config->intermediate, true, "transformer.text_model.encoder.layers.%d.mlp.fc2",
				    i);
	}
	architecture_norm(a, "LayerNorm", hidden, "transformer.text_model.final_layer_norm");
	architecture_linear(a, hidden, hidden, false, "transformer.text_projection");
}

static bool read_t5(void *into, const json_t *object, const char *where, struct error *e)
{
	struct t5_config *config = into;

	if (!json_get_integer(object, "num_layers", where, &config->layers, e) ||
	    !json_get_integer(object, "d_model", where, &config->width, e) ||
	    !json_get_integer(object, "d_ff", where, &config->intermediate, e) ||
	    !json_get_integer(object, "num_heads", where, &config->heads, e) ||
	    !json_get_integer(object, "d_kv", where, &config->head_width, e) ||
	    !json_get_integer_or(object, "vocab_size", where, 32128, &config->vocabulary, e) ||
	    !json_get_integer_or(object, "eos_token_id", where, 1, &config->end_token, e) ||
	    !json_get_integer_or(object, "pad_token_id", where, 0, &config->pad_token, e))
		return false;
	if (!is_sane(config->layers, config->width, config->heads, config->intermediate, config->vocabulary) ||
	    config->head_width < 1 || config->head_width > 1 << 16)
		return error_set(e, ERROR_FORMAT, "%s: the numbers make no T5 encoder", where);
	return true;
}

static void t5_norm(struct architecture *a, int64_t width, int block, int layer)
{
	architecture_block(a, "T5LayerNorm", false, "transformer.encoder.block.%d.layer.%d.layer_norm", block, layer);
	architecture_parameter(a, "weight", 1, &width);
}

static void describe_t5(const void *from, struct architecture *a)
{
	const struct t5_config *config = from;
	int64_t width = config->width;
	int64_t inner = config->heads * config->head_width;
	int64_t buckets = 32;

	for (int i = 0; i < config->layers; i++) {
		architecture_linear(a, inner, width, false, "transformer.encoder.block.%d.layer.0.SelfAttention.q", i);
		architecture_linear(a, inner, width, false, "transformer.encoder.block.%d.layer.0.SelfAttention.k", i);
		architecture_linear(a, inner, width, false, "transformer.encoder.block.%d.layer.0.SelfAttention.v", i);
		architecture_linear(a, width, inner, false, "transformer.encoder.block.%d.layer.0.SelfAttention.o", i);
		if (i == 0) {
			architecture_block(a, "Embedding", true,
					   "transformer.encoder.block.0.layer.0.SelfAttention.relative_attention_bias");
			architecture_parameter(a, "weight", 2, (int64_t[]) { buckets, config->heads });
		}
		t5_norm(a, width, i, 0);
		architecture_linear(a, config->intermediate, width, false,
				    "transformer.encoder.block.%d.layer.1.DenseReluDense.wi_0", i);
		architecture_linear(a, config->intermediate, width, false,
				    "transformer.encoder.block.%d.layer.1.DenseReluDense.wi_1", i);
		architecture_linear(a, width, config->intermediate, false,
				    "transformer.encoder.block.%d.layer.1.DenseReluDense.wo", i);
		t5_norm(a, width, i, 1);
	}
	architecture_block(a, "T5LayerNorm", false, "transformer.encoder.final_layer_norm");
	architecture_parameter(a, "weight", 1, &width);
	architecture_block(a, "Embedding", true, "transformer.shared");
	architecture_parameter(a, "weight", 2, (int64_t[]) { config->vocabulary, width });
}

static bool read_flux_text(void *into, const json_t *object, const char *where, struct error *e)
{
	struct flux_text_config *config = into;
	json_t *clip;
	json_t *t5;

	return json_get_object(object, "clip_l", where, &clip, e) && read_clip(&config->clip, clip, where, e) &&
	       json_get_object(object, "t5xxl", where, &t5, e) && read_t5(&config->t5, t5, where, e);
}

static void describe_flux_text(const void *from, struct architecture *a)
{
	const struct flux_text_config *config = from;

	a->prefix = "clip_l.";
	describe_clip(&config->clip, a);
	a->prefix = "t5xxl.";
	describe_t5(&config->t5, a);
	a->prefix = "";
}

const struct family family_clip_l = {
	.name = "clip_l",
	.summary = "CLIP-L text encoder",
	.kind = MODEL_CLIP,
	.config_size_bytes = sizeof(struct clip_config),
	.read_config = read_clip,
	.describe = describe_clip,
};

const struct family family_t5 = {
	.name = "t5",
	.summary = "T5 text encoder",
	.kind = MODEL_CLIP,
	.config_size_bytes = sizeof(struct t5_config),
	.read_config = read_t5,
	.describe = describe_t5,
};

const struct family family_flux_text = {
	.name = "flux_text",
	.summary = "CLIP-L and T5 under one patcher, as FLUX uses them",
	.kind = MODEL_CLIP,
	.config_size_bytes = sizeof(struct flux_text_config),
	.read_config = read_flux_text,
	.describe = describe_flux_text,
};
