#include "core/model/synthesis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/model/detect.h"
#include "core/tensor/convert.h"
#include "core/tensor/safetensors.h"

/* The part that one file plays. Longer beginnings first. */
static const struct made_up {
	const char *begins;
	enum model_kind kind;
	bool small; /* else at full size */
	const struct family *family;
	const struct family *second; /* under the same patcher; NULL: alone */
} files[] = {
	{ "flux1-small", MODEL_UNET, true, &family_flux, NULL },
	{ "flux1-dev", MODEL_UNET, false, &family_flux, NULL },
	{ "flux1-kontext", MODEL_UNET, false, &family_flux, NULL },
	{ "t5-small", MODEL_CLIP, true, &family_t5, NULL },
	{ "t5xxl", MODEL_CLIP, false, &family_t5, NULL },
	{ "clip_l-small", MODEL_CLIP, true, &family_clip_l, NULL },
	{ "clip_l", MODEL_CLIP, false, &family_clip_l, NULL },
	{ "ae-small", MODEL_VAE, true, &family_flux_ae, NULL },
	{ "ae.", MODEL_VAE, false, &family_flux_ae, NULL },
	/* checkpoints: the same beginning, once a kind */
	{ "flux1-small", MODEL_CLIP, true, &family_clip_l, &family_t5 },
	{ "flux1-small", MODEL_VAE, true, &family_flux_ae, NULL },
	{ "flux1-dev", MODEL_CLIP, false, &family_clip_l, &family_t5 },
	{ "flux1-dev", MODEL_VAE, false, &family_flux_ae, NULL },
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

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* Even in middle - spread .. middle + spread, so that activations neither vanish nor explode through the layers. */
static void range_of(const struct parameter_description *parameter, const char *type, float *middle, float *spread)
{
	double fan_in = 1;

	for (unsigned i = 1; i < parameter->rank; i++)
		fan_in *= (double)parameter->shape[i];
	*middle = 0;
	*spread = (float)sqrt(3 / fan_in);
	if (strstr(type, "Norm") && !ends_with(parameter->name, ".bias")) {
		*middle = 1;
		*spread = 0.1F;
	} else if (parameter->rank < 2) {
		*spread = 0.05F;
	} else if (strcmp(type, "Embedding") == 0) {
		*spread = 1;
	}
}

static void *make_bytes(const struct parameter_description *parameter, const char *type, const char *name, struct error *e)
{
	uint64_t state = XXH3_64bits_withSeed(parameter->name, strlen(parameter->name), XXH3_64bits(name, strlen(name)));
	size_t count = 1;
	float middle;
	float spread;
	float *values;
	void *bytes;

	for (unsigned i = 0; i < parameter->rank; i++)
		count *= (size_t)parameter->shape[i];
	values = array_new(count, sizeof(*values), e);
	bytes = array_new(count, dtype_size_bytes(parameter->dtype), e);
	if (values && bytes) {
		range_of(parameter, type, &middle, &spread);
		for (size_t i = 0; i < count; i++)
			values[i] = middle + spread * ((float)(next(&state) >> 40) * 0x1p-23F - 1.0F);
	}
	if (!values || !bytes || !convert_from_f32(parameter->dtype, values, bytes, count, e)) {
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

/* ---- to a file ---- */

static bool write_architecture(const struct architecture *a, const char *metadata, const char *path, struct error *e)
{
	const char *pairs[] = { FAMILY_METADATA, metadata, NULL };
	struct safetensors_entry *entries = array_new(a->parameter_count, sizeof(*entries), e);
	bool fine;

	if (!entries)
		return false;
	for (size_t i = 0; i < a->parameter_count; i++) {
		const struct parameter_description *parameter = &a->parameters[i];

		entries[i] = (struct safetensors_entry) { .name = parameter->name,
							  .dtype = parameter->dtype,
							  .rank = parameter->rank,
							  .shape = parameter->shape,
							  .bytes = parameter->bytes };
	}
	fine = safetensors_write(path, entries, a->parameter_count, pairs, e);
	free(entries);
	return fine;
}

bool synthesis_write(enum model_kind kind, const char *name, const char *path, struct error *e)
{
	struct synthesis found;
	struct architecture a;
	char metadata[1024];
	bool fine = false;

	if (!synthesis_find(kind, name, NULL, &found, e))
		return error_is_set(e) ? false
				       : error_set(e, ERROR_UNSUPPORTED, "\"%s\" stands for no architecture; there are %s",
						   name, synthesis_known(kind));
	architecture_begin(&a, found.dtype, e);
	found.family->describe(found.config, &a);
	snprintf(metadata, sizeof(metadata), "{\"family\":\"%s\",\"config\":%s}", found.family->name,
		 find_file(kind, name)->small ? found.family->small : found.family->variants->config);
	if (architecture_ok(&a) && synthesis_fill(&a, name, e))
		fine = write_architecture(&a, metadata, path, e);
	for (size_t i = 0; i < a.parameter_count; i++)
		free((void *)(uintptr_t)a.parameters[i].bytes);
	architecture_end(&a);
	free(found.config);
	return fine;
}
