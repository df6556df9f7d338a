/* What a use of a model is thought to take. */
#include <math.h>

#include "core/base/units.h"
#include "core/model/memory/memory_estimate.h"
#include "tests/harness/harness.h"

static struct diffusion_use use_of(double batch, double channels)
{
	return (struct diffusion_use) { .factor = memory_diffusion_factor(memory_diffusion_class_find("Flux"), NAN),
					.fused_attention = true,
					.compute_dtype = DTYPE_BF16,
					.latent = { .rank = 4, .sizes = { batch, channels, 128, 128 } } };
}

START_TEST(channels_do_not_matter)
{
	struct diffusion_use few = use_of(1, 4);
	struct diffusion_use many = use_of(1, 16);

	ck_assert_double_eq(memory_diffusion_bytes(&few), memory_diffusion_bytes(&many));
}
END_TEST

START_TEST(two_batches_are_wished_for_and_one_is_the_least)
{
	struct diffusion_use one = use_of(1, 16);
	struct diffusion_use two = use_of(2, 16);

	ck_assert_double_eq(memory_diffusion_sampling_bytes(&one), memory_diffusion_bytes(&two));
	ck_assert_double_eq(memory_diffusion_sampling_least_bytes(&one), memory_diffusion_bytes(&one));
}
END_TEST

START_TEST(without_a_fused_attention_the_type_does_not_matter)
{
	struct diffusion_use half = use_of(1, 16);
	struct diffusion_use full = use_of(1, 16);

	half.fused_attention = full.fused_attention = false;
	full.compute_dtype = DTYPE_F32;
	ck_assert_double_eq(memory_diffusion_bytes(&half), memory_diffusion_bytes(&full));
}
END_TEST

START_TEST(references_of_a_conditioning_are_one_flat_latent)
{
	struct estimate_shape references[] = { { .rank = 4, .sizes = { 1, 16, 8, 8 } },
					       { .rank = 4, .sizes = { 1, 16, 3, 5 } } };
	struct estimate_shape flat = memory_shape_of_references(references, 2);

	ck_assert_uint_eq(flat.rank, 3);
	ck_assert_double_eq(flat.sizes[2], 8 * 8 + 3 * 5);
}
END_TEST

START_TEST(decoding_goes_with_the_area_and_the_type)
{
	const struct vae_class *class = memory_vae_class_find("AutoencoderKL 16 channels");
	struct estimate_shape latent = { .rank = 4, .sizes = { 1, 16, 64, 64 } };

	ck_assert_double_eq(memory_vae_decode_bytes(class, &latent, DTYPE_BF16), 2178.0 * 64 * 64 * 64 * 2);
	ck_assert_double_eq(memory_vae_decode_bytes(class, &latent, DTYPE_F32),
			    2 * memory_vae_decode_bytes(class, &latent, DTYPE_BF16));
}
END_TEST

START_TEST(at_least_one_image_goes_through)
{
	ck_assert_int_eq(memory_vae_batch(0, 1e9), 1);
	ck_assert_int_eq(memory_vae_batch(3.5e9, 1e9), 3);
}
END_TEST

START_TEST(a_text_encoder_of_a_gib_waits_until_it_is_needed)
{
	ck_assert(!memory_text_encoder_starts_loaded((double)GIB, 24e9, 8e9, false));
	ck_assert(memory_text_encoder_starts_loaded(2.0 * (double)GIB, 24e9, 8e9, false));
	ck_assert(!memory_text_encoder_starts_loaded(2.0 * (double)GIB, 24e9, 64e9, false));
}
END_TEST

HARNESS_SUITE(estimate_suite)
{
	Suite *suite = suite_create("estimate");
	TCase *tests = tcase_create("estimate");

	tcase_add_test(tests, channels_do_not_matter);
	tcase_add_test(tests, two_batches_are_wished_for_and_one_is_the_least);
	tcase_add_test(tests, without_a_fused_attention_the_type_does_not_matter);
	tcase_add_test(tests, references_of_a_conditioning_are_one_flat_latent);
	tcase_add_test(tests, decoding_goes_with_the_area_and_the_type);
	tcase_add_test(tests, at_least_one_image_goes_through);
	tcase_add_test(tests, a_text_encoder_of_a_gib_waits_until_it_is_needed);
	suite_add_tcase(suite, tests);
	return suite;
}
