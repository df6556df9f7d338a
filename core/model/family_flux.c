/* FLUX.1: modules in the order in which ComfyUI registers them (plain layer norms have no weights but are modules). */
#include "core/base/json.h"
#include "core/model/family.h"

static bool read_axes(struct flux_config *config, const json_t *object, const char *where, struct error *e)
{
	json_t *axes;

	if (!json_get_array(object, "axes_dim", where, &axes, e))
		return false;
	if (json_array_size(axes) != 3)
		return error_set(e, ERROR_FORMAT, "%s: \"axes_dim\" has %zu numbers; it must have 3", where,
				 json_array_size(axes));
	for (size_t i = 0; i < 3; i++) {
		config->axes[i] = json_integer_value(json_array_get(axes, i));
		if (config->axes[i] <= 0 || config->axes[i] % 2 != 0)
			return error_set(e, ERROR_FORMAT, "%s: \"axes_dim\" must hold even numbers", where);
	}
	if (config->axes[0] + config->axes[1] + config->axes[2] != config->hidden / config->heads)
		return error_set(e, ERROR_FORMAT, "%s: the sum of \"axes_dim\" must be hidden_size / num_heads", where);
	return true;
}

static bool read_config(void *into, const json_t *object, const char *where, struct error *e)
{
	struct flux_config *config = into;
	double ratio;

	if (!json_get_integer(object, "in_channels", where, &config->in_channels, e) ||
	    !json_get_integer(object, "hidden_size", where, &config->hidden, e) ||
	    !json_get_integer(object, "num_heads", where, &config->heads, e) ||
	    !json_get_number_or(object, "mlp_ratio", where, 4, &ratio, e) ||
	    !json_get_integer(object, "depth", where, &config->depth, e) ||
	    !json_get_integer(object, "depth_single_blocks", where, &config->single_depth, e) ||
	    !json_get_integer(object, "context_in_dim", where, &config->context_channels, e) ||
	    !json_get_integer(object, "vec_in_dim", where, &config->pooled_channels, e) ||
	    !json_get_number_or(object, "theta", where, 10000, &config->theta, e) ||
	    !json_get_bool_or(object, "guidance_embed", where, true, &config->guidance, e))
		return false;
	config->mlp_ratio = (int64_t)ratio;
	if (config->hidden < 1 || config->heads < 1 || config->hidden % config->heads != 0 || config->hidden > 1 << 20 ||
	    config->depth < 0 || config->depth > 1024 || config->single_depth < 0 || config->single_depth > 1024 ||
	    config->in_channels < 1 || config->in_channels > 4096 || config->context_channels < 1 ||
	    config->pooled_channels < 1 || config->mlp_ratio < 1 || config->mlp_ratio > 64)
		return error_set(e, ERROR_FORMAT, "%s: the numbers make no FLUX model", where);
	return read_axes(config, object, where, e);
}

static void embedder(struct architecture *a, const char *name, int64_t in, int64_t hidden)
{
	architecture_linear(a, hidden, in, true, "%s.in_layer", name);
	architecture_linear(a, hidden, hidden, true, "%s.out_layer", name);
}

static void plain_norm(struct architecture *a, const char *format, int i, const char *stream)
{
	architecture_block(a, "LayerNorm", true, format, i, stream); // NOLINT(clang-diagnostic-format-nonliteral)
	if (architecture_ok(a))
		a->blocks[a->block_count - 1].weight_size_bytes = 0; /* a weight that is None */
}

static void scale(struct architecture *a, int64_t channels)
{
	architecture_parameter(a, "scale", 1, &channels);
}

static void double_half(struct architecture *a, const struct flux_config *config, int i, const char *stream)
{
	int64_t hidden = config->hidden;

	architecture_linear(a, 6 * hidden, hidden, true, "double_blocks.%d.%s_mod.lin", i, stream);
	plain_norm(a, "double_blocks.%d.%s_norm1", i, stream);
	architecture_linear(a, 3 * hidden, hidden, true, "double_blocks.%d.%s_attn.qkv", i, stream);
	architecture_block(a, "RMSNorm", false, "double_blocks.%d.%s_attn.norm.query_norm", i, stream);
	scale(a, hidden / config->heads);
	architecture_block(a, "RMSNorm", false, "double_blocks.%d.%s_attn.norm.key_norm", i, stream);
	scale(a, hidden / config->heads);
	architecture_linear(a, hidden, hidden, true, "double_blocks.%d.%s_attn.proj", i, stream);
	plain_norm(a, "double_blocks.%d.%s_norm2", i, stream);
	architecture_linear(a, config->mlp_ratio * hidden, hidden, true, "double_blocks.%d.%s_mlp.0", i, stream);
	architecture_linear(a, hidden, config->mlp_ratio * hidden, true, "double_blocks.%d.%s_mlp.2", i, stream);
}

static void single(struct architecture *a, const struct flux_config *config, int i)
{
	int64_t hidden = config->hidden;

	architecture_linear(a, (3 + config->mlp_ratio) * hidden, hidden, true, "single_blocks.%d.linear1", i);
	architecture_linear(a, hidden, (1 + config->mlp_ratio) * hidden, true, "single_blocks.%d.linear2", i);
	architecture_block(a, "RMSNorm", false, "single_blocks.%d.norm.query_norm", i);
	scale(a, hidden / config->heads);
	architecture_block(a, "RMSNorm", false, "single_blocks.%d.norm.key_norm", i);
	scale(a, hidden / config->heads);
	plain_norm(a, "single_blocks.%d.pre_norm%s", i, "");
	architecture_linear(a, 3 * hidden, hidden, true, "single_blocks.%d.modulation.lin", i);
}

static void describe(const void *from, struct architecture *a)
{
	const struct flux_config *config = from;
	int64_t patch = 4 * config->in_channels;

	architecture_linear(a, config->hidden, patch, true, "img_in");
	embedder(a, "time_in", 256, config->hidden);
	embedder(a, "vector_in", config->pooled_channels, config->hidden);
	if (config->guidance)
		embedder(a, "guidance_in", 256, config->hidden);
	architecture_linear(a, config->hidden, config->context_channels, true, "txt_in");
	for (int i = 0; i < config->depth; i++) {
		double_half(a, config, i, "img");
		double_half(a, config, i, "txt");
	}
	for (int i = 0; i < config->single_depth; i++)
		single(a, config, i);
	architecture_block(a, "LayerNorm", true, "final_layer.norm_final");
	if (architecture_ok(a))
		a->blocks[a->block_count - 1].weight_size_bytes = 0;
	architecture_linear(a, patch, config->hidden, true, "final_layer.linear");
	architecture_linear(a, 2 * config->hidden, config->hidden, true, "final_layer.adaLN_modulation.1");
}

const struct family family_flux = {
	.name = "flux",
	.summary = "FLUX.1 transformer (dev, Kontext)",
	.kind = MODEL_UNET,
	.memory_class = "Flux",
	.config_size_bytes = sizeof(struct flux_config),
	.read_config = read_config,
	.describe = describe,
};
