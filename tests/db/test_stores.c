/* A store of each schema that a released program wrote, kept as a file in tests/data/stores: it was made with the migrations up to
 * that schema and never changes. Each is copied, opened for writing, which migrates it, and read through today's views. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "db/store.h"
#include "tests/harness/harness.h"

static char *folder;
static char path[256];

/* What a store has to show after its migration; the first schema that has it. */
static const struct {
	int schema;
	const char *sql; /* one row, one integer: 1 */
} shows[] = {
	{ .schema = 1, .sql = "SELECT count(*) FROM v_runs WHERE run = 'r1'" },
	{ .schema = 1, .sql = "SELECT count(*) FROM v_findings WHERE class = 'lost' AND model = 'B' AND policy = 'stock'" },
	{ .schema = 1, .sql = "SELECT count(*) FROM v_objects WHERE name = 'B' AND size_bytes = 4096" },
	{ .schema = 2, .sql = "SELECT count(*) FROM v_findings WHERE failure_class = 6 AND action = 'unload_all'" },
	{ .schema = 3, .sql = "SELECT count(*) FROM v_stages WHERE load_device = 1" },
	{ .schema = 4, .sql = "SELECT count(*) FROM v_sweep_commits WHERE summary = 'first'" },
	{ .schema = 5, .sql = "SELECT count(*) FROM v_blocks WHERE name = 'B' AND block_count = 2 AND size_bytes = 2048" },
};

static void begin(void)
{
	folder = harness_make_folder();
	ck_assert_int_lt(snprintf(path, sizeof(path), "%s/store.db", folder), (int)sizeof(path));
}

static void end(void)
{
	harness_remove_folder(folder);
}

static void copy_store_of(int schema)
{
	struct error e = ERROR_INIT;
	char kept[64];
	size_t length;
	char *bytes;

	snprintf(kept, sizeof(kept), "tests/data/stores/schema-%d.db", schema);
	bytes = file_read_whole(kept, &length, &e);
	ck_assert_ok(bytes, &e);
	ck_assert_ok(file_write_whole(path, bytes, length, &e), &e);
	free(bytes);
}

static int number_from(struct store *store, const char *sql)
{
	struct error e = ERROR_INIT;
	sqlite3_stmt *statement = store_prepare(store, sql, &e);
	int number;

	ck_assert_ok(statement, &e);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

static int schema_in_file(void)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	int schema;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	schema = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return schema;
}

START_TEST(a_store_of_each_schema_opens_migrates_and_is_read)
{
	int schema = _i;
	struct error e = ERROR_INIT;
	struct store *store;

	copy_store_of(schema);
	ck_assert_int_eq(schema_in_file(), schema);
	store = store_open(path, STORE_WRITE, &e);
	ck_assert_ok(store, &e);
	ck_assert_int_eq(store_schema(store), store_schema_newest());
	ck_assert_ok(store_check(store, &e), &e);
	for (size_t i = 0; i < ARRAY_SIZE(shows); i++)
		ck_assert_msg(number_from(store, shows[i].sql) == (schema >= shows[i].schema), "schema %d: %s", schema,
			      shows[i].sql);
	store_close(store);
}
END_TEST

START_TEST(the_newest_schema_has_its_store)
{
	copy_store_of(store_schema_newest());
	ck_assert_int_eq(schema_in_file(), store_schema_newest());
}
END_TEST

HARNESS_SUITE(stores_suite)
{
	Suite *suite = suite_create("stores");
	TCase *tests = tcase_create("schemas");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_loop_test(tests, a_store_of_each_schema_opens_migrates_and_is_read, 1, 6);
	tcase_add_test(tests, the_newest_schema_has_its_store);
	suite_add_tcase(suite, tests);
	return suite;
}
