#include <math.h>

#include "scenarios/bench/spread.h"
#include "tests/harness/harness.h"

START_TEST(the_median_of_an_odd_count_is_the_middle_one)
{
	double values[] = { 9, 1, 5 };
	struct bench_spread spread = spread_of(values, 3);

	ck_assert_double_eq(spread.median, 5);
	ck_assert_double_eq(spread.least, 1);
	ck_assert_double_eq(spread.most, 9);
}
END_TEST

START_TEST(the_median_of_an_even_count_lies_between_the_middle_two)
{
	double values[] = { 4, 1, 2, 100 };

	ck_assert_double_eq(spread_of(values, 4).median, 3);
}
END_TEST

START_TEST(nothing_measured_is_unknown_and_not_zero)
{
	ck_assert(isnan(spread_of(NULL, 0).median));
}
END_TEST

START_TEST(a_line_is_found_again)
{
	const double x[] = { 0, 1, 2, 4 };
	const double y[] = { 1.5, 1.75, 2, 2.5 };
	struct line_fit fit = spread_line_fit(x, y, 4);

	ck_assert_double_eq_tol(fit.slope, 0.25, 1e-12);
	ck_assert_double_eq_tol(fit.intercept, 1.5, 1e-12);
	ck_assert_double_eq_tol(fit.r_squared, 1, 1e-12);
}
END_TEST

START_TEST(the_fit_equals_one_worked_out_by_hand)
{
	const double x[] = { 0, 1, 2 };
	const double y[] = { 0, 2, 1 };
	struct line_fit fit = spread_line_fit(x, y, 3);

	ck_assert_double_eq_tol(fit.slope, 0.5, 1e-12);
	ck_assert_double_eq_tol(fit.intercept, 0.5, 1e-12);
	ck_assert_double_eq_tol(fit.r_squared, 0.25, 1e-12);
}
END_TEST

START_TEST(one_point_has_no_slope)
{
	const double x[] = { 3, 3 };
	const double y[] = { 1, 2 };

	ck_assert(isnan(spread_line_fit(x, y, 2).slope));
}
END_TEST

HARNESS_SUITE(spread_suite)
{
	Suite *suite = suite_create("spread");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, the_median_of_an_odd_count_is_the_middle_one);
	tcase_add_test(tests, the_median_of_an_even_count_lies_between_the_middle_two);
	tcase_add_test(tests, nothing_measured_is_unknown_and_not_zero);
	tcase_add_test(tests, a_line_is_found_again);
	tcase_add_test(tests, the_fit_equals_one_worked_out_by_hand);
	tcase_add_test(tests, one_point_has_no_slope);
	suite_add_tcase(suite, tests);
	return suite;
}
