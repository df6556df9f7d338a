/* The command that shows a cell again. */
#include <string.h>

#include "reports/triage/triage.h"
#include "tests/harness/harness.h"

static void is_rerun_by(const char *command, const char *wanted)
{
	json_t *cell = json_pack("{ss ss ss ss ss ss}", "policy", "delegate", "matrix", "abc", "flow", "mine", "cache", "lru",
				 "device_mode", "split", "node_flags", "real");
	struct strbuf line = STRBUF_INIT;
	struct error e = ERROR_INIT;

	ck_assert_ok(triage_rerun(cell, command, &line, &e), &e);
	ck_assert_str_eq(strbuf_text(&line), wanted);
	strbuf_free(&line);
	json_decref(cell);
}

#define AXES " --caches lru --device-modes split --node-flags real"

START_TEST(a_cell_of_a_matrix_names_all_its_axes)
{
	is_rerun_by("residency matrix",
		    "residency matrix --policies delegate --matrices abc --flows mine" AXES " --store none");
}
END_TEST

START_TEST(what_chose_the_cell_is_replaced_and_the_rest_stays)
{
	is_rerun_by(
		"residency matrix --policies all --flows=all --json --store ci.db --backend host --topology 'my cards.json'",
		"residency matrix --policies delegate --matrices abc --flows mine" AXES
		" --backend host --topology 'my cards.json' --store none");
}
END_TEST

START_TEST(a_flow_from_a_file_is_named_by_its_file)
{
	is_rerun_by("residency matrix --flows both,flows/mine.json",
		    "residency matrix --policies delegate --matrices abc --flows flows/mine.json" AXES " --store none");
	is_rerun_by("residency matrix --flows mine,other.json",
		    "residency matrix --policies delegate --matrices abc --flows mine" AXES " --store none");
}
END_TEST

START_TEST(another_command_is_the_run_s_own_without_its_store)
{
	is_rerun_by("residency replay flux-lora --subject engine:delegate --store a.db --json --seed=7",
		    "residency replay flux-lora --subject engine:delegate --seed=7 --store none");
}
END_TEST

START_TEST(a_sweep_keeps_its_store_and_is_told_to_run_again)
{
	is_rerun_by("residency sweep --repo pack --range a..b --json --matrices de --store s.db -- x.py",
		    "residency sweep --again --repo pack --range a..b --matrices de --store s.db -- x.py");
}
END_TEST

START_TEST(a_flow_with_models_of_its_own_names_no_matrix)
{
	json_t *cell = json_pack("{ss ss}", "matrix", "own", "flow", "taking-turns");
	struct strbuf line = STRBUF_INIT;
	struct error e = ERROR_INIT;

	ck_assert_ok(triage_rerun(cell, "residency matrix --matrices all", &line, &e), &e);
	ck_assert_str_eq(strbuf_text(&line), "residency matrix --flows taking-turns --store none");
	strbuf_free(&line);
	json_decref(cell);
}
END_TEST

START_TEST(a_line_from_a_store_may_be_anything)
{
	is_rerun_by("", "residency --store none");
	is_rerun_by("residency replay '; rm x'", "residency replay '; rm x' --store none");
	is_rerun_by("residency matrix --flows",
		    "residency matrix --policies delegate --matrices abc --flows mine" AXES " --store none");
}
END_TEST

HARNESS_SUITE(rerun_suite)
{
	Suite *suite = suite_create("rerun");
	TCase *tests = tcase_create("rerun");

	tcase_add_test(tests, a_cell_of_a_matrix_names_all_its_axes);
	tcase_add_test(tests, what_chose_the_cell_is_replaced_and_the_rest_stays);
	tcase_add_test(tests, a_flow_from_a_file_is_named_by_its_file);
	tcase_add_test(tests, another_command_is_the_run_s_own_without_its_store);
	tcase_add_test(tests, a_sweep_keeps_its_store_and_is_told_to_run_again);
	tcase_add_test(tests, a_flow_with_models_of_its_own_names_no_matrix);
	tcase_add_test(tests, a_line_from_a_store_may_be_anything);
	suite_add_tcase(suite, tests);
	return suite;
}
