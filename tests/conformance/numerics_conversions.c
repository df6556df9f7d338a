/* float32 to the small formats and back: tables, sampled codes, and hashes over whole ranges. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/tensor/convert/convert.h"
#include "tests/conformance/numerics.h"

#define WIDE ((size_t)1 << 22)

static const struct {
	const char *name;
	enum dtype dtype;
} formats[] = {
	{ "f16", DTYPE_F16 },
	{ "bf16", DTYPE_BF16 },
	{ "f8_e4m3", DTYPE_F8_E4M3 },
	{ "f8_e5m2", DTYPE_F8_E5M2 },
};

static void check_hash(struct tally *tally, const char *name, const void *bytes, size_t size_bytes, const json_t *wanted)
{
	char sum[65];

	part_sha256(bytes, size_bytes, sum);
	if (!wanted)
		return;
	if (strcmp(sum, json_string_value(wanted)) == 0)
		tally_pass(tally);
	else
		tally_fail(tally, name, "sha256 %s, wanted %s", sum, json_string_value(wanted));
}

static bool check_encode(const struct numerics_data *data, size_t format, struct tally *tally, struct error *e)
{
	enum dtype dtype = formats[format].dtype;
	char name[80];
	const struct safetensors_tensor *in;
	const struct safetensors_tensor *out;
	float *values;
	void *codes;
	size_t first;
	size_t differ;

	snprintf(name, sizeof(name), "encode.%s.in_bits", formats[format].name);
	in = safetensors_find(data->tensors, name);
	snprintf(name, sizeof(name), "encode.%s.out_bits", formats[format].name);
	out = safetensors_find(data->tensors, name);
	if (!in || !out)
		return true;
	values = array_new(in->element_count, sizeof(*values), e);
	codes = array_new(in->element_count, dtype_size_bytes(dtype), e);
	if (values && codes) {
		memcpy(values, in->bytes, in->size_bytes);
		convert_from_f32(dtype, values, codes, in->element_count, e);
		differ = numerics_differ(dtype, codes, out->bytes, in->element_count, &first);
		if (differ)
			tally_fail(tally, name, "%zu codes differ, the first for %a", differ, (double)values[first]);
		else
			tally_pass(tally);
	}
	free(values);
	free(codes);
	return !error_is_set(e);
}

/* The inputs that encode_wide_hash_input describes. */
static bool check_wide(const struct numerics_data *data, size_t format, float *values, void *codes, struct tally *tally,
		       struct error *e)
{
	const json_t *rules = json_object_get(json_object_get(data->json, "encode"), formats[format].name);
	char name[80];

	for (uint32_t i = 0; i < WIDE; i++) {
		uint32_t bits = i * 2654435761U;

		memcpy(&values[i], &bits, sizeof(bits));
		if (isnan(values[i]))
			values[i] = 1;
	}
	snprintf(name, sizeof(name), "encode.%s over 2^22 values", formats[format].name);
	if (!convert_from_f32(formats[format].dtype, values, codes, WIDE, e))
		return false;
	check_hash(tally, name, codes, WIDE * dtype_size_bytes(formats[format].dtype),
		   json_object_get(rules, "sha256_wide_hash_no_nan"));
	return true;
}

/* From every code of another format that is a number. */
static bool check_from(const struct numerics_data *data, size_t format, enum dtype source, const char *key, float *values,
		       void *codes, struct tally *tally, struct error *e)
{
	const json_t *rules = json_object_get(json_object_get(data->json, "encode"), formats[format].name);
	size_t count = 0;
	char name[80];

	for (uint32_t code = 0; code < 65536; code++) {
		uint16_t half = (uint16_t)code;

		if (!convert_to_f32(source, &half, &values[count], 1, e))
			return false;
		count += isnan(values[count]) ? 0 : 1;
	}
	snprintf(name, sizeof(name), "encode.%s %s", formats[format].name, key);
	if (!convert_from_f32(formats[format].dtype, values, codes, count, e))
		return false;
	check_hash(tally, name, codes, count * dtype_size_bytes(formats[format].dtype), json_object_get(rules, key));
	return true;
}

static bool check_decode(const struct numerics_data *data, size_t format, float *values, struct tally *tally, struct error *e)
{
	const json_t *rules = json_object_get(json_object_get(data->json, "decode"), formats[format].name);
	size_t size = dtype_size_bytes(formats[format].dtype);
	size_t count = (size_t)1 << (8 * size);
	static const uint32_t canonical = 0x7fc00000;
	char name[80];

	for (uint32_t code = 0; code < count; code++) {
		if (!convert_to_f32(formats[format].dtype, &code, &values[code], 1, e))
			return false;
		if (isnan(values[code]))
			memcpy(&values[code], &canonical, sizeof(canonical));
	}
	snprintf(name, sizeof(name), "decode.%s", formats[format].name);
	check_hash(tally, name, values, count * sizeof(*values), json_object_get(rules, "sha256_f32_le_nan_as_7fc00000"));
	return true;
}

bool numerics_conversions(const char *folder, struct tally *tally, struct error *e)
{
	struct numerics_data data;
	float *values = array_new(WIDE, sizeof(*values), e);
	void *codes = array_new(WIDE, sizeof(uint16_t), e);
	bool there = false;
	bool fine = values && codes && numerics_open(&data, folder, "conversions", &there, e);

	for (size_t i = 0; fine && there && i < ARRAY_SIZE(formats); i++)
		fine = check_decode(&data, i, values, tally, e) && check_encode(&data, i, tally, e) &&
		       check_wide(&data, i, values, codes, tally, e) &&
		       check_from(&data, i, DTYPE_F16, "sha256_from_f16_all_non_nan_codes_in_order", values, codes, tally, e) &&
		       check_from(&data, i, DTYPE_BF16, "sha256_from_bf16_all_non_nan_codes_in_order", values, codes, tally, e);
	free(values);
	free(codes);
	if (there)
		numerics_close(&data);
	return fine;
}
