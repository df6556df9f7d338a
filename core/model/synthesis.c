#include "core/model/synthesis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/tensor/convert.h"
#include "core/tensor/safetensors.h"

#define FLUX_FULL                                                                                                              \
	"{\"in_channels\":16,\"hidden_size\":3072,\"num_heads\":24,\"depth\":19,\"depth_single_blocks\":38,"                   \
	"\"context_in_dim\":4096,\"vec_in_dim\":768,\"axes_dim\":[16,56,56]}"
#define FLUX_SMALL                                                                                                             \
	"{\"in_channels\":16,\"hidden_size\":128,\"num_heads\":4,\"depth\":2,\"depth_single_blocks\":4,"                       \
	"\"context_in_dim\":64,\"vec_in_dim\":32,\"axes_dim\":[8,12,12]}"
#define T5_FULL "{\"num_layers\":24,\"d_model\":4096,\"d_ff\":10240,\"num_heads\":64,\"d_kv\":64,\"vocab_size\":32128}"
#define T5_SMALL "{\"num_layers\":2,\"d_model\":64,\"d_ff\":128,\"num_heads\":4,\"d_kv\":16,\"vocab_size\":1000}"
#define CLIP_FULL                                                                                                              \
	"{\"num_hidden_layers\":12,\"hidden_size\":768,\"num_attention_heads\":12,\"intermediate_size\":3072,"                 \
	"\"vocab_size\":49408}"
#define CLIP_SMALL                                                                                                             \
	"{\"num_hidden_layers\":2,\"hidden_size\":32,\"num_attention_heads\":4,\"intermediate_size\":64,\"vocab_size\":1000,"  \
	"\"special_tokens\":{\"start\":998,\"end\":999,\"pad\":999}}"
#define AE_FULL "{\"ch\":128,\"z_channels\":16,\"num_res_blocks\":2,\"ch_mult\":[1,2,4,4]}"
#define AE_SMALL "{\"ch\":32,\"z_channels\":16,\"num_res_blocks\":1,\"ch_mult\":[1,1,2,2]}"

/* The part that one file plays. Longer beginnings first. */
static const struct made_up {
	const char *begins;
	enum model_kind kind;
	const struct family *family;
	const char *config;
	enum dtype dtype;
} files[] = {
	{ "flux1-small", MODEL_UNET, &family_flux, FLUX_SMALL, DTYPE_BF16 },
	{ "flux1-dev", MODEL_UNET, &family_flux, FLUX_FULL, DTYPE_BF16 },
	{ "flux1-kontext", MODEL_UNET, &family_flux, FLUX_FULL, DTYPE_BF16 },
	{ "t5-small", MODEL_CLIP, &family_t5, T5_SMALL, DTYPE_F16 },
	{ "t5xxl", MODEL_CLIP, &family_t5, T5_FULL, DTYPE_F16 },
	{ "clip_l-small", MODEL_CLIP, &family_clip_l, CLIP_SMALL, DTYPE_F16 },
	{ "clip_l", MODEL_CLIP, &family_clip_l, CLIP_FULL, DTYPE_F16 },
	{ "ae-small", MODEL_VAE, &family_flux_ae, AE_SMALL, DTYPE_F32 },
	{ "ae.", MODEL_VAE, &family_flux_ae, AE_FULL, DTYPE_F32 },
	/* checkpoints: the same beginning, once a kind */
	{ "flux1-small", MODEL_CLIP, &family_flux_text, "{\"clip_l\":" CLIP_SMALL ",\"t5xxl\":" T5_SMALL "}", DTYPE_F16 },
	{ "flux1-small", MODEL_VAE, &family_flux_ae, AE_SMALL, DTYPE_F32 },
	{ "flux1-dev", MODEL_CLIP, &family_flux_text, "{\"clip_l\":" CLIP_FULL ",\"t5xxl\":" T5_FULL "}", DTYPE_F16 },
	{ "flux1-dev", MODEL_VAE, &family_flux_ae, AE_FULL, DTYPE_F32 },
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
	return strstr(file, "fp8") ? DTYPE_F8_E4M3 : made_up->dtype;
}

static bool read_config(const struct family *family, const char *text, void *config, struct error *e)
{
	json_t *object = json_parse(text, strlen(text), family->name, false, e);
	bool fine = object && family->read_config(config, object, family->name, e);

	json_decref(object);
	return fine;
}

static bool make(const struct family *family, const char *config, struct synthesis *found, struct error *e)
{
	found->family = family;
	found->config = array_new(1, family->config_size_bytes, e);
	if (found->config && read_config(family, config, found->config, e))
		return true;
	free(found->config);
	found->config = NULL;
	return false;
}

/* T5 and CLIP-L under one patcher. */
static bool make_pair(const struct made_up *t5, const struct made_up *clip, struct synthesis *found, struct error *e)
{
	struct flux_text_config *config = array_new(1, sizeof(*config), e);

	if (!config || !read_config(&family_t5, t5->config, &config->t5, e) ||
	    !read_config(&family_clip_l, clip->config, &config->clip, e)) {
		free(config);
		return false;
	}
	found->family = &family_flux_text;
	found->config = config;
	return true;
}

bool synthesis_find(enum model_kind kind, const char *file, const char *second_file, struct synthesis *found, struct error *e)
{
	const struct made_up *first = find_file(kind, file);
	const struct made_up *second = second_file ? find_file(kind, second_file) : NULL;

	*found = (struct synthesis) { .family = NULL };
	if (!first || (second_file && !second))
		return false;
	found->dtype = dtype_of(first, file);
	if (!second)
		return make(first->family, first->config, found, e);
	if (first->family == &family_t5 && second->family == &family_clip_l)
		return make_pair(first, second, found, e);
	if (first->family == &family_clip_l && second->family == &family_t5)
		return make_pair(second, first, found, e);
	return false;
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
	const char *pairs[] = { SYNTHESIS_METADATA, metadata, NULL };
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
	const struct made_up *made_up = find_file(kind, name);
	struct synthesis found;
	struct architecture a;
	char metadata[1024];
	bool fine = false;

	if (!made_up)
		return error_set(e, ERROR_UNSUPPORTED, "\"%s\" stands for no architecture; there are %s", name,
				 synthesis_known(kind));
	if (!make(made_up->family, made_up->config, &found, e))
		return false;
	architecture_begin(&a, dtype_of(made_up, name), e);
	found.family->describe(found.config, &a);
	snprintf(metadata, sizeof(metadata), "{\"family\":\"%s\",\"config\":%s}", made_up->family->name, made_up->config);
	if (architecture_ok(&a) && synthesis_fill(&a, name, e))
		fine = write_architecture(&a, metadata, path, e);
	for (size_t i = 0; i < a.parameter_count; i++)
		free((void *)(uintptr_t)a.parameters[i].bytes);
	architecture_end(&a);
	free(found.config);
	return fine;
}
