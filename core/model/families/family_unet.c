/* The UNet of SD 1.5 and SDXL, by upstream's names and by those of diffusers: the same modules in the same order.
 *
 * Residual blocks are numbered through all levels, input_blocks.1 ..., the end of a level being a block of its own; diffusers
 * numbers them within a level. transformer_depth_output is consumed from its end: upstream builds the output side by popping.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_unet.h"

static const struct config_field fields[] = {
	CONFIG_COUNT_OR(struct unet_config, in_channels, "in_channels", 1, 4096, 4),
	CONFIG_COUNT_OR(struct unet_config, out_channels, "out_channels", 1, 4096, 4),
	CONFIG_COUNT(struct unet_config, model_channels, "model_channels", 1, 1 << 16),
	CONFIG_COUNT(struct unet_config, context_dim, "context_dim", 1, 1 << 20),
	CONFIG_OPTIONAL(struct unet_config, adm_channels, "adm_in_channels", 1, 1 << 20),
	CONFIG_LIST(struct unet_config, multipliers, "channel_mult", 1, 64),
	CONFIG_LIST(struct unet_config, blocks, "num_res_blocks", 1, 8),
	CONFIG_LIST(struct unet_config, depth, "transformer_depth", 0, 64),
	CONFIG_LIST(struct unet_config, depth_out, "transformer_depth_output", 0, 64),
	CONFIG_COUNT(struct unet_config, depth_middle, "transformer_depth_middle", 0, 64),
	CONFIG_BOOL_OR(struct unet_config, linear_projections, "use_linear_in_transformer", false),
	CONFIG_TEXT("image_size", "32"),
	CONFIG_TEXT("legacy", "false"),
	CONFIG_TEXT("use_checkpoint", "false"),
	CONFIG_TEXT("use_spatial_transformer", "true"),
	CONFIG_TEXT("use_temporal_attention", "false"),
	CONFIG_TEXT("use_temporal_resblock", "false"),
	CONFIG_END,
};

static bool write_more(const void *from, json_t *object)
{
	const struct unet_config *config = from;

	return !config->adm_channels || json_object_set_new(object, "num_classes", json_string("sequential")) == 0;
}

/* Every list as long as the levels and their blocks make it. */
static bool check(const void *from, const char *where, struct error *e)
{
	const struct unet_config *config = from;
	size_t levels = config->multipliers.count;
	size_t blocks = 0;

	if (levels == 0 || config->blocks.count != levels)
		return error_set(e, ERROR_FORMAT, "%s: \"num_res_blocks\" and \"channel_mult\" must have one number a level",
				 where);
	for (size_t i = 0; i < levels; i++)
		blocks += (size_t)config->blocks.values[i];
	if (config->depth.count != blocks || config->depth_out.count != blocks + levels)
		return error_set(e, ERROR_FORMAT,
				 "%s: \"transformer_depth\" must have %zu numbers, \"transformer_depth_output\" %zu", where,
				 blocks, blocks + levels);
	return true;
}

/* ---- modules ---- */

/* Where a description is: which names, and the numbers that only grow. */
struct unet_walk {
	struct architecture *a;
	const struct unet_config *config;
	bool diffusers;
	int block; /* of input_blocks or output_blocks */
	size_t taken; /* of transformer_depth, or from the end of transformer_depth_output */
	int64_t channels; /* where the walk is */
	int64_t skips[CONFIG_LIST_MAX * 4]; /* channels of what the input side left behind */
	size_t skip_count;
};

static const char *named(const struct unet_walk *w, const char *own, const char *diffusers)
{
	return w->diffusers ? diffusers : own;
}

static void residual(const struct unet_walk *w, int64_t in, int64_t out)
{
	struct architecture *a = w->a;

	architecture_norm(a, MODULE_GROUP_NORM, in, "%s", named(w, "in_layers.0", "norm1"));
	architecture_convolution(a, out, in, 3, "%s", named(w, "in_layers.2", "conv1"));
	architecture_linear(a, out, 4 * w->config->model_channels, true, "%s", named(w, "emb_layers.1", "time_emb_proj"));
	architecture_norm(a, MODULE_GROUP_NORM, out, "%s", named(w, "out_layers.0", "norm2"));
	architecture_convolution(a, out, out, 3, "%s", named(w, "out_layers.3", "conv2"));
	if (in != out)
		architecture_convolution(a, out, in, 1, "%s", named(w, "skip_connection", "conv_shortcut"));
}

static void attention(struct architecture *a, int64_t channels, int64_t context, const char *name)
{
	architecture_linear(a, channels, channels, false, "%s.to_q", name);
	architecture_linear(a, channels, context, false, "%s.to_k", name);
	architecture_linear(a, channels, context, false, "%s.to_v", name);
	architecture_linear(a, channels, channels, true, "%s.to_out.0", name);
}

/* Registered in this order, norms last and the second first. */
static void transformer_block(struct architecture *a, int64_t channels, int64_t context)
{
	attention(a, channels, channels, "attn1");
	architecture_linear(a, 8 * channels, channels, true, "ff.net.0.proj");
	architecture_linear(a, channels, 4 * channels, true, "ff.net.2");
	attention(a, channels, context, "attn2");
	architecture_norm(a, MODULE_LAYER_NORM, channels, "norm2");
	architecture_norm(a, MODULE_LAYER_NORM, channels, "norm1");
	architecture_norm(a, MODULE_LAYER_NORM, channels, "norm3");
}

static void projection(const struct unet_walk *w, const char *name)
{
	if (w->config->linear_projections)
		architecture_linear(w->a, w->channels, w->channels, true, "%s", name);
	else
		architecture_convolution(w->a, w->channels, w->channels, 1, "%s", name);
}

static void transformer(const struct unet_walk *w, int64_t depth)
{
	size_t outside;

	architecture_norm(w->a, MODULE_GROUP_NORM, w->channels, "norm");
	projection(w, "proj_in");
	for (int i = 0; i < depth; i++) {
		outside = architecture_enter(w->a, "transformer_blocks.%d.", i);
		transformer_block(w->a, w->channels, w->config->context_dim);
		architecture_leave(w->a, outside);
	}
	projection(w, "proj_out");
}

static void input_block(struct unet_walk *w, int level, int index)
{
	int64_t out = w->config->model_channels * w->config->multipliers.values[level];
	int64_t depth = w->config->depth.values[w->taken++];
	size_t outside = w->diffusers ? architecture_enter(w->a, "down_blocks.%d.resnets.%d.", level, index)
				      : architecture_enter(w->a, "input_blocks.%d.0.", w->block);

	residual(w, w->channels, out);
	architecture_leave(w->a, outside);
	w->channels = out;
	if (depth > 0) {
		outside = w->diffusers ? architecture_enter(w->a, "down_blocks.%d.attentions.%d.", level, index)
				       : architecture_enter(w->a, "input_blocks.%d.1.", w->block);
		transformer(w, depth);
		architecture_leave(w->a, outside);
	}
	w->skips[w->skip_count++] = w->channels;
	w->block++;
}

static void input_side(struct unet_walk *w)
{
	int levels = (int)w->config->multipliers.count;

	for (int level = 0; level < levels; level++) {
		for (int i = 0; i < w->config->blocks.values[level]; i++)
			input_block(w, level, i);
		if (level + 1 == levels)
			break;
		if (w->diffusers)
			architecture_convolution(w->a, w->channels, w->channels, 3, "down_blocks.%d.downsamplers.0.conv",
						 level);
		else
			architecture_convolution(w->a, w->channels, w->channels, 3, "input_blocks.%d.0.op", w->block);
		w->skips[w->skip_count++] = w->channels;
		w->block++;
	}
}

static void middle(struct unet_walk *w)
{
	size_t outside = architecture_enter(w->a, "%s", named(w, "middle_block.0.", "mid_block.resnets.0."));

	residual(w, w->channels, w->channels);
	architecture_leave(w->a, outside);
	outside = architecture_enter(w->a, "%s", named(w, "middle_block.1.", "mid_block.attentions.0."));
	transformer(w, w->config->depth_middle);
	architecture_leave(w->a, outside);
	outside = architecture_enter(w->a, "%s", named(w, "middle_block.2.", "mid_block.resnets.1."));
	residual(w, w->channels, w->channels);
	architecture_leave(w->a, outside);
}

static void output_block(struct unet_walk *w, int level, int index)
{
	int up = (int)w->config->multipliers.count - 1 - level;
	int64_t out = w->config->model_channels * w->config->multipliers.values[level];
	int64_t depth = w->config->depth_out.values[w->config->depth_out.count - ++w->taken];
	size_t outside = w->diffusers ? architecture_enter(w->a, "up_blocks.%d.resnets.%d.", up, index)
				      : architecture_enter(w->a, "output_blocks.%d.0.", w->block);

	residual(w, w->channels + w->skips[--w->skip_count], out);
	architecture_leave(w->a, outside);
	w->channels = out;
	if (depth > 0) {
		outside = w->diffusers ? architecture_enter(w->a, "up_blocks.%d.attentions.%d.", up, index)
				       : architecture_enter(w->a, "output_blocks.%d.1.", w->block);
		transformer(w, depth);
		architecture_leave(w->a, outside);
	}
	if (level > 0 && index == w->config->blocks.values[level]) {
		if (w->diffusers)
			architecture_convolution(w->a, out, out, 3, "up_blocks.%d.upsamplers.0.conv", up);
		else
			architecture_convolution(w->a, out, out, 3, "output_blocks.%d.%d.conv", w->block, depth > 0 ? 2 : 1);
	}
	w->block++;
}

static void embedding(const struct unet_walk *w, int64_t in, const char *own, const char *diffusers)
{
	int64_t width = 4 * w->config->model_channels;

	architecture_linear(w->a, width, in, true, w->diffusers ? "%s.linear_1" : "%s.0", named(w, own, diffusers));
	architecture_linear(w->a, width, width, true, w->diffusers ? "%s.linear_2" : "%s.2", named(w, own, diffusers));
}

static void describe(const void *from, struct architecture *a)
{
	const struct unet_config *config = from;
	struct unet_walk w = { .a = a, .config = config, .diffusers = a->layout == LAYOUT_DIFFUSERS };

	embedding(&w, config->model_channels, "time_embed", "time_embedding");
	if (config->adm_channels)
		embedding(&w, config->adm_channels, "label_emb.0", "add_embedding");
	architecture_convolution(a, config->model_channels, config->in_channels, 3, "%s",
				 named(&w, "input_blocks.0.0", "conv_in"));
	w.channels = config->model_channels;
	w.skips[w.skip_count++] = w.channels;
	w.block = 1;
	input_side(&w);
	middle(&w);
	w.block = 0;
	w.taken = 0;
	for (int level = (int)config->multipliers.count - 1; level >= 0; level--) {
		for (int i = 0; i <= config->blocks.values[level]; i++)
			output_block(&w, level, i);
	}
	architecture_norm(a, MODULE_GROUP_NORM, w.channels, "%s", named(&w, "out.0", "conv_norm_out"));
	architecture_convolution(a, config->out_channels, w.channels, 3, "%s", named(&w, "out.2", "conv_out"));
}

/* ---- detection ---- */

static void append(struct config_list *list, int64_t value)
{
	if (list->count < CONFIG_LIST_MAX)
		list->values[list->count++] = value;
}

/* What the first transformer met says about all of them. */
static void look_at_transformer(const struct tensor_view *view, struct unet_config *config, const char *path)
{
	const struct tensor_row *projection = tensor_view_find(view, "%sproj_in.weight", path);

	if (config->context_dim || !projection)
		return;
	config->context_dim = tensor_view_dimension(view, 1, "%stransformer_blocks.0.attn2.to_k.weight", path);
	config->linear_projections = projection->rank == 2;
}

static int64_t depth_at(const struct tensor_view *view, struct unet_config *config, const char *path)
{
	look_at_transformer(view, config, path);
	return tensor_view_count(view, "%stransformer_blocks.", path);
}

static void detect_own(const struct tensor_view *view, struct unet_config *config)
{
	bool begins_level = true;
	char path[64];

	for (int i = 1; i < CONFIG_LIST_MAX && tensor_view_has(view, "input_blocks.%d.", i); i++) {
		if (tensor_view_find(view, "input_blocks.%d.0.op.weight", i)) {
			begins_level = true;
			continue;
		}
		if (begins_level) {
			append(&config->multipliers,
			       tensor_view_dimension(view, 0, "input_blocks.%d.0.out_layers.3.weight", i) /
				       config->model_channels);
			append(&config->blocks, 0);
			begins_level = false;
		}
		config->blocks.values[config->blocks.count - 1]++;
		snprintf(path, sizeof(path), "input_blocks.%d.1.", i);
		append(&config->depth, depth_at(view, config, path));
	}
	config->depth_middle = depth_at(view, config, "middle_block.1.");
	for (int64_t i = tensor_view_count(view, "output_blocks.") - 1; i >= 0; i--) {
		snprintf(path, sizeof(path), "output_blocks.%d.1.", (int)i);
		append(&config->depth_out, depth_at(view, config, path));
	}
}

static void detect_diffusers(const struct tensor_view *view, struct unet_config *config)
{
	int64_t levels = tensor_view_count(view, "down_blocks.");
	char path[64];

	for (int level = 0; level < levels && level < CONFIG_LIST_MAX; level++) {
		int64_t blocks = tensor_view_count(view, "down_blocks.%d.resnets.", level);

		append(&config->multipliers,
		       tensor_view_dimension(view, 0, "down_blocks.%d.resnets.0.conv2.weight", level) / config->model_channels);
		append(&config->blocks, blocks);
		for (int i = 0; i < blocks && i < CONFIG_LIST_MAX; i++) {
			snprintf(path, sizeof(path), "down_blocks.%d.attentions.%d.", level, i);
			append(&config->depth, depth_at(view, config, path));
		}
	}
	config->depth_middle = depth_at(view, config, "mid_block.attentions.0.");
	for (int64_t level = tensor_view_count(view, "up_blocks.") - 1; level >= 0; level--) {
		for (int64_t i = tensor_view_count(view, "up_blocks.%d.resnets.", (int)level) - 1; i >= 0; i--) {
			snprintf(path, sizeof(path), "up_blocks.%d.attentions.%d.", (int)level, (int)i);
			append(&config->depth_out, depth_at(view, config, path));
		}
	}
}

static bool detect(const struct tensor_view *view, enum layout layout, struct unet_config *config)
{
	bool diffusers = layout == LAYOUT_DIFFUSERS;
	const char *in = diffusers ? "conv_in.weight" : "input_blocks.0.0.weight";

	if ((layout != LAYOUT_OWN && !diffusers) || !tensor_view_find(view, "%s", in) ||
	    !tensor_view_has(view, "%s", diffusers ? "down_blocks.0.resnets.0.time_emb_proj." : "input_blocks.1.0.in_layers."))
		return false;
	config->model_channels = tensor_view_dimension(view, 0, "%s", in);
	config->in_channels = tensor_view_dimension(view, 1, "%s", in);
	config->out_channels = tensor_view_dimension(view, 0, diffusers ? "conv_out.weight" : "out.2.weight");
	config->adm_channels =
		tensor_view_dimension(view, 1, diffusers ? "add_embedding.linear_1.weight" : "label_emb.0.0.weight");
	if (config->model_channels < 1)
		return false;
	if (diffusers)
		detect_diffusers(view, config);
	else
		detect_own(view, config);
	return true;
}

/* Upstream tells them apart by exact configurations; here the vector condition decides. */
static bool detect_sd15(const struct tensor_view *view, enum layout layout, void *config)
{
	return detect(view, layout, config) && ((struct unet_config *)config)->adm_channels == 0;
}

static bool detect_sdxl(const struct tensor_view *view, enum layout layout, void *config)
{
	return detect(view, layout, config) && ((struct unet_config *)config)->adm_channels != 0;
}

static const char *upstream_sd15(const void *from)
{
	const struct unet_config *config = from;

	return config->linear_projections || config->context_dim == 1024 ? "SD20" : "SD15";
}

static const char *upstream_sdxl(const void *from)
{
	const struct unet_config *config = from;

	return config->context_dim == 1280 ? "SDXLRefiner" : "SDXL";
}

static const struct family_variant variants_sd15[] = {
	{ .name = "sd15_unet",
	  .config = "{\"model_channels\":320,\"context_dim\":768,\"channel_mult\":[1,2,4,4],\"num_res_blocks\":[2,2,2,2],"
		    "\"transformer_depth\":[1,1,1,1,1,1,0,0],\"transformer_depth_output\":[1,1,1,1,1,1,1,1,1,0,0,0],"
		    "\"transformer_depth_middle\":1}",
	  .dtype = DTYPE_F32 },
	{ .name = NULL },
};

static const struct family_variant variants_sdxl[] = {
	{ .name = "sdxl_base_unet",
	  .config = "{\"model_channels\":320,\"context_dim\":2048,\"adm_in_channels\":2816,\"channel_mult\":[1,2,4],"
		    "\"num_res_blocks\":[2,2,2],\"transformer_depth\":[0,0,2,2,10,10],"
		    "\"transformer_depth_output\":[0,0,0,2,2,2,10,10,10],\"transformer_depth_middle\":10,"
		    "\"use_linear_in_transformer\":true}",
	  .dtype = DTYPE_F16 },
	{ .name = NULL },
};

const struct family family_unet_sd15 = {
	.name = "sd15",
	.summary = "SD 1.5 UNet",
	.kind = MODEL_UNET,
	.memory_class = "SD15",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 8000,
	.config_size_bytes = sizeof(struct unet_config),
	.fields = fields,
	.write_more = write_more,
	.check = check,
	.describe = describe,
	.detect = detect_sd15,
	.upstream = upstream_sd15,
	.variants = variants_sd15,
	.small = "{\"model_channels\":32,\"context_dim\":64,\"channel_mult\":[1,2],\"num_res_blocks\":[1,1],"
		 "\"transformer_depth\":[1,1],\"transformer_depth_output\":[1,1,1,1],\"transformer_depth_middle\":1}",
};

const struct family family_unet_sdxl = {
	.name = "sdxl",
	.summary = "SDXL UNet",
	.kind = MODEL_UNET,
	.memory_class = "SDXL",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 40000,
	.config_size_bytes = sizeof(struct unet_config),
	.fields = fields,
	.write_more = write_more,
	.check = check,
	.describe = describe,
	.detect = detect_sdxl,
	.upstream = upstream_sdxl,
	.variants = variants_sdxl,
	.small = "{\"model_channels\":32,\"context_dim\":64,\"adm_in_channels\":96,\"channel_mult\":[1,2],"
		 "\"num_res_blocks\":[1,1],\"transformer_depth\":[0,2],\"transformer_depth_output\":[0,0,2,2],"
		 "\"transformer_depth_middle\":2,\"use_linear_in_transformer\":true}",
};
