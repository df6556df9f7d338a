#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/harness/harness.h"

static char *folder;
static struct strbuf path;

static void make_folder(void)
{
	folder = harness_make_folder();
	path = (struct strbuf)STRBUF_INIT;
	strbuf_printf(&path, "%s/file", folder);
}

static void remove_folder(void)
{
	strbuf_free(&path);
	harness_remove_folder(folder);
}

static size_t files_in_folder(void)
{
	DIR *listing = opendir(folder);
	size_t count = 0;

	ck_assert_ptr_nonnull(listing);
	for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
		count += entry->d_name[0] != '.';
	closedir(listing);
	return count;
}

START_TEST(what_is_written_is_what_is_read)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *text;

	ck_assert_ok(file_write_whole(strbuf_text(&path), "one\0two", 7, &e), &e);
	text = file_read_whole(strbuf_text(&path), &length, &e);
	ck_assert_ok(text, &e);
	ck_assert_uint_eq(length, 7);
	ck_assert_mem_eq(text, "one\0two", 8);
	free(text);
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file_and_no_part)
{
	struct rlimit limit = { .rlim_cur = 1000, .rlim_max = RLIM_INFINITY };
	char *large = calloc(1, 100000);
	struct error e = ERROR_INIT;
	size_t length;
	char *text;

	ck_assert(file_write_whole(strbuf_text(&path), "old", 3, NULL));
	signal(SIGXFSZ, SIG_IGN); // NOLINT(cert-err33-c)
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert(!file_write_whole(strbuf_text(&path), large, 100000, &e));
	ck_assert_int_eq(e.kind, ERROR_IO);
	ck_assert_ptr_nonnull(strstr(e.text, strbuf_text(&path)));
	ck_assert_uint_eq(files_in_folder(), 1);
	text = file_read_whole(strbuf_text(&path), &length, NULL);
	ck_assert_str_eq(text, "old");
	free(text);
	free(large);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_a_missing_input)
{
	struct file_mapping mapping;
	struct error e = ERROR_INIT;

	ck_assert(!file_map(&mapping, strbuf_text(&path), &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
}
END_TEST

START_TEST(a_folder_is_not_a_file)
{
	struct error e = ERROR_INIT;
	size_t length;

	ck_assert_ptr_null(file_read_whole(folder, &length, &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(e.text, "it is a folder"));
}
END_TEST

START_TEST(an_empty_file_maps_to_nothing)
{
	struct file_mapping mapping;

	ck_assert(file_write_whole(strbuf_text(&path), "", 0, NULL));
	ck_assert(file_map(&mapping, strbuf_text(&path), NULL));
	ck_assert_ptr_null(mapping.bytes);
	ck_assert_uint_eq(mapping.size_bytes, 0);
	file_unmap(&mapping);
}
END_TEST

START_TEST(folders_are_made_with_their_parents)
{
	struct error e = ERROR_INIT;

	strbuf_append(&path, "/a/b/c");
	ck_assert_ok(file_make_folder(strbuf_text(&path), &e), &e);
	ck_assert_ok(file_make_folder(strbuf_text(&path), &e), &e);
}
END_TEST

START_TEST(a_folder_goes_with_all_that_is_in_it_but_not_what_its_links_name)
{
	struct error e = ERROR_INIT;
	char inner[512];
	char link[512];
	char kept[512];

	snprintf(kept, sizeof(kept), "%s/kept", folder);
	snprintf(inner, sizeof(inner), "%s/gone/a/b", folder);
	ck_assert_ok(file_make_folder(kept, &e) && file_make_folder(inner, &e), &e);
	strcat(kept, "/file");
	strcat(inner, "/file");
	ck_assert_ok(file_write_whole(kept, "x", 1, &e) && file_write_whole(inner, "x", 1, &e), &e);
	snprintf(link, sizeof(link), "%s/gone/link", folder);
	snprintf(inner, sizeof(inner), "%s/kept", folder);
	ck_assert_int_eq(symlink(inner, link), 0);
	snprintf(inner, sizeof(inner), "%s/gone", folder);
	file_remove_folder(inner);
	ck_assert_int_ne(access(inner, F_OK), 0);
	ck_assert_int_eq(access(kept, F_OK), 0);
	file_remove_folder(inner); /* is not there: fine */
}
END_TEST

HARNESS_SUITE(file_suite)
{
	Suite *suite = suite_create("file");
	TCase *tests = tcase_create("file");

	tcase_add_checked_fixture(tests, make_folder, remove_folder);
	tcase_add_test(tests, what_is_written_is_what_is_read);
	tcase_add_test(tests, a_failed_write_leaves_the_old_file_and_no_part);
	tcase_add_test(tests, a_file_that_is_not_there_is_a_missing_input);
	tcase_add_test(tests, a_folder_is_not_a_file);
	tcase_add_test(tests, an_empty_file_maps_to_nothing);
	tcase_add_test(tests, folders_are_made_with_their_parents);
	tcase_add_test(tests, a_folder_goes_with_all_that_is_in_it_but_not_what_its_links_name);
	suite_add_tcase(suite, tests);
	return suite;
}
