/* A run's opening in a store: what it leaves there, with which exit code, and that it fails as a whole. */
#include <stdio.h>

#include "db/store.h"
#include "scenarios/run/run.h"
#include "tests/harness/harness.h"
#include "tests/scenarios/cell.h"

static struct cell_seen seen;

static void open_cell(void)
{
	cell_open(&seen);
}

static void close_cell(void)
{
	cell_close(&seen);
}

/* The one whole number that a statement gives. */
static int64_t number_in(const char *path, const char *sql)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_READ, &e);
	sqlite3_stmt *statement;
	int64_t number;

	ck_assert_ok(store != NULL, &e);
	statement = store_prepare(store, sql, &e);
	ck_assert_ok(statement != NULL, &e);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	store_close(store);
	return number;
}

START_TEST(a_run_that_is_closed_has_its_exit_code_in_the_store)
{
	struct run_request request = { .command = "residency test",
				       .wait_for_room = true,
				       .environment = { .subject = "test" } };
	struct recording recording;
	struct error e = ERROR_INIT;
	char *folder = harness_make_folder();
	char path[600];

	snprintf(path, sizeof(path), "%s/run.db", folder);
	request.store = path;
	ck_assert_ok(run_open(&recording, &request, &e), &e);
	ck_assert(run_is_fine(&recording));
	ck_assert_uint_eq(run_dropped(&recording, 1), 0);
	ck_assert_ok(run_close(&recording, 5, &e), &e);
	ck_assert_ok(run_close(&recording, 1, &e), &e); /* closed already */
	ck_assert_int_eq(number_in(path, "SELECT count(*) FROM v_runs"), 1);
	ck_assert_int_eq(number_in(path, "SELECT exit_code FROM v_runs"), 5);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(a_run_without_a_store_has_an_id_and_keeps_nothing)
{
	const struct run_request request = { .command = "residency test", .environment = { .subject = "test" } };
	struct recording recording;
	struct error e = ERROR_INIT;

	ck_assert_ok(run_open(&recording, &request, &e), &e);
	ck_assert_ptr_null(recording.writer);
	ck_assert_str_ne(recording.run.id, "");
	ck_assert(run_is_fine(&recording));
	ck_assert_ok(run_close(&recording, 0, &e), &e);
}
END_TEST

START_TEST(a_run_whose_store_cannot_be_opened_is_not_open)
{
	const struct run_request request = { .store = "/proc/no-folder/run.db", .command = "residency test" };
	struct recording recording;
	struct error e = ERROR_INIT;

	ck_assert(!run_open(&recording, &request, &e));
	ck_assert(error_is_set(&e));
	ck_assert_ptr_null(recording.writer);
}
END_TEST

START_TEST(an_engine_is_described_by_its_backend_and_kind)
{
	const struct run_environment environment = run_environment_of(seen.subject, NULL, backend_find("sim"));

	ck_assert_str_eq(environment.backend, "sim");
	ck_assert_str_eq(environment.subject, "engine");
	ck_assert_ptr_null(environment.probe);
}
END_TEST

HARNESS_SUITE(run_suite)
{
	Suite *suite = suite_create("run");
	TCase *tests = tcase_create("opening");

	tcase_add_checked_fixture(tests, open_cell, close_cell);
	tcase_add_test(tests, a_run_that_is_closed_has_its_exit_code_in_the_store);
	tcase_add_test(tests, a_run_without_a_store_has_an_id_and_keeps_nothing);
	tcase_add_test(tests, a_run_whose_store_cannot_be_opened_is_not_open);
	tcase_add_test(tests, an_engine_is_described_by_its_backend_and_kind);
	suite_add_tcase(suite, tests);
	return suite;
}
