/* The rows of `residency bench`: each is complete, and each is printed. */
#include "cli/bench/print.h"
#include "scenarios/bench/bench_patch.h"
#include "scenarios/bench/bench_plan.h"
#include "scenarios/bench/bench_writer.h"
#include "tests/harness/harness.h"

START_TEST(every_benchmark_has_a_printer_of_its_own)
{
	for (size_t i = 0; bench_list[i]; i++) {
		const struct bench_printer *printer = bench_printer_of(bench_list[i]);

		ck_assert_msg(printer, "%s has no printer", bench_list[i]->name);
		ck_assert(printer->to_json);
		ck_assert_msg(!printer->print != !printer->print_point, "%s: a printer prints all or each point",
			      bench_list[i]->name);
	}
}
END_TEST

START_TEST(every_benchmark_can_be_asked_for_by_its_own_name)
{
	for (size_t i = 0; bench_list[i]; i++) {
		ck_assert(bench_list[i]->summary && bench_list[i]->measure && bench_list[i]->result_size_bytes);
		ck_assert_str_ne(bench_list[i]->name, "all");
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(bench_list[i]->name, bench_list[j]->name);
	}
}
END_TEST

static void count_point(void *context, const void *result)
{
	size_t *told = context;
	const struct bench_plan *plan = result;

	*told += 1;
	ck_assert_uint_eq(plan->point_count, *told);
}

START_TEST(a_point_is_told_as_soon_as_it_is_measured)
{
	const bool interrupted = false;
	size_t told = 0;
	const struct bench_request request = {
		.repeats = 1, .tables = "tests/data", .interrupted = &interrupted, .on_point = count_point, .context = &told
	};
	struct error e = ERROR_INIT;
	struct bench_plan *plan = bench_measure(&bench_row_plan, &request, &e);

	ck_assert_ok(plan, &e);
	ck_assert_uint_gt(told, 0);
	ck_assert_uint_eq(plan->point_count, told);
	ck_assert_uint_gt(plan->points[0].moved_count, 0); /* what was timed did place */
	bench_result_free(&bench_row_plan, plan);
}
END_TEST

START_TEST(an_interrupted_benchmark_measures_nothing_more)
{
	const bool interrupted = true;
	const struct bench_request request = { .repeats = 1, .tables = "tests/data", .interrupted = &interrupted };
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(bench_measure(&bench_row_patch, &request, &e));
	ck_assert_int_eq(e.kind, ERROR_INTERRUPTED);
}
END_TEST

START_TEST(the_writer_keeps_up_with_a_bare_loop)
{
	char *folder = harness_make_folder();
	struct bench_writer speed;
	struct error e = ERROR_INIT;

	ck_assert_ok(bench_writer(folder, 400, &speed, &e), &e);
	ck_assert_uint_gt(speed.records, 400 * 50);
	ck_assert_double_gt(speed.bare_per_s, 0);
	/* The bench asks for 80 %; beside other tests on two cores a fifth of that already tells a writer that is broken. */
	ck_assert_double_gt(speed.writer_per_s, 0.16 * speed.bare_per_s);
	harness_remove_folder(folder);
}
END_TEST

HARNESS_SUITE(bench_rows_suite)
{
	Suite *suite = suite_create("bench rows");
	TCase *tests = tcase_create("rows");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, every_benchmark_has_a_printer_of_its_own);
	tcase_add_test(tests, every_benchmark_can_be_asked_for_by_its_own_name);
	tcase_add_test(tests, a_point_is_told_as_soon_as_it_is_measured);
	tcase_add_test(tests, an_interrupted_benchmark_measures_nothing_more);
	tcase_add_test(tests, the_writer_keeps_up_with_a_bare_loop);
	suite_add_tcase(suite, tests);
	return suite;
}
