/* A LoRA that is in no file: a pair of rank 4, small numbers that follow from the file's name, the parameter's and their place. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/patch/adapter.h"
#include "core/patch/arith/arith.h"

#define RANK 4

/* The model's own name of the parameter. */
static const char *short_key(const char *key)
{
	static const char prefix[] = "diffusion_model.";

	return strncmp(key, prefix, sizeof(prefix) - 1) == 0 ? key + sizeof(prefix) - 1 : key;
}

static float *generate(const struct change *change, size_t count, uint64_t part, float spread, struct error *e)
{
	const char *file = change->adapter->file;
	const char *key = short_key(change->adapter->key);
	uint64_t seed = XXH3_64bits_withSeed(key, strlen(key), XXH3_64bits(file, strlen(file)));
	float *values = array_new(count, sizeof(*values), e);

	for (size_t i = 0; values && i < count; i++) {
		uint64_t bits = XXH3_64bits_withSeed(&i, sizeof(i), seed + part);

		values[i] = round_value(change->dtype, spread * ((float)(bits >> 40) * 0x1p-23F - 1.0F));
	}
	return values;
}

static bool difference(const struct change *change, struct difference *difference, struct error *e)
{
	size_t rows = (size_t)change->weight->shape[0];
	size_t columns = (size_t)change->weight->shape[1];
	float *up = generate(change, rows * RANK, 0, 0.5F, e);
	float *down = generate(change, RANK * columns, 1, 0.5F / sqrtf((float)columns), e);
	bool fine;

	difference->alpha = 1;
	difference->values = array_new(rows * columns, sizeof(*difference->values), e);
	fine = up && down && difference->values &&
	       arith_product(change->dtype, up, down, difference->values, rows, RANK, columns, e);
	free(up);
	free(down);
	return fine;
}

const struct adapter_kind kind_synthetic = { .name = "synthetic", .difference = difference };
