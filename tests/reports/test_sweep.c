/* A sweep read back from a store that many runs have written to, and texts as bad as they come. */
#include <stdlib.h>
#include <string.h>

#include "db/store.h"
#include "db/sweep_cell.h"
#include "reports/sweep/sweep.h"
#include "tests/harness/harness.h"

static char *folder;
static struct store *store;

static void execute(const char *sql)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(store_execute(store, sql, "write to", &e), &e);
}

/* The sweep `s` of three commits and one cell under the setting '{}'. */
static void begin(void)
{
	struct error e = ERROR_INIT;
	char path[256];

	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/s.db", folder);
	store = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(store, &e);
	execute("INSERT INTO run (id, command, version, started_wall_ns, environment) VALUES ('s', 'residency sweep', '0', 1, "
		"'{}');"
		"INSERT INTO sweep VALUES ('s', 'pack', 'nodes', 'a..c', '{}');"
		"INSERT INTO sweep_commit VALUES ('s', 0, 'aaaa', 0, 'first'), ('s', 1, 'bbbb', 86400000000000, 'second'),"
		" ('s', 2, 'cccc', 172800000000000, 'third');"
		"INSERT INTO sweep_cell VALUES ('s', 1, 'de', 'both', 'split', 'real')");
}

static void end(void)
{
	store_close(store);
	harness_remove_folder(folder);
}

static void add_run(const char *run, int started, const char *commit, const char *setting, const char *why)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
		 "INSERT INTO run (id, command, version, started_wall_ns, environment) VALUES ('%s', 'x', '0', %d, '{}');"
		 "INSERT INTO run_commit VALUES ('%s', 'pack', '%s', '%s', '%s')",
		 run, started, run, commit, setting, why);
	execute(sql);
}

/* A cell of that run, and what became of its model D. */
static void add_cell(const char *run, int number, const char *verdict, const char *outcome)
{
	char sql[1024];

	snprintf(sql, sizeof(sql),
		 "INSERT INTO cell (run, number, matrix, flow, device_mode, node_flags) VALUES"
		 " ('%s', %d, 'de', 'both', 'split', 'real');"
		 "INSERT INTO verdict (run, cell, verdict, dropped, why) VALUES ('%s', %d, '%s', 0, '');"
		 "INSERT INTO model (run, cell, number, name, generation, inner_model, kind, block_count)"
		 " VALUES ('%s', %d, 1, 'D', 1, 1, 'unet', 1);"
		 "INSERT INTO verdict_model (run, cell, model, name, generation, judged, keep, outcome, first_lost_stage, "
		 "reason,"
		 " first_lost_state, end_state, died_stage, holders_before, holders_after, disk_loads)"
		 " VALUES ('%s', %d, 1, 'D', 1, 1, 1, '%s', '', '', 'resident', 'resident', '', '[]', '[]', 1)",
		 run, number, run, number, verdict, run, number, run, number, outcome);
	execute(sql);
}

static json_t *read_it(void)
{
	struct error e = ERROR_INIT;
	json_t *sweep = sweep_read(store, NULL, &e);

	ck_assert_ok(sweep, &e);
	return sweep;
}

static const char *verdict_at(const json_t *sweep, size_t commit)
{
	const json_t *cell = json_array_get(json_object_get(sweep, "cells"), 0);
	const char *verdict =
		json_string_value(json_object_get(json_array_get(json_object_get(cell, "history"), commit), "verdict"));

	return verdict ? verdict : "";
}

static const char *state_at(const json_t *sweep, size_t commit)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(sweep, "commits"), commit), "state"));
}

START_TEST(a_commit_that_nobody_ran_waits)
{
	json_t *sweep = read_it();

	ck_assert_str_eq(state_at(sweep, 1), "waiting");
	ck_assert_uint_eq(sweep_count(sweep, "waiting"), 3);
	json_decref(sweep);
}
END_TEST

START_TEST(the_newest_verdict_counts_and_an_untrustworthy_one_takes_none_away)
{
	json_t *sweep;

	add_run("r1", 2, "bbbb", "{}", "");
	add_cell("r1", 1, "FAIL", "lost");
	add_run("r2", 3, "bbbb", "{}", "");
	add_cell("r2", 1, "PASS", "kept");
	add_run("r3", 4, "bbbb", "{}", "");
	add_cell("r3", 1, "UNTRUSTWORTHY", "kept");
	sweep = read_it();
	ck_assert_str_eq(verdict_at(sweep, 1), "PASS");
	ck_assert_uint_eq(sweep_count(sweep, "untrustworthy"), 0);
	json_decref(sweep);
}
END_TEST

START_TEST(a_verdict_under_another_setting_is_of_another_sweep)
{
	json_t *sweep;

	add_run("r1", 2, "bbbb", "{\"python\":\"x\"}", "");
	add_cell("r1", 1, "FAIL", "lost");
	sweep = read_it();
	ck_assert_str_eq(verdict_at(sweep, 1), "");
	json_decref(sweep);
}
END_TEST

START_TEST(a_commit_that_ran_later_is_no_more_one_that_could_not_start)
{
	json_t *sweep;

	add_run("r1", 2, "aaaa", "{}", "no module named torch");
	add_run("r2", 3, "bbbb", "{}", "no module named torch");
	add_run("r3", 4, "bbbb", "{}", "");
	add_cell("r3", 1, "PASS", "kept");
	sweep = read_it();
	ck_assert_str_eq(state_at(sweep, 0), "not run");
	ck_assert_str_eq(state_at(sweep, 1), "run");
	ck_assert_uint_eq(sweep_count(sweep, "not_run"), 1);
	json_decref(sweep);
}
END_TEST

START_TEST(what_is_known_of_a_cell_is_found_again)
{
	const struct record_sweep_cell cell = { .matrix = "de", .flow = "both", .device_mode = "split", .node_flags = "real" };
	struct error e = ERROR_INIT;
	enum known known;

	add_run("r1", 2, "bbbb", "{}", "");
	add_cell("r1", 1, "FAIL", "lost");
	ck_assert_ok(sweep_known(store, "{}", "bbbb", &cell, &known, &e), &e);
	ck_assert_int_eq(known, KNOWN_FAIL);
	ck_assert_ok(sweep_known(store, "{}", "cccc", &cell, &known, &e), &e);
	ck_assert_int_eq(known, KNOWN_NOT);
	ck_assert_ok(sweep_known(store, "{\"of\":1}", "bbbb", &cell, &known, &e), &e);
	ck_assert_int_eq(known, KNOWN_NOT);
}
END_TEST

START_TEST(no_text_of_a_store_reaches_the_terminal_as_it_is)
{
	struct strbuf text = STRBUF_INIT;
	json_t *sweep;

	add_run("r1", 2, "aaaa", "{}", "");
	add_cell("r1", 1, "PASS", "kept");
	add_run("r2", 3, "cccc", "{}", "");
	add_cell("r2", 1, "FAIL", "lost");
	add_run("r3", 4, "bbbb", "{}", "\x1b[31mred");
	execute("UPDATE sweep_commit SET summary = 'a' || char(27) || '[2J' || char(10) || x'ff' WHERE number = 2;"
		"UPDATE sweep SET repository = char(27) || 'pack', commit_range = char(27);"
		"UPDATE sweep_commit SET commit_id = char(27) || 'x' WHERE number = 0");
	sweep = read_it();
	sweep_text(sweep, 80, true, &text);
	ck_assert_ptr_null(strchr(strbuf_text(&text), 27));
	strbuf_free(&text);
	json_decref(sweep);
}
END_TEST

START_TEST(cells_with_one_history_are_told_together)
{
	struct strbuf text = STRBUF_INIT;
	json_t *sweep;

	execute("INSERT INTO sweep_cell VALUES ('s', 2, 'de', 'free', 'split', 'real'), ('s', 3, 'de', 'unload', 'split', "
		"'real')");
	add_run("r1", 2, "aaaa", "{}", "");
	add_cell("r1", 1, "PASS", "kept");
	add_run("r2", 3, "bbbb", "{}", "");
	add_cell("r2", 1, "FAIL", "lost");
	execute("INSERT INTO cell (run, number, matrix, flow, device_mode, node_flags)"
		" SELECT run, 2, matrix, 'unload', device_mode, node_flags FROM cell WHERE number = 1;"
		"INSERT INTO verdict (run, cell, verdict, dropped, why) SELECT run, 2, verdict, 0, '' FROM verdict;"
		"INSERT INTO model (run, cell, number, name, generation, inner_model, kind, block_count)"
		" SELECT run, 2, 1, 'D', 1, 1, 'unet', 1 FROM model;"
		"INSERT INTO verdict_model (run, cell, model, name, generation, judged, keep, outcome, first_lost_stage, "
		"reason,"
		" end_state, died_stage, holders_before, holders_after, disk_loads) SELECT run, 2, 1, 'D', 1, 1, 1, outcome, "
		"'', '',"
		" end_state, '', '[]', '[]', 1 FROM verdict_model");
	sweep = read_it();
	sweep_text(sweep, 80, false, &text);
	ck_assert_ptr_nonnull(strstr(strbuf_text(&text), "de/both    bbbb       1970-01-02  PASS  FAIL  second\n"
							 "de/unload  D lost\n"
							 "\nwithout a change:\n"
							 "de/free    nothing is known of it\n"));
	strbuf_free(&text);
	json_decref(sweep);
}
END_TEST

START_TEST(lines_fit_the_terminal)
{
	struct strbuf text = STRBUF_INIT;
	json_t *sweep;

	add_run("r1", 2, "aaaa", "{}", "");
	add_cell("r1", 1, "PASS", "kept");
	add_run("r2", 3, "cccc", "{}", "");
	add_cell("r2", 1, "FAIL", "lost");
	add_run("r3", 4, "bbbb", "{}", "a word after a word after a word after a word after a word after a word after a word");
	execute("UPDATE sweep_commit SET summary = 'é a very long line that somebody wrote instead of a message, and went on, "
		"and on'");
	sweep = read_it();
	sweep_text(sweep, 80, true, &text);
	for (const char *line = strbuf_text(&text); *line;) {
		size_t bytes = strcspn(line, "\n");
		size_t columns = 0;

		for (size_t i = 0; i < bytes; i++)
			columns += ((unsigned char)line[i] & 0xc0) != 0x80;
		ck_assert_msg(columns <= 80, "%zu columns: %.*s", columns, (int)bytes, line);
		line += bytes + (line[bytes] == '\n');
	}
	strbuf_free(&text);
	json_decref(sweep);
}
END_TEST

START_TEST(a_filter_is_the_words_of_a_cell)
{
	const struct record_sweep_cell cell = { .matrix = "de", .flow = "both", .device_mode = "same", .node_flags = "real" };
	char name[SWEEP_CELL_NAME_MAX];

	ck_assert(sweep_cell_matches(&cell, "de"));
	ck_assert(sweep_cell_matches(&cell, "both/de"));
	ck_assert(sweep_cell_matches(&cell, "de/both/same/real"));
	ck_assert(!sweep_cell_matches(&cell, "de/bot"));
	ck_assert(!sweep_cell_matches(&cell, "de/split"));
	ck_assert(!sweep_cell_matches(&cell, ""));
	ck_assert(!sweep_cell_matches(&cell, "de/"));
	sweep_cell_name(&cell, name);
	ck_assert_str_eq(name, "de/both/same/real");
	ck_assert(sweep_cell_matches(&cell, name));
}
END_TEST

START_TEST(a_sweep_that_is_not_there_is_named)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(sweep_read(store, "elsewhere", &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(e.text, "holds no sweep elsewhere"));
}
END_TEST

HARNESS_SUITE(sweep_table_suite)
{
	Suite *suite = suite_create("sweep");
	TCase *cases = tcase_create("store");

	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, a_commit_that_nobody_ran_waits);
	tcase_add_test(cases, the_newest_verdict_counts_and_an_untrustworthy_one_takes_none_away);
	tcase_add_test(cases, a_verdict_under_another_setting_is_of_another_sweep);
	tcase_add_test(cases, a_commit_that_ran_later_is_no_more_one_that_could_not_start);
	tcase_add_test(cases, what_is_known_of_a_cell_is_found_again);
	tcase_add_test(cases, no_text_of_a_store_reaches_the_terminal_as_it_is);
	tcase_add_test(cases, cells_with_one_history_are_told_together);
	tcase_add_test(cases, lines_fit_the_terminal);
	tcase_add_test(cases, a_filter_is_the_words_of_a_cell);
	tcase_add_test(cases, a_sweep_that_is_not_there_is_named);
	suite_add_tcase(suite, cases);
	return suite;
}
