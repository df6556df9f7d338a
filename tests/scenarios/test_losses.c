/* What is said at once on standard error, and what is not. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"

static unsigned count_of(const char *text, const char *words)
{
	unsigned count = 0;

	for (const char *at = strstr(text, words); at; at = strstr(at + 1, words))
		count++;
	return count;
}

START_TEST(a_replay_says_at_once_which_kept_model_is_gone_where_and_why)
{
	char *err;

	harness_residency("replay both --matrix abc --subject engine:delegate --store none", NULL, &err);
	ck_assert_ptr_nonnull(
		strstr(err, "ERROR: delegate/abc/both: B, which is to be kept, is gone at c0.after_gc: died_in_gc; until "
			    "then held by garbage node"));
	ck_assert_uint_eq(count_of(err, "ERROR"), 2);
	free(err);
	harness_residency("replay both --matrix abc --store none", NULL, &err);
	ck_assert_uint_eq(count_of(err, "ERROR"), 0);
	free(err);
}
END_TEST

START_TEST(a_model_that_goes_before_the_first_stage_is_told_too)
{
	char *err;

	harness_residency("replay again --matrix de --subject engine:eject-donor --store none", NULL, &err);
	ck_assert_ptr_nonnull(strstr(err, "D, which is to be kept, is gone at c0.loaded: evicted_by_load"));
	free(err);
}
END_TEST

START_TEST(a_matrix_of_many_cells_counts_its_warnings)
{
	char *err;

	harness_residency("matrix --flows second-model-held,both --store none", NULL, &err);
	ck_assert_ptr_nonnull(strstr(err, "warnings are not shown"));
	ck_assert_uint_eq(count_of(err, "WARNING") + count_of(err, "ERROR"), 0);
	free(err);
	harness_residency("matrix --flows second-model-held,both --store none --verbose", NULL, &err);
	ck_assert_uint_gt(count_of(err, "WARNING"), 10);
	ck_assert_uint_gt(count_of(err, "ERROR"), 10);
	free(err);
}
END_TEST

START_TEST(a_matrix_of_few_cells_says_all)
{
	char *err;

	harness_residency("matrix --policies stock --matrices de --flows both --store none", NULL, &err);
	ck_assert_uint_eq(count_of(err, "ERROR"), 2);
	free(err);
}
END_TEST

START_TEST(what_was_thrown_stands_in_the_replay)
{
	char *out;

	harness_residency("replay out-of-memory --matrix abc --subject engine:stock --store none", &out, NULL);
	ck_assert_ptr_nonnull(strstr(out, "thrown before c1.next_prompt: "));
	free(out);
}
END_TEST

START_TEST(flows_as_json_are_their_files)
{
	char *out;
	json_t *root;

	ck_assert_int_eq(harness_residency("flows --json", &out, NULL), 0);
	root = json_loads(out, 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(root, "schema")), 1);
	ck_assert_uint_gt(json_array_size(json_object_get(root, "flows")), 40);
	json_decref(root);
	free(out);
}
END_TEST

HARNESS_SUITE(losses_suite)
{
	Suite *suite = suite_create("losses");
	TCase *tests = tcase_create("losses");

	tcase_add_test(tests, a_replay_says_at_once_which_kept_model_is_gone_where_and_why);
	tcase_add_test(tests, a_model_that_goes_before_the_first_stage_is_told_too);
	tcase_add_test(tests, a_matrix_of_many_cells_counts_its_warnings);
	tcase_add_test(tests, a_matrix_of_few_cells_says_all);
	tcase_add_test(tests, what_was_thrown_stands_in_the_replay);
	tcase_add_test(tests, flows_as_json_are_their_files);
	suite_add_tcase(suite, tests);
	return suite;
}
