/* What a user sees of cells whose right answer was once not given: the verdict and the exit code of a replay, a card's line. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static const struct {
	const char *file;
	const char *options;
	const char *verdict;
	int exit_code;
} replays[] = {
	/* two files, the kept one is lost; their names agree for 63 bytes in the second */
	{ .file = "short-names", .options = "--subject engine:stock --free both", .verdict = "FAIL", .exit_code = 1 },
	{ .file = "long-names", .options = "--subject engine:stock --free both", .verdict = "FAIL", .exit_code = 1 },
	/* one file, by a stock loader and by one that keeps it */
	{ .file = "one-file-twice", .options = "--subject engine:stock --free both", .verdict = "FAIL", .exit_code = 1 },
	/* only the executor's cache and a failed prompt's traceback still refer to what was to be freed */
	{ .file = "traceback", .options = "", .verdict = "PASS", .exit_code = 0 },
};

START_TEST(a_replay_ends_with_the_right_verdict_and_exit_code)
{
	json_t *answer =
		run_json(replays[_i].exit_code, "replay tests/data/replay/%s.json --backend sim %s --json --store none",
			 replays[_i].file, replays[_i].options);
	char *text = json_dumps(answer, JSON_COMPACT);
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "\"verdict\":\"%s\"", replays[_i].verdict);
	ck_assert_msg(text && strstr(text, wanted), "%s: %s", replays[_i].file, text);
	free(text);
	json_decref(answer);
}
END_TEST

START_TEST(a_card_says_who_no_longer_holds_a_model_that_many_hold)
{
	char *folder = harness_make_folder();
	char *text;

	free(run_text(1, "replay tests/data/replay/nine-holders.json --store '%s/s.db'", folder));
	text = run_text(1, "triage --store '%s/s.db'", folder);
	ck_assert_msg(strstr(text, "  no longer   loaded list\n"), "%s", text);
	free(text);
	harness_remove_folder(folder);
}
END_TEST

HARNESS_SUITE(right_answers_suite)
{
	Suite *suite = suite_create("right answers");
	TCase *tests = tcase_create("right answers");

	tcase_add_loop_test(tests, a_replay_ends_with_the_right_verdict_and_exit_code, 0, ARRAY_SIZE(replays));
	tcase_add_test(tests, a_card_says_who_no_longer_holds_a_model_that_many_hold);
	suite_add_tcase(suite, tests);
	return suite;
}
