/* Lumina 2 and Z-Image: one transformer over text and picture together.
 *
 * Two refiners, of the picture's tokens and of the text's, come first and are blocks like the others; the text's are not modulated.
 * Z-Image is the same network, wider, with learned tokens that pad both sequences. Upstream computes the width of the MLP from
 * the model's; here it is a member, since a file's shapes state it.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_lumina.h"

#define LUMINA_FIELDS                                                                                                          \
	CONFIG_TEXT("image_model", "\"lumina2\""), CONFIG_TEXT("patch_size", "2"), CONFIG_TEXT("qk_norm", "true"),             \
		CONFIG_COUNT_OR(struct lumina_config, in_channels, "in_channels", 1, 4096, 16),                                \
		CONFIG_COUNT(struct lumina_config, dim, "dim", 1, 1 << 20),                                                    \
		CONFIG_COUNT(struct lumina_config, layers, "n_layers", 0, 1024),                                               \
		CONFIG_COUNT(struct lumina_config, heads, "n_heads", 1, 4096),                                                 \
		CONFIG_COUNT(struct lumina_config, kv_heads, "n_kv_heads", 1, 4096),                                           \
		CONFIG_COUNT(struct lumina_config, context_channels, "cap_feat_dim", 1, 1 << 20),                              \
		CONFIG_COUNT(struct lumina_config, ffn_dim, "ffn_dim", 1, 1 << 22),                                            \
		CONFIG_QUIET(struct lumina_config, refiner_layers, "n_refiner_layers", 0, 64, 2)

static const struct config_field lumina_fields[] = {
	LUMINA_FIELDS,
	CONFIG_END,
};

static bool check(const void *from, const char *where, struct error *e)
{
	const struct lumina_config *config = from;

	return (config->dim % config->heads == 0 && config->heads % config->kv_heads == 0) ||
	       error_set(e, ERROR_FORMAT, "%s: \"dim\" must be a multiple of \"n_heads\", and that one of \"n_kv_heads\"",
			 where);
}

static bool read_z_image(void *config, const json_t *object, const char *where, struct error *e)
{
	(void)object;
	(void)where;
	(void)e;
	((struct lumina_config *)config)->z_image = true;
	return true;
}

static bool write_z_image(const void *config, json_t *object)
{
	(void)config;
	return json_object_set_new(object, "z_image_modulation", json_true()) == 0;
}

/* Channels of the embedded time, which every modulation is made from. */
static int64_t time_channels(const struct lumina_config *config)
{
	int64_t most = config->z_image ? 256 : 1024;

	return config->dim < most ? config->dim : most;
}

static void block(struct architecture *a, const struct lumina_config *config, bool modulated)
{
	int64_t dim = config->dim;
	int64_t head_width = dim / config->heads;
	size_t outside = architecture_enter(a, "attention.");

	architecture_linear(a, dim + 2 * config->kv_heads * head_width, dim, false, "qkv");
	architecture_linear(a, dim, dim, false, "out");
	architecture_scale_norm(a, MODULE_RMS_NORM, head_width, "q_norm");
	architecture_scale_norm(a, MODULE_RMS_NORM, head_width, "k_norm");
	architecture_leave(a, outside);
	architecture_linear(a, config->ffn_dim, dim, false, "feed_forward.w1");
	architecture_linear(a, dim, config->ffn_dim, false, "feed_forward.w2");
	architecture_linear(a, config->ffn_dim, dim, false, "feed_forward.w3");
	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "attention_norm1");
	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "ffn_norm1");
	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "attention_norm2");
	architecture_scale_norm(a, MODULE_RMS_NORM, dim, "ffn_norm2");
	if (modulated)
		architecture_linear(a, 4 * dim, time_channels(config), true, "adaLN_modulation.%d", config->z_image ? 0 : 1);
}

static void blocks(struct architecture *a, const struct lumina_config *config, const char *name, int64_t count, bool modulated)
{
	for (int i = 0; i < count; i++) {
		size_t outside = architecture_enter(a, "%s.%d.", name, i);

		block(a, config, modulated);
		architecture_leave(a, outside);
	}
}

static void describe(const void *from, struct architecture *a)
{
	const struct lumina_config *config = from;
	int64_t dim = config->dim;
	int64_t inner = dim < 1024 ? dim : 1024;

	if (config->z_image) {
		architecture_loose(a, "", "x_pad_token", SHAPE(1, dim));
		architecture_loose(a, "", "cap_pad_token", SHAPE(1, dim));
	}
	architecture_linear(a, dim, 4 * config->in_channels, true, "x_embedder");
	blocks(a, config, "noise_refiner", config->refiner_layers, true);
	blocks(a, config, "context_refiner", config->refiner_layers, false);
	architecture_linear(a, inner, 256, true, "t_embedder.mlp.0");
	architecture_linear(a, time_channels(config), inner, true, "t_embedder.mlp.2");
	architecture_scale_norm(a, MODULE_RMS_NORM, config->context_channels, "cap_embedder.0");
	architecture_linear(a, dim, config->context_channels, true, "cap_embedder.1");
	blocks(a, config, "layers", config->layers, true);
	architecture_bare_norm(a, "final_layer.norm_final");
	architecture_linear(a, 4 * config->in_channels, dim, true, "final_layer.linear");
	architecture_linear(a, dim, time_channels(config), true, "final_layer.adaLN_modulation.1");
}

static bool detect(const struct tensor_view *view, enum layout layout, struct lumina_config *config)
{
	int64_t head_width;

	if (layout != LAYOUT_OWN || !tensor_view_find(view, "cap_embedder.1.weight") ||
	    !tensor_view_find(view, "noise_refiner.0.attention.k_norm.weight"))
		return false;
	head_width = tensor_view_dimension(view, 0, "layers.0.attention.k_norm.weight");
	config->in_channels = tensor_view_dimension(view, 1, "x_embedder.weight") / 4;
	config->dim = tensor_view_dimension(view, 0, "x_embedder.weight");
	config->layers = tensor_view_count(view, "layers.");
	config->refiner_layers = tensor_view_count(view, "noise_refiner.");
	config->heads = head_width ? config->dim / head_width : 0;
	config->kv_heads =
		head_width ? (tensor_view_dimension(view, 0, "layers.0.attention.qkv.weight") - config->dim) / (2 * head_width)
			   : 0;
	config->ffn_dim = tensor_view_dimension(view, 0, "layers.0.feed_forward.w1.weight");
	config->context_channels = tensor_view_dimension(view, 1, "cap_embedder.1.weight");
	config->z_image = tensor_view_find(view, "cap_pad_token") != NULL;
	return true;
}

static bool detect_z_image(const struct tensor_view *view, enum layout layout, void *config)
{
	return detect(view, layout, config) && ((struct lumina_config *)config)->z_image;
}

static bool detect_lumina2(const struct tensor_view *view, enum layout layout, void *config)
{
	return detect(view, layout, config) && !((struct lumina_config *)config)->z_image;
}

static const char *upstream_z_image(const void *config)
{
	(void)config;
	return "ZImage";
}

static const char *upstream_lumina2(const void *config)
{
	(void)config;
	return "Lumina2";
}

#define Z_IMAGE "{\"dim\":3840,\"n_layers\":30,\"n_heads\":30,\"n_kv_heads\":30,\"cap_feat_dim\":2560,\"ffn_dim\":10240}"
#define SMALL "{\"dim\":64,\"n_layers\":2,\"n_heads\":4,\"n_kv_heads\":2,\"cap_feat_dim\":32,\"ffn_dim\":96}"

static const struct family_variant z_image_variants[] = {
	{ .name = "z_image_turbo_transformer", .config = Z_IMAGE, .dtype = DTYPE_BF16 },
	{ .name = "z_image_transformer", .config = Z_IMAGE, .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

static const struct family_variant lumina2_variants[] = {
	{ .name = "lumina2_transformer",
	  .config = "{\"dim\":2304,\"n_layers\":26,\"n_heads\":24,\"n_kv_heads\":8,\"cap_feat_dim\":2304,\"ffn_dim\":9216}",
	  .dtype = DTYPE_BF16 },
	{ .name = NULL },
};

const struct family family_z_image = {
	.name = "z_image",
	.summary = "Z-Image transformer (base, Turbo)",
	.kind = MODEL_UNET,
	.memory_class = "ZImage",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct lumina_config),
	.fields = lumina_fields,
	.read_more = read_z_image,
	.write_more = write_z_image,
	.check = check,
	.describe = describe,
	.detect = detect_z_image,
	.upstream = upstream_z_image,
	.variants = z_image_variants,
	.small = SMALL,
};

const struct family family_lumina2 = {
	.name = "lumina2",
	.summary = "Lumina 2 transformer",
	.kind = MODEL_UNET,
	.memory_class = "Lumina2",
	.root = "diffusion_model.",
	.trunk = "",
	.buffer_bytes = 4000,
	.config_size_bytes = sizeof(struct lumina_config),
	.fields = lumina_fields,
	.check = check,
	.describe = describe,
	.detect = detect_lumina2,
	.upstream = upstream_lumina2,
	.variants = lumina2_variants,
	.small = SMALL,
};
