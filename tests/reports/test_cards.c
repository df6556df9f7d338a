/* Cards from a store whose texts are as bad as they come. */
#include <stdlib.h>
#include <string.h>

#include "db/store.h"
#include "reports/triage/renderers.h"
#include "reports/triage/triage.h"
#include "tests/harness/harness.h"

static char *folder;
static struct store *store;

static void begin(void)
{
	struct error e = ERROR_INIT;
	char path[256];

	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/s.db", folder);
	store = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(store, &e);
	ck_assert_ok(
		store_execute(
			store,
			"INSERT INTO run (id, command, version, started_wall_ns, environment) VALUES"
			" ('r', 'residency matrix', '0', 1, '{\"cpu\":\"x\"}');"
			"INSERT INTO cell (run, number, subject, policy, matrix, flow) VALUES"
			" ('r', 1, 'engine:stock', 'stock', 'abc', 'both'), ('r', 2, 'engine:stock', 'stock', 'de', 'both')",
			"write to", &e),
		&e);
}

static void end(void)
{
	store_close(store);
	harness_remove_folder(folder);
}

static void add_finding(int cell, int number, const char *class_name, const char *model, const char *detail)
{
	struct error e = ERROR_INIT;
	sqlite3_stmt *statement = store_prepare(store,
						"INSERT INTO finding (run, cell, number, class, model, stage, detail, reason)"
						" VALUES ('r', ?1, ?2, ?3, ?4, 'c1.end', ?5, 'died_in_gc')",
						&e);

	ck_assert_ok(statement, &e);
	sqlite3_bind_int(statement, 1, cell);
	sqlite3_bind_int(statement, 2, number);
	sqlite3_bind_text(statement, 3, class_name, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 4, model, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, detail, -1, SQLITE_STATIC);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
}

static json_t *read_cards(const char *class_name)
{
	struct triage_filter filter = { .cell = -1, .class_name = class_name };
	struct error e = ERROR_INIT;
	json_t *triage = triage_read(store, NULL, &filter, &e);

	ck_assert_ok(triage, &e);
	return triage;
}

static const json_t *card(const json_t *triage, size_t index)
{
	return json_array_get(json_object_get(triage, "cards"), index);
}

START_TEST(findings_that_say_the_same_are_one_card)
{
	json_t *triage;

	add_finding(1, 1, "lost", "B", "");
	add_finding(1, 2, "lost", "C", "");
	add_finding(2, 1, "lost", "C", "");
	triage = read_cards(NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(triage, "cards")), 1);
	ck_assert_int_eq(triage_number(card(triage, 0), "count", 0), 3);
	ck_assert_uint_eq(json_array_size(json_object_get(card(triage, 0), "cells")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(card(triage, 0), "models")), 2);
	json_decref(triage);
}
END_TEST

START_TEST(what_is_worse_comes_first)
{
	json_t *triage;

	add_finding(1, 1, "stale", "A", "");
	add_finding(1, 2, "lost", "B", "");
	add_finding(2, 1, "corrupted", "", "");
	triage = read_cards(NULL);
	ck_assert_str_eq(triage_member(card(triage, 0), "class"), "corrupted");
	ck_assert_str_eq(triage_member(card(triage, 1), "class"), "lost");
	ck_assert_str_eq(triage_member(card(triage, 2), "class"), "stale");
	json_decref(triage);
}
END_TEST

START_TEST(markdown_takes_names_as_they_are)
{
	json_t *triage;
	struct strbuf text = STRBUF_INIT;

	add_finding(1, 1, "leaked", "<b>|x`*_@you", "a\nb | c");
	triage = read_cards(NULL);
	triage_renderer_find("markdown")->render(triage, 0, &text);
	ck_assert_ptr_nonnull(strstr(strbuf_text(&text), "&lt;b>\\|x\\`\\*\\_@&#8203;you"));
	ck_assert_ptr_nonnull(strstr(strbuf_text(&text), "| what | a b \\| c |"));
	strbuf_free(&text);
	json_decref(triage);
}
END_TEST

START_TEST(a_terminal_is_sent_no_control_characters)
{
	json_t *triage;
	struct strbuf text = STRBUF_INIT;

	add_finding(1, 1, "leaked", "\033[2Jx", "\a\b");
	triage = read_cards(NULL);
	triage_renderer_find("text")->render(triage, 80, &text);
	ck_assert_ptr_null(strchr(strbuf_text(&text), '\033'));
	ck_assert_ptr_null(strchr(strbuf_text(&text), '\a'));
	strbuf_free(&text);
	json_decref(triage);
}
END_TEST

START_TEST(what_is_no_utf_8_is_still_a_card)
{
	json_t *triage;

	add_finding(1, 1, "leaked", "\xff\xfe", "\xc3");
	triage = read_cards(NULL);
	ck_assert_str_eq(triage_member(card(triage, 0), "model"), "??");
	json_decref(triage);
}
END_TEST

START_TEST(a_line_of_text_fits_eighty_columns)
{
	json_t *triage;
	struct strbuf text = STRBUF_INIT;
	const char *line;

	add_finding(1, 1, "leaked", "A",
		    "a long story of words that goes on for more than one line and is to be broken between words, as one does");
	triage = read_cards(NULL);
	triage_renderer_find("text")->render(triage, 80, &text);
	for (line = strbuf_text(&text); *line; line += strcspn(line, "\n") + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 80);
	strbuf_free(&text);
	json_decref(triage);
}
END_TEST

START_TEST(every_renderer_shows_the_model_of_a_finding)
{
	json_t *triage;

	add_finding(1, 1, "leaked", "flux-dev", "");
	triage = read_cards(NULL);
	ck_assert_ptr_eq(triage_renderer_find("text"), triage_renderers[0]);
	for (size_t i = 0; triage_renderers[i]; i++) {
		struct strbuf text = STRBUF_INIT;

		ck_assert_ptr_eq(triage_renderer_find(triage_renderers[i]->name), triage_renderers[i]);
		triage_renderers[i]->render(triage, 80, &text);
		ck_assert(strbuf_ok(&text));
		ck_assert_msg(strstr(strbuf_text(&text), "flux-dev"), "%s shows no model", triage_renderers[i]->name);
		strbuf_free(&text);
	}
	json_decref(triage);
}
END_TEST

START_TEST(only_the_wanted_class_is_read)
{
	json_t *triage;

	add_finding(1, 1, "stale", "A", "");
	add_finding(1, 2, "lost", "B", "");
	triage = read_cards("stale");
	ck_assert_uint_eq(triage_finding_count(triage), 1);
	ck_assert_str_eq(triage_member(card(triage, 0), "class"), "stale");
	json_decref(triage);
}
END_TEST

START_TEST(a_run_that_is_not_there_is_said)
{
	struct triage_filter filter = { .cell = -1 };
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(triage_read(store, "q", &filter, &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
}
END_TEST

HARNESS_SUITE(cards_suite)
{
	const TTest *const claims[] = {
		findings_that_say_the_same_are_one_card,
		what_is_worse_comes_first,
		markdown_takes_names_as_they_are,
		a_terminal_is_sent_no_control_characters,
		what_is_no_utf_8_is_still_a_card,
		a_line_of_text_fits_eighty_columns,
		every_renderer_shows_the_model_of_a_finding,
		only_the_wanted_class_is_read,
		a_run_that_is_not_there_is_said,
	};
	Suite *suite = suite_create("cards");
	TCase *tests = tcase_create("cards");

	tcase_add_checked_fixture(tests, begin, end);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		tcase_add_test(tests, claims[i]);
	suite_add_tcase(suite, tests);
	return suite;
}
