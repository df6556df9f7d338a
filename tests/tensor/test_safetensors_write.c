#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/tensor/safetensors/safetensors.h"
#include "tests/harness/harness.h"

static const float four[4] = { 1, 2, 3, 4 };
static const uint8_t two[2] = { 7, 9 };
static const int64_t shape_four[2] = { 2, 2 };
static const int64_t shape_two[1] = { 2 };
static const int64_t shape_none[2] = { 0, 5 };

static const struct safetensors_entry entries[] = {
	{ "zwei \"\\\n", DTYPE_U8, 1, shape_two, two },
	{ "four", DTYPE_F32, 2, shape_four, four },
	{ "none", DTYPE_F16, 2, shape_none, NULL },
	{ "scalar", DTYPE_F32, 0, NULL, four },
};
static const char *const metadata[] = { "format", "pt", "note", "a\tb", NULL };

static char *folder;
static char path[512];

static void set_up(void)
{
	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/out.safetensors", folder);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static unsigned files_in_folder(void)
{
	DIR *dir = opendir(folder);
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

START_TEST(what_was_written_reads_back)
{
	struct error e = ERROR_INIT;
	struct safetensors *file;
	const struct safetensors_tensor *t;

	ck_assert_ok(safetensors_write(path, entries, 4, metadata, &e), &e);
	file = safetensors_open(path, &e);
	ck_assert_ok(file, &e);
	ck_assert_uint_eq(safetensors_count(file), 4);
	t = safetensors_find(file, "four");
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(t->shape[1], 2);
	ck_assert_mem_eq(t->bytes, four, sizeof(four));
	t = safetensors_find(file, "zwei \"\\\n");
	ck_assert_ptr_nonnull(t);
	ck_assert_mem_eq(t->bytes, two, 2);
	ck_assert_uint_eq((t->file_offset) % 8, 0);
	ck_assert_str_eq(safetensors_metadata(file, "note"), "a\tb");
	safetensors_close(file);
	ck_assert_uint_eq(files_in_folder(), 1);
}
END_TEST

START_TEST(pieces_of_any_size_make_the_same_file)
{
	struct error e = ERROR_INIT;
	struct safetensors_writer *writer = safetensors_writer_open(path, &entries[1], 1, NULL, &e);
	struct safetensors *file;

	ck_assert_ok(writer, &e);
	for (size_t i = 0; i < sizeof(four); i++)
		ck_assert_ok(safetensors_writer_put(writer, (const char *)four + i, 1, &e), &e);
	ck_assert_ok(safetensors_writer_finish(writer, &e), &e);
	file = safetensors_open(path, &e);
	ck_assert_ok(file, &e);
	ck_assert_mem_eq(safetensors_find(file, "four")->bytes, four, sizeof(four));
	safetensors_close(file);
}
END_TEST

START_TEST(a_file_with_bytes_missing_never_appears)
{
	struct error e = ERROR_INIT;
	struct safetensors_writer *writer = safetensors_writer_open(path, entries, 4, NULL, &e);

	ck_assert_ok(writer, &e);
	ck_assert_ok(safetensors_writer_put(writer, two, 2, &e), &e);
	ck_assert(!safetensors_writer_finish(writer, &e));
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(more_bytes_than_announced_are_refused)
{
	struct error e = ERROR_INIT;
	struct safetensors_writer *writer = safetensors_writer_open(path, entries, 1, NULL, &e);

	ck_assert_ok(writer, &e);
	ck_assert(!safetensors_writer_put(writer, four, 3, &e));
	safetensors_writer_abandon(writer);
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(two_tensors_of_one_name_are_refused)
{
	struct safetensors_entry twice[2] = { entries[0], entries[0] };
	struct error e = ERROR_INIT;

	ck_assert(!safetensors_write(path, twice, 2, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_io_error)
{
	struct error e = ERROR_INIT;

	snprintf(path, sizeof(path), "%s/nowhere/out.safetensors", folder);
	ck_assert(!safetensors_write(path, entries, 4, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_IO);
	ck_assert_ptr_nonnull(strstr(e.text, path));
}
END_TEST

START_TEST(a_full_disk_leaves_no_partial_file)
{
	struct error e = ERROR_INIT;
	char target[600];

	/* The partial file's name is known; where it is a link to a device that is always full, every write fails. */
	snprintf(target, sizeof(target), "%s.partial-%ld", path, (long)getpid());
	ck_assert_int_eq(symlink("/dev/full", target), 0);
	ck_assert(!safetensors_write(path, entries, 4, NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_IO);
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

HARNESS_SUITE(safetensors_write_suite)
{
	Suite *suite = suite_create("safetensors_write");
	TCase *cases = tcase_create("writing");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_was_written_reads_back);
	tcase_add_test(cases, pieces_of_any_size_make_the_same_file);
	tcase_add_test(cases, a_file_with_bytes_missing_never_appears);
	tcase_add_test(cases, more_bytes_than_announced_are_refused);
	tcase_add_test(cases, two_tensors_of_one_name_are_refused);
	tcase_add_test(cases, a_folder_that_is_not_there_is_an_io_error);
	tcase_add_test(cases, a_full_disk_leaves_no_partial_file);
	suite_add_tcase(suite, cases);
	return suite;
}
