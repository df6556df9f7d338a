#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/dtype/small_float.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/harness/harness.h"

#define CASES "tests/data/numerics/conversions.safetensors"
#define TABLES "tests/data/numerics/conversions.json"

static bool is_nan_code(enum dtype dtype, uint32_t code)
{
	switch (dtype) {
	case DTYPE_F16:
		return (code & 0x7fff) > 0x7c00;
	case DTYPE_BF16:
		return (code & 0x7fff) > 0x7f80;
	case DTYPE_F8_E4M3:
		return (code & 0x7f) == 0x7f;
	default:
		return (code & 0x7f) > 0x7c;
	}
}

/* All cases of one format: PyTorch's code for each float32 bit pattern, NaNs compared as a class. */
static void check_encode(enum dtype dtype, const char *in_name, const char *out_name)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = safetensors_open(CASES, &e);
	const struct safetensors_tensor *in;
	const struct safetensors_tensor *out;
	size_t size = dtype_size_bytes(dtype);
	float *values;
	uint8_t *codes;

	ck_assert_ok(file, &e);
	in = safetensors_find(file, in_name);
	out = safetensors_find(file, out_name);
	ck_assert(in && out && in->element_count == out->element_count && in->element_count > 1000);
	values = malloc(in->size_bytes);
	codes = malloc(in->element_count * size);
	ck_assert(values && codes);
	memcpy(values, in->bytes, in->size_bytes);
	ck_assert_ok(convert_from_f32(dtype, values, codes, in->element_count, &e), &e);
	for (size_t i = 0; i < in->element_count; i++) {
		uint32_t found = 0;
		uint32_t wanted = 0;

		memcpy(&found, codes + i * size, size);
		memcpy(&wanted, out->bytes + i * dtype_size_bytes(out->dtype), size);
		ck_assert_msg(found == wanted || (is_nan_code(dtype, found) && is_nan_code(dtype, wanted)),
			      "%s: %a gave %x, PyTorch has %x", dtype_name(dtype), (double)values[i], found, wanted);
	}
	free(values);
	free(codes);
	safetensors_close(file);
}

START_TEST(f16_codes_are_pytorchs)
{
	check_encode(DTYPE_F16, "encode.f16.in_bits", "encode.f16.out_bits");
}
END_TEST

START_TEST(bf16_codes_are_pytorchs)
{
	check_encode(DTYPE_BF16, "encode.bf16.in_bits", "encode.bf16.out_bits");
}
END_TEST

START_TEST(f8_e4m3_codes_are_pytorchs)
{
	check_encode(DTYPE_F8_E4M3, "encode.f8_e4m3.in_bits", "encode.f8_e4m3.out_bits");
}
END_TEST

START_TEST(f8_e5m2_codes_are_pytorchs)
{
	check_encode(DTYPE_F8_E5M2, "encode.f8_e5m2.in_bits", "encode.f8_e5m2.out_bits");
}
END_TEST

static void check_table(const char *format, float (*to_f32)(uint8_t))
{
	struct error e = ERROR_INIT;
	json_t *root = json_parse_file(TABLES, &e);
	const json_t *table;

	ck_assert_ok(root, &e);
	table = json_object_get(json_object_get(json_object_get(root, "decode"), format), "table_f32_hex");
	ck_assert_uint_eq(json_array_size(table), 256);
	for (unsigned code = 0; code < 256; code++) {
		uint32_t wanted = (uint32_t)strtoul(json_string_value(json_array_get(table, code)), NULL, 16);
		float found = to_f32((uint8_t)code);
		uint32_t bits;

		memcpy(&bits, &found, sizeof(bits));
		ck_assert_msg(bits == wanted || (isnan(found) && (wanted & 0x7fffffff) > 0x7f800000),
			      "%s code %x: %x, wanted %x", format, code, bits, wanted);
	}
	json_decref(root);
}

START_TEST(f8_codes_mean_what_pytorch_says)
{
	check_table("f8_e4m3", dtype_f8_e4m3_to_f32);
	check_table("f8_e5m2", dtype_f8_e5m2_to_f32);
}
END_TEST

START_TEST(every_half_survives_the_way_to_f32_and_back)
{
	for (uint32_t code = 0; code < 65536; code++) {
		if (!is_nan_code(DTYPE_F16, code))
			ck_assert_uint_eq(dtype_f32_to_f16(dtype_f16_to_f32((uint16_t)code)), code);
		if (!is_nan_code(DTYPE_BF16, code))
			ck_assert_uint_eq(dtype_f32_to_bf16(dtype_bf16_to_f32((uint16_t)code)), code);
	}
}
END_TEST

START_TEST(halves_mean_sign_exponent_and_mantissa)
{
	for (uint32_t code = 0; code < 0x7c00; code++) {
		uint32_t exponent = code >> 10;
		float wanted =
			exponent ? ldexpf((float)(0x400 | (code & 0x3ff)), (int)exponent - 25) : ldexpf((float)code, -24);

		ck_assert(dtype_f16_to_f32((uint16_t)code) == wanted);
		ck_assert(dtype_f16_to_f32((uint16_t)(code | 0x8000)) == -wanted);
	}
}
END_TEST

START_TEST(a_nan_stays_a_nan_with_its_sign)
{
	ck_assert(isnan(dtype_f16_to_f32(0x7c01)));
	ck_assert(isnan(dtype_f8_e4m3_to_f32(0xff)) && signbit(dtype_f8_e4m3_to_f32(0xff)));
	ck_assert(is_nan_code(DTYPE_F16, dtype_f32_to_f16(NAN)));
	ck_assert(is_nan_code(DTYPE_BF16, dtype_f32_to_bf16(-NAN)) && (dtype_f32_to_bf16(-NAN) & 0x8000));
}
END_TEST

START_TEST(unaligned_elements_convert)
{
	const uint8_t bytes[] = { 0, 0x80, 0x3f, 0x00, 0xc0 };
	float out[2];
	struct error e = ERROR_INIT;

	ck_assert_ok(convert_to_f32(DTYPE_BF16, bytes + 1, out, 2, &e), &e);
	ck_assert(out[0] == 1.0f && out[1] == -2.0f);
}
END_TEST

START_TEST(a_type_without_arithmetic_is_refused_by_name)
{
	struct error e = ERROR_INIT;
	float out;

	ck_assert(!convert_to_f32(DTYPE_F4, "", &out, 1, &e));
	ck_assert_int_eq(e.kind, ERROR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(e.text, "F4"));
	error_clear(&e);
	ck_assert(!convert_from_f32(DTYPE_I32, &out, &out, 1, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "I32"));
}
END_TEST

HARNESS_SUITE(convert_suite)
{
	Suite *suite = suite_create("convert");
	TCase *cases = tcase_create("convert");

	tcase_add_test(cases, f16_codes_are_pytorchs);
	tcase_add_test(cases, bf16_codes_are_pytorchs);
	tcase_add_test(cases, f8_e4m3_codes_are_pytorchs);
	tcase_add_test(cases, f8_e5m2_codes_are_pytorchs);
	tcase_add_test(cases, f8_codes_mean_what_pytorch_says);
	tcase_add_test(cases, every_half_survives_the_way_to_f32_and_back);
	tcase_add_test(cases, halves_mean_sign_exponent_and_mantissa);
	tcase_add_test(cases, a_nan_stays_a_nan_with_its_sign);
	tcase_add_test(cases, unaligned_elements_convert);
	tcase_add_test(cases, a_type_without_arithmetic_is_refused_by_name);
	suite_add_tcase(suite, cases);
	return suite;
}
