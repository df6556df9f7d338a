#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/units.h"
#include "core/tensor/transcode/bulk.h"
#include "tests/harness/harness.h"

#define SIZE ((size_t)(37 * MIB) + 123)

static char *folder;
static char path[512];
static uint8_t *wanted;
static uint8_t *found;

static void set_up(void)
{
	struct error e = ERROR_INIT;

	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/bytes", folder);
	wanted = malloc(SIZE);
	found = calloc(SIZE, 1);
	ck_assert(wanted && found);
	for (size_t i = 0; i < SIZE; i++)
		wanted[i] = (uint8_t)(i * 2654435761U >> 13);
	ck_assert_ok(file_write_whole(path, wanted, SIZE, &e), &e);
}

static void tear_down(void)
{
	free(wanted);
	free(found);
	harness_remove_folder(folder);
}

START_TEST(pieces_arrive_where_they_should)
{
	/* Out of order, of all sizes, with gaps. */
	const struct bulk_piece pieces[] = {
		{ 20 * MIB + 7, 17 * MIB, found + 20 * MIB + 7 },
		{ 0, 1, found },
		{ 3, 0, found + 3 },
		{ 100, 9 * MIB, found + 100 },
		{ SIZE - 1, 1, found + SIZE - 1 },
	};
	struct error e = ERROR_INIT;

	ck_assert_ok(bulk_read(path, pieces, 5, NULL, &e), &e);
	for (size_t i = 0; i < 5; i++)
		ck_assert_mem_eq((uint8_t *)pieces[i].to, wanted + pieces[i].file_offset, pieces[i].size_bytes);
	ck_assert_uint_eq(found[50], 0);
	ck_assert_uint_eq(found[10 * MIB], 0);
}
END_TEST

struct seen {
	uint64_t last, total;
	bool went_back;
	bool stop;
};

static void on_progress(void *context, uint64_t done, uint64_t total)
{
	struct seen *seen = context;

	seen->went_back |= done < seen->last;
	seen->last = done;
	seen->total = total;
	seen->stop = true;
}

START_TEST(progress_ends_with_everything)
{
	struct seen seen = { .last = 0 };
	const struct bulk_watcher watcher = { .progress = on_progress, .context = &seen };
	const struct bulk_piece piece = { 0, SIZE, found };
	struct error e = ERROR_INIT;

	ck_assert_ok(bulk_read(path, &piece, 1, &watcher, &e), &e);
	ck_assert_uint_eq(seen.last, SIZE);
	ck_assert_uint_eq(seen.total, SIZE);
	ck_assert(!seen.went_back);
}
END_TEST

START_TEST(an_interrupt_ends_it)
{
	struct seen seen = { .last = 0 };
	const struct bulk_watcher watcher = { .progress = on_progress, .context = &seen, .interrupted = &seen.stop };
	const struct bulk_piece piece = { 0, SIZE, found };
	struct error e = ERROR_INIT;

	ck_assert(!bulk_read(path, &piece, 1, &watcher, &e));
	ck_assert_int_eq(e.kind, ERROR_INTERRUPTED);
}
END_TEST

START_TEST(a_file_that_ends_early_is_an_error)
{
	const struct bulk_piece piece = { 10, SIZE - 10, found };
	struct error e = ERROR_INIT;

	ck_assert_int_eq(truncate(path, (off_t)SIZE - 5), 0);
	ck_assert(!bulk_read(path, &piece, 1, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_IO);
	ck_assert_ptr_nonnull(strstr(e.text, path));
}
END_TEST

START_TEST(a_file_that_is_not_there_is_missing)
{
	const struct bulk_piece piece = { 0, 1, found };
	struct error e = ERROR_INIT;

	ck_assert(!bulk_read("/nowhere/at/all", &piece, 1, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
}
END_TEST

HARNESS_SUITE(bulk_suite)
{
	Suite *suite = suite_create("bulk");
	TCase *cases = tcase_create("bulk");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, pieces_arrive_where_they_should);
	tcase_add_test(cases, progress_ends_with_everything);
	tcase_add_test(cases, an_interrupt_ends_it);
	tcase_add_test(cases, a_file_that_ends_early_is_an_error);
	tcase_add_test(cases, a_file_that_is_not_there_is_missing);
	suite_add_tcase(suite, cases);
	return suite;
}
