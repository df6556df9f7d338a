/* What flags and cards decide. The measured rows are the conformance runner's; here is what one wants to be able to say. */
#include <math.h>

#include "core/base/units.h"
#include "core/model/memory/dtype_choice.h"
#include "core/model/memory/settings.h"
#include "tests/harness/harness.h"

static const struct dtype_list any = { .dtypes = { DTYPE_F16, DTYPE_BF16, DTYPE_F32 }, .count = 3 };

static struct settings settings_of_card(const char *name, unsigned major, unsigned minor, uint32_t flags)
{
	struct platform platform = { .vendor = VENDOR_NVIDIA,
				     .gpu_name = name,
				     .major = major,
				     .minor = minor,
				     .architecture = "",
				     .total_bytes = 24.0 * (double)GIB };
	struct settings settings;

	settings_make(&settings, &platform, flags, NAN);
	return settings;
}

START_TEST(a_flag_is_read_with_dashes_or_underscores)
{
	uint32_t with_dashes = 0;
	uint32_t with_underscores = 0;

	ck_assert(settings_add_start_flag("--disable-smart-memory", &with_dashes));
	ck_assert(settings_add_start_flag("disable_smart_memory", &with_underscores));
	ck_assert_uint_eq(with_dashes, with_underscores);
	ck_assert(!settings_add_start_flag("--no-such-thing", &with_dashes));
}
END_TEST

START_TEST(low_memory_wins_over_none_and_that_over_the_wish_to_stay)
{
	ck_assert_int_eq(settings_of_card("", 8, 6, START(LOWVRAM) | START(NOVRAM) | START(HIGHVRAM)).vram_state, VRAM_LOW);
	ck_assert_int_eq(settings_of_card("", 8, 6, START(NOVRAM) | START(HIGHVRAM)).vram_state, VRAM_NO);
	ck_assert_int_eq(settings_of_card("", 8, 6, START(HIGHVRAM)).vram_state, VRAM_HIGH);
}
END_TEST

START_TEST(a_machine_without_a_gpu_has_its_models_on_the_cpu)
{
	struct settings settings = settings_of_card("", 8, 6, START(CPU));

	ck_assert_int_eq(settings.vram_state, VRAM_DISABLED);
	ck_assert_int_eq(settings_device(&settings), PLACE_CPU);
	ck_assert_int_eq(settings_vae_device(&settings), PLACE_CPU);
}
END_TEST

START_TEST(fp8_weights_stay_fp8_where_the_card_multiplies_them)
{
	struct settings ada = settings_of_card("NVIDIA GeForce RTX 4090", 8, 9, 0);
	struct settings ampere = settings_of_card("NVIDIA GeForce RTX 3090", 8, 6, 0);

	ck_assert_int_eq(dtype_of_unet(&ada, PLACE_GPU, 1e9, &any, DTYPE_F8_E4M3), DTYPE_F8_E4M3);
	ck_assert_int_eq(dtype_of_unet(&ampere, PLACE_GPU, 1e9, &any, DTYPE_F8_E4M3), DTYPE_F16);
}
END_TEST

START_TEST(a_card_that_gets_fp16_wrong_computes_in_fp32)
{
	struct settings settings = settings_of_card("NVIDIA GeForce GTX 1660 Ti", 7, 5, 0);

	ck_assert_int_eq(dtype_of_vae(&settings, PLACE_GPU, &any), DTYPE_F32);
}
END_TEST

START_TEST(a_wider_type_than_the_fallback_is_not_picked)
{
	struct settings settings = settings_of_card("", 8, 6, 0);

	ck_assert_int_eq(dtype_pick(&settings, PLACE_GPU, DTYPE_F32, DTYPE_F16), DTYPE_F16);
	ck_assert_int_eq(dtype_pick(&settings, PLACE_GPU, DTYPE_F8_E5M2, DTYPE_F16), DTYPE_F8_E5M2);
	ck_assert_int_eq(dtype_pick(&settings, PLACE_GPU, DTYPE_NONE, DTYPE_F16), DTYPE_F16);
}
END_TEST

HARNESS_SUITE(settings_suite)
{
	Suite *suite = suite_create("settings");
	TCase *tests = tcase_create("settings");

	tcase_add_test(tests, a_flag_is_read_with_dashes_or_underscores);
	tcase_add_test(tests, low_memory_wins_over_none_and_that_over_the_wish_to_stay);
	tcase_add_test(tests, a_machine_without_a_gpu_has_its_models_on_the_cpu);
	tcase_add_test(tests, fp8_weights_stay_fp8_where_the_card_multiplies_them);
	tcase_add_test(tests, a_card_that_gets_fp16_wrong_computes_in_fp32);
	tcase_add_test(tests, a_wider_type_than_the_fallback_is_not_picked);
	suite_add_tcase(suite, tests);
	return suite;
}
