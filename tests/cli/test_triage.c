/* `residency triage`: cards that name the cause, commands that show it again, a bundle that names nobody. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static char *folder;

static void begin(void)
{
	folder = harness_make_folder();
}

static void end(void)
{
	harness_remove_folder(folder);
}

/* Runs a command that records into NAME in the folder, whatever it finds, and reads the cards; the caller owns them. */
static json_t *cards_of(const char *command, const char *name)
{
	struct strbuf line = STRBUF_INIT;
	json_t *triage;
	char *text;

	strbuf_printf(&line, "%s --store '%s/%s'", command, folder, name);
	harness_residency(strbuf_text(&line), NULL, NULL);
	strbuf_clear(&line);
	strbuf_printf(&line, "triage --json --store '%s/%s'", folder, name);
	ck_assert_int_le(harness_residency(strbuf_text(&line), &text, NULL), 1);
	triage = json_loads(text, 0, NULL);
	ck_assert_msg(triage, "%s: no cards: %s", command, text);
	free(text);
	strbuf_free(&line);
	return triage;
}

static const char *member(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* The first card of a finding class and a failure class, -1 meaning any; NULL if there is none. */
static const json_t *find_card(const json_t *triage, const char *class_name, int failure_class)
{
	const json_t *card;
	size_t i;

	json_array_foreach(json_object_get(triage, "cards"), i, card)
	{
		const json_t *number = json_object_get(json_object_get(card, "likely"), "class");

		if (strcmp(member(card, "class"), class_name) == 0 &&
		    (failure_class < 0 || (json_is_integer(number) && json_integer_value(number) == failure_class)))
			return card;
	}
	return NULL;
}

/* ---- each known cause, shown by the engine ---- */

#define LOADLIST "--loadlist tests/data/loadlists/flux1_dev_transformer.bf16.tsv.gz"

static const struct {
	int failure_class;
	const char *finding;
	const char *command;
} shown[] = {
	{ 1, "lost", "matrix --policies stock --matrices abc --flows unload" },
	{ 1, "lost", "matrix --policies selective --matrices abc --flows free-memory" },
	{ 2, "lost", "matrix --policies delegate --matrices abc --flows again" },
	{ 2, "lost", "matrix --policies anchors --matrices abc --flows both" },
	{ 3, "leaked", "matrix --policies stock --matrices abc --flows free-memory" },
	{ 3, "lost", "matrix --policies stock --matrices de --flows other-workflow" },
	{ 4, "unattributed", "matrix --policies stock --matrices abc --flows outside-model" },
	{ 5, "leaked", "matrix --policies stock --matrices abc --flows foreign-unload-throws" },
	{ 5, "leaked", "matrix --policies delegate --matrices beside-stock --flows second-model-held" },
	{ 7, "stale", "matrix --policies delegate --matrices de --flows first-model-held" },
	{ 8, "stale", "matrix --policies stock --matrices abc --flows first-model-held" },
	{ 9, "corrupted", "matrix --policies stock --matrices clone --flows not-sampled" },
	{ 9, "corrupted", "matrix --policies delegate --matrices base-clone --flows lora-dropped" },
	{ 10, "lost", "matrix --policies stock --matrices clone-beside --flows strength" },
	{ 10, "duplicated", "matrix --policies selective --matrices abc --flows four-rounds" },
	{ 11, "lost", "matrix --policies stock --matrices clone-beside --flows free-memory" },
	{ 14, "lost", "matrix --policies anchors --matrices abc --flows four-prompts" },
	{ 14, "lost", "matrix --policies stock --flows taking-turns" },
	{ 15, "misplaced", "replay flux-one-file-twice --backend sim --subject engine:stock --free none" },
	{ 16, "misplaced", "plan --alloc 'mps,50%;cpu,50%#cuda:0' " LOADLIST },
	{ 16, "misplaced", "plan --alloc 'cuda:0,1gb;cpu,5gb*#cuda:0' " LOADLIST },
	{ 16, "misplaced", "plan --planner 01df082 --alloc 'cuda:0,50%;cpu,50%#' " LOADLIST },
	{ 17, "misplaced", "plan --alloc '#cuda:0;0.0;cpu' --topology host-1gpu " LOADLIST },
	{ 18, "leaked", "replay flux-two-devices --backend sim --subject engine:stock --free unload" },
	{ 18, "misplaced", "matrix --policies eject --flows sticky-device" },
	{ 19, "misplaced", "plan --alloc '#cuda:0;4.0;cuda:1' --topology no-p2p-x8 " LOADLIST },
	{ 20, "corrupted", "replay flux-all-kept --expect xxh3:another" },
	{ 21, "misplaced", "matrix --policies stock --matrices abc --flows blocks-moved" },
	{ 21, "detached", "matrix --policies stock --matrices beside-stock --flows blocks-moved" },
	{ 22, "lost", "matrix --policies delegate --matrices de --flows both" },
};

START_TEST(a_card_names_the_known_cause)
{
	json_t *triage = cards_of(shown[_i].command, "s.db");
	const json_t *card = find_card(triage, shown[_i].finding, shown[_i].failure_class);

	ck_assert_msg(card, "%s: no card %s of class %d", shown[_i].command, shown[_i].finding, shown[_i].failure_class);
	ck_assert_str_ne(member(json_object_get(card, "likely"), "why"), "");
	ck_assert_uint_gt(json_array_size(json_object_get(json_object_get(card, "likely"), "threads")), 0);
	json_decref(triage);
}
END_TEST

START_TEST(a_card_s_command_shows_the_same_again)
{
	json_t *triage = cards_of(shown[_i].command, "s.db");
	const json_t *card = find_card(triage, shown[_i].finding, shown[_i].failure_class);
	const char *rerun = member(card, "rerun");
	size_t length = strlen(rerun);
	struct strbuf command = STRBUF_INIT;
	json_t *again;

	ck_assert_int_eq(strncmp(rerun, "residency ", 10), 0);
	ck_assert_msg(length > 13 && strcmp(rerun + length - 13, " --store none") == 0, "%s", rerun);
	ck_assert_int_ne(harness_residency(rerun + 10, NULL, NULL), 2);
	strbuf_append_n(&command, rerun + 10, length - 10 - 13);
	again = cards_of(strbuf_text(&command), "again.db");
	ck_assert_msg(find_card(again, shown[_i].finding, shown[_i].failure_class), "%s does not show it", rerun);
	strbuf_free(&command);
	json_decref(again);
	json_decref(triage);
}
END_TEST

/* ---- what a plan's findings say ---- */

START_TEST(an_empty_tail_is_no_finding_where_the_version_has_a_compute_device)
{
	json_t *triage = cards_of("plan --planner HEAD --alloc 'cuda:0,50%;cpu,50%#' " LOADLIST, "s.db");

	ck_assert_ptr_null(find_card(triage, "misplaced", -1));
	json_decref(triage);
}
END_TEST

static const struct {
	const char *what;
	const char *command;
} over_committed[] = {
	{ .what = "more than is free", .command = "plan --alloc '#cuda:0;4;cpu' --free cuda:0=5GiB " LOADLIST },
	{ .what = "two names of one device, each within it",
	  .command = "plan --alloc 'cuda,0.3;cuda:0,0.3#cuda:0' --free cuda:0=10GiB " LOADLIST },
};

START_TEST(a_device_that_is_to_hold_more_than_it_has_free_is_a_finding)
{
	json_t *triage = cards_of(over_committed[_i].command, "s.db");

	ck_assert_msg(find_card(triage, "misplaced", 17), "%s: no card of class 17", over_committed[_i].what);
	json_decref(triage);
}
END_TEST

/* ---- evidence of the engine ---- */

START_TEST(a_lost_model_that_lives_shows_its_shortest_path)
{
	json_t *triage = cards_of("matrix --policies stock --matrices abc --flows unload", "s.db");

	ck_assert_str_eq(member(find_card(triage, "lost", 1), "path"),
			 "executor -> caches -> node 7 -> CLIP -> patcher -> patcher B");
	json_decref(triage);
}
END_TEST

START_TEST(whatever_is_alive_at_the_end_has_its_path_in_the_store)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/s.db", folder);
	free(run_text(1, "matrix --store '%s'", path));
	ck_assert_int_eq(ask_store(path,
				   "SELECT count(*) FROM v_timeline t WHERE stage = 'end' AND state NOT IN ('dead', 'resident')"
				   " AND NOT EXISTS (SELECT 1 FROM v_paths p WHERE p.run = t.run AND p.cell = t.cell AND"
				   " p.snapshot = t.snapshot AND p.model = t.model AND p.path <> '')"),
			 0);
	ck_assert_int_gt(ask_store(path, "SELECT count(*) FROM v_paths WHERE length > 3"), 0);
}
END_TEST

START_TEST(a_model_lost_with_the_caches_names_the_holder_that_let_go)
{
	json_t *triage = cards_of("matrix --policies delegate --matrices abc --flows both", "s.db");
	const json_t *card = find_card(triage, "lost", 2);

	ck_assert_str_eq(member(card, "stage"), "c0.after_gc");
	ck_assert_str_eq(member(card, "action"), "prompt");
	ck_assert_ptr_nonnull(strstr(member(card, "missing_holder"), "node 7"));
	ck_assert_str_eq(member(card, "device"), "cuda:0");
	json_decref(triage);
}
END_TEST

START_TEST(what_a_dead_worker_left_behind_shows_what_killed_it)
{
	json_t *triage = cards_of("matrix --policies delegate --matrices beside-stock --flows second-model-held", "s.db");

	ck_assert_str_eq(member(find_card(triage, "leaked", 5), "actual"),
			 "AttributeError: 'NoneType' object has no attribute 'model'");
	json_decref(triage);
}
END_TEST

START_TEST(a_true_leak_names_the_foreign_holder)
{
	json_t *triage = cards_of("matrix --policies stock --matrices abc --flows first-model-held", "s.db");
	const json_t *card = find_card(triage, "stale", 8);

	ck_assert_str_eq(member(card, "path"), "foreign -> hold -> model A");
	ck_assert_str_eq(member(card, "weak_state"), "patcher dead, model alive");
	json_decref(triage);
}
END_TEST

/* ---- the command ---- */

START_TEST(findings_are_exit_code_1_and_none_is_0)
{
	free(run_text(1, "matrix --policies stock --matrices de --flows both --store '%s/s.db'", folder));
	free(run_text(1, "triage --store '%s/s.db'", folder));
	free(run_text(0, "triage --class leaked --store '%s/s.db'", folder));
	free(run_text(0, "matrix --policies strict --store '%s/s.db'", folder));
	free(run_text(0, "triage --store '%s/s.db'", folder));
}
END_TEST

START_TEST(filters_choose_cards)
{
	char *id;
	json_t *triage;

	free(run_text(1, "matrix --store '%s/s.db'", folder));
	triage = run_json(1, "triage --json --policy 01df082 --class lost --store '%s/s.db'", folder);
	ck_assert_uint_gt(json_array_size(json_object_get(triage, "cards")), 0);
	ck_assert_str_eq(
		member(json_array_get(json_object_get(json_array_get(json_object_get(triage, "cards"), 0), "cells"), 0),
		       "policy"),
		"delegate");
	id = strdup(member(json_object_get(triage, "run"), "id"));
	json_decref(triage);
	triage = run_json(1, "triage %s --json --cell 1 --store '%s/s.db'", id, folder);
	ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(json_object_get(triage, "cards"), 0), "cells")), 1);
	json_decref(triage);
	free(id);
}
END_TEST

START_TEST(hundreds_of_findings_are_few_cards)
{
	json_t *triage = cards_of("matrix --flows all", "s.db");
	long long findings = json_integer_value(json_object_get(triage, "findings"));

	ck_assert_int_gt(findings, 300);
	ck_assert_int_lt((long long)json_array_size(json_object_get(triage, "cards")), findings / 4);
	json_decref(triage);
}
END_TEST

START_TEST(what_cannot_be_is_said)
{
	free(run_text(1, "matrix --policies stock --matrices de --flows both --store '%s/s.db'", folder));
	assert_complains(2, "--class: there is no \"vanished\"", "triage --class vanished --store '%s/s.db'", folder);
	assert_complains(2, "--format is text, markdown or json", "triage --format pdf --store '%s/s.db'", folder);
	assert_complains(2, "there is no policy \"lenient\"", "triage --policy lenient --store '%s/s.db'", folder);
	assert_complains(7, "holds no run yesterday", "triage yesterday --store '%s/s.db'", folder);
	assert_complains(7, "there is no store", "triage --store '%s/none.db'", folder);
	assert_complains(2, "holds nothing to triage", "triage --store none");
}
END_TEST

/* ---- the bundle ---- */

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int shell(const char *format, ...)
{
	char line[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	return system(line); // NOLINT(cert-env33-c): the test's own command
}

/* A run by somebody called barnaby, at home, with a workflow of their own. */
static void make_run_of_barnaby(void)
{
	char home[300];

	snprintf(home, sizeof(home), "%s/barnaby", folder);
	setenv("HOME", home, 1);
	setenv("USER", "barnaby", 1);
	ck_assert_int_eq(shell("mkdir -p '%s' && cp scenarios/workflows/flux-all-kept.json '%s/barnaby.json'", home, home), 0);
	free(run_text(1, "replay '%s/barnaby.json' --backend sim --subject engine:stock --store '%s/s.db'", home, folder));
	free(run_text(1, "triage --store '%s/s.db' --bundle '%s/b.tar.gz'", folder, folder));
	ck_assert_int_eq(shell("mkdir '%s/x' && tar xzf '%s/b.tar.gz' -C '%s/x' --strip-components=1", folder, folder, folder),
			 0);
}

START_TEST(a_bundle_holds_cards_and_a_store_with_the_run)
{
	json_t *triage;

	make_run_of_barnaby();
	ck_assert_int_eq(shell("cd '%s/x' && test -s cards.md -a -s cards.json -a -s environment.json -a -s README.md", folder),
			 0);
	triage = run_json(1, "triage --json --store '%s/x/run.db'", folder);
	ck_assert_ptr_nonnull(find_card(triage, "lost", -1));
	json_decref(triage);
}
END_TEST

START_TEST(a_bundle_ends_where_gzip_does)
{
	make_run_of_barnaby();
	ck_assert_int_eq(shell("test -z \"$(gzip -t '%s/b.tar.gz' 2>&1)\"", folder), 0);
}
END_TEST

START_TEST(nothing_in_a_bundle_says_who_or_where)
{
	char host[256] = "";

	make_run_of_barnaby();
	gethostname(host, sizeof(host) - 1);
	ck_assert_int_ne(shell("grep -raiq barnaby '%s/x'", folder), 0);
	ck_assert_int_ne(shell("grep -raqF '%s' '%s/x'", folder, folder), 0);
	ck_assert_msg(!host[0] || shell("grep -raiwqF '%s' '%s/x'", host, folder) != 0, "the host's name survives");
	ck_assert_int_ne(shell("tar tvzf '%s/b.tar.gz' | grep -q -e barnaby -e '^[^ ]* [a-z]'", folder), 0);
}
END_TEST

START_TEST(a_bundle_leaves_nothing_else_behind)
{
	make_run_of_barnaby();
	ck_assert_int_eq(shell("test \"$(ls '%s' | grep -v '^s.db' | tr '\\n' ' ')\" = 'b.tar.gz barnaby x '", folder), 0);
}
END_TEST

START_TEST(a_bundle_that_cannot_be_written_is_an_error_and_leaves_nothing)
{
	free(run_text(1, "matrix --policies stock --matrices de --flows both --store '%s/s.db'", folder));
	ck_assert_int_eq(shell("mkdir '%s/taken'", folder), 0);
	free(run_text(6, "triage --store '%s/s.db' --bundle '%s/no/such/folder/b.tar.gz'", folder, folder));
	free(run_text(6, "triage --store '%s/s.db' --bundle '%s/taken'", folder, folder));
	ck_assert_int_eq(shell("test \"$(ls '%s' | grep -v '^s.db')\" = taken", folder), 0);
}
END_TEST

HARNESS_SUITE(triage_suite)
{
	Suite *suite = suite_create("triage");
	TCase *tests = tcase_create("triage");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_card_names_the_known_cause, 0, (int)ARRAY_SIZE(shown));
	tcase_add_test(tests, an_empty_tail_is_no_finding_where_the_version_has_a_compute_device);
	tcase_add_loop_test(tests, a_device_that_is_to_hold_more_than_it_has_free_is_a_finding, 0, ARRAY_SIZE(over_committed));
	tcase_add_loop_test(tests, a_card_s_command_shows_the_same_again, 0, (int)ARRAY_SIZE(shown));
	tcase_add_test(tests, a_lost_model_that_lives_shows_its_shortest_path);
	tcase_add_test(tests, whatever_is_alive_at_the_end_has_its_path_in_the_store);
	tcase_add_test(tests, a_model_lost_with_the_caches_names_the_holder_that_let_go);
	tcase_add_test(tests, what_a_dead_worker_left_behind_shows_what_killed_it);
	tcase_add_test(tests, a_true_leak_names_the_foreign_holder);
	tcase_add_test(tests, findings_are_exit_code_1_and_none_is_0);
	tcase_add_test(tests, filters_choose_cards);
	tcase_add_test(tests, hundreds_of_findings_are_few_cards);
	tcase_add_test(tests, what_cannot_be_is_said);
	tcase_add_test(tests, a_bundle_ends_where_gzip_does);
	tcase_add_test(tests, a_bundle_holds_cards_and_a_store_with_the_run);
	tcase_add_test(tests, nothing_in_a_bundle_says_who_or_where);
	tcase_add_test(tests, a_bundle_leaves_nothing_else_behind);
	tcase_add_test(tests, a_bundle_that_cannot_be_written_is_an_error_and_leaves_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}
