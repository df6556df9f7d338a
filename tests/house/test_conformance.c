/* The conformance runner notices what is gone from its data: run as a program (it lies beside the binary) on a folder that has
 * one part with a reader, linked from tests/data, and one folder without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/harness/harness.h"

static char *folder;
static char output[16384];

static void write_text(const char *name, const char *text)
{
	struct error e = ERROR_INIT;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_ok(file_write_whole(path, text, strlen(text), &e), &e);
}

static void begin(void)
{
	struct error e = ERROR_INIT;
	char path[512];
	char target[512];
	char *here = getcwd(NULL, 0);

	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/data/unread/deeper", folder);
	ck_assert_ok(file_make_folder(path, &e), &e);
	snprintf(target, sizeof(target), "%s/tests/data/lorakeys", here);
	snprintf(path, sizeof(path), "%s/data/lorakeys", folder);
	ck_assert_int_eq(symlink(target, path), 0);
	free(here);
	write_text("data/unread/table.csv", "a,b\n1,2\n3,4\n5,6\n");
	write_text("data/unread/deeper/lines.jsonl", "{}\n{}\n");
	write_text("data/unread/deeper/image.bin", "one case");
	write_text("data/unread/README.md", "no case\n");
}

static void end(void)
{
	harness_remove_folder(folder);
}

/* The exit code of the runner, with what it printed in `output`. */
static int run_listed(const char *list)
{
	const char *binary = getenv("RESIDENCY_BINARY");
	const char *slash;
	char command[2048];
	FILE *pipe;
	size_t length;

	ck_assert_ptr_nonnull(binary);
	slash = strrchr(binary, '/');
	write_text("list.txt", list);
	snprintf(command, sizeof(command), "%.*sconformance %s/data --listed %s/list.txt 2>&1",
		 slash ? (int)(slash + 1 - binary) : 0, binary, folder, folder);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void says(const char *text)
{
	ck_assert_msg(strstr(output, text), "\"%s\" does not say \"%s\"", output, text);
}

START_TEST(a_folder_without_a_reader_is_printed_with_its_cases)
{
	ck_assert_int_eq(run_listed("# NAME CASES\nlorakeys 1\nunread 6\n"), 0);
	says("unread: not built (6 cases)");
	says("without a reader: 1 folders, 6 cases");
	says("0 failed");
}
END_TEST

START_TEST(a_part_that_vanished_fails)
{
	ck_assert_int_eq(run_listed("lorakeys 1\nplanner 10\nunread 6\n"), 1);
	says("planner: VANISHED");
}
END_TEST

START_TEST(a_folder_without_a_reader_that_vanished_fails)
{
	ck_assert_int_eq(run_listed("lorakeys 1\nelsewhere 6\n"), 1);
	says("elsewhere: VANISHED");
	says("unread: not listed: 6 cases");
}
END_TEST

START_TEST(cases_that_vanished_fail)
{
	ck_assert_int_eq(run_listed("lorakeys 99999999\nunread 6\n"), 1);
	says("lorakeys: CASES VANISHED");
	ck_assert_int_eq(run_listed("lorakeys 1\nunread 7\n"), 1);
	says("unread: CASES VANISHED: 6 of 7 listed");
}
END_TEST

START_TEST(a_list_that_cannot_be_read_fails)
{
	ck_assert_int_eq(run_listed("lorakeys many\n"), 7);
	says("is not `NAME CASES`");
	ck_assert_int_eq(run_listed("# nothing\n"), 7);
	says("lists no part");
}
END_TEST

HARNESS_SUITE(conformance_suite)
{
	Suite *suite = suite_create("conformance");
	TCase *tests = tcase_create("census");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, a_folder_without_a_reader_is_printed_with_its_cases);
	tcase_add_test(tests, a_part_that_vanished_fails);
	tcase_add_test(tests, a_folder_without_a_reader_that_vanished_fails);
	tcase_add_test(tests, cases_that_vanished_fail);
	tcase_add_test(tests, a_list_that_cannot_be_read_fails);
	suite_add_tcase(suite, tests);
	return suite;
}
