/* LTX-2: LTX-Video's blocks for a picture and for its sound side by side, and attention from each to the other.
 *
 * Every block holds four tables of scales and shifts, five kinds of attention and two MLPs. Two connectors, small transformers
 * with learned registers, turn the text encoder's output into the conditions of the two streams. Upstream keeps the tables in
 * float32 only while it computes; files have them in the type of the rest.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_ltxav.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"ltxav\""),
	CONFIG_COUNT(struct ltxav_config, layers, "num_layers", 0, 1024),
	CONFIG_COUNT_OR(struct ltxav_config, dim, "inner_dim", 1, 1 << 20, 4096),
	CONFIG_COUNT_OR(struct ltxav_config, cross_channels, "cross_attention_dim", 1, 1 << 20, 4096),
	CONFIG_COUNT_OR(struct ltxav_config, audio_dim, "audio_inner_dim", 1, 1 << 20, 2048),
	CONFIG_COUNT_OR(struct ltxav_config, audio_cross_channels, "audio_cross_attention_dim", 1, 1 << 20, 2048),
	CONFIG_QUIET(struct ltxav_config, channels, "in_channels", 1, 4096, 128),
	CONFIG_QUIET(struct ltxav_config, audio_channels, "audio_in_channels", 1, 4096, 128),
	CONFIG_QUIET(struct ltxav_config, caption_channels, "caption_channels", 1, 1 << 20, 3840),
	CONFIG_QUIET(struct ltxav_config, connector_layers, "connector_layers", 0, 64, 2),
	CONFIG_QUIET(struct ltxav_config, registers, "num_learnable_registers", 1, 1 << 16, 128),
	CONFIG_END,
};

/* Queries from `dim` channels, keys and values from `context`, all `inner` wide. */
static void attention(struct architecture *a, const char *name, int64_t dim, int64_t context, int64_t inner)
{
	size_t outside = architecture_enter(a, "%s.", name);

	architecture_scale_norm(a, MODULE_RMS_NORM, inner, "q_norm");
	architecture_scale_norm(a, MODULE_RMS_NORM, inner, "k_norm");
	architecture_linear(a, inner, dim, true, "to_q");
	architecture_linear(a, inner, context, true, "to_k");
	architecture_linear(a, inner, context, true, "to_v");
	architecture_linear(a, dim, inner, true, "to_out.0");
	architecture_leave(a, outside);
}

static void mlp(struct architecture *a, const char *name, int64_t dim)
{
	architecture_linear(a, 4 * dim, dim, true, "%s.net.0.proj", name);
	architecture_linear(a, dim, 4 * dim, true, "%s.net.2", name);
}

/* Makes `count` rows of modulation from the time. */
static void modulation(struct architecture *a, const char *name, int64_t dim, int64_t count)
{
	architecture_linear(a, dim, 256, true, "%s.emb.timestep_embedder.linear_1", name);
	architecture_linear(a, dim, dim, true, "%s.emb.timestep_embedder.linear_2", name);
	architecture_linear(a, count * dim, dim, true, "%s.linear", name);
}

static void caption(struct architecture *a, const char *name, int64_t in, int64_t dim)
{
	architecture_linear(a, dim, in, true, "%s.linear_1", name);
	architecture_linear(a, dim, dim, true, "%s.linear_2", name);
}

static void connector(struct architecture *a, const struct ltxav_config *config, const char *name)
{
	int64_t dim = config->caption_channels;

	architecture_loose(a, name, "learnable_registers", SHAPE(config->registers, dim));
	for (int i = 0; i < config->connector_layers; i++) {
		size_t outside = architecture_enter(a, "%s.transformer_1d_blocks.%d.", name, i);

		attention(a, "attn1", dim, dim, dim);
		mlp(a, "ff", dim);
		architecture_leave(a, outside);
	}
}

static void block(struct architecture *a, const struct ltxav_config *config)
{
	int64_t dim = config->dim;
	int64_t audio = config->audio_dim;

	architecture_loose(a, "", "scale_shift_table", SHAPE(6, dim));
	architecture_parameter(a, "audio_scale_shift_table", SHAPE(6, audio));
	architecture_parameter(a, "scale_shift_table_a2v_ca_audio", SHAPE(5, audio));
	architecture_parameter(a, "scale_shift_table_a2v_ca_video", SHAPE(5, dim));
	attention(a, "attn1", dim, dim, dim);
	attention(a, "audio_attn1", audio, audio, audio);
	attention(a, "attn2", dim, config->cross_channels, dim);
	attention(a, "audio_attn2", audio, config->audio_cross_channels, audio);
	attention(a, "audio_to_video_attn", dim, audio, audio);
	attention(a, "video_to_audio_attn", audio, dim, audio);
	mlp(a, "ff", dim);
	mlp(a, "audio_ff", audio);
}

static void inputs(struct architecture *a, const struct ltxav_config *config)
{
	int64_t dim = config->dim;
	int64_t audio = config->audio_dim;

	architecture_linear(a, dim, config->channels, true, "patchify_proj");
	modulation(a, "adaln_single", dim, 6);
	caption(a, "caption_projection", config->caption_channels, dim);
	architecture_linear(a, audio, config->audio_channels, true, "audio_patchify_proj");
	modulation(a, "audio_adaln_single", audio, 6);
	modulation(a, "av_ca_video_scale_shift_adaln_single", dim, 4);
	modulation(a, "av_ca_a2v_gate_adaln_single", dim, 1);
	modulation(a, "av_ca_audio_scale_shift_adaln_single", audio, 4);
	modulation(a, "av_ca_v2a_gate_adaln_single", audio, 1);
	caption(a, "audio_caption_projection", config->caption_channels, audio);
	connector(a, config, "audio_embeddings_connector");
	connector(a, config, "video_embeddings_connector");
}

static void describe(const void *from, struct architecture *a)
{
	const struct ltxav_config *config = from;

	architecture_loose(a, "", "scale_shift_table", SHAPE(2, config->dim));
	architecture_parameter(a, "audio_scale_shift_table", SHAPE(2, config->audio_dim));
	inputs(a, config);
	for (int i = 0; i < config->layers; i++) {
		size_t outside = architecture_enter(a, "transformer_blocks.%d.", i);

		block(a, config);
		architecture_leave(a, outside);
	}
	architecture_bare_norm(a, "norm_out");
	architecture_linear(a, config->channels, config->dim, true, "proj_out");
	architecture_bare_norm(a, "audio_norm_out");
	architecture_linear(a, config->audio_channels, config->audio_dim, true, "audio_proj_out");
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct ltxav_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "audio_adaln_single.linear.weight") ||
	    !tensor_view_find(view, "transformer_blocks.0.audio_attn1.to_q.weight"))
		return false;
	config->layers = tensor_view_count(view, "transformer_blocks.");
	config->channels = tensor_view_dimension(view, 1, "patchify_proj.weight");
	config->dim = tensor_view_dimension(view, 0, "patchify_proj.weight");
	config->cross_channels = tensor_view_dimension(view, 1, "transformer_blocks.0.attn2.to_k.weight");
	config->audio_channels = tensor_view_dimension(view, 1, "audio_patchify_proj.weight");
	config->audio_dim = tensor_view_dimension(view, 0, "audio_patchify_proj.weight");
	config->audio_cross_channels = tensor_view_dimension(view, 1, "transformer_blocks.0.audio_attn2.to_k.weight");
	config->caption_channels = tensor_view_dimension(view, 1, "caption_projection.linear_1.weight");
	config->connector_layers = tensor_view_count(view, "video_embeddings_connector.transformer_1d_blocks.");
	config->registers = tensor_view_dimension(view, 0, "video_embeddings_connector.learnable_registers");
	return true;
}

static const char *upstream(const void *config)
{
	(void)config;
	return "LTXAV";
}

static const struct family_variant variants[] = {
	{ .name = "ltx2_19b_transformer", .config = "{\"num_layers\":48}", .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_ltxav = {
	.name = "ltxav",
	.summary = "LTX-2 transformer, picture and sound",
	.kind = MODEL_UNET,
	.memory_class = "LTXAV",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 40000,
	.config_size_bytes = sizeof(struct ltxav_config),
	.fields = fields,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"num_layers\":2,\"inner_dim\":64,\"cross_attention_dim\":64,\"audio_inner_dim\":32,"
		 "\"audio_cross_attention_dim\":32,\"caption_channels\":48,\"num_learnable_registers\":4}",
};
