/* synthesis.c - from a file's name to a family's configuration, and values from a parameter's name.
 *
 * Each family's row lists the beginnings of names that stand for it; the longest that fits counts. A checkpoint's text encoders are
 * a pair's row, whose two parts are made one by one. Values are splitmix64 from a hash of the parameter's name and the seed: the
 * generator adds a constant once a value, so that any stretch can be made by itself.
 */
#include "core/model/synthesis/synthesis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/string.h"
#include "core/base/array.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"

/* What one file stands for. */
struct stand_in {
	const struct family *family;
	bool small; /* else at full size */
};

/* The family of this kind whose beginning of the file's name is the longest. */
static bool find_file(enum model_kind kind, const char *file, struct stand_in *found)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	size_t longest = 0;

	for (const struct family *const *family = families; *family; family++) {
		for (const struct family_file *row = (*family)->files; row && row->begins && (*family)->kind == kind; row++) {
			size_t length = strlen(row->begins);

			if (length <= longest || strncmp(base, row->begins, length) != 0)
				continue;
			longest = length;
			*found = (struct stand_in) { .family = *family, .small = row->small };
		}
	}
	return longest > 0;
}

bool synthesis_names(const char *file)
{
	struct stand_in found;

	return find_file(MODEL_UNET, file, &found) || find_file(MODEL_CLIP, file, &found) || find_file(MODEL_VAE, file, &found);
}

void synthesis_known(enum model_kind kind, char *text, size_t size_bytes)
{
	size_t length = 0;

	text[0] = '\0';
	for (const struct family *const *family = families; *family; family++) {
		for (const struct family_file *row = (*family)->files; row && row->begins && (*family)->kind == kind; row++) {
			if (length < size_bytes)
				length += (size_t)snprintf(text + length, size_bytes - length, "%s%s*", length ? ", " : "",
							   row->begins);
		}
	}
}

static enum dtype dtype_of(const struct family *family, const char *file)
{
	return strstr(file, "fp8") ? DTYPE_F8_E4M3 : family->variants->dtype;
}

static void *make_config(const struct family *family, bool small, struct error *e)
{
	return family_config_new(family, small ? family->small : family->variants->config, e);
}

/* Two text encoders under one patcher. */
static void *make_pair(const struct family *pair, const struct stand_in parts[2], struct error *e)
{
	void *first = make_config(parts[0].family, parts[0].small, e);
	void *second = make_config(parts[1].family, parts[1].small, e);
	void *config = first && second ? array_new(1, pair->config_size_bytes, e) : NULL;

	if (config) {
		family_pair_put(pair, config, parts[0].family, first);
		family_pair_put(pair, config, parts[1].family, second);
	}
	free(first);
	free(second);
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

static void keep_embeddings(struct architecture *a)
{
	size_t at = 0;

	for (size_t i = 0; i < a->block_count; i++) {
		bool kept = strcmp(a->blocks[i].type, "Embedding") == 0;

		for (size_t j = 0; j < a->blocks[i].parameter_count; j++, at++) {
			if (kept && !a->parameters[at].quantised)
				a->parameters[at].dtype = DTYPE_BF16;
		}
	}
	architecture_count_weights(a);
}

void synthesis_describe(const struct synthesis *found, struct architecture *a)
{
	a->as_module = found->as_module;
	found->family->describe(found->config, a);
	if (!architecture_ok(a))
		return;
	synthesis_quantise(found, a);
	if (found->keeps_embeddings)
		keep_embeddings(a);
}

/* ---- names ---- */

/* The two text encoders, of one file each or both in a checkpoint; the first of the two where a checkpoint stands in the place of
 * one. False where it is one model alone, *parts then is. */
static bool find_parts(const struct stand_in *first, const struct stand_in *second, struct stand_in parts[2])
{
	const struct family *both[2] = { first->family, NULL };
	const struct family *of_second[2] = { second ? second->family : NULL, NULL };
	bool is_pair = family_pair_parts(first->family, both);

	if (second)
		family_pair_parts(second->family, of_second);
	parts[0] = (struct stand_in) { .family = both[0], .small = first->small };
	parts[1] = second ? (struct stand_in) { .family = of_second[0], .small = second->small }
			  : (struct stand_in) { .family = both[1], .small = first->small };
	return second || is_pair;
}

bool synthesis_find(enum model_kind kind, const char *file, const char *second_file, struct synthesis *found, struct error *e)
{
	struct stand_in first, second;
	struct stand_in parts[2];
	bool paired;

	*found = (struct synthesis) { .family = NULL };
	if (!find_file(kind, file, &first) || (second_file && !find_file(kind, second_file, &second)))
		return false;
	paired = find_parts(&first, second_file ? &second : NULL, parts);
	found->family = paired ? family_pair(parts[0].family, parts[1].family) : first.family;
	if (!found->family)
		return false;
	/* Of a pair, the larger encoder's type is the pair's; upstream gives CLIP its own. */
	found->as_module = paired;
	found->dtype = dtype_of(parts[0].family, second_file && strstr(second_file, "fp8") ? second_file : file);
	found->quants[0] = quant_of(file, parts[0].family, paired);
	if (second_file)
		found->quants[1] = quant_of(second_file, parts[1].family, true);
	found->config = paired ? make_pair(found->family, parts, e) : make_config(first.family, first.small, e);
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
	if (strstr(type, "Norm") && !string_ends_with(parameter->name, ".bias")) {
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
	return convert_quantise(parameter->quant, values, bytes, count, e) ||
	       error_context(e,
			     "generating %s: names with Q8_0, Q5_1, Q5_0, Q4_1 or Q4_0 can be had here, any on the simulator",
			     parameter->name);
}

static void *make_bytes(const struct parameter_description *parameter, const char *type, const char *name, struct error *e)
{
	size_t count = count_elements(parameter);
	float *values = array_new(count, sizeof(*values), e);
	void *bytes = array_new(architecture_parameter_size_bytes(parameter), 1, e);

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
