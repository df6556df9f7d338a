/* Cells one by one are the cells that a run of all of them has. */
#include <stdio.h>
#include <string.h>

#include "core/manager/policy.h"
#include "probes/judge/judge.h"
#include "scenarios/flow/flows.h"
#include "scenarios/matrix/matrix.h"
#include "tests/fixtures/subject.h"
#include "tests/harness/harness.h"

static struct flow_set flows;
static const struct flow *chosen[3];
static struct matrix_axes axes;

static void set_up(void)
{
	struct error e = ERROR_INIT;

	flows = (struct flow_set) { .flows = NULL };
	ck_assert_ok(flow_set_add_builtin(&flows, &e), &e);
	chosen[0] = flow_set_find(&flows, "both");
	chosen[1] = flow_set_find(&flows, "larger-model"); /* carries its models */
	chosen[2] = flow_set_find(&flows, "free");
	axes = matrix_axes_default();
	axes.policies = 0;
	axes.device_modes = 3;
	axes.node_flags = 3;
	axes.flows = chosen;
	axes.flow_count = 3;
}

static void tear_down(void)
{
	flow_set_free(&flows);
}

START_TEST(there_are_as_many_as_a_run_has_and_each_is_one)
{
	struct matrix_cell cell;
	size_t count = 0;

	for (; matrix_cell_at(&axes, count, &cell); count++)
		ck_assert_uint_eq(matrix_cell_count(&cell.axes, NULL), 1);
	ck_assert_uint_eq(count, matrix_cell_count(&axes, NULL));
	ck_assert_uint_gt(count, 0);
}
END_TEST

START_TEST(no_two_have_one_name)
{
	struct matrix_cell a;
	struct matrix_cell b;

	for (size_t i = 0; matrix_cell_at(&axes, i, &a); i++) {
		for (size_t j = 0; j < i && matrix_cell_at(&axes, j, &b); j++)
			ck_assert_msg(strcmp(a.matrix, b.matrix) != 0 || strcmp(a.flow, b.flow) != 0 ||
					      strcmp(a.device_mode, b.device_mode) != 0 ||
					      strcmp(a.node_flags, b.node_flags) != 0,
				      "%zu and %zu", i, j);
	}
}
END_TEST

struct seen {
	struct record_cell cell;
	size_t count;
};

static bool finished(void *context, const struct judge_result *result)
{
	struct seen *seen = context;

	seen->cell = result->cell;
	seen->count++;
	return true;
}

START_TEST(a_run_of_one_cell_is_of_the_names_it_has)
{
	struct error e = ERROR_INIT;
	struct seen seen = { .count = 0 };
	struct matrix_run run = { .subject_name = "engine", .finished = finished, .context = &seen };
	struct matrix_cell cell;

	run.subject = fixture_subject(&sim_backend, "2x3090-nvlink.json", &e);
	ck_assert_ok(run.subject, &e);
	for (size_t i = 0; matrix_cell_at(&axes, i, &cell); i++) {
		ck_assert_ok(matrix_run(&run, &cell.axes, &e), &e);
		ck_assert_uint_eq(seen.count, i + 1);
		ck_assert_str_eq(seen.cell.matrix, cell.matrix);
		ck_assert_str_eq(seen.cell.flow, cell.flow);
		ck_assert_str_eq(seen.cell.device_mode, cell.device_mode);
		ck_assert_str_eq(seen.cell.node_flags, cell.node_flags);
		ck_assert_str_eq(seen.cell.policy, "");
		ck_assert_str_eq(seen.cell.subject, "engine");
	}
	subject_close(run.subject);
}
END_TEST

HARNESS_SUITE(cells_suite)
{
	Suite *suite = suite_create("cells");
	TCase *cases = tcase_create("one by one");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, there_are_as_many_as_a_run_has_and_each_is_one);
	tcase_add_test(cases, no_two_have_one_name);
	tcase_add_test(cases, a_run_of_one_cell_is_of_the_names_it_has);
	suite_add_tcase(suite, cases);
	return suite;
}
