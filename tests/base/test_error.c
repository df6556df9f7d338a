#include <string.h>

#include "core/base/error.h"
#include "tests/harness/harness.h"

START_TEST(the_first_failure_is_the_one_that_is_told)
{
	struct error e = ERROR_INIT;

	ck_assert(!error_set(&e, ERROR_IO, "the disk is full at byte %d", 7));
	ck_assert(!error_set(&e, ERROR_BUG, "and the clean-up failed as well"));
	ck_assert_int_eq(e.kind, ERROR_IO);
	ck_assert_str_eq(e.text, "the disk is full at byte 7");
}
END_TEST

START_TEST(context_goes_before_the_text)
{
	struct error e = ERROR_INIT;

	error_set(&e, ERROR_FORMAT, "column 3 is wrong");
	error_context(&e, "plan %s", "x.json");
	ck_assert_str_eq(e.text, "plan x.json: column 3 is wrong");
}
END_TEST

START_TEST(context_of_nothing_is_nothing)
{
	struct error e = ERROR_INIT;

	error_context(&e, "plan");
	ck_assert(!error_is_set(&e));
}
END_TEST

START_TEST(a_text_too_long_is_cut_and_terminated)
{
	char filler[2 * ERROR_TEXT_MAX];
	struct error e = ERROR_INIT;

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	error_set(&e, ERROR_IO, "%s", filler);
	error_context(&e, "%s", filler);
	ck_assert_uint_eq(strlen(e.text), ERROR_TEXT_MAX - 1);
}
END_TEST

START_TEST(a_caller_may_not_care)
{
	ck_assert(!error_set(NULL, ERROR_IO, "nobody listens"));
	error_clear(NULL);
}
END_TEST

START_TEST(exit_codes_are_those_of_the_help)
{
	ck_assert_int_eq(error_exit_code(ERROR_NONE), 0);
	ck_assert_int_eq(error_exit_code(ERROR_USAGE), 2);
	ck_assert_int_eq(error_exit_code(ERROR_ABSENT), 3);
	ck_assert_int_eq(error_exit_code(ERROR_UNSUPPORTED), 4);
	ck_assert_int_eq(error_exit_code(ERROR_UNTRUSTWORTHY), 5);
	ck_assert_int_eq(error_exit_code(ERROR_STORE), 6);
	ck_assert_int_eq(error_exit_code(ERROR_MISSING), 7);
	ck_assert_int_eq(error_exit_code(ERROR_MEMORY), 70);
	ck_assert_int_eq(error_exit_code(ERROR_INTERRUPTED), 130);
}
END_TEST

HARNESS_SUITE(error_suite)
{
	Suite *suite = suite_create("error");
	TCase *tests = tcase_create("error");

	tcase_add_test(tests, the_first_failure_is_the_one_that_is_told);
	tcase_add_test(tests, context_goes_before_the_text);
	tcase_add_test(tests, context_of_nothing_is_nothing);
	tcase_add_test(tests, a_text_too_long_is_cut_and_terminated);
	tcase_add_test(tests, a_caller_may_not_care);
	tcase_add_test(tests, exit_codes_are_those_of_the_help);
	suite_add_tcase(suite, tests);
	return suite;
}
