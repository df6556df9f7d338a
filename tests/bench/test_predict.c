/* Predictions against what upstream measured and published. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "scenarios/bench/bench_predict.h"
#include "tests/harness/harness.h"

#define TABLE "tests/data/bench/bench_seconds_per_iteration.csv"

static struct bench_predict result;

static void set_up(void)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(bench_predict(TABLE, true, &result, &e), &e);
}

static void tear_down(void)
{
	bench_predict_free(&result);
}

START_TEST(every_published_iteration_is_predicted_within_a_tenth)
{
	ck_assert_uint_ge(result.point_count, 50);
	ck_assert_double_le(result.worst_error, 0.10);
	ck_assert_double_le(result.median_error, 0.02);
}
END_TEST

START_TEST(every_published_iteration_is_simulated_no_worse_than_predicted)
{
	ck_assert_uint_eq(result.simulated_count, result.point_count);
	ck_assert_double_le(result.simulated_median_error, result.median_error);
	ck_assert_double_le(result.simulated_worst_error, 0.05);
}
END_TEST

/* What a tier's card does without offload stands in for another precision, less what converting weights takes. */
START_TEST(a_stand_in_for_an_iteration_is_corrected_for_its_precision)
{
	for (size_t i = 0; i < result.count; i++) {
		const struct bench_predict_series *series = &result.series[i];

		if (strcmp(series->model, series->resident_model) != 0)
			ck_assert_double_lt(series->simulated_worst_error, series->worst_error);
	}
}
END_TEST

START_TEST(slopes_follow_from_other_models_on_the_same_link)
{
	ck_assert_double_le(result.median_held_out_error, 0.15);
	ck_assert_double_ge(result.median_rule_error, 0.40); /* what upstream's own rule misses by */
}
END_TEST

/* Between cards 8-bit weights cost twice: without the term the prediction is far off there. */
START_TEST(conversion_at_the_source_explains_what_eight_bit_donors_cost)
{
	struct bench_predict without;
	struct error e = ERROR_INIT;

	ck_assert_ok(bench_predict(TABLE, false, &without, &e), &e);
	ck_assert_double_ge(without.worst_error, 0.30);
	bench_predict_free(&without);
}
END_TEST

/* The charts' own fits, recomputed: model,tier,...,recomputed slope in the sixth column. */
START_TEST(measured_slopes_are_those_of_the_charts)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *text = file_read_whole("tests/data/bench/chart_linear_fits.csv", &length, &e);
	char *rest = text;
	size_t compared = 0;

	ck_assert_ok(text, &e);
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		char *cells[6] = { NULL };
		size_t count = 0;

		for (char *cell; count < 6 && (cell = strsep(&line, ",")) != NULL;)
			cells[count++] = cell;
		for (size_t i = 0; count == 6 && i < result.count; i++) {
			const struct bench_predict_series *series = &result.series[i];

			if (strcmp(series->model, cells[0]) != 0 || strcmp(series->tier, cells[1]) != 0)
				continue;
			ck_assert_double_eq_tol(series->measured, strtod(cells[5], NULL), 0.0006);
			compared++;
		}
	}
	ck_assert_uint_eq(compared, result.count);
	free(text);
}
END_TEST

HARNESS_SUITE(predict_suite)
{
	Suite *suite = suite_create("predict");
	TCase *tables = tcase_create("published tables");

	tcase_set_timeout(tables, 60);
	tcase_add_checked_fixture(tables, set_up, tear_down);
	tcase_add_test(tables, every_published_iteration_is_predicted_within_a_tenth);
	tcase_add_test(tables, every_published_iteration_is_simulated_no_worse_than_predicted);
	tcase_add_test(tables, a_stand_in_for_an_iteration_is_corrected_for_its_precision);
	tcase_add_test(tables, slopes_follow_from_other_models_on_the_same_link);
	tcase_add_test(tables, conversion_at_the_source_explains_what_eight_bit_donors_cost);
	tcase_add_test(tables, measured_slopes_are_those_of_the_charts);
	suite_add_tcase(suite, tables);
	return suite;
}
