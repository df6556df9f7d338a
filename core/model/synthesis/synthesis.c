/* A file's name is compared with the beginnings in a table, which say the family and its size; the rest of the name gives
 * the type of the elements. Weights are a generator's sequence, seeded with the name, in which every parameter has its own
 * place: its values do not depend on which others are made, or in what order.
 */
#include "core/model/synthesis/synthesis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/strbuf.h"
#include "core/base/array.h"
#include "core/tensor/dtype/convert.h"

/* The part that one file plays. Longer beginnings first. */
static const struct made_up {
	const char *begins;
	enum model_kind kind;
	bool small; /* else at full size */
	const struct family *family;
	const struct family *second; /* under the same patcher; NULL: alone */
} files[] = {
	{ .begins = "flux1-small", .kind = MODEL_UNET, .small = true, .family = &family_flux },
	{ .begins = "flux1-dev", .kind = MODEL_UNET, .family = &family_flux },
	{ .begins = "flux1-kontext", .kind = MODEL_UNET, .family = &family_flux },
	{ .begins = "t5-small", .kind = MODEL_CLIP, .small = true, .family = &family_t5 },
	{ .begins = "t5xxl", .kind = MODEL_CLIP, .family = &family_t5 },
	{ .begins = "t5-v1_1-xxl", .kind = MODEL_CLIP, .family = &family_t5 },
	{ .begins = "clip_l-small", .kind = MODEL_CLIP, .small = true, .family = &family_clip_l },
	{ .begins = "clip_l", .kind = MODEL_CLIP, .family = &family_clip_l },
	{ .begins = "ae-small", .kind = MODEL_VAE, .small = true, .family = &family_flux_ae },
	{ .begins = "ae.", .kind = MODEL_VAE, .family = &family_flux_ae },
	/* checkpoints: the same beginning, once a kind */
	{ .begins = "flux1-small", .kind = MODEL_CLIP, .small = true, .family = &family_clip_l, .second = &family_t5 },
	{ .begins = "flux1-small", .kind = MODEL_VAE, .small = true, .family = &family_flux_ae },
	{ .begins = "flux1-dev", .kind = MODEL_CLIP, .family = &family_clip_l, .second = &family_t5 },
	{ .begins = "flux1-dev", .kind = MODEL_VAE, .family = &family_flux_ae },
};

const char *synthesis_known(enum model_kind kind)
{
	static const char *const known[] = { "flux1-small..., flux1-dev..., flux1-kontext...",
					     "t5-small..., clip_l-small..., t5xxl..., clip_l...",
					     "ae-small..., ae.safetensors" };

	return known[kind];
}

static const struct made_up *find_file(enum model_kind kind, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (files[i].kind == kind && strncmp(base, files[i].begins, strlen(files[i].begins)) == 0)
			return &files[i];
	}
	return NULL;
}

static enum dtype dtype_of(const struct made_up *made_up, const char *file)
{
	return strstr(file, "fp8") ? DTYPE_F8_E4M3 : made_up->family->variants->dtype;
}

static void *make_config(const struct family *family, bool small, struct error *e)
{
	return family_config_new(family, small ? family->small : family->variants->config, e);
}

/* Two text encoders under one patcher. */
static void *make_pair(const struct family *pair, const struct family *first, bool first_small, const struct family *second,
		       bool second_small, struct error *e)
{
	void *first_config = make_config(first, first_small, e);
	void *second_config = make_config(second, second_small, e);
	void *config = first_config && second_config ? array_new(1, pair->config_size_bytes, e) : NULL;

	if (config) {
		family_pair_put(pair, config, first, first_config);
		family_pair_put(pair, config, second, second_config);
	}
	free(first_config);
	free(second_config);
	return config;
}

/* ---- blocks ---- */

static bool is_gguf(const char *file)
{
	size_t length = strlen(file);

	return length > 5 && strcmp(file + length - 5, ".gguf") == 0;
}

/* The type that a GGUF file's name ends with, "Q4_K" of "Q4_K_S"; without one it holds plain elements. */
static struct synthesis_quant quant_of(const char *file, const struct family *family, bool is_pair)
{
	struct synthesis_quant quant = { .root = is_pair ? family->root : "" };
	size_t longest = 0;

	if (!file || !is_gguf(file))
		return quant;
	for (uint32_t i = 0; i < QUANT_COUNT; i++) {
		enum dtype plain;
		size_t length = quant_is_known(i) ? strlen(quant_name((enum quant)i)) : 0;

		if (length <= longest || quant_to_dtype((enum quant)i, &plain) || !strcasestr(file, quant_name((enum quant)i)))
			continue;
		longest = length;
		quant.type = (enum quant)i;
		quant.wanted = true;
	}
	return quant;
}

static void quantise(struct parameter_description *parameter, enum quant type)
{
	bool fits = parameter->rank >= 2 && parameter->shape[parameter->rank - 1] % (int64_t)quant_block_elements(type) == 0;

	parameter->quantised = fits;
	parameter->quant = type;
	parameter->dtype = fits ? DTYPE_F16 : DTYPE_F32;
}

void synthesis_quantise(const struct synthesis *found, struct architecture *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(found->quants); i++) {
		const struct synthesis_quant *quant = &found->quants[i];

		for (size_t j = 0; quant->wanted && j < a->parameter_count; j++) {
			if (strncmp(a->parameters[j].name, quant->root, strlen(quant->root)) == 0)
				quantise(&a->parameters[j], quant->type);
		}
	}
	architecture_count_weights(a);
}

/* ---- names ---- */

bool synthesis_find(enum model_kind kind, const char *file, const char *second_file, struct synthesis *found, struct error *e)
{
	const struct made_up *first = find_file(kind, file);
	const struct made_up *second = second_file ? find_file(kind, second_file) : NULL;
	const struct family *other;

	*found = (struct synthesis) { .family = NULL };
	if (!first || (second_file && !second))
		return false;
	other = second ? second->family : first->second;
	found->dtype = dtype_of(first, file);
	found->quants[0] = quant_of(file, first->family, other != NULL);
	if (second)
		found->quants[1] = quant_of(second_file, second->family, true);
	found->family = other ? family_pair(first->family, other) : first->family;
	if (!found->family)
		return false;
	if (other)
		found->config =
			make_pair(found->family, first->family, first->small, other, second ? second->small : first->small, e);
	else
		found->config = make_config(first->family, first->small, e);
	return found->config != NULL;
}

/* ---- weights ---- */

#define SPLITMIX_STEP UINT64_C(0x9e3779b97f4a7c15)

/* Where a parameter's values begin in the generator's sequence, and how wide they spread about their middle. */
struct spread {
	uint64_t start;
	float middle, width;
};

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += SPLITMIX_STEP; /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Even in middle - spread .. middle + spread, so that activations neither vanish nor explode through the layers. */
static void range_of(const struct parameter_description *parameter, const char *type, float *middle, float *spread)
{
	double fan_in = 1;

	for (unsigned i = 1; i < parameter->rank; i++)
		fan_in *= (double)parameter->shape[i];
	*middle = 0;
	*spread = (float)sqrt(3 / fan_in);
	if (strstr(type, "Norm") && !text_ends_with(parameter->name, ".bias")) {
		*middle = 1;
		*spread = 0.1F;
	} else if (parameter->rank < 2) {
		*spread = 0.05F;
	} else if (strcmp(type, "Embedding") == 0) {
		*spread = 1;
	}
}

static struct spread spread_of(const struct parameter_description *parameter, const char *type, uint64_t seed)
{
	struct spread spread = { .start = XXH3_64bits_withSeed(parameter->name, strlen(parameter->name), seed) };

	range_of(parameter, type, &spread.middle, &spread.width);
	return spread;
}

void synthesis_values(const struct parameter_description *parameter, const char *type, uint64_t seed, uint64_t first,
		      size_t count, float *values)
{
	struct spread spread = spread_of(parameter, type, seed);
	uint64_t state = spread.start + first * SPLITMIX_STEP; /* the generator adds this once a value: any can be next */

	for (size_t i = 0; i < count; i++)
		values[i] = spread.middle + spread.width * ((float)(next(&state) >> 40) * 0x1p-23F - 1.0F);
}

static size_t count_elements(const struct parameter_description *parameter)
{
	size_t count = 1;

	for (unsigned i = 0; i < parameter->rank; i++)
		count *= (size_t)parameter->shape[i];
	return count;
}

static bool put_values(const struct parameter_description *parameter, const float *values, void *bytes, size_t count,
		       struct error *e)
{
	if (!parameter->quantised)
		return convert_from_f32(parameter->dtype, values, bytes, count, e);
	return quant_quantise(parameter->quant, values, bytes, count, e) ||
	       error_context(e, "making up %s: names with Q8_0, Q5_1, Q5_0, Q4_1 or Q4_0 can be had here, any on the simulator",
			     parameter->name);
}

static void *make_bytes(const struct parameter_description *parameter, const char *type, const char *name, struct error *e)
{
	size_t count = count_elements(parameter);
	float *values = array_new(count, sizeof(*values), e);
	void *bytes = array_new(parameter_size_bytes(parameter), 1, e);

	if (values && bytes)
		synthesis_values(parameter, type, XXH3_64bits(name, strlen(name)), 0, count, values);
	if (!values || !bytes || !put_values(parameter, values, bytes, count, e)) {
		free(bytes);
		bytes = NULL;
	}
	free(values);
	return bytes;
}

bool synthesis_fill(struct architecture *a, const char *name, struct error *e)
{
	size_t at = 0;

	for (size_t i = 0; i < a->block_count; i++) {
		for (size_t j = 0; j < a->blocks[i].parameter_count; j++, at++) {
			a->parameters[at].bytes = make_bytes(&a->parameters[at], a->blocks[i].type, name, e);
			if (!a->parameters[at].bytes)
				return false;
		}
	}
	return true;
}
