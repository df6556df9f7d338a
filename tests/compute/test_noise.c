#include <string.h>

#include "core/compute/sampling/noise.h"
#include "tests/harness/harness.h"

START_TEST(only_the_low_32_bits_of_a_seed_count)
{
	struct noise noise;
	float a[64];
	float b[64];

	noise_seed(&noise, 5);
	noise_fill(&noise, a, 64);
	noise_seed(&noise, (UINT64_C(1) << 32) + 5);
	noise_fill(&noise, b, 64);
	ck_assert_mem_eq(a, b, sizeof(a));
}
END_TEST

START_TEST(a_short_draw_keeps_the_other_half_of_a_pair)
{
	struct noise noise;
	float together[6];
	float apart[6];

	noise_seed(&noise, 42);
	noise_fill(&noise, together, 6);
	noise_seed(&noise, 42);
	noise_fill(&noise, apart, 5);
	noise_fill(&noise, apart + 5, 1);
	ck_assert_mem_eq(together, apart, sizeof(together));
}
END_TEST

START_TEST(a_long_draw_neither_uses_nor_clears_what_a_short_one_kept)
{
	struct noise noise;
	float one;
	float many[16];
	float next;
	float expected[2];

	noise_seed(&noise, 42);
	noise_fill(&noise, expected, 2);
	noise_seed(&noise, 42);
	noise_fill(&noise, &one, 1);
	noise_fill(&noise, many, 16);
	noise_fill(&noise, &next, 1);
	ck_assert_float_eq(next, expected[1]);
}
END_TEST

HARNESS_SUITE(noise_suite)
{
	Suite *suite = suite_create("noise");
	TCase *tests = tcase_create("noise");

	tcase_add_test(tests, only_the_low_32_bits_of_a_seed_count);
	tcase_add_test(tests, a_short_draw_keeps_the_other_half_of_a_pair);
	tcase_add_test(tests, a_long_draw_neither_uses_nor_clears_what_a_short_one_kept);
	suite_add_tcase(suite, tests);
	return suite;
}
