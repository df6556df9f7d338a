/* `residency explore`, and the scenarios that it saves, through the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/base/file.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text, "no %s", key);
	return text;
}

START_TEST(nothing_found_is_exit_code_0)
{
	char *text = run_text(0, "explore --steps 500 --store none");

	ck_assert_ptr_nonnull(strstr(text, "0 distinct failures in "));
	free(text);
}
END_TEST

START_TEST(something_found_is_exit_code_1_and_a_row)
{
	char *text = run_text(1, "explore --policy delegate --store none");

	ck_assert_ptr_nonnull(strstr(text, "kept-stays"));
	ck_assert_ptr_nonnull(strstr(text, "1 distinct failures in "));
	free(text);
}
END_TEST

START_TEST(the_same_seed_prints_the_same)
{
	char *first = run_text(1, "explore --policy anchors --all --sequences 30 --seed 5 --store none --json");
	char *again = run_text(1, "explore --policy anchors --keep-going --sequences 30 --seed 5 --store none --json");

	ck_assert_str_eq(first, again);
	free(first);
	free(again);
}
END_TEST

START_TEST(every_scenario_that_was_saved_replays_as_a_failure)
{
	char *folder = harness_make_folder();
	json_t *result = run_json(
		1, "explore --policy delegate,selective --all --sequences 40 --out '%s/found' --store none --json", folder);
	json_t *failures = json_object_get(result, "failures");
	const json_t *failure;
	size_t i;

	ck_assert_uint_gt(json_array_size(failures), 5);
	json_array_foreach(failures, i, failure)
	{
		json_t *replayed = run_json(1, "replay '%s' --store none --json", text_of(failure, "file"));
		const json_t *replay = json_array_get(json_object_get(replayed, "replays"), 0);
		size_t findings = json_array_size(json_object_get(replay, "findings"));

		ck_assert(json_is_true(json_object_get(failure, "confirmed")));
		ck_assert_msg(findings > 0 || strcmp(text_of(replay, "verdict"), "FAIL") == 0, "%s",
			      text_of(failure, "sequence"));
		json_decref(replayed);
	}
	json_decref(result);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(what_was_found_is_in_the_store)
{
	char *folder = harness_make_folder();
	json_t *result = run_json(1, "explore --policy stock --all --sequences 20 --store '%s/s.db' --json", folder);
	size_t count = json_array_size(json_object_get(result, "failures"));
	char path[512];

	snprintf(path, sizeof(path), "%s/s.db", folder);
	ck_assert_uint_gt(count, 0);
	ck_assert_int_eq(ask_store(path, "SELECT count(*) FROM v_cells WHERE flow LIKE 'stock-%'"), (long long)count);
	ck_assert_int_gt(ask_store(path, "SELECT count(*) FROM v_findings"), 0);
	json_decref(result);
	harness_remove_folder(folder);
}
END_TEST

/* Explores far longer than the test lasts and is interrupted in it; returns what went to stdout, and stderr in *errors. */
static char *explore_until_interrupted(const char *option, char **errors)
{
	char *folder = harness_make_folder();
	char *text;
	char line[1024];
	size_t length;
	int status;

	snprintf(line, sizeof(line),
		 "'%s' explore --policy delegate,strict --steps 100000000 --store none %s >'%s/out' 2>'%s/err' & sleep 2; "
		 "kill -INT $!; wait $!",
		 getenv("RESIDENCY_BINARY"), option, folder, folder);
	status = system(line); // NOLINT(cert-env33-c): the test's own command
	ck_assert_int_eq(WEXITSTATUS(status), 130);
	snprintf(line, sizeof(line), "%s/out", folder);
	text = file_read_whole(line, &length, NULL);
	snprintf(line, sizeof(line), "%s/err", folder);
	*errors = file_read_whole(line, &length, NULL);
	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(*errors);
	harness_remove_folder(folder);
	return text;
}

START_TEST(an_interrupted_exploration_says_so_with_what_it_found_and_ends_with_130)
{
	char *errors;
	char *text = explore_until_interrupted("", &errors);

	ck_assert_ptr_nonnull(strstr(text, "delegate     kept-stays"));
	ck_assert_ptr_nonnull(strstr(text, "1 distinct failures in "));
	ck_assert_ptr_nonnull(strstr(text, "; stopped before all was explored\n"));
	ck_assert_ptr_nonnull(strstr(errors, "residency explore: interrupted after "));
	free(text);
	free(errors);
}
END_TEST

START_TEST(an_interrupted_exploration_says_so_in_json)
{
	char *errors;
	char *text = explore_until_interrupted("--json", &errors);
	json_t *result = json_loads(text, 0, NULL);

	ck_assert(json_is_true(json_object_get(result, "stopped")));
	ck_assert_uint_eq(json_array_size(json_object_get(result, "failures")), 1);
	ck_assert_ptr_nonnull(strstr(errors, "residency explore: interrupted after "));
	json_decref(result);
	free(text);
	free(errors);
}
END_TEST

START_TEST(a_whole_exploration_does_not_say_that_it_was_stopped)
{
	json_t *result = run_json(0, "explore --policy strict --steps 200 --store none --json");
	char *text = run_text(0, "explore --policy strict --steps 200 --store none");

	ck_assert(json_is_false(json_object_get(result, "stopped")));
	ck_assert_ptr_null(strstr(text, "stopped"));
	free(text);
	json_decref(result);
}
END_TEST

START_TEST(what_cannot_be_explored_is_refused_in_a_sentence)
{
	assert_complains(2, "nonsense", "explore --policy nonsense --store none");
	assert_complains(2, "--length is 1 to", "explore --length 0 --store none");
	assert_complains(2, "everything is an option", "explore strict --store none");
}
END_TEST

HARNESS_SUITE(explore_suite)
{
	Suite *suite = suite_create("explore");
	TCase *tests = tcase_create("explore");

	tcase_set_timeout(tests, 200);
	tcase_add_test(tests, nothing_found_is_exit_code_0);
	tcase_add_test(tests, something_found_is_exit_code_1_and_a_row);
	tcase_add_test(tests, the_same_seed_prints_the_same);
	tcase_add_test(tests, every_scenario_that_was_saved_replays_as_a_failure);
	tcase_add_test(tests, what_was_found_is_in_the_store);
	tcase_add_test(tests, an_interrupted_exploration_says_so_with_what_it_found_and_ends_with_130);
	tcase_add_test(tests, an_interrupted_exploration_says_so_in_json);
	tcase_add_test(tests, a_whole_exploration_does_not_say_that_it_was_stopped);
	tcase_add_test(tests, what_cannot_be_explored_is_refused_in_a_sentence);
	suite_add_tcase(suite, tests);
	return suite;
}
