#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tensor/convert/quantise.h"
#include "core/tensor/dtype/stochastic_code.h"
#include "core/tensor/quant/quant.h"
#include "core/tensor/convert/stochastic.h"
#include "tests/harness/harness.h"

START_TEST(a_number_that_was_taken_out_of_the_format_names_no_type)
{
	ck_assert(quant_is_known(QUANT_Q4_0) && quant_is_known(QUANT_IQ1_M));
	ck_assert(!quant_is_known(4) && !quant_is_known(5) && !quant_is_known(31) && !quant_is_known(999));
}
END_TEST

START_TEST(every_type_is_found_by_its_name)
{
	for (uint32_t number = 0; number < QUANT_COUNT; number++) {
		enum quant type;

		if (!quant_is_known(number))
			continue;
		ck_assert(quant_from_name(quant_name((enum quant)number), &type));
		ck_assert_uint_eq(type, number);
		ck_assert_uint_eq(QUANT_BLOCK_ELEMENTS_MAX % quant_block_elements(type), 0);
	}
}
END_TEST

START_TEST(what_is_quantised_comes_back_within_a_step)
{
	static const struct {
		enum quant type;
		float step; /* of values from -1 to 1 */
	} types[] = { { QUANT_Q8_0, 1 / 127.0f },
		      { QUANT_Q5_0, 1 / 16.0f },
		      { QUANT_Q5_1, 2 / 31.0f },
		      { QUANT_Q4_0, 1 / 8.0f },
		      { QUANT_Q4_1, 2 / 15.0f } };
	struct error e = ERROR_INIT;

	for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
		float values[256];
		float back[256];
		uint8_t blocks[512];

		for (int i = 0; i < 256; i++)
			values[i] = sinf((float)i);
		ck_assert_ok(convert_quantise(types[k].type, values, blocks, 256, &e), &e);
		ck_assert_ok(convert_dequantise(types[k].type, QUANT_EXACT, blocks, back, 256, &e), &e);
		/* The largest of the other sign may lie a whole step past the end of the codes. */
		for (int i = 0; i < 256; i++)
			ck_assert_msg(fabsf(values[i] - back[i]) <= types[k].step * 1.01f, "%s: %g became %g",
				      quant_name(types[k].type), (double)values[i], (double)back[i]);
	}
}
END_TEST

START_TEST(zeros_stay_zeros)
{
	static const float zeros[256];
	struct error e = ERROR_INIT;

	for (uint32_t number = 0; number < QUANT_COUNT; number++) {
		float back[256];
		uint8_t blocks[1024];

		if (!quant_is_known(number) || !quant_can_quantise((enum quant)number))
			continue;
		ck_assert_ok(convert_quantise((enum quant)number, zeros, blocks, 256, &e), &e);
		ck_assert_ok(convert_dequantise((enum quant)number, QUANT_EXACT, blocks, back, 256, &e), &e);
		for (int i = 0; i < 256; i++)
			ck_assert_msg(back[i] == 0, "%s: %g", quant_name((enum quant)number), (double)back[i]);
	}
}
END_TEST

START_TEST(what_is_no_number_quantises_to_something)
{
	float values[256];
	uint8_t blocks[1024];
	struct error e = ERROR_INIT;

	for (int i = 0; i < 256; i++)
		values[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
	for (uint32_t number = 0; number < QUANT_COUNT; number++) {
		if (quant_is_known(number) && quant_can_quantise((enum quant)number))
			ck_assert_ok(convert_quantise((enum quant)number, values, blocks, 256, &e), &e);
	}
}
END_TEST

START_TEST(half_a_block_is_refused)
{
	struct error e = ERROR_INIT;
	float values[32] = { 0 };
	uint8_t block[34];

	ck_assert(!convert_quantise(QUANT_Q8_0, values, block, 31, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "Q8_0"));
}
END_TEST

START_TEST(types_that_need_a_search_are_refused_by_name)
{
	struct error e = ERROR_INIT;
	float values[256] = { 0 };
	uint8_t block[512] = { 0 };

	ck_assert(!convert_quantise(QUANT_Q4_K, values, block, 256, &e));
	ck_assert_int_eq(e.kind, ERROR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(e.text, "Q4_K"));
	error_clear(&e);
	ck_assert(!convert_dequantise(QUANT_Q8_K, QUANT_EXACT, block, values, 256, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "Q8_K"));
}
END_TEST

START_TEST(the_half_way_rounds_each_product)
{
	/* d = 0.1 as a half, codes 15 (7 after the middle): 0.7 in half precision is not 7 times the half nearest 0.1. */
	uint8_t block[18] = { 0x66, 0x2e };
	float exact[32];
	float half[32];
	struct error e = ERROR_INIT;

	memset(block + 2, 0xff, 16);
	ck_assert_ok(convert_dequantise(QUANT_Q4_0, QUANT_EXACT, block, exact, 32, &e), &e);
	ck_assert_ok(convert_dequantise(QUANT_Q4_0, QUANT_HALF, block, half, 32, &e), &e);
	ck_assert(exact[0] == 7 * 0x1.998p-4f);
	ck_assert(half[0] == 0x1.664p-1f || half[0] == 0x1.668p-1f);
	ck_assert(half[0] != exact[0]);
}
END_TEST

START_TEST(a_weights_seed_is_the_crc_of_its_key)
{
	ck_assert_uint_eq(stochastic_seed(""), 0);
	ck_assert_uint_eq(stochastic_seed("123456789"), 0xcbf43926);
}
END_TEST

START_TEST(draws_go_on_where_they_were)
{
	float values[3000];
	uint8_t whole[3000];
	uint8_t parts[3000];
	struct mt19937 generator;
	struct error e = ERROR_INIT;

	for (int i = 0; i < 3000; i++)
		values[i] = sinf((float)i);
	mt19937_seed(&generator, 7);
	ck_assert_ok(stochastic_round(DTYPE_F8_E4M3, &generator, values, whole, 3000, &e), &e);
	mt19937_seed(&generator, 7);
	ck_assert_ok(stochastic_round(DTYPE_F8_E4M3, &generator, values, parts, 1001, &e), &e);
	ck_assert_ok(stochastic_round(DTYPE_F8_E4M3, &generator, values + 1001, parts + 1001, 1999, &e), &e);
	ck_assert_mem_eq(whole, parts, sizeof(whole));
}
END_TEST

START_TEST(wider_types_are_cast_and_draw_nothing)
{
	const float value = 1.0f / 3;
	struct mt19937 generator;
	struct error e = ERROR_INIT;
	uint16_t code;

	mt19937_seed(&generator, 0);
	ck_assert_ok(stochastic_round(DTYPE_F16, &generator, &value, &code, 1, &e), &e);
	ck_assert_uint_eq(code, 0x3555);
	ck_assert_uint_eq(mt19937_next(&generator), 0x8c7f0aac);
}
END_TEST

START_TEST(past_the_largest_chance_saturates_and_a_cast_does_not)
{
	ck_assert_uint_eq(stochastic_code(DTYPE_F8_E4M3, INFINITY, 0), 0x7e);
	ck_assert_uint_eq(stochastic_code(DTYPE_F8_E4M3, -INFINITY, 0), 0xfe);
	ck_assert_uint_eq(stochastic_code(DTYPE_F8_E5M2, INFINITY, 0), 0xff);
	ck_assert_uint_eq(stochastic_code(DTYPE_F8_E4M3, -0.0f, 0x7ff), 0);
}
END_TEST

HARNESS_SUITE(quant_suite)
{
	Suite *suite = suite_create("quant");
	TCase *cases = tcase_create("quant");

	tcase_add_test(cases, a_number_that_was_taken_out_of_the_format_names_no_type);
	tcase_add_test(cases, every_type_is_found_by_its_name);
	tcase_add_test(cases, what_is_quantised_comes_back_within_a_step);
	tcase_add_test(cases, zeros_stay_zeros);
	tcase_add_test(cases, what_is_no_number_quantises_to_something);
	tcase_add_test(cases, half_a_block_is_refused);
	tcase_add_test(cases, types_that_need_a_search_are_refused_by_name);
	tcase_add_test(cases, the_half_way_rounds_each_product);
	tcase_add_test(cases, a_weights_seed_is_the_crc_of_its_key);
	tcase_add_test(cases, draws_go_on_where_they_were);
	tcase_add_test(cases, wider_types_are_cast_and_draw_nothing);
	tcase_add_test(cases, past_the_largest_chance_saturates_and_a_cast_does_not);
	suite_add_tcase(suite, cases);
	return suite;
}
