/* HunyuanVideo: FLUX's blocks on patches of video, and two blocks that refine the text's tokens first. */
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

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "txt_in.individual_token_refiner.blocks.0.norm1.weight"))
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
