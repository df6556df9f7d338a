/* The writer with its real thread, into real stores: whole, full, killed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "db/store.h"
#include "db/writer.h"
#include "tests/harness/harness.h"

static char *folder;
static char path[256];
static struct error e;

static void begin(void)
{
	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/store.db", folder);
	e = (struct error)ERROR_INIT;
}

static void end(void)
{
	harness_remove_folder(folder);
}

static struct writer *start(bool wait_for_room)
{
	struct writer_options options = { .wait_for_room = wait_for_room, .ring_size_bytes = 65536 };
	struct writer *writer = writer_start(path, &options, &e);

	ck_assert_ok(writer, &e);
	return writer;
}

static void put_run(const struct record_sink *sink)
{
	static unsigned count;
	struct record_run run = { .command = "residency test", .version = "0", .environment = "{}" };

	snprintf(run.id, sizeof(run.id), "run %u", ++count);
	record_put(sink, RECORD_RUN, &run, sizeof(run));
}

static void put_run_end(const struct record_sink *sink)
{
	struct record_run_end run = { .ended_wall_ns = 1, .exit_code = 1 };

	record_put(sink, RECORD_RUN_END, &run, sizeof(run));
}

/* A cell of one model and `snapshots` snapshots, with a verdict. */
static void put_cell(const struct record_sink *sink, uint32_t number, uint32_t snapshots)
{
	struct record_cell cell = { .cell = number, .policy = "strict", .matrix = "abc", .flow = "both" };
	struct record_model model = { .cell = number, .model = 1, .name = "B", .generation = 1, .inner = 1, .keep = KEEP_YES };
	struct record_verdict verdict = { .cell = number, .verdict = VERDICT_PASS };

	record_put(sink, RECORD_CELL, &cell, sizeof(cell));
	record_put(sink, RECORD_MODEL, &model, sizeof(model));
	for (uint32_t i = 1; i <= snapshots; i++) {
		struct record_snapshot snapshot = {
			.cell = number, .snapshot = i, .stage = STAGE_AFTER_GC, .anchor_count = -1
		};
		struct record_residency residency = { .cell = number, .snapshot = i, .model = 1, .listed = -1, .anchored = -1 };
		struct record_holder holder = {
			.cell = number, .snapshot = i, .model = 1, .label = "kept", .kind = HOLDER_MANAGER
		};

		record_put(sink, RECORD_SNAPSHOT, &snapshot, sizeof(snapshot));
		record_put(sink, RECORD_RESIDENCY, &residency, sizeof(residency));
		record_put(sink, RECORD_HOLDER, &holder, sizeof(holder));
	}
	record_put(sink, RECORD_VERDICT, &verdict, sizeof(verdict));
}

/* One integer of the store as a reader sees it. */
static int64_t ask(const char *sql)
{
	struct store *store = store_open(path, STORE_READ, &e);
	sqlite3_stmt *statement;
	int64_t value;

	ck_assert_ok(store, &e);
	statement = store_prepare(store, sql, &e);
	ck_assert_ok(statement, &e);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	store_close(store);
	return value;
}

START_TEST(all_that_is_put_is_in_the_store)
{
	struct writer *writer = start(true);
	struct record_sink sink = writer_sink(writer);

	put_run(&sink);
	for (uint32_t cell = 1; cell <= 200; cell++)
		put_cell(&sink, cell, 9);
	put_run_end(&sink);
	ck_assert_ok(writer_finish(writer, &e), &e);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE verdict = 'PASS'"), 200);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_timeline"), 1800);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_holders"), 1800);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_runs WHERE state = 'finished' AND exit_code = 1 AND dropped = 0"), 1);
}
END_TEST

START_TEST(unknown_becomes_null)
{
	struct writer *writer = start(true);
	struct record_sink sink = writer_sink(writer);
	struct record_device device = { .index = 1, .name = "cuda:0", .kind = "cuda", .capacity_bytes = UNKNOWN_U64 };
	struct record_model model = { .cell = 1, .model = 2, .name = "S", .generation = 1, .inner = 2, .keep = KEEP_NONE };

	put_run(&sink);
	put_cell(&sink, 1, 1);
	record_put(&sink, RECORD_DEVICE, &device, sizeof(device));
	record_put(&sink, RECORD_MODEL, &model, sizeof(model));
	ck_assert_ok(writer_finish(writer, &e), &e);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_devices WHERE capacity_bytes IS NULL"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_objects WHERE keep IS NULL"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_timeline WHERE listed IS NULL AND anchored IS NULL"), 1);
}
END_TEST

START_TEST(a_second_run_joins_the_first_in_one_store)
{
	for (int i = 0; i < 2; i++) {
		struct writer *writer = start(true);
		struct record_sink sink = writer_sink(writer);

		put_run(&sink);
		put_cell(&sink, 1, 3);
		ck_assert_ok(writer_finish(writer, &e), &e);
	}
	ck_assert_int_eq(ask("SELECT count(*) FROM v_runs"), 2);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells"), 2);
}
END_TEST

START_TEST(a_wish_that_changes_changes_the_row)
{
	struct writer *writer = start(true);
	struct record_sink sink = writer_sink(writer);
	struct record_model model = { .cell = 1, .model = 1, .name = "B", .generation = 1, .inner = 1, .keep = KEEP_NO };

	put_run(&sink);
	put_cell(&sink, 1, 1);
	record_put(&sink, RECORD_MODEL, &model, sizeof(model));
	ck_assert_ok(writer_finish(writer, &e), &e);
	ck_assert_int_eq(ask("SELECT keep FROM v_objects"), 0);
}
END_TEST

START_TEST(a_producer_that_never_waits_drops_and_says_so)
{
	struct writer *writer = start(false);
	struct record_sink sink = writer_sink(writer);
	uint64_t dropped;

	put_run(&sink);
	put_cell(&sink, 1, 2);
	put_cell(&sink, 2, 200000); /* far more than the ring holds, faster than anybody writes */
	dropped = writer_dropped(writer, 2);
	ck_assert_uint_gt(dropped, 0);
	ck_assert_uint_eq(writer_dropped(writer, 1), 0);
	ck_assert_ok(writer_finish(writer, &e), &e);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE cell = 2 AND verdict = 'UNTRUSTWORTHY' AND dropped > 0"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE cell = 1 AND verdict = 'PASS' AND dropped = 0"), 1);
	ck_assert_int_ge(ask("SELECT dropped FROM v_runs"), (int64_t)dropped);
}
END_TEST

START_TEST(a_record_whose_parent_was_dropped_counts_as_dropped)
{
	struct writer *writer = start(true);
	struct record_sink sink = writer_sink(writer);
	struct record_residency residency = { .cell = 1, .snapshot = 77, .model = 1 };

	put_run(&sink);
	put_cell(&sink, 1, 1);
	record_put(&sink, RECORD_RESIDENCY, &residency, sizeof(residency));
	put_cell(&sink, 2, 1);
	ck_assert_ok(writer_finish(writer, &e), &e);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE cell = 1 AND verdict = 'UNTRUSTWORTHY'"), 1);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_cells WHERE cell = 2 AND verdict = 'PASS'"), 1);
}
END_TEST

START_TEST(records_before_their_run_are_an_error)
{
	struct writer *writer = start(true);
	struct record_sink sink = writer_sink(writer);

	put_cell(&sink, 1, 1);
	ck_assert(!writer_finish(writer, &e));
	ck_assert_int_eq(e.kind, ERROR_BUG);
}
END_TEST

/* Writes until it is killed; the parent reads one byte once a batch must have been committed. */
static void write_until_killed(int told)
{
	struct writer *writer = start(true);
	struct record_sink sink = writer_sink(writer);
	uint64_t began = clock_now_ns();
	bool said = false;

	put_run(&sink);
	for (uint32_t cell = 1;; cell++) {
		put_cell(&sink, cell, 9);
		if (!said && clock_now_ns() - began > NS_PER_S) {
			said = true;
			if (write(told, "x", 1) != 1)
				_exit(1);
		}
	}
}

START_TEST(after_kill_9_the_store_opens_and_the_run_is_unfinished)
{
	struct store *store;
	int told[2];
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(told), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		write_until_killed(told[1]);
	ck_assert_int_eq(read(told[0], &byte, 1), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_runs WHERE state = 'unfinished'"), 1);
	ck_assert_int_gt(ask("SELECT count(*) FROM v_cells WHERE verdict = 'PASS'"), 100);
	store = store_open(path, STORE_READ, &e);
	ck_assert_ok(store_check(store, &e), &e);
	store_close(store);
	close(told[0]);
	close(told[1]);
}
END_TEST

/* Files may not grow past a few pages more than an empty store: the disk is full for whoever writes on. */
static void limit_files(rlim_t size_bytes)
{
	struct rlimit limit = { .rlim_cur = size_bytes, .rlim_max = RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_disk_that_fills_up_is_told_once_at_the_end)
{
	struct writer *writer = start(true);
	struct record_sink sink = writer_sink(writer);

	limit_files(1 << 20);
	put_run(&sink);
	for (uint32_t cell = 1; cell <= 5000; cell++)
		put_cell(&sink, cell, 9);
	ck_assert(!writer_is_fine(writer));
	ck_assert(!writer_finish(writer, &e));
	ck_assert_msg(error_exit_code(e.kind) == 6, "%s", e.text);
	ck_assert_msg(strstr(e.text, "make room"), "%s", e.text);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(ask("SELECT count(*) FROM v_runs WHERE state = 'finished'"), 0);
}
END_TEST

START_TEST(a_full_folder_takes_no_store_and_keeps_no_part_of_one)
{
	struct writer_options options = { .wait_for_room = true };

	limit_files(8192);
	ck_assert_ptr_null(writer_start(path, &options, &e));
	ck_assert_msg(error_exit_code(e.kind) == 6, "%s", e.text);
	ck_assert_msg(strstr(e.text, "make room"), "%s", e.text);
	ck_assert_int_eq(rmdir(folder), 0); /* which only an empty folder allows */
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

HARNESS_SUITE(writer_suite)
{
	Suite *suite = suite_create("writer");
	TCase *tests = tcase_create("writer");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, all_that_is_put_is_in_the_store);
	tcase_add_test(tests, unknown_becomes_null);
	tcase_add_test(tests, a_second_run_joins_the_first_in_one_store);
	tcase_add_test(tests, a_wish_that_changes_changes_the_row);
	tcase_add_test(tests, a_producer_that_never_waits_drops_and_says_so);
	tcase_add_test(tests, a_record_whose_parent_was_dropped_counts_as_dropped);
	tcase_add_test(tests, records_before_their_run_are_an_error);
	tcase_add_test(tests, after_kill_9_the_store_opens_and_the_run_is_unfinished);
	tcase_add_test(tests, a_disk_that_fills_up_is_told_once_at_the_end);
	tcase_add_test(tests, a_full_folder_takes_no_store_and_keeps_no_part_of_one);
	suite_add_tcase(suite, tests);
	return suite;
}
