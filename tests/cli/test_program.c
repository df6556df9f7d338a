#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"

START_TEST(help_goes_to_standard_output_and_is_fine)
{
	char *out;
	char *err;

	ck_assert_int_eq(harness_residency("--help", &out, &err), 0);
	ck_assert_ptr_nonnull(strstr(out, "exit codes"));
	ck_assert_str_eq(err, "");
	free(out);
	free(err);
}
END_TEST

START_TEST(no_command_is_a_usage_error_on_standard_error)
{
	char *out;
	char *err;

	ck_assert_int_eq(harness_residency("", &out, &err), 2);
	ck_assert_str_eq(out, "");
	ck_assert_ptr_nonnull(strstr(err, "usage: residency COMMAND"));
	free(out);
	free(err);
}
END_TEST

START_TEST(an_unknown_command_is_a_usage_error)
{
	char *err;

	ck_assert_int_eq(harness_residency("levitate", NULL, &err), 2);
	ck_assert_ptr_nonnull(strstr(err, "unknown command \"levitate\""));
	free(err);
}
END_TEST

START_TEST(a_result_that_cannot_be_written_is_a_failure)
{
	ck_assert_int_eq(harness_residency("--help >/dev/full", NULL, NULL), 6);
}
END_TEST

static void no_line_is_wider_than(const char *text, size_t columns)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		ck_assert_msg(length <= columns, "%.*s", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

START_TEST(each_policy_and_flow_is_told_whole_at_80_columns)
{
	char *out;

	ck_assert_int_eq(harness_residency("policies", &out, NULL), 0);
	no_line_is_wider_than(out, 80);
	ck_assert_ptr_nonnull(strstr(out, "nothing flagged: clears the anchors"));
	free(out);
	ck_assert_int_eq(harness_residency("flows", &out, NULL), 0);
	no_line_is_wider_than(out, 80);
	free(out);
}
END_TEST

HARNESS_SUITE(program_suite)
{
	Suite *suite = suite_create("program");
	TCase *tests = tcase_create("program");

	tcase_add_test(tests, help_goes_to_standard_output_and_is_fine);
	tcase_add_test(tests, no_command_is_a_usage_error_on_standard_error);
	tcase_add_test(tests, an_unknown_command_is_a_usage_error);
	tcase_add_test(tests, a_result_that_cannot_be_written_is_a_failure);
	tcase_add_test(tests, each_policy_and_flow_is_told_whole_at_80_columns);
	suite_add_tcase(suite, tests);
	return suite;
}
