/* HunyuanVideo and HunyuanVideo 1.5: FLUX's blocks on patches of video, and two blocks that refine the text's tokens first.
 *
 * 1.5 has double blocks only, takes every pixel of the latent as a token, and has no vector condition; a byte model of the text to
 * be drawn and an encoded image are further conditions, each with a small projection, and an embedding tells their kinds apart.
 */
#include "core/model/families/family_flux_parts.h"
#include "core/model/families/family_hunyuan_video.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"hunyuan_video\""),
	CONFIG_COUNT(struct hunyuan_video_config, flux.in_channels, "in_channels", 1, 4096),
	CONFIG_COUNT_OR(struct hunyuan_video_config, flux.out_channels, "out_channels", 1, 4096, 16),
	CONFIG_COUNT(struct hunyuan_video_config, flux.hidden, "hidden_size", 1, 1 << 20),
	CONFIG_COUNT(struct hunyuan_video_config, flux.heads, "num_heads", 1, 4096),
	CONFIG_COUNT_OR(struct hunyuan_video_config, flux.mlp_ratio, "mlp_ratio", 1, 64, 4),
	CONFIG_COUNT(struct hunyuan_video_config, flux.depth, "depth", 0, 1024),
	CONFIG_COUNT(struct hunyuan_video_config, flux.single_depth, "depth_single_blocks", 0, 1024),
	CONFIG_COUNT(struct hunyuan_video_config, flux.context_channels, "context_in_dim", 1, 1 << 20),
	CONFIG_COUNT(struct hunyuan_video_config, flux.pooled_channels, "vec_in_dim", 1, 1 << 20),
	CONFIG_NUMBER_OR(struct hunyuan_video_config, flux.theta, "theta", 1, 1e9, 256),
	CONFIG_BOOL_OR(struct hunyuan_video_config, flux.guidance, "guidance_embed", true),
	CONFIG_QUIET(struct hunyuan_video_config, refiner_depth, "refiner_depth", 0, 64, 2),
	CONFIG_TEXT("patch_size", "[1,2,2]"),
	CONFIG_TEXT("qkv_bias", "true"),
	CONFIG_TEXT("byt5", "false"),
	CONFIG_TEXT("meanflow", "false"),
	CONFIG_END,
};

static bool read_more(void *into, const json_t *object, const char *where, struct error *e)
{
	struct hunyuan_video_config *config = into;

	return family_flux_read_axes(&config->flux, object, where, e);
}

static bool write_more(const void *from, json_t *object)
{
	const struct hunyuan_video_config *config = from;

	return family_flux_write_axes(&config->flux, object);
}

static void refiner_block(struct architecture *a, const struct flux_config *config)
{
	int64_t hidden = config->hidden;

	architecture_linear(a, 2 * hidden, hidden, true, "adaLN_modulation.1");
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "norm1");
	architecture_linear(a, 3 * hidden, hidden, true, "self_attn.qkv");
	architecture_linear(a, hidden, hidden, true, "self_attn.proj");
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "norm2");
	architecture_linear(a, config->mlp_ratio * hidden, hidden, true, "mlp.0");
	architecture_linear(a, hidden, config->mlp_ratio * hidden, true, "mlp.2");
}

static void refiner(struct architecture *a, const struct hunyuan_video_config *config)
{
	const struct flux_config *flux = &config->flux;
	size_t outside;

	architecture_linear(a, flux->hidden, flux->context_channels, true, "txt_in.input_embedder");
	family_flux_embedder(a, "txt_in.t_embedder", 256, flux->hidden);
	family_flux_embedder(a, "txt_in.c_embedder", flux->context_channels, flux->hidden);
	for (int i = 0; i < config->refiner_depth; i++) {
		outside = architecture_enter(a, "txt_in.individual_token_refiner.blocks.%d.", i);
		refiner_block(a, flux);
		architecture_leave(a, outside);
	}
}

static void describe(const void *from, struct architecture *a)
{
	const struct hunyuan_video_config *config = from;
	const struct flux_config *flux = &config->flux;

	architecture_weighted(a, MODULE_CONV3D, true, SHAPE(flux->hidden, flux->in_channels, 1, 2, 2), "img_in.proj");
	family_flux_embedder(a, "time_in", 256, flux->hidden);
	family_flux_embedder(a, "vector_in", flux->pooled_channels, flux->hidden);
	if (flux->guidance)
		family_flux_embedder(a, "guidance_in", 256, flux->hidden);
	refiner(a, config);
	family_flux_blocks(a, flux);
	family_flux_final_layer(a, flux, 4 * flux->out_channels);
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct hunyuan_video_config *config = into;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "txt_in.individual_token_refiner.blocks.0.norm1.weight") ||
	    !tensor_view_has(view, "vector_in."))
		return false;
	family_flux_detect_blocks(view, &config->flux);
	config->flux.in_channels = tensor_view_dimension(view, 1, "img_in.proj.weight");
	config->flux.out_channels = tensor_view_dimension(view, 0, "final_layer.linear.weight") / 4;
	config->flux.context_channels = tensor_view_dimension(view, 1, "txt_in.input_embedder.weight");
	config->flux.theta = 256;
	config->refiner_depth = tensor_view_count(view, "txt_in.individual_token_refiner.blocks.");
	return true;
}

static const char *upstream(const void *from)
{
	const struct hunyuan_video_config *config = from;

	if (config->flux.in_channels == 32)
		return "HunyuanVideoSkyreelsI2V";
	return config->flux.in_channels == 33 ? "HunyuanVideoI2V" : "HunyuanVideo";
}

static const struct family_variant variants[] = {
	{ .name = "hunyuan_video_transformer",
	  .config = "{\"in_channels\":16,\"hidden_size\":3072,\"num_heads\":24,\"depth\":20,\"depth_single_blocks\":40,"
		    "\"context_in_dim\":4096,\"vec_in_dim\":768,\"axes_dim\":[16,56,56]}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_hunyuan_video = {
	.name = "hunyuan_video",
	.summary = "HunyuanVideo transformer",
	.kind = MODEL_UNET,
	.memory_class = "HunyuanVideo",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct hunyuan_video_config),
	.fields = fields,
	.read_more = read_more,
	.write_more = write_more,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = "{\"in_channels\":16,\"hidden_size\":128,\"num_heads\":4,\"depth\":2,\"depth_single_blocks\":2,"
		 "\"context_in_dim\":64,\"vec_in_dim\":32,\"axes_dim\":[8,12,12]}",
};

/* ---- 1.5 ---- */

static const struct config_field fields15[] = {
	CONFIG_TEXT("image_model", "\"hunyuan_video\""),
	CONFIG_COUNT(struct hunyuan_video15_config, video.flux.in_channels, "in_channels", 1, 4096),
	CONFIG_COUNT_OR(struct hunyuan_video15_config, video.flux.out_channels, "out_channels", 1, 4096, 32),
	CONFIG_COUNT(struct hunyuan_video15_config, video.flux.hidden, "hidden_size", 1, 1 << 20),
	CONFIG_COUNT(struct hunyuan_video15_config, video.flux.heads, "num_heads", 1, 4096),
	CONFIG_COUNT_OR(struct hunyuan_video15_config, video.flux.mlp_ratio, "mlp_ratio", 1, 64, 4),
	CONFIG_COUNT(struct hunyuan_video15_config, video.flux.depth, "depth", 0, 1024),
	CONFIG_COUNT(struct hunyuan_video15_config, video.flux.context_channels, "context_in_dim", 1, 1 << 20),
	CONFIG_COUNT_OR(struct hunyuan_video15_config, vision_channels, "vision_in_dim", 1, 1 << 20, 1152),
	CONFIG_QUIET(struct hunyuan_video15_config, glyph_channels, "glyph_in_dim", 1, 1 << 20, 1472),
	CONFIG_QUIET(struct hunyuan_video15_config, video.refiner_depth, "refiner_depth", 0, 64, 2),
	CONFIG_TEXT("depth_single_blocks", "0"),
	CONFIG_TEXT("guidance_embed", "false"),
	CONFIG_TEXT("patch_size", "[1,1,1]"),
	CONFIG_TEXT("qkv_bias", "true"),
	CONFIG_TEXT("byt5", "true"),
	CONFIG_TEXT("meanflow", "false"),
	CONFIG_TEXT("use_cond_type_embedding", "true"),
	CONFIG_END,
};

static bool check15(const void *from, const char *where, struct error *e)
{
	const struct hunyuan_video15_config *config = from;

	return config->video.flux.hidden % config->video.flux.heads == 0 ||
	       error_set(e, ERROR_FORMAT, "%s: \"hidden_size\" must be a multiple of \"num_heads\"", where);
}

static void glyph_condition(struct architecture *a, int64_t in, int64_t hidden)
{
	architecture_norm(a, MODULE_LAYER_NORM, in, "byt5_in.layernorm");
	architecture_linear(a, 2048, in, true, "byt5_in.fc1");
	architecture_linear(a, 2048, 2048, true, "byt5_in.fc2");
	architecture_linear(a, hidden, 2048, true, "byt5_in.fc3");
}

static void vision_condition(struct architecture *a, int64_t in, int64_t hidden)
{
	architecture_norm(a, MODULE_LAYER_NORM, in, "vision_in.proj.0");
	architecture_linear(a, in, in, true, "vision_in.proj.1");
	architecture_linear(a, hidden, in, true, "vision_in.proj.3");
	architecture_norm(a, MODULE_LAYER_NORM, hidden, "vision_in.proj.4");
}

static void describe15(const void *from, struct architecture *a)
{
	const struct hunyuan_video15_config *config = from;
	const struct flux_config *flux = &config->video.flux;

	architecture_weighted(a, MODULE_CONV3D, true, SHAPE(flux->hidden, flux->in_channels, 1, 1, 1), "img_in.proj");
	family_flux_embedder(a, "time_in", 256, flux->hidden);
	refiner(a, &config->video);
	family_flux_blocks(a, flux);
	glyph_condition(a, config->glyph_channels, flux->hidden);
	family_flux_final_layer(a, flux, flux->out_channels);
	vision_condition(a, config->vision_channels, flux->hidden);
	architecture_weighted(a, MODULE_EMBEDDING, false, SHAPE(3, flux->hidden), "cond_type_embedding");
}

static bool detect15(const struct tensor_view *view, enum layout layout, void *into)
{
	struct hunyuan_video15_config *config = into;
	struct flux_config *flux = &config->video.flux;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "txt_in.individual_token_refiner.blocks.0.norm1.weight") ||
	    !tensor_view_find(view, "cond_type_embedding.weight") || !tensor_view_find(view, "vision_in.proj.1.weight"))
		return false;
	family_flux_detect_blocks(view, flux);
	flux->in_channels = tensor_view_dimension(view, 1, "img_in.proj.weight");
	flux->out_channels = tensor_view_dimension(view, 0, "final_layer.linear.weight");
	flux->context_channels = tensor_view_dimension(view, 1, "txt_in.input_embedder.weight");
	config->video.refiner_depth = tensor_view_count(view, "txt_in.individual_token_refiner.blocks.");
	config->glyph_channels = tensor_view_dimension(view, 0, "byt5_in.layernorm.weight");
	config->vision_channels = tensor_view_dimension(view, 0, "vision_in.proj.0.weight");
	return true;
}

static const char *upstream15(const void *from)
{
	const struct hunyuan_video15_config *config = from;

	return config->video.flux.in_channels == 98 ? "HunyuanVideo15_SR_Distilled" : "HunyuanVideo15";
}

#define LARGE15 "\"hidden_size\":2048,\"num_heads\":16,\"depth\":54,\"context_in_dim\":3584}"

static const struct family_variant variants15[] = {
	{ .name = "hunyuan_video15_transformer", .config = "{\"in_channels\":65," LARGE15, .dtype = DTYPE_F16 },
	{ .name = "hunyuan_video15_sr_transformer", .config = "{\"in_channels\":98," LARGE15, .dtype = DTYPE_F16 },
	{ .name = NULL },
};

const struct family family_hunyuan_video15 = {
	.name = "hunyuan_video15",
	.summary = "HunyuanVideo 1.5 transformer",
	.kind = MODEL_UNET,
	.memory_class = "HunyuanVideo15",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct hunyuan_video15_config),
	.fields = fields15,
	.check = check15,
	.describe = describe15,
	.detect = detect15,
	.upstream = upstream15,
	.variants = variants15,
	.small = "{\"in_channels\":9,\"out_channels\":4,\"hidden_size\":64,\"num_heads\":4,\"depth\":2,\"context_in_dim\":32,"
		 "\"vision_in_dim\":16,\"glyph_in_dim\":24}",
};
