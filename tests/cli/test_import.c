/* `residency import` and `residency export`: a pasted log becomes a run that can be trusted as far as the log goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/cli/run.h"
#include "tests/cli/trace_check.h"
#include "tests/harness/harness.h"

#define LOGS "tests/data/logs/"

static char *folder;

static void begin(void)
{
	folder = harness_make_folder();
}

static void end(void)
{
	harness_remove_folder(folder);
}

static long long ask(const char *sql)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/store.db", folder);
	return ask_store(path, sql);
}

static json_t *import_json(int wanted_exit_code, const char *file)
{
	return run_json(wanted_exit_code, "import --json --store '%s/store.db' '%s'", folder, file);
}

static long long count_of(const json_t *summary, const char *name)
{
	return json_integer_value(json_object_get(summary, name));
}

static const char *cell_text(const json_t *summary, size_t cell, const char *name)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(summary, "cells"), cell), name));
}

START_TEST(a_kept_model_that_core_unloads_is_lost_where_the_log_says_so)
{
	json_t *summary = import_json(1, LOGS "kept-and-lost.log");

	ck_assert_str_eq(cell_text(summary, 0, "verdict"), "FAIL");
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE outcome = 'lost' AND reason = 'unloaded_by_core'"
			     " AND first_lost_stage = 'c1.after_unload' AND name = 'Flux:d78780cf'"),
			 1);
	ck_assert_int_eq(ask("SELECT failure_class FROM v_findings WHERE class = 'lost'"), 22);
	json_decref(summary);
}
END_TEST

START_TEST(a_log_names_no_holders_and_the_card_does_not_say_nobody)
{
	char *card;

	json_decref(import_json(1, LOGS "kept-and-lost.log"));
	card = run_text(1, "triage --store '%s/store.db'", folder);
	ck_assert_ptr_nonnull(strstr(card, "lost Flux:d78780cf"));
	ck_assert_ptr_null(strstr(card, "held by"));
	free(card);
}
END_TEST

START_TEST(an_older_build_that_keeps_all_its_models_passes)
{
	json_t *summary = import_json(0, LOGS "older-build-20250928.txt");

	ck_assert_str_eq(cell_text(summary, 0, "verdict"), "PASS");
	ck_assert_int_eq(count_of(summary, "malformed_lines"), 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE outcome = 'kept'"), 8);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE reason = 'evicted_by_pressure'"), 3);
	json_decref(summary);
}
END_TEST

START_TEST(the_final_table_of_a_load_says_where_its_blocks_are)
{
	json_decref(import_json(1, LOGS "kept-and-lost.log"));
	ck_assert_int_eq(ask("SELECT sum(block_count) FROM v_placements WHERE device_name = 'cuda:0'"), 402);
	ck_assert_int_eq(ask("SELECT sum(block_count) FROM v_plans WHERE device_name = 'cpu'"), 54);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_allocations WHERE own = 'cuda:0,0.7712;cpu,0.0426;cuda:1,0.0'"), 1);
	ck_assert_int_eq(ask("SELECT capacity_bytes / 10737418 FROM v_devices WHERE name = 'cuda:0'"), 2356);
}
END_TEST

START_TEST(a_progress_bar_that_draws_over_itself_is_twenty_steps)
{
	json_decref(import_json(1, LOGS "kept-and-lost.log"));
	ck_assert_int_eq(ask("SELECT count(*) FROM v_steps"), 20);
	ck_assert_int_eq(ask("SELECT sum(duration_ns) FROM v_steps"), 20000000000);
}
END_TEST

START_TEST(a_newer_log_lists_no_models_and_is_untrustworthy)
{
	json_t *summary = import_json(5, LOGS "newest-info.jsonl");

	ck_assert_str_eq(cell_text(summary, 0, "verdict"), "UNTRUSTWORTHY");
	ck_assert_ptr_nonnull(strstr(cell_text(summary, 0, "why"), "lists no models"));
	ck_assert_int_eq(count_of(summary, "json_lines"), 49);
	ck_assert_int_gt(count_of(summary, "tables"), 3);
	json_decref(summary);
}
END_TEST

START_TEST(a_stock_loaders_model_that_prints_as_kept_was_wished_by_nobody)
{
	json_decref(import_json(0, LOGS "server-01df082.log"));
	ck_assert_int_eq(ask("SELECT count(*) FROM v_models WHERE keep IS NULL AND outcome = 'unloaded'"), 1);
}
END_TEST

START_TEST(an_exception_stands_at_the_stage_after_it)
{
	json_t *summary = import_json(0, LOGS "server-01df082.log");

	ck_assert_int_eq(count_of(summary, "exceptions"), 6);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_stages WHERE exception LIKE 'KeyError: ''xlabs_controlnets''%'"), 1);
	json_decref(summary);
}
END_TEST

/* Each line of a file as a user pastes it: coloured, with a prefix, CRLF. The caller frees. */
static char *pasted(const char *path, const char *prefix)
{
	struct error e = ERROR_INIT;
	struct strbuf text = STRBUF_INIT;
	size_t length;
	char *original = file_read_whole(path, &length, &e);
	char *rest = original;
	char *line;
	char *copy;

	ck_assert_msg(original != NULL, "%s", e.text);
	while ((line = strsep(&rest, "\n")))
		strbuf_printf(&text, "%s\033[32m%s\033[0m\r\n", prefix, line);
	free(original);
	copy = write_file(folder, "pasted.log", text.text, text.length);
	strbuf_free(&text);
	return copy;
}

START_TEST(colours_and_prefixes_change_nothing)
{
	static const char *const prefixes[] = { "",
						"> ",
						"comfyui-1  | ",
						"[2026-03-01 10:00:33.410] ",
						"Mar 01 10:00:33 host python[12]: ",
						"comfyui | ROOT ",
						"\033[1m$ \033[0m" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		char *path = pasted(LOGS "kept-and-lost.log", prefixes[i]);
		json_t *summary = import_json(1, path);

		ck_assert_msg(count_of(summary, "malformed_lines") == 0, "prefix \"%s\"", prefixes[i]);
		ck_assert_int_eq(count_of(summary, "memory_points"), 8);
		ck_assert_int_eq(count_of(summary, "lists"), 3);
		ck_assert_int_eq(count_of(summary, "tables"), 4);
		ck_assert_int_eq(count_of(summary, "steps"), 20);
		ck_assert_msg(strcmp(cell_text(summary, 0, "verdict"), "FAIL") == 0, "prefix \"%s\"", prefixes[i]);
		json_decref(summary);
		free(path);
	}
}
END_TEST

START_TEST(malformed_lines_are_counted_and_the_first_are_shown_with_their_place)
{
	struct strbuf text = STRBUF_INIT;
	json_t *summary;
	json_t *first;
	char *path;

	strbuf_append(&text, "got prompt\n[MultiGPU Model Management] 2026-03-01T10:00:00.000Z x no memory here\n"
			     "{\"timestamp\": \"2026-03-01T10:00:00\", \"mess\n");
	for (unsigned i = 0; i < 20; i++)
		strbuf_append(&text,
			      "[MultiGPU Model Management] [PRUNE_DEBUG] Starting prune - current_loaded_models count: many\n");
	path = write_file(folder, "broken.log", text.text, text.length);
	summary = import_json(5, path);
	ck_assert_int_eq(count_of(summary, "malformed_lines"), 22);
	ck_assert_uint_eq(json_array_size(json_object_get(summary, "malformed")), 8);
	first = json_array_get(json_object_get(summary, "malformed"), 0);
	ck_assert_int_eq(count_of(first, "line"), 2);
	ck_assert_str_eq(json_string_value(json_object_get(first, "file")), path);
	json_decref(summary);
	strbuf_free(&text);
	free(path);
}
END_TEST

START_TEST(standard_input_is_a_file_too)
{
	char *text = run_text(1, "import --store '%s/store.db' - <" LOGS "kept-and-lost.log", folder);

	ck_assert_ptr_nonnull(strstr(text, "standard input"));
	free(text);
}
END_TEST

START_TEST(a_server_that_starts_anew_is_another_cell)
{
	struct error e = ERROR_INIT;
	struct strbuf twice = STRBUF_INIT;
	size_t length;
	char *log = file_read_whole(LOGS "kept-and-lost.log", &length, &e);
	json_t *summary;
	char *path;

	ck_assert_msg(log != NULL, "%s", e.text);
	strbuf_append_n(&twice, log, length);
	strbuf_append_n(&twice, log, length);
	path = write_file(folder, "twice.log", twice.text, twice.length);
	summary = import_json(1, path);
	ck_assert_uint_eq(json_array_size(json_object_get(summary, "cells")), 2);
	json_decref(summary);
	strbuf_free(&twice);
	free(log);
	free(path);
}
END_TEST

START_TEST(a_log_that_is_not_there_leaves_no_run_behind)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/store.db", folder);
	assert_complains(7, "no-such.log", "import --store '%s' no-such.log", path);
	ck_assert_int_ne(access(path, F_OK), 0);
	assert_complains(2, "a log, or -", "import --store '%s'", path);
}
END_TEST

/* ---- export ---- */

/* How many events of each phase a trace of the newest run has, which keeps the format's rules. */
static struct trace_counts export_trace(void)
{
	struct trace_counts counts;
	struct error e = ERROR_INIT;
	char path[512];

	snprintf(path, sizeof(path), "%s/trace.json", folder);
	free(run_text(0, "export --trace '%s' --store '%s/store.db'", path, folder));
	ck_assert_msg(trace_check(path, &counts, &e), "%s", e.text);
	return counts;
}

START_TEST(the_trace_of_a_matrix_keeps_the_formats_rules)
{
	struct trace_counts counts;

	free(run_text(0, "matrix --policies strict --matrices abc,none-kept --store '%s/store.db'", folder));
	counts = export_trace();
	ck_assert_int_eq((long long)counts.counters,
			 ask("SELECT count(DISTINCT cell || ' ' || snapshot || ' ' || device) FROM v_memory"));
	ck_assert_int_gt((long long)counts.slices, 10);
}
END_TEST

START_TEST(the_trace_of_a_replay_holds_its_copies_and_steps)
{
	struct trace_counts counts;

	free(run_text(0, "replay flux-dev-1024 --backend sim --store '%s/store.db'", folder));
	counts = export_trace();
	ck_assert_int_ge((long long)counts.slices,
			 ask("SELECT (SELECT count(*) FROM v_transfers) + (SELECT count(*) FROM v_steps)"));
	ck_assert_int_gt(ask("SELECT count(*) FROM v_transfers"), 0);
}
END_TEST

START_TEST(the_trace_of_an_imported_log_holds_its_departures)
{
	struct trace_counts counts;

	json_decref(import_json(0, LOGS "older-build-20250928.txt"));
	counts = export_trace();
	ck_assert_int_eq((long long)counts.instants,
			 ask("SELECT (SELECT count(*) FROM v_stages) + (SELECT count(*) FROM v_actions) +"
			     " (SELECT count(*) FROM v_departures)"));
}
END_TEST

START_TEST(the_checker_finds_what_breaks_the_rules)
{
	static const struct {
		const char *events, *said;
	} broken[] = {
		{ "{\"ph\":\"Q\",\"pid\":1,\"tid\":1,\"name\":\"a\"}", "phase" },
		{ "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"a\",\"ts\":1}", "dur" },
		{ "{\"ph\":\"i\",\"pid\":1,\"tid\":1,\"name\":\"a\",\"ts\":1}", "scope" },
		{ "{\"ph\":\"C\",\"pid\":1,\"tid\":0,\"name\":\"a\",\"ts\":1,\"args\":{\"used\":\"x\"}}", "number" },
		{ "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"a\",\"ts\":1,\"dur\":5},"
		  "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"b\",\"ts\":4,\"dur\":5}",
		  "sticks out" },
		{ "{\"ph\":\"i\",\"pid\":1,\"tid\":1,\"name\":\"a\",\"ts\":3,\"s\":\"t\"},"
		  "{\"ph\":\"i\",\"pid\":1,\"tid\":1,\"name\":\"b\",\"ts\":2,\"s\":\"t\"}",
		  "order" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct strbuf text = STRBUF_INIT;
		struct error e = ERROR_INIT;
		struct trace_counts counts;
		char *path;

		strbuf_printf(&text, "{\"traceEvents\":[%s]}", broken[i].events);
		path = write_file(folder, "broken.json", text.text, text.length);
		ck_assert(!trace_check(path, &counts, &e));
		ck_assert_msg(strstr(e.text, broken[i].said) != NULL, "%s: %s", broken[i].said, e.text);
		strbuf_free(&text);
		free(path);
	}
}
END_TEST

START_TEST(a_view_is_lines_of_json_or_csv)
{
	json_t *row;
	char *text;

	json_decref(import_json(1, LOGS "kept-and-lost.log"));
	row = run_json(0, "export --ndjson v_models --store '%s/store.db'", folder);
	ck_assert_str_eq(json_string_value(json_object_get(row, "outcome")), "lost");
	ck_assert(json_is_null(json_object_get(row, "kind")) || json_is_string(json_object_get(row, "kind")));
	json_decref(row);
	text = run_text(0, "export --csv v_steps --store '%s/store.db'", folder);
	ck_assert_ptr_eq(strstr(text, "run,cell,number,node,step,"), text);
	free(text);
	assert_complains(2, "v_timeline", "export --csv run --store '%s/store.db'", folder);
	assert_complains(2, "one of --trace", "export --store '%s/store.db'", folder);
	assert_complains(7, "holds no run nine", "export --trace t.json --run nine --store '%s/store.db'", folder);
}
END_TEST

HARNESS_SUITE(import_suite)
{
	Suite *suite = suite_create("import");
	TCase *import = tcase_create("import");
	TCase *export = tcase_create("export");

	tcase_add_checked_fixture(import, begin, end);
	tcase_add_checked_fixture(export, begin, end);
	tcase_add_test(import, a_kept_model_that_core_unloads_is_lost_where_the_log_says_so);
	tcase_add_test(import, a_log_names_no_holders_and_the_card_does_not_say_nobody);
	tcase_add_test(import, an_older_build_that_keeps_all_its_models_passes);
	tcase_add_test(import, the_final_table_of_a_load_says_where_its_blocks_are);
	tcase_add_test(import, a_progress_bar_that_draws_over_itself_is_twenty_steps);
	tcase_add_test(import, a_newer_log_lists_no_models_and_is_untrustworthy);
	tcase_add_test(import, a_stock_loaders_model_that_prints_as_kept_was_wished_by_nobody);
	tcase_add_test(import, an_exception_stands_at_the_stage_after_it);
	tcase_add_test(import, colours_and_prefixes_change_nothing);
	tcase_add_test(import, malformed_lines_are_counted_and_the_first_are_shown_with_their_place);
	tcase_add_test(import, standard_input_is_a_file_too);
	tcase_add_test(import, a_server_that_starts_anew_is_another_cell);
	tcase_add_test(import, a_log_that_is_not_there_leaves_no_run_behind);
	tcase_add_test(export, the_trace_of_a_matrix_keeps_the_formats_rules);
	tcase_add_test(export, the_trace_of_a_replay_holds_its_copies_and_steps);
	tcase_add_test(export, the_trace_of_an_imported_log_holds_its_departures);
	tcase_add_test(export, the_checker_finds_what_breaks_the_rules);
	tcase_add_test(export, a_view_is_lines_of_json_or_csv);
	suite_add_tcase(suite, import);
	suite_add_tcase(suite, export);
	return suite;
}
