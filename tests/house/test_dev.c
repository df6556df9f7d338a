/* ./dev help names every step that ./dev takes. The steps are the rows of the case over the command, read from the script as
 * text; the help is what a run of it prints. A row may have several spellings: one of them must start a line of the help. A copy
 * of the script with one row more shows that the check notices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "tests/harness/harness.h"

static const char case_opens[] = "\ncase $command in\n";

/* What `help` of the script prints; freed by the caller. */
static char *help_of(const char *script)
{
	char command[512];
	char *text = calloc(1, 8192);
	FILE *pipe;

	ck_assert_ptr_nonnull(text);
	snprintf(command, sizeof(command), "bash '%s' help", script);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_uint_gt(fread(text, 1, 8191, pipe), 0);
	ck_assert_int_eq(pclose(pipe), 0);
	return text;
}

static bool helps_with(const char *help, const char *step)
{
	char line[64];
	size_t length = (size_t)snprintf(line, sizeof(line), "\n  %s", step);

	for (const char *at = strstr(help, line); at; at = strstr(at + 1, line))
		if (at[length] == ' ')
			return true;
	return false;
}

/* Whether the help needs no line for a row: it has one for a spelling of it, or the row is the help itself or the rest. */
static bool row_is_named(const char *help, char *patterns)
{
	char *rest;

	for (char *step = strtok_r(patterns, " |", &rest); step; step = strtok_r(NULL, " |", &rest))
		if (strcmp(step, "help") == 0 || strcmp(step, "*") == 0 || helps_with(help, step))
			return true;
	return false;
}

/* How many rows of the script's case the help leaves out; *rows says how many there are. */
static size_t unnamed_steps(const char *script, size_t *rows)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *text = file_read_whole(script, &length, &e);
	char *help = help_of(script);
	size_t missing = 0;
	char *rest;
	char *line;

	ck_assert_ok(text != NULL, &e);
	line = strstr(text, case_opens);
	ck_assert_ptr_nonnull(line);
	*rows = 0;
	for (line = strtok_r(line + strlen(case_opens), "\n", &rest); line && strcmp(line, "esac") != 0;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *end = strchr(line, ')');

		if (line[0] == '\t' || !end) /* inside a row */
			continue;
		*end = '\0';
		(*rows)++;
		missing += !row_is_named(help, line);
	}
	free(help);
	free(text);
	return missing;
}

START_TEST(dev_help_names_every_step)
{
	size_t rows;

	ck_assert_uint_eq(unnamed_steps("dev", &rows), 0);
	ck_assert_uint_ge(rows, 10);
}
END_TEST

START_TEST(a_step_that_help_leaves_out_is_noticed)
{
	struct error e = ERROR_INIT;
	char *folder = harness_make_folder();
	size_t length;
	char *text = file_read_whole("dev", &length, &e);
	size_t head;
	size_t rows;
	char path[512];
	FILE *copy;

	ck_assert_ok(text != NULL, &e);
	ck_assert_ptr_nonnull(strstr(text, case_opens));
	head = (size_t)(strstr(text, case_opens) - text) + strlen(case_opens);
	snprintf(path, sizeof(path), "%s/dev", folder);
	copy = fopen(path, "w");
	ck_assert_ptr_nonnull(copy);
	fprintf(copy, "%.*sunsaid) build ;;\n%s", (int)head, text, text + head);
	ck_assert_int_eq(fclose(copy), 0);
	ck_assert_uint_eq(unnamed_steps(path, &rows), 1);
	free(text);
	harness_remove_folder(folder);
}
END_TEST

HARNESS_SUITE(dev_suite)
{
	Suite *suite = suite_create("dev");
	TCase *all = tcase_create("all");

	tcase_add_test(all, dev_help_names_every_step);
	tcase_add_test(all, a_step_that_help_leaves_out_is_noticed);
	suite_add_tcase(suite, all);
	return suite;
}
