/* Real stores in real folders, good and bad. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "db/store_copy.h"
#include "db/store.h"
#include "tests/harness/harness.h"

#define NOBODY 65534

static char *folder;
static char path[256];

static void begin(void)
{
	folder = harness_make_folder();
	ck_assert_int_lt(snprintf(path, sizeof(path), "%s/a store?#.db", folder), sizeof(path));
}

static void end(void)
{
	chmod(folder, 0700);
	harness_remove_folder(folder);
}

static void make_store(void)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_WRITE, &e);

	ck_assert_ok(store, &e);
	ck_assert_ok(
		store_execute(
			store,
			"INSERT INTO run (id, command, version, started_wall_ns, environment) VALUES ('r1', 'c', 'v', 1, '{}')",
			"write to", &e),
		&e);
	store_close(store);
}

static void run_sql(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int count(struct store *store, const char *sql)
{
	struct error e = ERROR_INIT;
	sqlite3_stmt *statement = store_prepare(store, sql, &e);
	int value;

	ck_assert_ok(statement, &e);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

/* Opens in a mode that must fail; the error's text is in e. */
static void refuse(enum store_mode mode, enum error_kind kind, const char *says)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(store_open(path, mode, &e));
	ck_assert_int_eq(e.kind, kind);
	ck_assert_msg(strstr(e.text, says), "\"%s\" does not say \"%s\"", e.text, says);
	ck_assert_ptr_null(strchr(e.text, '\n'));
}

START_TEST(a_new_store_has_the_newest_schema_and_is_whole)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_WRITE, &e);

	ck_assert_ok(store, &e);
	ck_assert_int_eq(store_schema(store), store_schema_newest());
	ck_assert_ok(store_check(store, &e), &e);
	store_close(store);
}
END_TEST

START_TEST(every_table_is_strict)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_WRITE, &e);

	ck_assert_int_gt(count(store, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"), 20);
	ck_assert_int_eq(count(store,
			       "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 "
			       "AND name NOT LIKE 'sqlite_%'"),
			 0);
	store_close(store);
}
END_TEST

START_TEST(every_view_can_be_queried)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_WRITE, &e);
	sqlite3_stmt *views = store_prepare(store, "SELECT name FROM sqlite_schema WHERE type = 'view'", &e);
	char sql[128];

	while (sqlite3_step(views) == SQLITE_ROW) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", (const char *)sqlite3_column_text(views, 0));
		ck_assert_int_eq(count(store, sql), 0);
	}
	sqlite3_finalize(views);
	store_close(store);
}
END_TEST

START_TEST(what_was_written_is_read)
{
	struct error e = ERROR_INIT;
	struct store *store;

	make_store();
	store = store_open(path, STORE_READ, &e);
	ck_assert_ok(store, &e);
	ck_assert_int_eq(count(store, "SELECT count(*) FROM v_runs WHERE state = 'unfinished'"), 1);
	store_close(store);
}
END_TEST

START_TEST(foreign_keys_are_on)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_WRITE, &e);

	ck_assert(!store_execute(store, "INSERT INTO device VALUES ('no such run', 't', 0, 'cpu', 'cpu', 1)", "write to", &e));
	store_close(store);
}
END_TEST

START_TEST(a_reader_makes_no_store)
{
	refuse(STORE_READ, ERROR_MISSING, "there is no store");
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_refused_and_left_alone)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *text;

	ck_assert_ok(file_write_whole(path, "not a database, but long enough to look at", 42, &e), &e);
	refuse(STORE_READ, ERROR_STORE, "it is no store of residency");
	refuse(STORE_WRITE, ERROR_STORE, "it is no store of residency");
	text = file_read_whole(path, &length, &e);
	ck_assert_uint_eq(length, 42);
	free(text);
}
END_TEST

START_TEST(a_database_of_another_program_is_refused)
{
	run_sql("CREATE TABLE bookmarks (url TEXT)");
	refuse(STORE_READ, ERROR_STORE, "another program");
	refuse(STORE_WRITE, ERROR_STORE, "another program");
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
	make_store();
	run_sql("PRAGMA user_version = 99");
	refuse(STORE_READ, ERROR_STORE, "has schema 99");
	refuse(STORE_WRITE, ERROR_STORE, "use a newer residency");
}
END_TEST

/* The store as the first version of the program left it, with a finding in it. */
static void make_store_of_schema_1(void)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *first = file_read_whole("db/migrations/001.sql", &length, &e);

	ck_assert_ok(first, &e);
	run_sql(first);
	free(first);
	run_sql("PRAGMA application_id = 1381188697; PRAGMA user_version = 1;"
		"INSERT INTO run (id, command, version, started_wall_ns, environment) VALUES ('r1', 'c', 'v', 1, '{}');"
		"INSERT INTO cell (run, number) VALUES ('r1', 1);"
		"INSERT INTO finding VALUES ('r1', 1, 1, 'lost', 'B', 'c1.after_gc', 'died_in_gc')");
}

START_TEST(an_older_store_is_brought_up_to_date_and_keeps_what_it_has)
{
	struct error e = ERROR_INIT;
	struct store *store;

	make_store_of_schema_1();
	store = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(store, &e);
	ck_assert_int_eq(store_schema(store), store_schema_newest());
	ck_assert_ok(store_check(store, &e), &e);
	ck_assert_int_eq(count(store, "SELECT count(*) FROM v_findings WHERE model = 'B' AND failure_class IS NULL"), 1);
	store_close(store);
}
END_TEST

static void shout(void *context, const char *text, struct strbuf *to)
{
	(void)context;
	strbuf_printf(to, "%s!", text);
}

START_TEST(one_run_is_copied_and_its_texts_go_through_the_filter)
{
	struct copy_filter filter = { .text = shout };
	struct error e = ERROR_INIT;
	char other[300];
	struct store *from;
	struct store *to;

	make_store_of_schema_1();
	from = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(from, &e);
	ck_assert_ok(store_execute(from,
				   "INSERT INTO run (id, command, version, started_wall_ns, environment)"
				   " VALUES ('r2', 'c', 'v', 2, '{}')",
				   "write to", &e),
		     &e);
	snprintf(other, sizeof(other), "%s/copy.db", folder);
	to = store_open(other, STORE_WRITE, &e);
	ck_assert_ok(to, &e);
	ck_assert_ok(store_copy_run(from, "r1", to, &filter, &e), &e);
	ck_assert_ok(store_check(to, &e), &e);
	ck_assert_int_eq(count(to, "SELECT count(*) FROM run"), 1);
	ck_assert_int_eq(count(to, "SELECT count(*) FROM v_findings WHERE run = 'r1' AND model = 'B!' AND object IS NULL"), 1);
	store_close(from);
	store_close(to);
}
END_TEST

START_TEST(a_run_that_is_there_already_is_not_copied_over_and_nothing_changes)
{
	struct error e = ERROR_INIT;
	struct store *store;

	make_store_of_schema_1();
	store = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(store, &e);
	ck_assert(!store_copy_run(store, "r1", store, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_STORE);
	ck_assert_int_eq(count(store, "SELECT count(*) FROM finding"), 1);
	store_close(store);
}
END_TEST

static bool never(void *context, size_t row_count, struct error *e)
{
	(void)context;
	return error_set(e, ERROR_INTERRUPTED, "interrupted after %zu", row_count);
}

START_TEST(a_copy_that_may_not_go_on_leaves_nothing)
{
	struct copy_filter filter = { .text = shout, .go_on = never };
	struct error e = ERROR_INIT;
	char other[300];
	struct store *from;
	struct store *to;

	make_store_of_schema_1();
	from = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(from, &e);
	snprintf(other, sizeof(other), "%s/copy.db", folder);
	to = store_open(other, STORE_WRITE, &e);
	ck_assert_ok(to, &e);
	ck_assert(!store_copy_run(from, "r1", to, &filter, &e));
	ck_assert_int_eq(e.kind, ERROR_INTERRUPTED);
	ck_assert_str_eq(e.text, "interrupted after 1");
	ck_assert_int_eq(count(to, "SELECT count(*) FROM run"), 0);
	store_close(from);
	store_close(to);
}
END_TEST

START_TEST(an_older_store_is_not_read_and_the_remedy_is_named)
{
	struct error e = ERROR_INIT;

	make_store_of_schema_1();
	ck_assert_ptr_null(store_open(path, STORE_READ, &e));
	ck_assert_msg(strstr(e.text, "has schema 1"), "%s", e.text);
	ck_assert_msg(strstr(e.text, "brings it up to date"), "%s", e.text);
}
END_TEST

START_TEST(a_store_in_a_folder_that_is_not_there_is_an_error_of_the_store)
{
	snprintf(path, sizeof(path), "%s/no/such/folder/x.db", folder);
	refuse(STORE_WRITE, ERROR_STORE, "No such file or directory");
}
END_TEST

/* Runs a check as somebody who may not write where root may; its exit code is 0 when it held. */
static void as_nobody(int (*check)(void))
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(100);
		_exit(check());
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static int cannot_be_written(void)
{
	struct error e = ERROR_INIT;

	if (store_open(path, STORE_WRITE, &e))
		return 1;
	return e.kind == ERROR_STORE && strstr(e.text, "--store") ? 0 : 2;
}

static int can_be_read(void)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_READ, &e);
	int found;

	if (!store) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	found = count(store, "SELECT count(*) FROM v_runs");
	store_close(store);
	return found == 1 ? 0 : 2;
}

START_TEST(in_a_read_only_folder_no_store_is_made_and_nothing_left)
{
	ck_assert_int_eq(chmod(folder, 0555), 0);
	as_nobody(cannot_be_written);
	chmod(folder, 0700);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_store_in_a_read_only_folder_is_read)
{
	make_store();
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(chmod(folder, 0555), 0);
	as_nobody(can_be_read);
}
END_TEST

START_TEST(a_read_only_store_cannot_be_written)
{
	make_store();
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	as_nobody(cannot_be_written);
}
END_TEST

START_TEST(a_damaged_store_is_told_by_the_check)
{
	struct error e = ERROR_INIT;
	struct store *store;

	make_store();
	run_sql("PRAGMA foreign_keys = OFF; INSERT INTO device VALUES ('no such run', 't', 0, 'cpu', 'cpu', 1)");
	store = store_open(path, STORE_READ, &e);
	ck_assert_ok(store, &e);
	ck_assert(!store_check(store, &e));
	ck_assert_msg(strstr(e.text, "a row of device refers to a row of run"), "%s", e.text);
	store_close(store);
}
END_TEST

HARNESS_SUITE(store_suite)
{
	Suite *suite = suite_create("store");
	TCase *tests = tcase_create("store");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, a_new_store_has_the_newest_schema_and_is_whole);
	tcase_add_test(tests, every_table_is_strict);
	tcase_add_test(tests, every_view_can_be_queried);
	tcase_add_test(tests, what_was_written_is_read);
	tcase_add_test(tests, foreign_keys_are_on);
	tcase_add_test(tests, a_reader_makes_no_store);
	tcase_add_test(tests, a_file_that_is_no_database_is_refused_and_left_alone);
	tcase_add_test(tests, a_database_of_another_program_is_refused);
	tcase_add_test(tests, a_newer_schema_is_refused);
	tcase_add_test(tests, an_older_store_is_brought_up_to_date_and_keeps_what_it_has);
	tcase_add_test(tests, a_copy_that_may_not_go_on_leaves_nothing);
	tcase_add_test(tests, an_older_store_is_not_read_and_the_remedy_is_named);
	tcase_add_test(tests, one_run_is_copied_and_its_texts_go_through_the_filter);
	tcase_add_test(tests, a_run_that_is_there_already_is_not_copied_over_and_nothing_changes);
	tcase_add_test(tests, a_store_in_a_folder_that_is_not_there_is_an_error_of_the_store);
	tcase_add_test(tests, in_a_read_only_folder_no_store_is_made_and_nothing_left);
	tcase_add_test(tests, a_store_in_a_read_only_folder_is_read);
	tcase_add_test(tests, a_read_only_store_cannot_be_written);
	tcase_add_test(tests, a_damaged_store_is_told_by_the_check);
	suite_add_tcase(suite, tests);
	return suite;
}
