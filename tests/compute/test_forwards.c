/* The rows of the forwards. */
#include "core/compute/forwards/forward.h"
#include "tests/harness/harness.h"

START_TEST(a_row_has_what_its_kind_needs)
{
	for (const struct forward *const *row = forwards; *row; row++) {
		const struct forward *forward = *row;

		ck_assert_ptr_nonnull(forward->family);
		ck_assert_int_eq(forward->encode != NULL, forward->kind == FORWARD_ENCODE);
		ck_assert_int_eq(forward->step != NULL, forward->kind == FORWARD_STEP);
		ck_assert_int_eq(forward->decode != NULL, forward->kind == FORWARD_DECODE);
		ck_assert_int_eq(forward->shapes != NULL, forward->kind != FORWARD_ENCODE);
		if (forward->kind != FORWARD_STEP)
			continue;
		ck_assert_double_gt(forward->latent_scale, 0);
		ck_assert_double_gt(forward->sampling_shift, 0);
		ck_assert_double_gt(forward->sampling_multiplier, 0);
		ck_assert_int_gt(forward->context_tokens, 0);
	}
}
END_TEST

START_TEST(a_model_finds_the_row_of_its_family_and_use)
{
	struct model transformer = { .family = &family_flux };

	ck_assert_ptr_eq(forward_find(&transformer, FORWARD_STEP), &forward_flux_step);
	ck_assert_ptr_null(forward_find(&transformer, FORWARD_DECODE));
}
END_TEST

START_TEST(a_family_without_a_row_cannot_be_sampled_and_is_named)
{
	struct model transformer = { .name = "video.safetensors", .family = &family_wan };
	struct inference inference = { .price = NULL };
	struct error e = ERROR_INIT;
	float *sigmas;
	size_t count;

	ck_assert(!inference_sigmas(&inference, &transformer, 1.0, "simple", 2, 1.0, &sigmas, &count, &e));
	ck_assert_int_eq(e.kind, ERROR_UNSUPPORTED);
	ck_assert_str_eq(e.text, "video.safetensors cannot be sampled: it is a wan");
}
END_TEST

HARNESS_SUITE(forwards_suite)
{
	Suite *suite = suite_create("forwards");
	TCase *tests = tcase_create("forwards");

	tcase_add_test(tests, a_row_has_what_its_kind_needs);
	tcase_add_test(tests, a_model_finds_the_row_of_its_family_and_use);
	tcase_add_test(tests, a_family_without_a_row_cannot_be_sampled_and_is_named);
	suite_add_tcase(suite, tests);
	return suite;
}
