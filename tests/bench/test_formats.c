#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/units.h"
#include "scenarios/bench/bench_dequant.h"
#include "scenarios/bench/bench_load.h"
#include "tests/harness/harness.h"

START_TEST(a_load_is_measured_each_way_and_leaves_no_file)
{
	char *folder = harness_make_folder();
	const struct bench_load_options options = { .folder = folder, .size_bytes = 150 * MIB, .repeats = 1 };
	struct bench_load load;
	struct error e = ERROR_INIT;
	char line[600];

	ck_assert_ok(bench_load(&options, &load, &e), &e);
	ck_assert_uint_eq(load.size_bytes, 150 * MIB);
	ck_assert_uint_gt(load.tensor_count, 3);
	for (unsigned way = 0; way < LOAD_WAYS; way++)
		ck_assert(load.seconds[way].median > 0);
	snprintf(line, sizeof(line), "test -z \"$(ls '%s')\"", folder);
	ck_assert_int_eq(system(line), 0); // NOLINT(concurrency-mt-unsafe)
	harness_remove_folder(folder);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_told)
{
	const struct bench_load_options options = { .folder = "/nowhere", .size_bytes = MIB, .repeats = 1 };
	struct bench_load load;
	struct error e = ERROR_INIT;

	ck_assert(!bench_load(&options, &load, &e));
	ck_assert_int_eq(e.kind, ERROR_IO);
}
END_TEST

START_TEST(every_type_is_measured_with_scalar_at_least)
{
	struct bench_dequant dequant;
	struct error e = ERROR_INIT;
	size_t scalar = 0;

	ck_assert_ok(bench_dequant(1, NULL, NULL, &dequant, &e), &e);
	for (size_t i = 0; i < dequant.point_count; i++) {
		scalar += dequant.points[i].way == QUANT_EXACT && strcmp(dequant.points[i].kernels, "scalar") == 0;
		ck_assert(dequant.points[i].elements_per_s.median > 0);
	}
	ck_assert_uint_eq(scalar, 23);
	bench_dequant_free(&dequant);
}
END_TEST

HARNESS_SUITE(formats_suite)
{
	Suite *suite = suite_create("bench load, bench dequant");
	TCase *cases = tcase_create("formats");

	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, a_load_is_measured_each_way_and_leaves_no_file);
	tcase_add_test(cases, a_folder_that_is_not_there_is_told);
	tcase_add_test(cases, every_type_is_measured_with_scalar_at_least);
	suite_add_tcase(suite, cases);
	return suite;
}
