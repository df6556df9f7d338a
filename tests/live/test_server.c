/* A server that lies, stalls, breaks off, dies or is restarted: the tool asks again, or says clearly what is wrong, and what was
 * recorded is in the store. */
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/subject/subject_comfyui.h"
#include "tests/harness/harness.h"
#include "tests/live/fake.h"

static char *folder;

static void set_up(void)
{
	folder = harness_make_folder();
}

static void tear_down(void)
{
	fake_stop();
	harness_remove_folder(folder);
}

static long long ask(const char *sql)
{
	char path[512];
	sqlite3 *db;
	sqlite3_stmt *statement;
	long long value;

	snprintf(path, sizeof(path), "%s/s.db", folder);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

/* One cell on a server with that fault: how the program must end, and what it must say ("" for nothing in particular). */
static void one_cell_with(const char *options, const char *fault, int strikes, int wanted_exit_code, const char *said)
{
	char arguments[512];
	char *output;
	char *errors;
	int exit_code;

	snprintf(arguments, sizeof(arguments), "matrix --subject comfyui=%s --matrices de --flows both --store '%s/s.db' %s",
		 fake_start(fault, strikes), folder, options);
	exit_code = harness_residency(arguments, &output, &errors);
	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s%s", exit_code, output, errors);
	ck_assert_msg(strstr(errors, said) || strstr(output, said), "no \"%s\" in: %s%s", said, output, errors);
	free(output);
	free(errors);
}

static void one_cell(const char *fault, int strikes, int wanted_exit_code, const char *said)
{
	one_cell_with("", fault, strikes, wanted_exit_code, said);
}

/* The same, and it must be as if nothing had happened: the two kept models are lost at the request, and every stage is there. */
static void as_if_nothing_happened(const char *fault, int strikes)
{
	one_cell(fault, strikes, 1, "unloaded_by_core");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE outcome = 'lost' AND first_lost_stage = 'c1.after_unload'"),
			 2);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_stages"), 7);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_timeline"), 14);
}

START_TEST(a_server_is_judged_as_the_engine_is)
{
	as_if_nothing_happened("none", 0);
}
END_TEST

START_TEST(a_connection_that_is_reset_is_made_again)
{
	as_if_nothing_happened("reset", 3);
}
END_TEST

START_TEST(half_an_answer_is_asked_for_again_and_nothing_is_lost)
{
	as_if_nothing_happened("half", 2);
}
END_TEST

START_TEST(an_answer_with_fewer_lines_than_it_promises_is_asked_for_again)
{
	as_if_nothing_happened("count", 2);
}
END_TEST

START_TEST(a_server_that_says_500_for_a_while_is_asked_again)
{
	as_if_nothing_happened("500", 2);
}
END_TEST

START_TEST(a_page_in_place_of_json_is_asked_for_again)
{
	as_if_nothing_happened("no-json", 2);
}
END_TEST

START_TEST(a_prompt_that_never_arrived_is_sent_again)
{
	as_if_nothing_happened("prompt-lost", 1);
}
END_TEST

START_TEST(a_prompt_whose_answer_got_lost_does_not_run_twice)
{
	as_if_nothing_happened("answer-lost", 1);
}
END_TEST

START_TEST(a_server_that_goes_on_saying_500_is_told_of_with_its_words)
{
	one_cell("500", 99, 6, "status 500: the server is not well");
}
END_TEST

START_TEST(a_server_that_never_speaks_json_is_told_of)
{
	one_cell("no-json", 99, 7, "<html>a proxy's page");
}
END_TEST

START_TEST(a_server_that_dies_is_told_of_and_its_cell_has_no_verdict)
{
	one_cell("die", 1, 3, "/history/");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE verdict = 'UNTRUSTWORTHY'"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_actions WHERE kind = 'prompt'"), 1);
}
END_TEST

START_TEST(a_server_that_is_started_anew_is_told_of)
{
	one_cell("restart", 1, 3, "was restarted while cell 1 ran");
}
END_TEST

START_TEST(a_dead_worker_fails_the_cell)
{
	one_cell("worker", 1, 1, "FAIL");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_stages WHERE stage = 'worker_died'"), 1);
}
END_TEST

START_TEST(records_that_the_probe_had_no_room_for_make_a_cell_untrustworthy)
{
	one_cell("dropped", 0, 5, "records were dropped");
}
END_TEST

START_TEST(a_stage_that_is_none_is_refused_with_its_line)
{
	one_cell("stage", 1, 7, "there is no stage \"teatime\"");
}
END_TEST

START_TEST(an_object_that_was_never_told_of_is_refused)
{
	one_cell("object", 1, 7, "model is 99");
}
END_TEST

START_TEST(a_node_that_fails_is_named_with_what_it_said)
{
	one_cell("node", 0, 1, "node 3 (KSampler): RuntimeError: too hot");
}
END_TEST

START_TEST(a_prompt_that_is_refused_is_told_with_the_servers_reason)
{
	one_cell("refused", 0, 1, "status 400: Cannot execute: Node ID '#1'");
}
END_TEST

/* The fake server loses both: what was not named may go. */
START_TEST(a_guarded_server_is_judged_as_strict_by_the_names_it_was_given)
{
	one_cell("guard", 0, 1, "ComfyUI 0.0.0+guard, policy strict");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE policy = 'strict'"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE name = 'D' AND outcome = 'lost'"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE name = 'E' AND outcome = 'unloaded'"), 1);
}
END_TEST

START_TEST(a_guard_that_has_nothing_to_keep_is_told_of)
{
	one_cell("guard-idle", 0, 0, "the guard has nothing to keep");
}
END_TEST

START_TEST(a_guard_that_does_not_say_what_it_keeps_is_refused)
{
	one_cell("guard-broken", 0, 7, "does not say which names its guard keeps");
}
END_TEST

START_TEST(a_server_without_the_probe_is_told_how_to_get_it)
{
	one_cell("no-probe", 0, 4, "residency live install DIR");
}
END_TEST

START_TEST(a_probe_of_another_schema_is_not_listened_to)
{
	one_cell("schema", 0, 4, "records in schema 99");
}
END_TEST

START_TEST(a_place_that_decides_verdicts_and_is_gone_makes_them_untrustworthy)
{
	one_cell("missing=gc.collect", 0, 5, "has no gc.collect: it is not known what dies in a collection");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE verdict = 'UNTRUSTWORTHY' AND why LIKE '%gc.collect%'"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE outcome = 'lost'"), 2);
}
END_TEST

START_TEST(a_place_that_is_gone_and_decides_nothing_is_told_of)
{
	one_cell("missing=free_memory", 0, 1, "has no free_memory: it is not known which models left for want of room");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE verdict = 'FAIL'"), 1);
}
END_TEST

START_TEST(a_place_that_this_version_knows_nothing_of_is_not_trusted)
{
	one_cell("missing=PromptQueue.peek", 0, 5, "has no PromptQueue.peek");
}
END_TEST

START_TEST(where_the_worker_cannot_be_seen_nothing_is_run)
{
	one_cell("missing=PromptQueue.get", 0, 4, "which is needed to tell when the worker waits");
}
END_TEST

START_TEST(everybody_is_asked_only_where_a_user_wants_it)
{
	one_cell_with("--deep", "deep", 0, 1, "unloaded_by_core");
	fake_stop();
	one_cell("shallow", 0, 1, "unloaded_by_core");
}
END_TEST

START_TEST(deep_is_refused_on_the_engine)
{
	char *output;
	char *errors;

	ck_assert_int_eq(harness_residency("matrix --deep --store none", &output, &errors), 2);
	ck_assert_msg(strstr(errors, "--deep is for a server"), "%s", errors);
	free(output);
	free(errors);
}
END_TEST

START_TEST(no_server_is_a_subject_that_is_not_there)
{
	char *errors;
	char *output;

	ck_assert_int_eq(harness_residency("matrix --subject comfyui=http://127.0.0.1:1 --store none", &output, &errors), 3);
	ck_assert_ptr_nonnull(strstr(errors, "127.0.0.1:1"));
	free(output);
	free(errors);
}
END_TEST

/* ---- with limits shorter than the program's ---- */

static const struct live_wait hasty = { .limits = { .answer_ms = 300, .tries = 2, .pause_ms = 10 }, .idle_ms = 200 };

static bool begin_on(struct subject *subject, const struct record_sink *sink, struct error *e)
{
	const struct subject_setup setup = { .cell = 1 };

	return subject->operations->begin(subject, &setup, sink, e);
}

START_TEST(a_server_that_stalls_is_waited_for_no_longer_than_the_limit)
{
	const struct record_sink nowhere = { .put = NULL };
	struct error e = ERROR_INIT;
	struct subject *subject = subject_comfyui_open(fake_start("stall", 99), &hasty, NULL, NULL, &e);

	ck_assert_ok(subject, &e);
	ck_assert(!begin_on(subject, &nowhere, &e));
	ck_assert_int_eq(e.kind, ERROR_ABSENT);
	ck_assert_ptr_nonnull(strstr(e.text, "no whole answer within 0.3 s"));
	subject_close(subject);
}
END_TEST

START_TEST(a_server_that_stalls_once_is_asked_again)
{
	const struct record_sink nowhere = { .put = NULL };
	struct error e = ERROR_INIT;
	struct subject *subject = subject_comfyui_open(fake_start("stall", 1), &hasty, NULL, NULL, &e);

	ck_assert_ok(subject, &e);
	ck_assert_ok(begin_on(subject, &nowhere, &e), &e);
	subject_close(subject);
}
END_TEST

START_TEST(a_worker_that_never_comes_to_rest_is_not_waited_for_for_ever)
{
	const struct record_sink nowhere = { .put = NULL };
	struct error e = ERROR_INIT;
	struct subject *subject = subject_comfyui_open(fake_start("busy", 0), &hasty, NULL, NULL, &e);
	struct action prompt = { .kind = ACTION_PROMPT, .name = "an empty workflow" };
	json_t *workflow = json_object();

	ck_assert_ok(subject && begin_on(subject, &nowhere, &e), &e);
	prompt.body = workflow;
	ck_assert_ok(subject->operations->act(subject, &prompt, &e), &e);
	ck_assert(!subject->operations->wait_until_idle(subject, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "busy for more than 0.2 s"));
	json_decref(workflow);
	subject_close(subject);
}
END_TEST

START_TEST(what_only_the_engine_can_let_happen_is_said_to_be_so)
{
	const struct action load = { .kind = ACTION_LOAD_FOREIGN, .number = 1 };
	struct error e = ERROR_INIT;
	struct subject *subject = subject_comfyui_open(fake_start("none", 0), &hasty, NULL, NULL, &e);

	ck_assert_ok(subject, &e);
	ck_assert(!subject->operations->act(subject, &load, &e));
	ck_assert_int_eq(e.kind, ERROR_UNSUPPORTED);
	subject_close(subject);
}
END_TEST

/* ---- more than one flow ---- */

static char *run_flows(const char *flows, const char *more, int wanted_exit_code, char **errors)
{
	char arguments[512];
	char *output;
	int exit_code;

	snprintf(arguments, sizeof(arguments), "matrix --subject comfyui=%s --matrices de --flows %s --store '%s/s.db' %s",
		 fake_start("none", 0), flows, folder, more);
	exit_code = harness_residency(arguments, &output, errors);
	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s%s", exit_code, output, *errors);
	return output;
}

START_TEST(what_only_the_engine_can_let_happen_is_left_out_and_told_at_the_end)
{
	char *errors;
	char *output = run_flows("outside-model,both,foreign-load,full-cleanup", "", 1, &errors);

	ck_assert_ptr_nonnull(strstr(output, "1 cells: 0 passed, 1 failed"));
	ck_assert_ptr_nonnull(strstr(errors, "3 cells are left out:\n"));
	ck_assert_ptr_nonnull(strstr(errors, "only the engine can have another pack's load (foreign-load)"));
	ck_assert_ptr_nonnull(strstr(errors, "the server has no node FullCleanupMultiGPU (full-cleanup)"));
	free(output);
	free(errors);
}
END_TEST

START_TEST(what_is_left_out_is_in_the_json_too)
{
	char *errors;
	char *output = run_flows("both,foreign-load", "--json", 1, &errors);
	json_t *value = json_loads(output, 0, NULL);
	const json_t *row = json_array_get(json_object_get(value, "left_out"), 0);

	ck_assert_uint_eq(json_array_size(json_object_get(value, "cells")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(row, "flow")), "foreign-load");
	ck_assert_str_eq(json_string_value(json_object_get(row, "matrix")), "de");
	ck_assert_int_eq(json_integer_value(json_object_get(row, "cells")), 1);
	json_decref(value);
	free(output);
	free(errors);
}
END_TEST

START_TEST(a_matrix_of_which_nothing_can_run_is_not_supported)
{
	char *errors;

	free(run_flows("foreign-load", "", 4, &errors));
	free(errors);
}
END_TEST

START_TEST(a_request_comes_while_the_prompt_runs_that_is_held_for_it)
{
	char *errors;

	free(run_flows("free-while-running", "", 1, &errors));
	ck_assert_int_eq(ask("SELECT count(*) FROM v_stages WHERE stage = 'before_unload' AND cycle = 1"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_stages WHERE stage = 'next_prompt' AND cycle = 1"), 1);
	free(errors);
}
END_TEST

START_TEST(a_prompt_that_was_to_be_interrupted_or_to_fail_is_no_error_of_the_run)
{
	char *errors;

	free(run_flows("interrupted,failed,out-of-memory", "", 1, &errors));
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE verdict = 'UNTRUSTWORTHY'"), 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells"), 3);
	free(errors);
}
END_TEST

START_TEST(a_probe_of_another_version_is_warned_of_and_the_run_says_so)
{
	one_cell("version", 0, 1, "its probe node is version 0.0.9");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_runs WHERE environment ->> '$.probe' = '0.0.9' AND environment ->> "
			     "'$.warning' LIKE '%another version%'"),
			 1);
}
END_TEST

HARNESS_SUITE(server_suite)
{
	Suite *suite = suite_create("server");
	TCase *cases = tcase_create("faults");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_server_is_judged_as_the_engine_is);
	tcase_add_test(cases, a_connection_that_is_reset_is_made_again);
	tcase_add_test(cases, half_an_answer_is_asked_for_again_and_nothing_is_lost);
	tcase_add_test(cases, an_answer_with_fewer_lines_than_it_promises_is_asked_for_again);
	tcase_add_test(cases, a_server_that_says_500_for_a_while_is_asked_again);
	tcase_add_test(cases, a_page_in_place_of_json_is_asked_for_again);
	tcase_add_test(cases, a_prompt_that_never_arrived_is_sent_again);
	tcase_add_test(cases, a_prompt_whose_answer_got_lost_does_not_run_twice);
	tcase_add_test(cases, a_server_that_goes_on_saying_500_is_told_of_with_its_words);
	tcase_add_test(cases, a_server_that_never_speaks_json_is_told_of);
	tcase_add_test(cases, a_server_that_dies_is_told_of_and_its_cell_has_no_verdict);
	tcase_add_test(cases, a_server_that_is_started_anew_is_told_of);
	tcase_add_test(cases, a_dead_worker_fails_the_cell);
	tcase_add_test(cases, records_that_the_probe_had_no_room_for_make_a_cell_untrustworthy);
	tcase_add_test(cases, a_stage_that_is_none_is_refused_with_its_line);
	tcase_add_test(cases, an_object_that_was_never_told_of_is_refused);
	tcase_add_test(cases, a_node_that_fails_is_named_with_what_it_said);
	tcase_add_test(cases, a_prompt_that_is_refused_is_told_with_the_servers_reason);
	tcase_add_test(cases, a_guarded_server_is_judged_as_strict_by_the_names_it_was_given);
	tcase_add_test(cases, a_guard_that_has_nothing_to_keep_is_told_of);
	tcase_add_test(cases, a_guard_that_does_not_say_what_it_keeps_is_refused);
	tcase_add_test(cases, a_server_without_the_probe_is_told_how_to_get_it);
	tcase_add_test(cases, a_probe_of_another_schema_is_not_listened_to);
	tcase_add_test(cases, a_place_that_decides_verdicts_and_is_gone_makes_them_untrustworthy);
	tcase_add_test(cases, a_place_that_is_gone_and_decides_nothing_is_told_of);
	tcase_add_test(cases, a_place_that_this_version_knows_nothing_of_is_not_trusted);
	tcase_add_test(cases, where_the_worker_cannot_be_seen_nothing_is_run);
	tcase_add_test(cases, everybody_is_asked_only_where_a_user_wants_it);
	tcase_add_test(cases, deep_is_refused_on_the_engine);
	tcase_add_test(cases, no_server_is_a_subject_that_is_not_there);
	tcase_add_test(cases, a_server_that_stalls_is_waited_for_no_longer_than_the_limit);
	tcase_add_test(cases, a_server_that_stalls_once_is_asked_again);
	tcase_add_test(cases, a_worker_that_never_comes_to_rest_is_not_waited_for_for_ever);
	tcase_add_test(cases, what_only_the_engine_can_let_happen_is_said_to_be_so);
	tcase_add_test(cases, what_only_the_engine_can_let_happen_is_left_out_and_told_at_the_end);
	tcase_add_test(cases, what_is_left_out_is_in_the_json_too);
	tcase_add_test(cases, a_matrix_of_which_nothing_can_run_is_not_supported);
	tcase_add_test(cases, a_request_comes_while_the_prompt_runs_that_is_held_for_it);
	tcase_add_test(cases, a_prompt_that_was_to_be_interrupted_or_to_fail_is_no_error_of_the_run);
	tcase_add_test(cases, a_probe_of_another_version_is_warned_of_and_the_run_says_so);
	suite_add_tcase(suite, cases);
	return suite;
}
