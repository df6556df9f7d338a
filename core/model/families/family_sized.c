/* Models of which residency knows the size and no shapes: so many equal layers, each one Linear.
 *
 * They take part in planning and in residency with the right number of bytes, in blocks of a plausible size; nothing computes
 * with them and no file is detected as one. What the division leaves over is one more, small layer.
 */
#include "core/model/families/family.h"
#include "core/model/families/family_sized.h"

#define ROW_ELEMENTS 1024

static const struct config_field fields[] = {
	CONFIG_COUNT(struct sized_config, elements, "elements", 1, 1e13),
	CONFIG_COUNT(struct sized_config, layers, "num_layers", 1, 4096),
	CONFIG_END,
};

static void describe(const void *from, struct architecture *a)
{
	const struct sized_config *config = from;
	int64_t rows = config->elements / config->layers / ROW_ELEMENTS;
	int64_t rest = config->elements - rows * config->layers * ROW_ELEMENTS;

	for (int i = 0; rows > 0 && i < config->layers; i++)
		architecture_linear(a, rows, ROW_ELEMENTS, false, "layers.%d", i);
	if (rest > 0)
		architecture_linear(a, 1, rest, false, "rest");
}

#define SIZED_FAMILY(title, text, what, root_name)                                                                             \
	const struct family family_##title = {                                                                                 \
		.name = #title,                                                                                                \
		.summary = text,                                                                                               \
		.kind = what,                                                                                                  \
		.root = root_name,                                                                                             \
		.trunk = "",                                                                                                   \
		.config_size_bytes = sizeof(struct sized_config),                                                              \
		.fields = fields,                                                                                              \
		.describe = describe,                                                                                          \
	}

SIZED_FAMILY(sized_diffusion, "a diffusion model of which only the size is known", MODEL_UNET, "diffusion_model.");
SIZED_FAMILY(sized_text, "text encoders of which only the size is known", MODEL_CLIP, "");
SIZED_FAMILY(sized_vae, "an autoencoder of which only the size is known", MODEL_VAE, "");
