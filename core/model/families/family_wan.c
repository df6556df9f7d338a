/* Wan 2.1 and 2.2: text to video, image to video (36 channels; 2.1's also takes an encoded image), the 5B of both, and VACE.
 *
 * VACE is the text to video model with further blocks, of the same shape, whose results are added to the first, the third, ... of the
 * others: their projections before and after are all that is new. It is a family of its own since upstream estimates it differently.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_wan.h"

#define WAN_FIELDS                                                                                                             \
	CONFIG_TEXT("image_model", "\"wan2.1\""), CONFIG_COUNT(struct wan_config, dim, "dim", 1, 1 << 20),                     \
		CONFIG_COUNT(struct wan_config, ffn_dim, "ffn_dim", 1, 1 << 22),                                               \
		CONFIG_COUNT_OR(struct wan_config, freq_dim, "freq_dim", 2, 1 << 16, 256),                                     \
		CONFIG_COUNT_OR(struct wan_config, in_channels, "in_dim", 1, 4096, 16),                                        \
		CONFIG_COUNT_OR(struct wan_config, out_channels, "out_dim", 1, 4096, 16),                                      \
		CONFIG_COUNT(struct wan_config, heads, "num_heads", 1, 4096),                                                  \
		CONFIG_COUNT(struct wan_config, layers, "num_layers", 0, 1024),                                                \
		CONFIG_QUIET(struct wan_config, text_dim, "text_dim", 1, 1 << 20, 4096),                                       \
		CONFIG_QUIET(struct wan_config, image_dim, "image_dim", 1, 1 << 20, 1280),                                     \
		CONFIG_TEXT("cross_attn_norm", "true"), CONFIG_TEXT("eps", "1e-06"), CONFIG_TEXT("patch_size", "[1,2,2]"),     \
		CONFIG_TEXT("qk_norm", "true"), CONFIG_TEXT("window_size", "[-1,-1]")

static const struct config_field fields[] = {
	WAN_FIELDS,
	CONFIG_END,
};

static const struct config_field vace_fields[] = {
	WAN_FIELDS,
	CONFIG_COUNT(struct wan_config, vace_layers, "vace_layers", 1, 1024),
	CONFIG_COUNT_OR(struct wan_config, vace_channels, "vace_in_dim", 1, 4096, 96),
	CONFIG_END,
};

static bool read_more(void *into, const json_t *object, const char *where, struct error *e)
{
	struct wan_config *config = into;
	const char *type = json_string_value(json_object_get(object, "model_type"));

	config->image = type && type[0] == 'i';
	if (config->dim % config->heads == 0)
		return true;
	return error_set(e, ERROR_FORMAT, "%s: \"dim\" must be a multiple of \"num_heads\"", where);
}

static bool write_more(const void *from, json_t *object)
{
	const struct wan_config *config = from;

	return json_object_set_new(object, "model_type", json_string(config->image ? "i2v" : "t2v")) == 0;
}

static bool write_vace(const void *config, json_t *object)
{
	(void)config;
	return json_object_set_new(object, "model_type", json_string("vace")) == 0;
}

static void attention(struct architecture *a, const struct wan_config *config, const char *name, bool image)
{
	static const char *const projections[] = { "q", "k", "v", "o" };
	int64_t dim = config->dim;
	size_t outside = architecture_enter(a, "%s", name);

	for (int i = 0; i < 4; i++)
		architecture_linear(a, dim, dim, true, "%s", projections[i]);
	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "norm_q");
	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "norm_k");
	if (image) {
		architecture_linear(a, dim, dim, true, "k_img");
		architecture_linear(a, dim, dim, true, "v_img");
		architecture_scale_norm(a, MODULE_RMS_NORM, dim, "norm_k_img");
	}
	architecture_leave(a, outside);
}

static void block(struct architecture *a, const struct wan_config *config)
{
	architecture_loose(a, "", "modulation", SHAPE(1, 6, config->dim));
	architecture_bare_norm(a, "norm1");
	attention(a, config, "self_attn.", false);
	architecture_norm(a, MODULE_LAYER_NORM, config->dim, "norm3");
	attention(a, config, "cross_attn.", config->image);
	architecture_bare_norm(a, "norm2");
	architecture_linear(a, config->ffn_dim, config->dim, true, "ffn.0");
	architecture_linear(a, config->dim, config->ffn_dim, true, "ffn.2");
}

static void image_embedding(struct architecture *a, const struct wan_config *config)
{
	architecture_norm(a, MODULE_LAYER_NORM, config->image_dim, "img_emb.proj.0");
	architecture_linear(a, config->image_dim, config->image_dim, true, "img_emb.proj.1");
	architecture_linear(a, config->dim, config->image_dim, true, "img_emb.proj.3");
	architecture_norm(a, MODULE_LAYER_NORM, config->dim, "img_emb.proj.4");
}

/* Upstream makes the patches' convolution in float32, whatever the rest is. */
static void patches(struct architecture *a, const char *name, int64_t dim, int64_t channels)
{
	enum dtype dtype = a->dtype;

	a->dtype = a->as_module ? DTYPE_F32 : dtype;
	architecture_weighted(a, MODULE_CONV3D, true, SHAPE(dim, channels, 1, 2, 2), "%s", name);
	a->dtype = dtype;
}

static void describe(const void *from, struct architecture *a)
{
	const struct wan_config *config = from;
	int64_t dim = config->dim;
	size_t outside;

	patches(a, "patch_embedding", dim, config->in_channels);
	architecture_linear(a, dim, config->text_dim, true, "text_embedding.0");
	architecture_linear(a, dim, dim, true, "text_embedding.2");
	architecture_linear(a, dim, config->freq_dim, true, "time_embedding.0");
	architecture_linear(a, dim, dim, true, "time_embedding.2");
	architecture_linear(a, 6 * dim, dim, true, "time_projection.1");
	for (int i = 0; i < config->layers; i++) {
		outside = architecture_enter(a, "blocks.%d.", i);
		block(a, config);
		architecture_leave(a, outside);
	}
	architecture_loose(a, "head", "modulation", SHAPE(1, 2, dim));
	architecture_bare_norm(a, "head.norm");
	architecture_linear(a, 4 * config->out_channels, dim, true, "head.head");
	if (config->image)
		image_embedding(a, config);
}

static void vace_block(struct architecture *a, const struct wan_config *config, int index)
{
	size_t outside = architecture_enter(a, "vace_blocks.%d.", index);

	block(a, config);
	if (index == 0)
		architecture_linear(a, config->dim, config->dim, true, "before_proj");
	architecture_linear(a, config->dim, config->dim, true, "after_proj");
	architecture_leave(a, outside);
}

static void describe_vace(const void *from, struct architecture *a)
{
	const struct wan_config *config = from;

	describe(config, a);
	for (int i = 0; i < config->vace_layers; i++)
		vace_block(a, config, i);
	patches(a, "vace_patch_embedding", config->dim, config->vace_channels);
}

static bool detect_any(const struct tensor_view *view, enum layout layout, struct wan_config *config)
{
	if (layout != LAYOUT_OWN || !tensor_view_find(view, "head.modulation") ||
	    !tensor_view_find(view, "patch_embedding.weight"))
		return false;
	config->dim = tensor_view_dimension(view, 2, "head.modulation");
	config->ffn_dim = tensor_view_dimension(view, 0, "blocks.0.ffn.0.weight");
	config->freq_dim = tensor_view_dimension(view, 1, "time_embedding.0.weight");
	config->text_dim = tensor_view_dimension(view, 1, "text_embedding.0.weight");
	config->in_channels = tensor_view_dimension(view, 1, "patch_embedding.weight");
	config->out_channels = tensor_view_dimension(view, 0, "head.head.weight") / 4;
	config->layers = tensor_view_count(view, "blocks.");
	config->heads = config->dim >= 128 ? config->dim / 128 : 1; /* of 128 in every published model */
	config->image = tensor_view_has(view, "img_emb.proj.0.bias");
	config->image_dim = config->image ? tensor_view_dimension(view, 0, "img_emb.proj.0.bias") : 1280;
	return true;
}

static bool detect(const struct tensor_view *view, enum layout layout, void *config)
{
	return !tensor_view_has(view, "vace_patch_embedding.") && detect_any(view, layout, config);
}

static bool detect_vace(const struct tensor_view *view, enum layout layout, void *into)
{
	struct wan_config *config = into;

	if (!tensor_view_find(view, "vace_patch_embedding.weight") || !detect_any(view, layout, config))
		return false;
	config->vace_layers = tensor_view_count(view, "vace_blocks.");
	config->vace_channels = tensor_view_dimension(view, 1, "vace_patch_embedding.weight");
	return true;
}

static const char *upstream(const void *from)
{
	const struct wan_config *config = from;

	if (config->image)
		return "WAN21_I2V";
	return config->out_channels == 48 ? "WAN22_T2V" : "WAN21_T2V";
}

static const char *upstream_vace(const void *config)
{
	(void)config;
	return "WAN21_Vace";
}

#define SMALLEST "\"dim\":1536,\"ffn_dim\":8960,\"num_heads\":12,\"num_layers\":30"
#define LARGE "\"dim\":5120,\"ffn_dim\":13824,\"num_heads\":40,\"num_layers\":40"

static const struct family_variant variants[] = {
	{ .name = "wan2.2_t2v_high_noise_14b", .config = "{" LARGE ",\"in_dim\":16}", .dtype = DTYPE_F16 },
	{ .name = "wan2.2_t2v_low_noise_14b", .config = "{" LARGE ",\"in_dim\":16}", .dtype = DTYPE_F16 },
	{ .name = "wan2.2_i2v_14b", .config = "{" LARGE ",\"in_dim\":36}", .dtype = DTYPE_F16 },
	{ .name = "wan2.1_i2v_14b", .config = "{" LARGE ",\"in_dim\":36,\"model_type\":\"i2v\"}", .dtype = DTYPE_F16 },
	{ .name = "wan2.1_t2v_14b", .config = "{" LARGE ",\"in_dim\":16}", .dtype = DTYPE_F16 },
	{ .name = "wan2.1_t2v_1.3b", .config = "{" SMALLEST ",\"in_dim\":16}", .dtype = DTYPE_F16 },
	{ .name = "wan2.2_ti2v_5b",
	  .config = "{\"dim\":3072,\"ffn_dim\":14336,\"num_heads\":24,\"num_layers\":30,\"in_dim\":48,\"out_dim\":48}",
	  .dtype = DTYPE_F16 },
	{ .name = NULL },
};

static const struct family_variant vace_variants[] = {
	{ .name = "wan2.1_vace_14b", .config = "{" LARGE ",\"vace_layers\":8}", .dtype = DTYPE_F16 },
	{ .name = "wan2.1_vace_1.3b", .config = "{" SMALLEST ",\"vace_layers\":15}", .dtype = DTYPE_F16 },
	{ .name = NULL },
};

#define TINY "{\"dim\":128,\"ffn_dim\":256,\"num_heads\":1,\"num_layers\":2,\"text_dim\":64"

const struct family family_wan = {
	.name = "wan",
	.summary = "Wan 2.1 and 2.2 transformer (T2V, I2V, 5B)",
	.kind = MODEL_UNET,
	.memory_class = "WAN21_T2V",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct wan_config),
	.fields = fields,
	.read_more = read_more,
	.write_more = write_more,
	.describe = describe,
	.detect = detect,
	.upstream = upstream,
	.variants = variants,
	.small = TINY "}",
};

const struct family family_wan_vace = {
	.name = "wan_vace",
	.summary = "Wan 2.1 VACE transformer",
	.kind = MODEL_UNET,
	.memory_class = "WAN21_Vace",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct wan_config),
	.fields = vace_fields,
	.read_more = read_more,
	.write_more = write_vace,
	.describe = describe_vace,
	.detect = detect_vace,
	.upstream = upstream_vace,
	.variants = vace_variants,
	.small = TINY ",\"vace_layers\":2}",
};
