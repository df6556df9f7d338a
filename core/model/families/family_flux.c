/* FLUX.1: modules in the order in which ComfyUI registers them (plain layer norms have no weights but are modules). */
#include "core/base/json.h"
#include "core/model/families/family_flux_parts.h"
#include "core/model/families/layout_rule.h"

static const struct config_field fields[] = {
	CONFIG_TEXT("image_model", "\"flux\""),
	CONFIG_COUNT(struct flux_config, in_channels, "in_channels", 1, 4096),
	CONFIG_COUNT_OR(struct flux_config, out_channels, "out_channels", 1, 4096, 16),
	CONFIG_COUNT(struct flux_config, hidden, "hidden_size", 1, 1 << 20),
	CONFIG_COUNT(struct flux_config, heads, "num_heads", 1, 4096),
	CONFIG_COUNT_OR(struct flux_config, mlp_ratio, "mlp_ratio", 1, 64, 4),
	CONFIG_COUNT(struct flux_config, depth, "depth", 0, 1024),
	CONFIG_COUNT(struct flux_config, single_depth, "depth_single_blocks", 0, 1024),
	CONFIG_COUNT(struct flux_config, context_channels, "context_in_dim", 1, 1 << 20),
	CONFIG_COUNT(struct flux_config, pooled_channels, "vec_in_dim", 1, 1 << 20),
	CONFIG_NUMBER_OR(struct flux_config, theta, "theta", 1, 1e9, 10000),
	CONFIG_BOOL_OR(struct flux_config, guidance, "guidance_embed", true),
	CONFIG_TEXT("patch_size", "2"),
	CONFIG_TEXT("qkv_bias", "true"),
	CONFIG_END,
};

bool family_flux_read_axes(struct flux_config *config, const json_t *object, const char *where, struct error *e)
{
	int64_t sum = 0;
	json_t *axes;

	if (!json_get_array(object, "axes_dim", where, &axes, e))
		return false;
	if (json_array_size(axes) != 3)
		return error_set(e, ERROR_FORMAT, "%s: \"axes_dim\" has %zu numbers; it must have 3", where,
				 json_array_size(axes));
	for (size_t i = 0; i < 3; i++) {
		config->axes[i] = json_integer_value(json_array_get(axes, i));
		if (config->axes[i] <= 0 || config->axes[i] % 2 != 0 || config->axes[i] > 1 << 20)
			return error_set(e, ERROR_FORMAT, "%s: \"axes_dim\" must hold even numbers", where);
		sum += config->axes[i];
	}
	if (config->hidden % config->heads != 0 || sum != config->hidden / config->heads)
		return error_set(e, ERROR_FORMAT, "%s: the sum of \"axes_dim\" must be hidden_size / num_heads", where);
	return true;
}

bool family_flux_write_axes(const struct flux_config *config, json_t *object)
{
	return json_object_set_new(object, "axes_dim",
				   json_pack("[I,I,I]", (json_int_t)config->axes[0], (json_int_t)config->axes[1],
					     (json_int_t)config->axes[2])) == 0;
}

static bool read_more(void *config, const json_t *object, const char *where, struct error *e)
{
	return family_flux_read_axes(config, object, where, e);
}

static bool write_more(const void *config, json_t *object)
{
	return family_flux_write_axes(config, object);
}

/* ---- modules ---- */

void family_flux_embedder(struct architecture *a, const char *name, int64_t in, int64_t hidden)
{
	architecture_linear(a, hidden, in, true, "%s.in_layer", name);
	architecture_linear(a, hidden, hidden, true, "%s.out_layer", name);
}

static void head_norms(struct architecture *a, const char *name, int64_t head_width)
{
	architecture_module(a, MODULE_OWN_RMS_NORM, "%s.query_norm", name);
	architecture_parameter(a, "scale", SHAPE(head_width));
	architecture_module(a, MODULE_OWN_RMS_NORM, "%s.key_norm", name);
	architecture_parameter(a, "scale", SHAPE(head_width));
}

/* One stream's half of a double block: "img_" or "txt_". */
static void double_half(struct architecture *a, const struct flux_config *config, const char *stream)
{
	int64_t hidden = config->hidden;
	size_t outside = architecture_enter(a, "%s", stream);

	architecture_linear(a, 6 * hidden, hidden, true, "mod.lin");
	architecture_bare_norm(a, "norm1");
	architecture_linear(a, 3 * hidden, hidden, true, "attn.qkv");
	head_norms(a, "attn.norm", hidden / config->heads);
	architecture_linear(a, hidden, hidden, true, "attn.proj");
	architecture_bare_norm(a, "norm2");
	architecture_linear(a, config->mlp_ratio * hidden, hidden, true, "mlp.0");
	architecture_linear(a, hidden, config->mlp_ratio * hidden, true, "mlp.2");
	architecture_leave(a, outside);
}

static void single_block(struct architecture *a, const struct flux_config *config)
{
	int64_t hidden = config->hidden;

	architecture_linear(a, (3 + config->mlp_ratio) * hidden, hidden, true, "linear1");
	architecture_linear(a, hidden, (1 + config->mlp_ratio) * hidden, true, "linear2");
	head_norms(a, "norm", hidden / config->heads);
	architecture_bare_norm(a, "pre_norm");
	architecture_linear(a, 3 * hidden, hidden, true, "modulation.lin");
}

void family_flux_blocks(struct architecture *a, const struct flux_config *config)
{
	size_t outside;

	for (int i = 0; i < config->depth; i++) {
		outside = architecture_enter(a, "double_blocks.%d.", i);
		double_half(a, config, "img_");
		double_half(a, config, "txt_");
		architecture_leave(a, outside);
	}
	for (int i = 0; i < config->single_depth; i++) {
		outside = architecture_enter(a, "single_blocks.%d.", i);
		single_block(a, config);
		architecture_leave(a, outside);
	}
}

void family_flux_final_layer(struct architecture *a, const struct flux_config *config, int64_t out)
{
	architecture_bare_norm(a, "final_layer.norm_final");
	architecture_linear(a, out, config->hidden, true, "final_layer.linear");
	architecture_linear(a, 2 * config->hidden, config->hidden, true, "final_layer.adaLN_modulation.1");
}

/* ---- the same weights as diffusers names and cuts them; in no particular order ---- */

static void diffusers_embedder(struct architecture *a, const char *name, int64_t in, int64_t hidden)
{
	architecture_linear(a, hidden, in, true, "time_text_embed.%s.linear_1", name);
	architecture_linear(a, hidden, hidden, true, "time_text_embed.%s.linear_2", name);
}

static void diffusers_linears(struct architecture *a, int64_t out, int64_t in, const char *const *names)
{
	for (; *names; names++)
		architecture_linear(a, out, in, true, "%s", *names);
}

static void diffusers_norms(struct architecture *a, int64_t width, const char *const *names)
{
	for (; *names; names++)
		architecture_scale_norm(a, MODULE_RMS_NORM, width, "%s", *names);
}

static void diffusers_double(struct architecture *a, const struct flux_config *config)
{
	static const char *const squares[] = { "attn.to_q",	  "attn.to_k",	     "attn.to_v",
					       "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj",
					       "attn.to_out.0",	  "attn.to_add_out", NULL };
	static const char *const norms[] = { "attn.norm_q", "attn.norm_k", "attn.norm_added_q", "attn.norm_added_k", NULL };
	static const char *const modulations[] = { "norm1.linear", "norm1_context.linear", NULL };
	static const char *const widening[] = { "ff.net.0.proj", "ff_context.net.0.proj", NULL };
	static const char *const narrowing[] = { "ff.net.2", "ff_context.net.2", NULL };
	int64_t hidden = config->hidden;

	diffusers_linears(a, hidden, hidden, squares);
	diffusers_linears(a, 6 * hidden, hidden, modulations);
	diffusers_linears(a, config->mlp_ratio * hidden, hidden, widening);
	diffusers_linears(a, hidden, config->mlp_ratio * hidden, narrowing);
	diffusers_norms(a, hidden / config->heads, norms);
}

static void diffusers_single(struct architecture *a, const struct flux_config *config)
{
	static const char *const squares[] = { "attn.to_q", "attn.to_k", "attn.to_v", NULL };
	static const char *const norms[] = { "attn.norm_q", "attn.norm_k", NULL };
	int64_t hidden = config->hidden;

	diffusers_linears(a, hidden, hidden, squares);
	architecture_linear(a, config->mlp_ratio * hidden, hidden, true, "proj_mlp");
	architecture_linear(a, 3 * hidden, hidden, true, "norm.linear");
	architecture_linear(a, hidden, (1 + config->mlp_ratio) * hidden, true, "proj_out");
	diffusers_norms(a, hidden / config->heads, norms);
}

static void describe_diffusers(const struct flux_config *config, struct architecture *a)
{
	int64_t hidden = config->hidden;
	size_t outside;

	for (int i = 0; i < config->depth; i++) {
		outside = architecture_enter(a, "transformer_blocks.%d.", i);
		diffusers_double(a, config);
		architecture_leave(a, outside);
	}
	for (int i = 0; i < config->single_depth; i++) {
		outside = architecture_enter(a, "single_transformer_blocks.%d.", i);
		diffusers_single(a, config);
		architecture_leave(a, outside);
	}
	diffusers_embedder(a, "timestep_embedder", 256, hidden);
	diffusers_embedder(a, "text_embedder", config->pooled_channels, hidden);
	if (config->guidance)
		diffusers_embedder(a, "guidance_embedder", 256, hidden);
	architecture_linear(a, hidden, config->context_channels, true, "context_embedder");
	architecture_linear(a, hidden, 4 * config->in_channels, true, "x_embedder");
	architecture_linear(a, 2 * hidden, hidden, true, "norm_out.linear");
	architecture_linear(a, 4 * config->out_channels, hidden, true, "proj_out");
}

static const struct layout_rule layout_rules[] = {
	{ .own = "img_in.@", .from = { "x_embedder.@" }, .cut = CUT_WHOLE },
	{ .own = "txt_in.@", .from = { "context_embedder.@" }, .cut = CUT_WHOLE },
	{ .own = "time_in.in_layer.@", .from = { "time_text_embed.timestep_embedder.linear_1.@" }, .cut = CUT_WHOLE },
	{ .own = "time_in.out_layer.@", .from = { "time_text_embed.timestep_embedder.linear_2.@" }, .cut = CUT_WHOLE },
	{ .own = "vector_in.in_layer.@", .from = { "time_text_embed.text_embedder.linear_1.@" }, .cut = CUT_WHOLE },
	{ .own = "vector_in.out_layer.@", .from = { "time_text_embed.text_embedder.linear_2.@" }, .cut = CUT_WHOLE },
	{ .own = "guidance_in.in_layer.@", .from = { "time_text_embed.guidance_embedder.linear_1.@" }, .cut = CUT_WHOLE },
	{ .own = "guidance_in.out_layer.@", .from = { "time_text_embed.guidance_embedder.linear_2.@" }, .cut = CUT_WHOLE },
#define DOUBLE(own) "double_blocks.*." own
#define THEIR_DOUBLE(name) "transformer_blocks.*." name
	{ .own = DOUBLE("img_mod.lin.@"), .from = { THEIR_DOUBLE("norm1.linear.@") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("txt_mod.lin.@"), .from = { THEIR_DOUBLE("norm1_context.linear.@") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("img_attn.qkv.@"),
	  .from = { THEIR_DOUBLE("attn.to_q.@"), THEIR_DOUBLE("attn.to_k.@"), THEIR_DOUBLE("attn.to_v.@") },
	  .cut = CUT_WHOLE },
	{ .own = DOUBLE("txt_attn.qkv.@"),
	  .from = { THEIR_DOUBLE("attn.add_q_proj.@"), THEIR_DOUBLE("attn.add_k_proj.@"), THEIR_DOUBLE("attn.add_v_proj.@") },
	  .cut = CUT_WHOLE },
	{ .own = DOUBLE("img_attn.norm.query_norm.scale"), .from = { THEIR_DOUBLE("attn.norm_q.weight") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("img_attn.norm.key_norm.scale"), .from = { THEIR_DOUBLE("attn.norm_k.weight") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("txt_attn.norm.query_norm.scale"),
	  .from = { THEIR_DOUBLE("attn.norm_added_q.weight") },
	  .cut = CUT_WHOLE },
	{ .own = DOUBLE("txt_attn.norm.key_norm.scale"),
	  .from = { THEIR_DOUBLE("attn.norm_added_k.weight") },
	  .cut = CUT_WHOLE },
	{ .own = DOUBLE("img_attn.proj.@"), .from = { THEIR_DOUBLE("attn.to_out.0.@") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("txt_attn.proj.@"), .from = { THEIR_DOUBLE("attn.to_add_out.@") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("img_mlp.0.@"), .from = { THEIR_DOUBLE("ff.net.0.proj.@") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("img_mlp.2.@"), .from = { THEIR_DOUBLE("ff.net.2.@") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("txt_mlp.0.@"), .from = { THEIR_DOUBLE("ff_context.net.0.proj.@") }, .cut = CUT_WHOLE },
	{ .own = DOUBLE("txt_mlp.2.@"), .from = { THEIR_DOUBLE("ff_context.net.2.@") }, .cut = CUT_WHOLE },
#undef DOUBLE
#undef THEIR_DOUBLE
#define SINGLE(own) "single_blocks.*." own
#define THEIR_SINGLE(name) "single_transformer_blocks.*." name
	{ .own = SINGLE("linear1.@"),
	  .from = { THEIR_SINGLE("attn.to_q.@"), THEIR_SINGLE("attn.to_k.@"), THEIR_SINGLE("attn.to_v.@"),
		    THEIR_SINGLE("proj_mlp.@") },
	  .cut = CUT_WHOLE },
	{ .own = SINGLE("linear2.@"), .from = { THEIR_SINGLE("proj_out.@") }, .cut = CUT_WHOLE },
	{ .own = SINGLE("norm.query_norm.scale"), .from = { THEIR_SINGLE("attn.norm_q.weight") }, .cut = CUT_WHOLE },
	{ .own = SINGLE("norm.key_norm.scale"), .from = { THEIR_SINGLE("attn.norm_k.weight") }, .cut = CUT_WHOLE },
	{ .own = SINGLE("modulation.lin.@"), .from = { THEIR_SINGLE("norm.linear.@") }, .cut = CUT_WHOLE },
#undef SINGLE
#undef THEIR_SINGLE
	{ .own = "final_layer.linear.@", .from = { "proj_out.@" }, .cut = CUT_WHOLE },
	{ .own = "final_layer.adaLN_modulation.1.@",
	  .from = { "norm_out.linear.@" },
	  .cut = CUT_SWAPPED_HALVES }, /* scale before shift there */
	{ .own = NULL },
};

static void describe(const void *from, struct architecture *a)
{
	const struct flux_config *config = from;

	if (a->layout == LAYOUT_DIFFUSERS) {
		describe_diffusers(config, a);
		return;
	}
	architecture_linear(a, config->hidden, 4 * config->in_channels, true, "img_in");
	family_flux_embedder(a, "time_in", 256, config->hidden);
	family_flux_embedder(a, "vector_in", config->pooled_channels, config->hidden);
	if (config->guidance)
		family_flux_embedder(a, "guidance_in", 256, config->hidden);
	architecture_linear(a, config->hidden, config->context_channels, true, "txt_in");
	family_flux_blocks(a, config);
	family_flux_final_layer(a, config, 4 * config->out_channels);
}

/* ---- detection ---- */

/* Rotary axes are not in the weights: those of the published models, or the same parts of another width. */
static void divide_axes(struct flux_config *config, int64_t head_width)
{
	config->axes[0] = head_width / 16 * 2;
	config->axes[1] = (head_width - config->axes[0]) / 4 * 2;
	config->axes[2] = head_width - config->axes[0] - config->axes[1];
}

static void detect_shape(struct flux_config *config, int64_t hidden, int64_t head_width, int64_t mlp_hidden)
{
	config->hidden = hidden;
	config->heads = head_width ? hidden / head_width : 0;
	config->mlp_ratio = hidden ? mlp_hidden / hidden : 0;
	config->theta = 10000;
	divide_axes(config, head_width);
}

void family_flux_detect_blocks(const struct tensor_view *view, struct flux_config *config)
{
	detect_shape(config, tensor_view_dimension(view, 1, "final_layer.linear.weight"),
		     tensor_view_dimension(view, 0, "double_blocks.0.img_attn.norm.key_norm.scale"),
		     tensor_view_dimension(view, 0, "double_blocks.0.img_mlp.0.weight"));
	config->depth = tensor_view_count(view, "double_blocks.");
	config->single_depth = tensor_view_count(view, "single_blocks.");
	config->pooled_channels = tensor_view_dimension(view, 1, "vector_in.in_layer.weight");
	config->guidance = tensor_view_has(view, "guidance_in.");
}

static bool detect_diffusers(const struct tensor_view *view, struct flux_config *config)
{
	if (!tensor_view_has(view, "single_transformer_blocks.0.proj_mlp.weight") ||
	    !tensor_view_has(view, "x_embedder.weight"))
		return false;
	detect_shape(config, tensor_view_dimension(view, 0, "x_embedder.weight"),
		     tensor_view_dimension(view, 0, "transformer_blocks.0.attn.norm_q.weight"),
		     tensor_view_dimension(view, 0, "transformer_blocks.0.ff.net.0.proj.weight"));
	config->in_channels = tensor_view_dimension(view, 1, "x_embedder.weight") / 4;
	config->out_channels = tensor_view_dimension(view, 0, "proj_out.weight") / 4;
	config->depth = tensor_view_count(view, "transformer_blocks.");
	config->single_depth = tensor_view_count(view, "single_transformer_blocks.");
	config->context_channels = tensor_view_dimension(view, 1, "context_embedder.weight");
	config->pooled_channels = tensor_view_dimension(view, 1, "time_text_embed.text_embedder.linear_1.weight");
	config->guidance = tensor_view_has(view, "time_text_embed.guidance_embedder.");
	return true;
}

static bool detect(const struct tensor_view *view, enum layout layout, void *into)
{
	struct flux_config *config = into;

	if (layout == LAYOUT_DIFFUSERS)
		return detect_diffusers(view, config);
	if (layout != LAYOUT_OWN || !tensor_view_find(view, "double_blocks.0.img_attn.norm.key_norm.scale") ||
	    !tensor_view_find(view, "img_in.weight"))
		return false;
	family_flux_detect_blocks(view, config);
	config->in_channels = tensor_view_dimension(view, 1, "img_in.weight") / 4;
	config->out_channels = tensor_view_dimension(view, 0, "final_layer.linear.weight") / 4;
	config->context_channels = tensor_view_dimension(view, 1, "txt_in.weight");
	return true;
}

static const char *upstream(const void *from)
{
	const struct flux_config *config = from;

	if (!config->guidance)
		return "FluxSchnell";
	return config->in_channels == 96 ? "FluxInpaint" : "Flux";
}

#define LARGE                                                                                                                  \
	"{\"hidden_size\":3072,\"num_heads\":24,\"depth\":19,\"depth_single_blocks\":38,\"context_in_dim\":4096,"              \
	"\"vec_in_dim\":768,\"axes_dim\":[16,56,56]"
#define FULL LARGE ",\"in_channels\":16}"

static const struct family_variant variants[] = {
	{ .name = "flux1_dev_transformer", .config = FULL, .dtype = DTYPE_BF16 },
	{ .name = "flux1_kontext_dev_transformer", .config = FULL, .dtype = DTYPE_BF16 },
	{ .name = "flux1_schnell_transformer",
	  .config = LARGE ",\"in_channels\":16,\"guidance_embed\":false}",
	  .dtype = DTYPE_BF16 },
	{ .name = "flux1_fill_transformer", .config = LARGE ",\"in_channels\":96}", .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

static const struct family_file files[] = {
	{ .begins = "flux1-small", .small = true },
	{ .begins = "flux1-dev" },
	{ .begins = "flux1-kontext" },
	{ .begins = NULL },
};

const struct family family_flux = {
	.name = "flux",
	.summary = "FLUX.1 transformer (dev, Kontext)",
	.kind = MODEL_UNET,
	.memory_class = "Flux",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 40000,
	.config_size_bytes = sizeof(struct flux_config),
	.fields = fields,
	.read_more = read_more,
	.write_more = write_more,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.layout_rules = layout_rules,
	.variants = variants,
	.small = "{\"in_channels\":16,\"hidden_size\":128,\"num_heads\":4,\"depth\":2,\"depth_single_blocks\":4,"
		 "\"context_in_dim\":64,\"vec_in_dim\":32,\"axes_dim\":[8,12,12]}",
	.files = files,
};
