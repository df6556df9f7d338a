/* FLUX's autoencoder; modules in the order in which ComfyUI registers them: the decoder's levels from the finest up. */
#include "core/base/json.h"
#include "core/model/family.h"

static bool read_config(void *into, const json_t *object, const char *where, struct error *e)
{
	struct autoencoder_config *config = into;
	json_t *multipliers;

	if (!json_get_integer(object, "ch", where, &config->channels, e) ||
	    !json_get_integer(object, "z_channels", where, &config->latent_channels, e) ||
	    !json_get_integer_or(object, "in_channels", where, 3, &config->image_channels, e) ||
	    !json_get_integer(object, "num_res_blocks", where, &config->blocks, e) ||
	    !json_get_array(object, "ch_mult", where, &multipliers, e) ||
	    !json_get_number_or(object, "scale", where, 0.3611, &config->scale, e) ||
	    !json_get_number_or(object, "shift", where, 0.1159, &config->shift, e))
		return false;
	config->levels = (int64_t)json_array_size(multipliers);
	if (config->levels < 1 || config->levels > AUTOENCODER_LEVELS_MAX || config->channels < 32 || config->channels > 4096 ||
	    config->channels % 32 != 0 || config->blocks < 1 || config->blocks > 64 || config->latent_channels < 1 ||
	    config->latent_channels > 4096 || config->image_channels < 1 || config->image_channels > 64)
		return error_set(e, ERROR_FORMAT, "%s: the numbers make no autoencoder", where);
	for (size_t i = 0; i < (size_t)config->levels; i++) {
		config->multipliers[i] = json_integer_value(json_array_get(multipliers, i));
		if (config->multipliers[i] < 1 || config->multipliers[i] > 64)
			return error_set(e, ERROR_FORMAT, "%s: \"ch_mult\" must hold numbers from 1 to 64", where);
	}
	return true;
}

static void residual(struct architecture *a, int64_t in, int64_t out, const char *name)
{
	architecture_norm(a, "GroupNorm", in, "%s.norm1", name);
	architecture_convolution(a, out, in, 3, "%s.conv1", name);
	architecture_norm(a, "GroupNorm", out, "%s.norm2", name);
	architecture_convolution(a, out, out, 3, "%s.conv2", name);
	if (in != out)
		architecture_convolution(a, out, in, 1, "%s.nin_shortcut", name);
}

static void middle(struct architecture *a, int64_t channels, const char *side)
{
	static const char *const convolutions[] = { "q", "k", "v", "proj_out" };
	char name[64];

	snprintf(name, sizeof(name), "%s.mid.block_1", side);
	residual(a, channels, channels, name);
	architecture_norm(a, "GroupNorm", channels, "%s.mid.attn_1.norm", side);
	for (int i = 0; i < 4; i++)
		architecture_convolution(a, channels, channels, 1, "%s.mid.attn_1.%s", side, convolutions[i]);
	snprintf(name, sizeof(name), "%s.mid.block_2", side);
	residual(a, channels, channels, name);
}

static void encoder(struct architecture *a, const struct autoencoder_config *config)
{
	int64_t channels = config->channels;
	char name[64];

	architecture_convolution(a, channels, config->image_channels, 3, "encoder.conv_in");
	for (int level = 0; level < config->levels; level++) {
		int64_t out = config->channels * config->multipliers[level];

		for (int i = 0; i < config->blocks; i++) {
			snprintf(name, sizeof(name), "encoder.down.%d.block.%d", level, i);
			residual(a, channels, out, name);
			channels = out;
		}
		if (level + 1 < config->levels)
			architecture_convolution(a, channels, channels, 3, "encoder.down.%d.downsample.conv", level);
	}
	middle(a, channels, "encoder");
	architecture_norm(a, "GroupNorm", channels, "encoder.norm_out");
	architecture_convolution(a, 2 * config->latent_channels, channels, 3, "encoder.conv_out");
}

static void decoder(struct architecture *a, const struct autoencoder_config *config)
{
	int64_t deepest = config->channels * config->multipliers[config->levels - 1];
	char name[64];

	architecture_convolution(a, deepest, config->latent_channels, 3, "decoder.conv_in");
	middle(a, deepest, "decoder");
	for (int level = 0; level < config->levels; level++) {
		int64_t out = config->channels * config->multipliers[level];
		int64_t in = level + 1 < config->levels ? config->channels * config->multipliers[level + 1] : deepest;

		for (int i = 0; i <= config->blocks; i++) {
			snprintf(name, sizeof(name), "decoder.up.%d.block.%d", level, i);
			residual(a, i == 0 ? in : out, out, name);
		}
		if (level > 0)
			architecture_convolution(a, out, out, 3, "decoder.up.%d.upsample.conv", level);
	}
	architecture_norm(a, "GroupNorm", config->channels * config->multipliers[0], "decoder.norm_out");
	architecture_convolution(a, config->image_channels, config->channels * config->multipliers[0], 3, "decoder.conv_out");
}

static void describe(const void *from, struct architecture *a)
{
	encoder(a, from);
	decoder(a, from);
}

const struct family family_flux_ae = {
	.name = "flux_ae",
	.summary = "FLUX autoencoder",
	.kind = MODEL_VAE,
	.memory_class = "AutoencoderKL 16 channels",
	.config_size_bytes = sizeof(struct autoencoder_config),
	.read_config = read_config,
	.describe = describe,
};
