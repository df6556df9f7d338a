/* What a real ComfyUI with the guard on did (evidence/guard/, with its commands), against the engine's own policy strict; and a real one
 * itself, where RESIDENCY_COMFYUI, RESIDENCY_COMFYUI_PYTHON and RESIDENCY_MULTIGPU name them. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "tests/harness/harness.h"

static char *folder;
static sqlite3 *engine;

static void set_up(void)
{
	char arguments[1024];
	char path[512];
	char *output;
	char *errors;

	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/s.db", folder);
	snprintf(
		arguments, sizeof(arguments),
		"matrix --policies strict --matrices all --flows all --device-modes all --caches classic,lru,none --store '%s'",
		path);
	ck_assert_int_eq(harness_residency(arguments, &output, &errors), 0);
	free(output);
	free(errors);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static void open_engine(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/s.db", folder);
	ck_assert_int_eq(sqlite3_open(path, &engine), SQLITE_OK);
}

static void close_engine(void)
{
	sqlite3_close(engine);
}

/* A line of evidence: "abc both split B kept   1", what left having a stage and a reason between the spaces. */
struct line {
	char matrix[32], flow[32], device_mode[16], name[32], outcome[16];
	int disk_loads;
};

static bool read_line(const char *text, struct line *line)
{
	const char *end = strchr(text, '\n');
	char copy[256];

	if (!end || (size_t)(end - text) >= sizeof(copy))
		return false;
	memcpy(copy, text, (size_t)(end - text));
	copy[end - text] = '\0';
	line->disk_loads = atoi(strrchr(copy, ' ') + 1);
	return sscanf(copy, "%31s %31s %15s %31s %15s", line->matrix, line->flow, line->device_mode, line->name,
		      line->outcome) == 5;
}

static bool stays(const char *outcome)
{
	return strcmp(outcome, "kept") == 0 || strcmp(outcome, "displaced") == 0;
}

/* What is to stay became of what it does in the engine, and was read as often; the rest is not asked for by the engine's word: a
 * loader that ejects, or that sets flags by itself, makes it go earlier. */
static void check_line(const char *file, const struct line *line, const char *cache)
{
	const char *sql =
		"SELECT outcome, disk_loads FROM v_models WHERE judged = 1 AND matrix = ? AND flow = ? AND device_mode = ? "
		"AND name = ? AND cache = ?";
	const char *values[] = { line->matrix, line->flow, line->device_mode, line->name, cache };
	sqlite3_stmt *statement;
	const char *wanted;

	ck_assert_int_eq(sqlite3_prepare_v2(engine, sql, -1, &statement, NULL), SQLITE_OK);
	for (int i = 0; i < 5; i++)
		sqlite3_bind_text(statement, i + 1, values[i], -1, SQLITE_STATIC);
	ck_assert_msg(sqlite3_step(statement) == SQLITE_ROW, "%s: the engine knows no %s %s %s %s", file, line->matrix,
		      line->flow, line->device_mode, line->name);
	wanted = (const char *)sqlite3_column_text(statement, 0);
	if (stays(wanted)) {
		ck_assert_msg(strcmp(line->outcome, wanted) == 0, "%s: %s %s %s: %s is %s and not %s", file, line->matrix,
			      line->flow, line->device_mode, line->name, line->outcome, wanted);
		ck_assert_msg(line->disk_loads == sqlite3_column_int(statement, 1), "%s: %s %s %s: %s was read %d times", file,
			      line->matrix, line->flow, line->device_mode, line->name, line->disk_loads);
	} else {
		ck_assert_msg(strcmp(line->outcome, "unloaded") == 0 || strcmp(line->outcome, "present") == 0,
			      "%s: %s %s %s: %s is %s", file, line->matrix, line->flow, line->device_mode, line->name,
			      line->outcome);
	}
	sqlite3_finalize(statement);
}

static const char *const versions[] = { "none", "01df082", "ae8bb7c", "07b429f", "dde3480", "62f98ed", "a38cbda" };

/* evidence/guard/VERSION.txt, or VERSION-cache-CACHE.txt; it has so many lines at least. */
static void check_evidence(const char *version, const char *suffix, const char *cache, size_t least)
{
	struct error e = ERROR_INIT;
	char path[256];
	size_t length;
	size_t count = 0;
	char *text;

	snprintf(path, sizeof(path), "tests/live/evidence/guard/%s%s.txt", version, suffix);
	text = file_read_whole(path, &length, &e);
	ck_assert_ok(text, &e);
	for (const char *at = text; *at; at = strchr(at, '\n') + 1) {
		struct line line;

		ck_assert_msg(read_line(at, &line), "%s: %.60s", path, at);
		check_line(path, &line, cache);
		count++;
	}
	ck_assert_uint_ge(count, least);
	free(text);
}

START_TEST(under_the_guard_what_is_to_be_kept_stays_and_is_read_once_on_every_version)
{
	check_evidence(versions[_i], "", "classic", 150);
}
END_TEST

START_TEST(under_the_guard_it_stays_with_a_cache_that_keeps_nothing)
{
	check_evidence(versions[_i], "-cache-none", "none", 15);
}
END_TEST

START_TEST(under_the_guard_it_stays_with_a_cache_that_ages)
{
	check_evidence(versions[_i], "-cache-lru", "lru", 15);
}
END_TEST

START_TEST(a_real_multigpu_under_the_guard_keeps_what_is_to_be_kept_and_reads_it_once)
{
	const char *python = getenv("RESIDENCY_COMFYUI_PYTHON");
	char arguments[2048];
	char path[512];
	char *output;
	char *errors;
	sqlite3_stmt *statement;

	snprintf(path, sizeof(path), "%s/live.db", folder);
	snprintf(arguments, sizeof(arguments),
		 "live run --comfyui '%.400s' --python '%.400s' --nodes '%.400s' --guard -- matrix --matrices abc,de "
		 "--flows both-prompt,other-workflow --store '%s'",
		 getenv("RESIDENCY_COMFYUI"), python ? python : "python3", getenv("RESIDENCY_MULTIGPU"), path);
	ck_assert_int_eq(harness_residency(arguments, &output, &errors), 0);
	sqlite3_close(engine);
	ck_assert_int_eq(sqlite3_open(path, &engine), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_prepare_v2(engine,
				   "SELECT count(*) FROM v_models WHERE judged = 1 AND keep = 1 AND outcome = 'kept' AND "
				   "disk_loads = 1",
				   -1, &statement, NULL),
		SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	ck_assert_int_eq(sqlite3_column_int(statement, 0), 8);
	sqlite3_finalize(statement);
	free(output);
	free(errors);
}
END_TEST

HARNESS_SUITE(guard_suite)
{
	Suite *suite = suite_create("guard");
	TCase *cases = tcase_create("evidence");
	TCase *servers = tcase_create("servers");

	tcase_add_unchecked_fixture(cases, set_up, tear_down); /* the engine runs once for all of them */
	tcase_add_checked_fixture(cases, open_engine, close_engine);
	tcase_add_loop_test(cases, under_the_guard_what_is_to_be_kept_stays_and_is_read_once_on_every_version, 0,
			    ARRAY_SIZE(versions));
	tcase_add_loop_test(cases, under_the_guard_it_stays_with_a_cache_that_keeps_nothing, 0, ARRAY_SIZE(versions));
	tcase_add_loop_test(cases, under_the_guard_it_stays_with_a_cache_that_ages, 0, ARRAY_SIZE(versions));
	tcase_set_timeout(cases, 60);
	suite_add_tcase(suite, cases);
	if (getenv("RESIDENCY_COMFYUI") && getenv("RESIDENCY_MULTIGPU")) {
		tcase_add_unchecked_fixture(servers, set_up, tear_down);
		tcase_add_checked_fixture(servers, open_engine, close_engine);
		tcase_add_test(servers, a_real_multigpu_under_the_guard_keeps_what_is_to_be_kept_and_reads_it_once);
	}
	tcase_set_timeout(servers, 900);
	suite_add_tcase(suite, servers);
	return suite;
}
