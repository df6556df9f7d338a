/* Rounding by chance: the generator's words, seeds of keys, sampled weights, and every half with every seed there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/stochastic.h"
#include "core/tensor/dtype/small_float.h"
#include "tests/conformance/numerics.h"

#define HALVES 65536u

static const struct {
	const char *name;
	enum dtype dtype;
} formats[] = { { "f8_e4m3", DTYPE_F8_E4M3 }, { "f8_e5m2", DTYPE_F8_E5M2 } };

static void check_words(const char *name, const json_t *stream, struct tally *tally)
{
	const json_t *wanted = json_object_get(stream, "u32_first64");
	struct mt19937 generator;

	mt19937_seed(&generator, (uint32_t)json_integer_value(json_object_get(stream, "seed")));
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		uint32_t found = mt19937_next(&generator);

		if (found != strtoul(json_string_value(json_array_get(wanted, i)), NULL, 16)) {
			tally_fail(tally, name, "word %zu is %08x", i, found);
			return;
		}
	}
	tally_pass(tally);
}

static void check_seed(const char *key, const json_t *wanted, struct tally *tally)
{
	if (stochastic_seed(key) == (uint32_t)json_integer_value(wanted))
		tally_pass(tally);
	else
		tally_fail(tally, key, "its seed is %u", stochastic_seed(key));
}

/* "conv.f8_e4m3": from sr.conv.in to sr.conv.f8_e4m3. */
static bool check_case(const struct numerics_data *data, const char *name, const json_t *record, struct tally *tally,
		       struct error *e)
{
	enum dtype dtype = strstr(name, ".f8_e4m3") ? DTYPE_F8_E4M3 : DTYPE_F8_E5M2;
	const struct safetensors_tensor *in;
	const struct safetensors_tensor *out;
	struct mt19937 generator;
	char tensor[128];
	float *values;
	uint8_t *codes;
	size_t first;

	snprintf(tensor, sizeof(tensor), "sr.%.*s.in", (int)strcspn(name, "."), name);
	in = safetensors_find(data->tensors, tensor);
	snprintf(tensor, sizeof(tensor), "sr.%s", name);
	out = safetensors_find(data->tensors, tensor);
	if (!in || !out)
		return error_set(e, ERROR_FORMAT, "%s: its tensors are not there", tensor);
	values = array_new(in->element_count, sizeof(*values), e);
	codes = array_new(in->element_count, 1, e);
	mt19937_seed(&generator, (uint32_t)json_integer_value(json_object_get(record, "seed")));
	if (values && codes && convert_to_f32(in->dtype, in->bytes, values, in->element_count, e) &&
	    stochastic_round(dtype, &generator, values, codes, in->element_count, e)) {
		if (numerics_differ(dtype, codes, out->bytes, in->element_count, &first))
			tally_fail(tally, name, "element %zu (%a) became %02x", first, (double)values[first], codes[first]);
		else
			tally_pass(tally);
	}
	free(values);
	free(codes);
	return !error_is_set(e);
}

/* NaN codes as upstream writes them, so that hashes can be compared. */
static bool round_all_halves(enum dtype dtype, uint32_t seed, uint8_t *codes, struct error *e)
{
	float *values = array_new(HALVES, sizeof(*values), e);
	struct mt19937 generator;
	bool fine = values != NULL;

	for (uint32_t code = 0; fine && code < HALVES; code++)
		values[code] = dtype_f16_to_f32((uint16_t)code);
	mt19937_seed(&generator, seed);
	fine = fine && stochastic_round(dtype, &generator, values, codes, HALVES, e);
	free(values);
	return fine;
}

/* exhaustive_FORMAT_seedN, by hash; seed 0 also byte by byte where the file is there. */
static bool check_exhaustive(const char *folder, const json_t *rules, size_t format, struct tally *tally, struct error *e)
{
	static uint8_t codes[HALVES];
	const char *key;
	json_t *record;
	char prefix[40];
	char sum[65];

	snprintf(prefix, sizeof(prefix), "exhaustive_%s_seed", formats[format].name);
	json_object_foreach((json_t *)(uintptr_t)rules, key, record)
	{
		struct error absent = ERROR_INIT;
		char file[80];
		char *wanted;
		size_t length;
		size_t first;

		if (strncmp(key, prefix, strlen(prefix)) != 0)
			continue;
		if (!round_all_halves(formats[format].dtype, (uint32_t)strtoul(key + strlen(prefix), NULL, 10), codes, e))
			return false;
		part_sha256(codes, HALVES, sum);
		snprintf(file, sizeof(file), "sr_%s.bin", key);
		wanted = part_read(folder, file, &length, &absent);
		if (wanted && length == HALVES && numerics_differ(formats[format].dtype, codes, wanted, HALVES, &first))
			tally_fail(tally, key, "half %04zx became %02x", first, codes[first]);
		else if (strcmp(sum, json_string_value(json_object_get(record, "sha256"))) != 0)
			tally_fail(tally, key, "sha256 %s", sum);
		else
			tally_pass(tally);
		free(wanted);
	}
	return true;
}

bool numerics_rounding(const char *folder, struct tally *tally, struct error *e)
{
	struct numerics_data data;
	const json_t *rules;
	const char *key;
	json_t *record;
	bool there;
	bool fine = numerics_open(&data, folder, "conversions", &there, e);

	if (!fine || !there)
		return fine;
	json_object_foreach(json_object_get(data.json, "rng"), key, record) check_words(key, record, tally);
	json_object_foreach(json_object_get(data.json, "string_to_seed"), key, record) check_seed(key, record, tally);
	rules = json_object_get(data.json, "stochastic_rounding");
	json_object_foreach(json_object_get(rules, "cases"), key, record)
	{
		if (fine)
			fine = check_case(&data, key, record, tally, e);
	}
	for (size_t i = 0; fine && i < ARRAY_SIZE(formats); i++)
		fine = check_exhaustive(folder, rules, i, tally, e);
	numerics_close(&data);
	return fine;
}
