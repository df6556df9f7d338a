#include "core/patch/lora.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/tensor/convert.h"
#include "core/tensor/safetensors.h"

#define MADE_UP "flux-lora-small"
#define MADE_UP_RANK 4

struct lora_file {
	char *name;
	struct safetensors *file; /* NULL: made up, or blank */
	bool is_blank;
	size_t owner_count;
};

/* The two factors of a parameter's change; owned. */
struct factors {
	float *up, *down;
	size_t rank;
	double alpha;
};

static void factors_free(struct factors *factors)
{
	free(factors->up);
	free(factors->down);
}

/* ---- finding ---- */

static bool find_path(const char *folder, const char *file, char *path, size_t path_size_bytes)
{
	static const char *const places[] = { ".", "loras" };

	for (size_t i = 0; folder && i < ARRAY_SIZE(places); i++) {
		int length = snprintf(path, path_size_bytes, "%s/%s/%s", folder, places[i], file);

		if (length > 0 && (size_t)length < path_size_bytes && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

static struct lora_file *lora_new(const char *name, struct error *e)
{
	struct lora_file *lora = array_new(1, sizeof(*lora), e);

	if (!lora)
		return NULL;
	lora->owner_count = 1;
	lora->name = string_copy(name, e);
	if (lora->name)
		return lora;
	free(lora);
	return NULL;
}

struct lora_file *lora_blank(const char *name, struct error *e)
{
	struct lora_file *lora = lora_new(name, e);

	if (lora)
		lora->is_blank = true;
	return lora;
}

struct lora_file *lora_share(struct lora_file *lora)
{
	lora->owner_count++;
	return lora;
}

const char *lora_name(const struct lora_file *lora)
{
	return lora->name;
}

struct lora_file *lora_open(const char *folder, const char *file, struct error *e)
{
	struct lora_file *lora = lora_new(file, e);
	char path[4096];

	if (!lora)
		return NULL;
	if (find_path(folder, file, path, sizeof(path))) {
		lora->file = safetensors_open(path, e);
		if (!lora->file)
			goto fail;
	} else if (strncmp(file, MADE_UP, strlen(MADE_UP)) != 0) {
		error_set(e, ERROR_MISSING, "%s is in no models folder, and no name that a LoRA is made up for (%s...)", file,
			  MADE_UP);
		goto fail;
	}
	return lora;
fail:
	lora_close(lora);
	return NULL;
}

void lora_close(struct lora_file *lora)
{
	if (!lora || --lora->owner_count)
		return;
	safetensors_close(lora->file);
	free(lora->name);
	free(lora);
}

static const char *const up_names[2] = { "lora_up.weight", "lora_B.weight" };
static const char *const down_names[2] = { "lora_down.weight", "lora_A.weight" };
static const char *const alpha_names[2] = { "alpha", NULL };

/* The tensor of a parameter's pair, by either way of naming. */
static const struct safetensors_tensor *find_tensor(const struct lora_file *lora, const struct parameter *parameter,
						    const char *const suffixes[2])
{
	static const char *const prefixes[] = { "", "diffusion_model.", "transformer." };
	const size_t weight = strlen(".weight");
	size_t length = strlen(parameter->name);

	if (length <= weight || strcmp(parameter->name + length - weight, ".weight") != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		for (size_t j = 0; j < 2 && suffixes[j]; j++) {
			const struct safetensors_tensor *tensor;
			char name[512];

			snprintf(name, sizeof(name), "%s%.*s.%s", prefixes[i], (int)(length - weight), parameter->name,
				 suffixes[j]);
			tensor = safetensors_find(lora->file, name);
			if (tensor)
				return tensor;
		}
	}
	return NULL;
}

bool lora_covers(const struct lora_file *lora, const struct parameter *parameter)
{
	if (lora->file)
		return find_tensor(lora, parameter, up_names) != NULL;
	return !lora->is_blank && parameter->rank == 2 &&
	       strncmp(parameter->name, "double_blocks.", strlen("double_blocks.")) == 0;
}

/* ---- factors ---- */

static float *to_f32(const struct safetensors_tensor *tensor, struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);

	if (values && convert_to_f32(tensor->dtype, tensor->bytes, values, tensor->element_count, e))
		return values;
	free(values);
	return NULL;
}

static bool read_factors(const struct lora_file *lora, const struct parameter *parameter, struct factors *factors,
			 struct error *e)
{
	const struct safetensors_tensor *up = find_tensor(lora, parameter, up_names);
	const struct safetensors_tensor *down = find_tensor(lora, parameter, down_names);
	const struct safetensors_tensor *alpha = find_tensor(lora, parameter, alpha_names);
	float number;

	if (!down)
		return error_set(e, ERROR_FORMAT, "%s: %s has no second factor", lora->name, up->name);
	if (parameter->rank != 2 || up->rank != 2 || down->rank != 2 || (int64_t)up->shape[0] != parameter->shape[0] ||
	    (int64_t)down->shape[1] != parameter->shape[1] || up->shape[1] != down->shape[0] || up->shape[1] == 0)
		return error_set(e, ERROR_FORMAT, "%s: %s, at byte %llu, does not fit %s", lora->name, up->name,
				 (unsigned long long)up->file_offset, parameter->name);
	factors->rank = up->shape[1];
	factors->alpha = (double)factors->rank;
	if (alpha && alpha->element_count == 1 && convert_to_f32(alpha->dtype, alpha->bytes, &number, 1, e))
		factors->alpha = (double)number;
	factors->up = to_f32(up, e);
	factors->down = to_f32(down, e);
	return factors->up && factors->down;
}

/* Small numbers that follow from the LoRA's name, the parameter's and their place. */
static float *made_up_values(const struct lora_file *lora, const struct parameter *parameter, size_t count, uint64_t part,
			     float spread, struct error *e)
{
	uint64_t seed =
		XXH3_64bits_withSeed(parameter->name, strlen(parameter->name), XXH3_64bits(lora->name, strlen(lora->name)));
	float *values = array_new(count, sizeof(*values), e);

	for (size_t i = 0; values && i < count; i++) {
		uint64_t bits = XXH3_64bits_withSeed(&i, sizeof(i), seed + part);

		values[i] = spread * ((float)(bits >> 40) * 0x1p-23F - 1.0F);
	}
	return values;
}

static bool make_factors(const struct lora_file *lora, const struct parameter *parameter, struct factors *factors,
			 struct error *e)
{
	float spread = 0.5F / sqrtf((float)parameter->shape[1]);

	factors->rank = MADE_UP_RANK;
	factors->alpha = MADE_UP_RANK;
	factors->up = made_up_values(lora, parameter, (size_t)parameter->shape[0] * MADE_UP_RANK, 0, 0.5F, e);
	factors->down = made_up_values(lora, parameter, MADE_UP_RANK * (size_t)parameter->shape[1], 1, spread, e);
	return factors->up && factors->down;
}

bool lora_add(const struct lora_file *lora, const struct parameter *parameter, double strength, float *values, struct error *e)
{
	struct factors factors = { .up = NULL };
	bool fine;

	if (!lora_covers(lora, parameter))
		return true;
	fine = lora->file ? read_factors(lora, parameter, &factors, e) : make_factors(lora, parameter, &factors, e);
	if (fine)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)parameter->shape[0], (int)parameter->shape[1],
			    (int)factors.rank, (float)(strength * factors.alpha / (double)factors.rank), factors.up,
			    (int)factors.rank, factors.down, (int)parameter->shape[1], 1.0F, values, (int)parameter->shape[1]);
	factors_free(&factors);
	return fine;
}
