/* `residency report`: one page of what a store holds. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static char *folder;

static void make(void)
{
	folder = harness_make_folder();
}

static void unmake(void)
{
	harness_remove_folder(folder);
}

static char *read_page(void)
{
	struct error e = ERROR_INIT;
	char path[512];
	size_t length;
	char *text;

	free(run_text(0, "report --store '%s/s.db' --html '%s/report'", folder, folder));
	snprintf(path, sizeof(path), "%s/report/index.html", folder);
	text = file_read_whole(path, &length, &e);
	ck_assert_ok(text, &e);
	return text;
}

static size_t count(const char *text, const char *what)
{
	size_t found = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		found++;
	return found;
}

static size_t place(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	ck_assert_msg(at, "no %s", what);
	return (size_t)(at - text);
}

START_TEST(a_policy_is_one_row_also_where_a_cell_of_it_was_run_again)
{
	char *page;

	free(run_text(1, "matrix --policies stock,delegate,strict --store '%s/s.db'", folder));
	free(run_text(1, "matrix --policies delegate --matrices de --flows both --store '%s/s.db'", folder));
	page = read_page();
	ck_assert_uint_eq(count(page, "<tr><th>stock</th>"), 1);
	ck_assert_uint_eq(count(page, "<tr><th>delegate</th>"), 1);
	ck_assert_uint_eq(count(page, "<tr><th>strict</th>"), 1);
	ck_assert_uint_lt(place(page, "<tr><th>stock</th>"), place(page, "<tr><th>delegate</th>"));
	ck_assert_uint_lt(place(page, "<th>abc<br><span class=\"small\">free"),
			  place(page, "<th>de<br><span class=\"small\">both"));
	free(page);
}
END_TEST

HARNESS_SUITE(report_suite)
{
	Suite *suite = suite_create("report");
	TCase *tests = tcase_create("page");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_add_test(tests, a_policy_is_one_row_also_where_a_cell_of_it_was_run_again);
	suite_add_tcase(suite, tests);
	return suite;
}
