/* CLIP's text models, L and G; modules in the order in which ComfyUI registers them. Inside SDXL checkpoints G is stored as
 * open_clip names it, q, k and v in one tensor. */
#include <string.h>

#include "core/base/json.h"
#include "core/model/families/family.h"
#include "core/model/families/family_clip.h"
#include "core/model/families/layout_rule.h"

static const struct config_field fields[] = {
	CONFIG_COUNT(struct clip_config, layers, "num_hidden_layers", 1, 1024),
	CONFIG_COUNT(struct clip_config, hidden, "hidden_size", 1, 1 << 20),
	CONFIG_COUNT(struct clip_config, heads, "num_attention_heads", 1, 4096),
	CONFIG_COUNT(struct clip_config, intermediate, "intermediate_size", 1, 1 << 22),
	CONFIG_COUNT_OR(struct clip_config, positions, "max_position_embeddings", 2, 1 << 16, 77),
	CONFIG_COUNT_OR(struct clip_config, vocabulary, "vocab_size", 1, 1 << 26, 49408),
	CONFIG_END,
};

static bool read_more(void *into, const json_t *object, const char *where, struct error *e)
{
	struct clip_config *config = into;
	json_t *special = json_object_get(object, "special_tokens");
	const char *activation;

	if (!json_get_string_or(object, "hidden_act", where, "quick_gelu", &activation, e) ||
	    !json_get_integer_or(special, "start", where, 49406, &config->start_token, e) ||
	    !json_get_integer_or(special, "end", where, 49407, &config->end_token, e) ||
	    !json_get_integer_or(special, "pad", where, config->end_token, &config->pad_token, e))
		return false;
	config->quick_gelu = strcmp(activation, "quick_gelu") == 0;
	return true;
}

static bool write_more(const void *from, json_t *object)
{
	const struct clip_config *config = from;

	return json_object_set_new(object, "hidden_act", json_string(config->quick_gelu ? "quick_gelu" : "gelu")) == 0 &&
	       json_object_set_new(object, "special_tokens",
				   json_pack("{sIsIsI}", "start", (json_int_t)config->start_token, "end",
					     (json_int_t)config->end_token, "pad", (json_int_t)config->pad_token)) == 0;
}

static bool check(const void *from, const char *where, struct error *e)
{
	const struct clip_config *config = from;

	return config->hidden % config->heads == 0 ||
	       error_set(e, ERROR_FORMAT, "%s: \"hidden_size\" must be a multiple of \"num_attention_heads\"", where);
}

static void layer(struct architecture *a, const struct clip_config *config)
{
	static const char *const projections[] = { "q_proj", "k_proj", "v_proj", "out_proj" };
	int64_t hidden = config->hidden;

	architecture_norm(a, MODULE_LAYER_NORM, hidden, "layer_norm1");
	for (int i = 0; i < 4; i++)
		architecture_linear(a, hidden, hidden, true, "self_attn.%s", projections[i]);
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "layer_norm2");
	architecture_linear(a, config->intermediate, hidden, true, "mlp.fc1");
	architecture_linear(a, hidden, config->intermediate, true, "mlp.fc2");
}

static void describe_own(const struct clip_config *config, struct architecture *a)
{
	int64_t hidden = config->hidden;
	size_t text_model = architecture_enter(a, "transformer.text_model.");
	size_t outside;

	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(config->vocabulary, hidden), "embeddings.token_embedding");
	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(config->positions, hidden), "embeddings.position_embedding");
	for (int i = 0; i < config->layers; i++) {
		outside = architecture_enter(a, "encoder.layers.%d.", i);
		layer(a, config);
		architecture_leave(a, outside);
	}
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "final_layer_norm");
	architecture_leave(a, text_model);
	architecture_linear(a, hidden, hidden, false, "transformer.text_projection");
}

/* CLIP-L's files have no projection: upstream then makes it the identity. */
static void describe_l(const void *from, struct architecture *a)
{
	describe_own(from, a);
	if (architecture_ok(a))
		a->parameters[a->parameter_count - 1].optional = true;
}

static void open_clip_layer(struct architecture *a, const struct clip_config *config)
{
	int64_t hidden = config->hidden;

	architecture_norm(a, MODULE_LAYER_NORM, hidden, "ln_1");
	architecture_module(a, MODULE_CONTAINER, "attn");
	architecture_parameter(a, "in_proj_weight", SHAPE(3 * hidden, hidden));
	architecture_parameter(a, "in_proj_bias", SHAPE(3 * hidden));
	architecture_linear(a, hidden, hidden, true, "attn.out_proj");
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "ln_2");
	architecture_linear(a, config->intermediate, hidden, true, "mlp.c_fc");
	architecture_linear(a, hidden, config->intermediate, true, "mlp.c_proj");
}

static void describe_open_clip(const struct clip_config *config, struct architecture *a)
{
	int64_t hidden = config->hidden;
	size_t outside;

	architecture_module(a, MODULE_CONTAINER, "%s", "");
	architecture_parameter(a, "logit_scale", 0, (int64_t[]) { 0 });
	architecture_parameter(a, "positional_embedding", SHAPE(config->positions, hidden));
	architecture_parameter(a, "text_projection", SHAPE(hidden, hidden));
	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(config->vocabulary, hidden), "token_embedding");
	for (int i = 0; i < config->layers; i++) {
		outside = architecture_enter(a, "transformer.resblocks.%d.", i);
		open_clip_layer(a, config);
		architecture_leave(a, outside);
	}
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "ln_final");
}

#define LAYER(own) "transformer.text_model.encoder.layers.*." own
#define BLOCK(name) "transformer.resblocks.*." name
static const struct layout_rule open_clip_rules[] = {
	{ .own = "transformer.text_model.embeddings.token_embedding.weight",
	  .from = { "token_embedding.weight" },
	  .cut = CUT_WHOLE },
	{ .own = "transformer.text_model.embeddings.position_embedding.weight",
	  .from = { "positional_embedding" },
	  .cut = CUT_WHOLE },
	{ .own = LAYER("layer_norm1.@"), .from = { BLOCK("ln_1.@") }, .cut = CUT_WHOLE },
	{ .own = LAYER("self_attn.q_proj.@"), .from = { BLOCK("attn.in_proj_@") }, .cut = CUT_FIRST_THIRD },
	{ .own = LAYER("self_attn.k_proj.@"), .from = { BLOCK("attn.in_proj_@") }, .cut = CUT_SECOND_THIRD },
	{ .own = LAYER("self_attn.v_proj.@"), .from = { BLOCK("attn.in_proj_@") }, .cut = CUT_LAST_THIRD },
	{ .own = LAYER("self_attn.out_proj.@"), .from = { BLOCK("attn.out_proj.@") }, .cut = CUT_WHOLE },
	{ .own = LAYER("layer_norm2.@"), .from = { BLOCK("ln_2.@") }, .cut = CUT_WHOLE },
	{ .own = LAYER("mlp.fc1.@"), .from = { BLOCK("mlp.c_fc.@") }, .cut = CUT_WHOLE },
	{ .own = LAYER("mlp.fc2.@"), .from = { BLOCK("mlp.c_proj.@") }, .cut = CUT_WHOLE },
	{ .own = "transformer.text_model.final_layer_norm.@", .from = { "ln_final.@" }, .cut = CUT_WHOLE },
	{ .own = "transformer.text_projection.weight", .from = { "text_projection" }, .cut = CUT_TRANSPOSED },
	{ .own = NULL },
};
#undef LAYER
#undef BLOCK

static void describe_g(const void *config, struct architecture *a)
{
	if (a->layout == LAYOUT_OPEN_CLIP)
		describe_open_clip(config, a);
	else
		describe_own(config, a);
}

/* ---- detection ---- */

static void set_tokens(struct clip_config *config)
{
	config->end_token = config->vocabulary - 1; /* 49407 */
	config->start_token = config->vocabulary - 2;
}

static bool detect_layers(const struct tensor_view *view, struct clip_config *config)
{
	if (!tensor_view_find(view, "text_model.encoder.layers.0.mlp.fc1.weight"))
		return false;
	config->layers = tensor_view_count(view, "text_model.encoder.layers.");
	config->hidden = tensor_view_dimension(view, 1, "text_model.embeddings.token_embedding.weight");
	config->vocabulary = tensor_view_dimension(view, 0, "text_model.embeddings.token_embedding.weight");
	config->positions = tensor_view_dimension(view, 0, "text_model.embeddings.position_embedding.weight");
	config->intermediate = tensor_view_dimension(view, 0, "text_model.encoder.layers.0.mlp.fc1.weight");
	config->heads = config->hidden >= 64 ? config->hidden / 64 : 1; /* of 64 in both */
	set_tokens(config);
	return true;
}

/* Upstream's test is the depth: 12 layers are L, 32 are G (24 would be H). */
#define LAYERS_OF_G 31

static bool detect_l(const struct tensor_view *view, enum layout layout, void *into)
{
	struct clip_config *config = into;

	config->quick_gelu = true;
	if (layout != LAYOUT_OWN || !detect_layers(view, config) || config->layers >= LAYERS_OF_G)
		return false;
	config->pad_token = config->end_token;
	return true;
}

static bool detect_g(const struct tensor_view *view, enum layout layout, void *into)
{
	struct clip_config *config = into;

	if (layout == LAYOUT_OWN)
		return detect_layers(view, config) && config->layers >= LAYERS_OF_G;
	if (layout != LAYOUT_OPEN_CLIP || !tensor_view_find(view, "transformer.resblocks.0.attn.in_proj_weight"))
		return false;
	config->layers = tensor_view_count(view, "transformer.resblocks.");
	config->hidden = tensor_view_dimension(view, 1, "token_embedding.weight");
	config->vocabulary = tensor_view_dimension(view, 0, "token_embedding.weight");
	config->positions = tensor_view_dimension(view, 0, "positional_embedding");
	config->intermediate = tensor_view_dimension(view, 0, "transformer.resblocks.0.mlp.c_fc.weight");
	config->heads = config->hidden >= 64 ? config->hidden / 64 : 1;
	set_tokens(config);
	return true;
}

static const char *upstream_l(const void *config)
{
	(void)config;
	return "TEModel.CLIP_L";
}

static const char *upstream_g(const void *config)
{
	(void)config;
	return "TEModel.CLIP_G";
}

static const struct family_variant variants_l[] = {
	{ .name = "clip_l",
	  .config = "{\"num_hidden_layers\":12,\"hidden_size\":768,\"num_attention_heads\":12,\"intermediate_size\":3072}",
	  .dtype = DTYPE_F16 },
	{ .name = NULL },
};

static const struct family_variant variants_g[] = {
	{ .name = "clip_g",
	  .config = "{\"num_hidden_layers\":32,\"hidden_size\":1280,\"num_attention_heads\":20,\"intermediate_size\":5120,"
		    "\"hidden_act\":\"gelu\",\"special_tokens\":{\"pad\":0}}",
	  .dtype = DTYPE_F16 },
	{ .name = NULL },
};

#define SMALL                                                                                                                  \
	"\"hidden_size\":32,\"num_attention_heads\":4,\"intermediate_size\":64,\"vocab_size\":1000,"                           \
	"\"special_tokens\":{\"start\":998,\"end\":999,\"pad\":999}"

static const struct family_file files_l[] = {
	{ .begins = "clip_l-small", .small = true },
	{ .begins = "clip_l" },
	{ .begins = NULL },
};

const struct family family_clip_l = {
	.name = "clip_l",
	.summary = "CLIP-L text encoder",
	.kind = MODEL_CLIP,
	.root = "clip_l.",
	.trunk = "transformer.",
	.buffer_bytes = 4, /* logit_scale */
	.config_size_bytes = sizeof(struct clip_config),
	.fields = fields,
	.read_more = read_more,
	.write_more = write_more,
	.check = check,
	.describe = describe_l,
	.detect = detect_l,
	.upstream = upstream_l,
	.variants = variants_l,
	.small = "{\"num_hidden_layers\":2," SMALL "}",
	.files = files_l,
};

const struct family family_clip_g = {
	.name = "clip_g",
	.summary = "CLIP-G text encoder",
	.kind = MODEL_CLIP,
	.root = "clip_g.",
	.trunk = "transformer.",
	.buffer_bytes = 4,
	.config_size_bytes = sizeof(struct clip_config),
	.fields = fields,
	.read_more = read_more,
	.write_more = write_more,
	.check = check,
	.describe = describe_g,
	.detect = detect_g,
	.upstream = upstream_g,
	.layout_rules = open_clip_rules,
	.variants = variants_g,
	.small = "{\"num_hidden_layers\":31,\"hidden_act\":\"gelu\"," SMALL "}",
};
