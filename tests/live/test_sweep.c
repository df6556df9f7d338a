/* A sweep over a history that is known: what it finds, what it runs again, what it leaves behind. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/harness/harness.h"
#include "tests/live/history.h"

/* Retention breaks at 3, 5 cannot start, 7 repairs it. */
#define HISTORY "keep keep keep lose lose broken lose keep keep keep keep"
#define SHORT_HISTORY "keep lose broken keep"
#define NODES "--comfyui comfyui"

static const char *folder;

static void set_up(void)
{
	folder = history_begin();
}

static void tear_down(void)
{
	history_end();
}

static const json_t *cell(const json_t *sweep, const char *name)
{
	const json_t *value;
	size_t i;

	json_array_foreach(json_object_get(sweep, "cells"), i, value)
	{
		if (strcmp(json_string_value(json_object_get(value, "cell")), name) == 0)
			return value;
	}
	ck_abort_msg("no cell %s", name);
}

static void changes_at(const json_t *sweep, const char *name, size_t index, int number, const char *from, const char *to,
		       int unknown)
{
	const json_t *change = json_array_get(json_object_get(cell(sweep, name), "changes"), index);

	ck_assert_msg(change, "%s has no change %zu", name, index);
	ck_assert_int_eq(json_integer_value(json_object_get(change, "number")), number);
	ck_assert_str_eq(json_string_value(json_object_get(change, "from")), from);
	ck_assert_str_eq(json_string_value(json_object_get(change, "to")), to);
	ck_assert_int_eq(json_integer_value(json_object_get(change, "unknown_between")), unknown);
}

static size_t change_count(const json_t *sweep, const char *name)
{
	return json_array_size(json_object_get(cell(sweep, name), "changes"));
}

static const char *state_of(const json_t *sweep, size_t commit)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(sweep, "commits"), commit), "state"));
}

/* ---- what it finds ---- */

START_TEST(each_cell_says_which_commit_broke_and_which_repaired_it)
{
	json_t *sweep;

	history_make(HISTORY);
	ck_assert_int_eq(history_sweep("--range c0..c10 " NODES " --json"), 1);
	sweep = history_json();
	ck_assert_uint_eq(json_array_size(json_object_get(sweep, "commits")), 11);
	ck_assert_uint_eq(change_count(sweep, "de/both"), 2);
	changes_at(sweep, "de/both", 0, 3, "PASS", "FAIL", 0);
	changes_at(sweep, "de/both", 1, 7, "FAIL", "PASS", 0);
	changes_at(sweep, "none-kept/both", 0, 3, "FAIL", "PASS", 0);
	changes_at(sweep, "none-kept/both", 1, 7, "PASS", "FAIL", 0);
	ck_assert_str_eq(state_of(sweep, 5), "not run");
	ck_assert(json_is_null(json_array_get(json_object_get(cell(sweep, "de/both"), "history"), 5)));
	json_decref(sweep);
	history_is_clean();
}
END_TEST

START_TEST(the_table_shows_commit_date_and_message)
{
	history_make(HISTORY);
	ck_assert_int_eq(history_sweep("--range c0..c10 --all " NODES), 1);
	history_said("2025-01-04  PASS  FAIL  3: lose");
	history_said("D, E lost c1.after_unload (unloaded_by_core)");
	history_said("5: broken\n           the server ended before it answered; the last thing it said: no\n"
		     "           module named torch\n");
	history_said("2025-01-06  - -  5: broken");
	history_said("2025-01-08  P F  7: keep");
	history_said("[6 of 11]");
	history_said(" left\n");
}
END_TEST

START_TEST(a_change_behind_commits_that_did_not_run_is_told_at_the_latest)
{
	json_t *sweep;

	history_make("keep broken import schema lose");
	ck_assert_int_eq(history_sweep("--range c0..c4 " NODES), 1);
	history_said("at the latest: of the 3 before it nothing is known");
	history_said("cannot import the custom node pack");
	history_said("records in schema 99");
	ck_assert_int_eq(history_sweep("--table --json"), 1);
	sweep = history_json();
	changes_at(sweep, "de/both", 0, 4, "PASS", "FAIL", 3);
	json_decref(sweep);
}
END_TEST

START_TEST(a_range_in_which_nothing_got_worse_is_fine)
{
	history_make("lose keep");
	ck_assert_int_eq(history_sweep("--range c0..c1 --matrices de " NODES), 0);
	history_said("FAIL  PASS  1: keep");
}
END_TEST

START_TEST(commits_that_all_cannot_start_are_no_result)
{
	history_make("broken broken");
	ck_assert_int_eq(history_sweep("--range c0..c1 " NODES), 3);
	history_said("nothing is known of it");
	history_is_clean();
}
END_TEST

START_TEST(a_worker_that_dies_fails_its_cell_and_not_the_next)
{
	json_t *sweep;

	history_make("keep worker");
	ck_assert_int_eq(history_sweep("--range c0..c1 --json " NODES), 1);
	sweep = history_json();
	changes_at(sweep, "de/both", 0, 1, "PASS", "FAIL", 0);
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(cell(sweep, "none-kept/both"), "history"), 1), "verdict")),
			 "FAIL");
	json_decref(sweep);
	ck_assert_int_eq(history_sweep("--table"), 1);
	history_said("worker died\n");
}
END_TEST

START_TEST(a_prompt_that_fails_is_no_verdict)
{
	history_make("keep node");
	ck_assert_int_eq(history_sweep("--range c0..c1 " NODES), 5);
	history_said("2 untrustworthy");
	history_said("too hot");
	history_is_clean();
}
END_TEST

START_TEST(a_server_that_dies_in_a_cell_is_started_anew_for_the_next)
{
	json_t *sweep;

	history_make("keep die keep");
	ck_assert_int_eq(history_sweep("--range c0..c2 --json " NODES), 5);
	sweep = history_json();
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(sweep, "counts"), "untrustworthy")), 2);
	ck_assert_uint_eq(change_count(sweep, "de/both"), 0);
	ck_assert_str_eq(state_of(sweep, 2), "run");
	json_decref(sweep);
	history_is_clean();
}
END_TEST

START_TEST(a_comfyui_is_swept_with_its_nodes_fixed)
{
	json_t *sweep;

	history_make_comfyui("keep lose keep");
	history_shell("mkdir other; git -C pack worktree prune");
	ck_assert_int_eq(history_sweep("--range c0..c2 --matrices de --nodes other --json"), 1);
	sweep = history_json();
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(sweep, "sweep"), "of")), "comfyui");
	changes_at(sweep, "de/both", 0, 1, "PASS", "FAIL", 0);
	changes_at(sweep, "de/both", 1, 2, "FAIL", "PASS", 0);
	json_decref(sweep);
	history_is_clean();
}
END_TEST

START_TEST(a_pack_that_the_comfyui_has_itself_is_not_loaded_twice)
{
	history_make("keep lose");
	history_shell("mkdir -p comfyui/custom_nodes && ln -s '%s/pack' comfyui/custom_nodes/pack", folder);
	ck_assert_int_eq(history_sweep("--range c0..c1 --matrices de " NODES), 1);
	history_said("only what --nodes names");
	history_is_clean();
}
END_TEST

/* ---- which commits ---- */

static void lists(const char *arguments, const char *numbers)
{
	char found[128] = "";
	json_t *sweep;
	const json_t *commit;
	size_t i;

	history_sweep("%s --matrices de --json " NODES, arguments);
	sweep = history_json();
	json_array_foreach(json_object_get(sweep, "commits"), i, commit)
	{
		const char *summary = json_string_value(json_object_get(commit, "summary"));

		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%.*s", i ? " " : "",
			 (int)strcspn(summary, ":"), summary);
	}
	ck_assert_str_eq(found, numbers);
	json_decref(sweep);
}

START_TEST(paths_choose_the_commits_that_touch_them)
{
	history_make("keep keep lose lose keep");
	lists("--range c0..c4 --paths behaviour.txt", "0 2 4");
}
END_TEST

START_TEST(every_second_commit_is_counted_from_the_end)
{
	history_make("keep keep keep lose keep");
	lists("--range c0..c4 --every 2", "0 2 4");
}
END_TEST

START_TEST(a_range_without_an_end_ends_at_head)
{
	history_make("keep lose keep");
	lists("--range c1..", "1 2");
}
END_TEST

START_TEST(merges_are_followed_by_their_first_parent)
{
	history_make("keep lose");
	history_shell(
		"cd pack; git checkout -q -b side c0; echo x >x; git add x; git -c user.name=t -c user.email=t@t commit -q -m "
		"'s: side'; git checkout -q c1; git -c user.name=t -c user.email=t@t merge -q -m 'm: merge' side; git tag m");
	lists("--range c0..m --first-parent", "0 1 m");
	ck_assert_int_eq(history_sweep("--range c0..m --bisect de/both " NODES), 2);
	history_said("--first-parent");
}
END_TEST

/* ---- what is run again ---- */

START_TEST(what_is_whole_in_the_store_is_not_run_again)
{
	char *table;

	history_make(SHORT_HISTORY);
	history_sweep("--range c0..c3 " NODES);
	ck_assert_int_eq(history_ask("SELECT count(*) FROM v_run_commits"), 4);
	table = strdup(history_out);
	ck_assert_int_eq(history_sweep("--range c0..c3 " NODES), 1);
	history_said("3 are whole in");
	ck_assert_int_eq(history_ask("SELECT count(*) FROM v_run_commits"), 5); /* what did not start is tried again */
	ck_assert_str_eq(history_out, table);
	free(table);
}
END_TEST

START_TEST(another_setting_is_another_result)
{
	history_make("keep lose");
	history_sweep("--range c0..c1 " NODES);
	history_sweep("--range c0..c1 --server-argument=--cache-none " NODES);
	history_said("none is whole in");
	ck_assert_int_eq(history_ask("SELECT count(*) FROM v_run_commits"), 4);
}
END_TEST

START_TEST(the_store_alone_gives_the_table_again)
{
	char *table;

	history_make(SHORT_HISTORY);
	history_sweep("--range c0..c3 " NODES);
	table = strdup(history_out);
	history_shell("rm -rf pack comfyui");
	ck_assert_int_eq(history_sweep("--table"), 1);
	ck_assert_str_eq(history_out, table);
	free(table);
}
END_TEST

START_TEST(subject_and_environment_are_recorded_for_each_commit)
{
	history_make("keep lose");
	history_sweep("--range c0..c1 " NODES);
	ck_assert_int_eq(history_ask("SELECT count(*) FROM v_run_commits WHERE environment LIKE '%ComfyUI 0.0.0, pack@' || "
				     "substr(commit_id, 1, 12) || '%'"
				     " AND setting LIKE '%\"of\":\"nodes\"%' AND repository = 'pack'"),
			 2);
}
END_TEST

/* ---- stopped in the middle ---- */

/* Starts a sweep in which commit 2 waits; returns when it does. */
static pid_t start_waiting_sweep(void)
{
	char waiting[512];
	pid_t process;

	snprintf(waiting, sizeof(waiting), "%s/waiting", folder);
	setenv("RESIDENCY_FAKE_WAIT", waiting, 1);
	history_make("keep lose wait lose");
	history_shell(": >waiting");
	process = fork();
	ck_assert_int_ge(process, 0);
	if (process == 0) {
		int said = open("said", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		dup2(said, STDERR_FILENO);
		execl(getenv("RESIDENCY_BINARY"), "residency", "sweep", "--store", "s.db", "--matrices", "de,none-kept",
		      "--flows", "both", "--repo", "pack", "--range", "c0..c3", "--comfyui", "comfyui", (char *)NULL);
		_exit(127);
	}
	history_shell("for i in $(seq 500); do test -s waiting && exit 0; sleep 0.05; done; exit 1");
	return process;
}

static int end_sweep(pid_t process, int with)
{
	int status = 0;

	kill(process, with);
	ck_assert_int_eq(waitpid(process, &status, 0), process);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The server under test has gone with the sweep. */
static void server_is_gone(void)
{
	history_shell("for i in $(seq 100); do kill -0 $(cat waiting) 2>/dev/null || exit 0; sleep 0.05; done; exit 1");
}

static void goes_on(void)
{
	history_shell("rm waiting");
	ck_assert_int_eq(history_sweep("--range c0..c3 " NODES), 1);
	history_said("2 are whole in");
	history_said("2025-01-03  FAIL  PASS  2: wait");
	ck_assert_int_eq(history_ask("SELECT count(*) FROM v_run_commits"), 4);
	history_is_clean();
}

START_TEST(an_interrupted_sweep_leaves_nothing_behind_and_goes_on_later)
{
	pid_t process = start_waiting_sweep();

	ck_assert_int_eq(end_sweep(process, SIGINT), 130);
	server_is_gone();
	history_is_clean();
	history_shell("grep -q 'goes on from there' said");
	goes_on();
}
END_TEST

START_TEST(what_a_killed_sweep_left_is_taken_away_by_the_next)
{
	pid_t process = start_waiting_sweep();

	ck_assert_int_eq(end_sweep(process, SIGKILL), 128 + SIGKILL);
	server_is_gone();
	history_shell("test $(git -C pack worktree list | wc -l) = 2 && rm -rf tmp/residency-live-*");
	goes_on();
}
END_TEST

/* ---- bisect ---- */

static void finds(const char *arguments, int exit_code, const char *first, int runs, int skipped)
{
	json_t *found;

	ck_assert_int_eq(history_sweep("%s --json " NODES, arguments), exit_code);
	found = history_json();
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(found, "first"), "summary")), first);
	ck_assert_int_le(json_integer_value(json_object_get(found, "runs")), runs);
	ck_assert_int_eq(json_integer_value(json_object_get(found, "skipped")), skipped);
	ck_assert_int_eq(history_ask("SELECT count(*) FROM v_run_commits"), json_integer_value(json_object_get(found, "runs")));
	json_decref(found);
	history_is_clean();
}

START_TEST(bisect_finds_the_first_bad_commit_in_few_runs)
{
	history_make("keep keep keep lose lose lose lose lose");
	finds("--range c0..c7 --bisect de", 1, "3: lose", 3, 0);
}
END_TEST

START_TEST(bisect_finds_the_first_fixed_commit_past_one_that_cannot_start)
{
	history_make(HISTORY);
	finds("--range c3..c10 --bisect de --good-first", 0, "7: keep", 3 + 1, 1);
}
END_TEST

START_TEST(bisect_says_between_which_commits_the_change_lies)
{
	history_make("keep broken broken lose");
	ck_assert_int_eq(history_sweep("--range c0..c3 --bisect de/both " NODES), 1);
	history_said("one of these; all but the last could not be run");
	history_said("1: broken");
	history_said("2: broken");
	history_said("3: lose");
	history_said("the range says that it is not bad");
}
END_TEST

START_TEST(bisect_runs_nothing_that_the_store_knows)
{
	history_make("keep keep lose lose");
	history_sweep("--range c0..c3 " NODES);
	ck_assert_int_eq(history_sweep("--range c0..c3 --bisect de/both " NODES), 1);
	history_said("0 runs");
	history_said("2: lose");
}
END_TEST

START_TEST(bisect_of_a_cell_that_is_never_bad_says_so)
{
	history_make("keep keep keep");
	ck_assert_int_eq(history_sweep("--range c0..c2 --bisect de/both " NODES), 0);
	history_said("no commit that ran is bad");
}
END_TEST

/* ---- what is refused ---- */

static void refused(int exit_code, const char *said, const char *arguments)
{
	int found = history_sweep("%s", arguments);

	ck_assert_msg(found == exit_code, "exit code %d: %s", found, history_err);
	history_said(said);
}

START_TEST(wrong_arguments_are_refused_before_anything_is_run)
{
	history_make("keep lose");
	refused(2, "A..B", "--range c0 " NODES);
	refused(2, "A..B", "--range c0...c1 " NODES);
	refused(2, "is no commit of a repository", "--range=--output=x..c1 " NODES);
	refused(2, "it has no commit \"nowhere\"", "--range nowhere..c1 " NODES);
	refused(2, "is not among the ancestors", "--range c1..c0 " NODES);
	refused(2, "no commit lies in it", "--range c1..c1 " NODES);
	refused(2, "is no path of a repository", "--range c0..c1 " NODES " -- -x");
	refused(2, "--comfyui DIR says which", "--range c0..c1");
	refused(2, "one cell is wanted", "--range c0..c1 --bisect both " NODES);
	refused(2, "no cell that was chosen is so", "--range c0..c1 --bisect abc " NODES);
	refused(2, "needs a store", "--store none --range c0..c1 " NODES);
	refused(2, "--good-first is of --bisect", "--good-first --range c0..c1 " NODES);
	refused(7, "no main.py", "--range c0..c1 --comfyui tmp");
	refused(7, "there is no such folder", "--range c0..c1 --nodes nowhere " NODES);
	refused(7, "in no git repository with a work tree", "--repo tmp --range c0..c1 " NODES);
	history_is_clean();
}
END_TEST

START_TEST(a_store_without_a_sweep_has_no_table)
{
	history_shell("'%s' matrix --policies strict --matrices de --flows both --store s.db >/dev/null 2>&1",
		      getenv("RESIDENCY_BINARY"));
	refused(7, "holds no sweep yet", "--table");
}
END_TEST

HARNESS_SUITE(sweep_suite)
{
	Suite *suite = suite_create("sweep");
	TCase *cases = tcase_create("history");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_set_timeout(cases, 240);
	tcase_add_test(cases, each_cell_says_which_commit_broke_and_which_repaired_it);
	tcase_add_test(cases, the_table_shows_commit_date_and_message);
	tcase_add_test(cases, a_change_behind_commits_that_did_not_run_is_told_at_the_latest);
	tcase_add_test(cases, a_range_in_which_nothing_got_worse_is_fine);
	tcase_add_test(cases, commits_that_all_cannot_start_are_no_result);
	tcase_add_test(cases, a_worker_that_dies_fails_its_cell_and_not_the_next);
	tcase_add_test(cases, a_prompt_that_fails_is_no_verdict);
	tcase_add_test(cases, a_server_that_dies_in_a_cell_is_started_anew_for_the_next);
	tcase_add_test(cases, a_comfyui_is_swept_with_its_nodes_fixed);
	tcase_add_test(cases, a_pack_that_the_comfyui_has_itself_is_not_loaded_twice);
	tcase_add_test(cases, paths_choose_the_commits_that_touch_them);
	tcase_add_test(cases, every_second_commit_is_counted_from_the_end);
	tcase_add_test(cases, a_range_without_an_end_ends_at_head);
	tcase_add_test(cases, merges_are_followed_by_their_first_parent);
	tcase_add_test(cases, what_is_whole_in_the_store_is_not_run_again);
	tcase_add_test(cases, another_setting_is_another_result);
	tcase_add_test(cases, the_store_alone_gives_the_table_again);
	tcase_add_test(cases, subject_and_environment_are_recorded_for_each_commit);
	tcase_add_test(cases, an_interrupted_sweep_leaves_nothing_behind_and_goes_on_later);
	tcase_add_test(cases, what_a_killed_sweep_left_is_taken_away_by_the_next);
	tcase_add_test(cases, bisect_finds_the_first_bad_commit_in_few_runs);
	tcase_add_test(cases, bisect_finds_the_first_fixed_commit_past_one_that_cannot_start);
	tcase_add_test(cases, bisect_says_between_which_commits_the_change_lies);
	tcase_add_test(cases, bisect_runs_nothing_that_the_store_knows);
	tcase_add_test(cases, bisect_of_a_cell_that_is_never_bad_says_so);
	tcase_add_test(cases, wrong_arguments_are_refused_before_anything_is_run);
	tcase_add_test(cases, a_store_without_a_sweep_has_no_table);
	suite_add_tcase(suite, cases);
	return suite;
}
