/* The live command: what it puts where, what it says where it cannot, and that nothing is left behind. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "db/records/record.h"
#include "tests/harness/harness.h"

static char *folder;

static void set_up(void)
{
	struct error e = ERROR_INIT;
	char path[512];

	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/custom_nodes", folder);
	ck_assert_ok(file_make_folder(path, &e), &e);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static void ends_with(int wanted_exit_code, const char *said, const char *arguments)
{
	char *output;
	char *errors;
	int exit_code = harness_residency(arguments, &output, &errors);

	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s", exit_code, errors);
	ck_assert_msg(strstr(errors, said), "no \"%s\" in: %s", said, errors);
	free(output);
	free(errors);
}

/* A ComfyUI whose main.py is this. */
static void write_main(const char *text)
{
	char path[512];
	struct error e = ERROR_INIT;

	snprintf(path, sizeof(path), "%s/comfyui", folder);
	ck_assert_ok(file_make_folder(path, &e), &e);
	snprintf(path, sizeof(path), "%s/comfyui/main.py", folder);
	ck_assert_ok(file_write_whole(path, text, strlen(text), &e), &e);
	snprintf(path, sizeof(path), "%s/tmp", folder);
	ck_assert_ok(file_make_folder(path, &e), &e);
	setenv("TMPDIR", path, 1);
}

static void nothing_is_left(void)
{
	DIR *left = opendir(getenv("TMPDIR"));
	const struct dirent *entry;

	ck_assert_ptr_nonnull(left);
	while ((entry = readdir(left)))
		ck_assert_msg(entry->d_name[0] == '.', "%s is left", entry->d_name);
	closedir(left);
}

START_TEST(install_puts_the_whole_probe_into_the_custom_nodes)
{
	static const char *const files[] = { "__init__.py", "blocks.py", "cells.py",	   "guard.py",	 "hooks.py",
					     "faults.py",   "ledger.py", "now.py",	   "observe.py", "paths.py",
					     "plans.py",    "routes.py", "pyproject.toml", "README.md",	 "LICENSE" };
	char arguments[512];

	snprintf(arguments, sizeof(arguments), "live install '%s'", folder);
	ends_with(0, "must be restarted", arguments);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/custom_nodes/residency_probe/%s", folder, files[i]);
		ck_assert_msg(access(path, R_OK) == 0, "no %s", path);
	}
}
END_TEST

static void holds(const char *path, const char *wanted)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *text = file_read_whole(path, &length, &e);

	ck_assert_ok(text, &e);
	ck_assert_msg(strstr(text, wanted), "no %s in %s", wanted, path);
	free(text);
}

START_TEST(the_probe_is_of_the_tools_version_and_schema)
{
	char schema[48];

	snprintf(schema, sizeof(schema), "\nRECORD_SCHEMA = %d ", RECORD_SCHEMA);
	holds("probes/comfyui/version.py", "PROBE_VERSION = \"" RESIDENCY_VERSION "\"");
	holds("probes/comfyui/version.py", schema);
	holds("probes/comfyui/pyproject.toml", "version = \"" RESIDENCY_VERSION "\"");
}
END_TEST

static char *installed_guard(void)
{
	char path[512];
	size_t length;

	snprintf(path, sizeof(path), "%s/custom_nodes/residency_probe/guard.txt", folder);
	return file_read_whole(path, &length, NULL);
}

START_TEST(the_guard_is_off_until_it_is_asked_for_and_off_again_without)
{
	char arguments[512];
	char *text;

	snprintf(arguments, sizeof(arguments), "live install '%s'", folder);
	ends_with(0, "its guard is off", arguments);
	ck_assert_ptr_null(installed_guard());
	snprintf(arguments, sizeof(arguments), "live install '%s' --guard --keep A.safetensors --keep 'sub/B C'", folder);
	ends_with(0, "its guard is on", arguments);
	text = installed_guard();
	ck_assert_ptr_nonnull(strstr(text, "\nA.safetensors\nsub/B C\n"));
	free(text);
	snprintf(arguments, sizeof(arguments), "live install '%s'", folder);
	ends_with(0, "its guard is off", arguments);
	ck_assert_ptr_null(installed_guard());
}
END_TEST

START_TEST(names_to_keep_are_for_the_guard_and_are_names)
{
	char arguments[512];

	snprintf(arguments, sizeof(arguments), "live install '%s' --keep A", folder);
	ends_with(2, "--keep A: names to keep are for the guard", arguments);
	snprintf(arguments, sizeof(arguments), "live install '%s' --guard --keep '#A'", folder);
	ends_with(2, "\"#A\" is not the name of a model's file", arguments);
	ends_with(2, "names to keep are for the guard", "live run --comfyui /nowhere --keep A -- matrix");
	ck_assert_ptr_null(installed_guard());
}
END_TEST

START_TEST(the_probe_is_not_put_where_no_comfyui_is)
{
	char arguments[512];

	snprintf(arguments, sizeof(arguments), "live install '%s/elsewhere'", folder);
	ends_with(7, "there is no custom_nodes in it", arguments);
	snprintf(arguments, sizeof(arguments), "%s/elsewhere", folder);
	ck_assert_int_ne(access(arguments, F_OK), 0);
}
END_TEST

START_TEST(a_folder_without_main_is_no_comfyui)
{
	char arguments[512];

	snprintf(arguments, sizeof(arguments), "live run --comfyui '%s' -- matrix", folder);
	ends_with(7, "there is no main.py", arguments);
}
END_TEST

START_TEST(what_to_run_must_be_said)
{
	ends_with(2, "matrix or replay", "live run --comfyui /nowhere");
}
END_TEST

START_TEST(a_server_that_ends_at_once_is_told_with_its_last_words)
{
	char arguments[512];

	write_main("raise SystemExit('no module named torch')\n");
	snprintf(arguments, sizeof(arguments), "live run --comfyui '%s/comfyui' -- matrix --store none", folder);
	ends_with(3, "ended before it answered; the last thing it said: no module named torch", arguments);
	nothing_is_left();
}
END_TEST

START_TEST(a_server_that_never_answers_is_stopped)
{
	char arguments[512];

	write_main("import time\nprint('thinking', flush=True)\ntime.sleep(600)\n");
	snprintf(arguments, sizeof(arguments), "live run --comfyui '%s/comfyui' --start-seconds 2 -- matrix --store none",
		 folder);
	ends_with(3, "did not answer in time; the last thing it said: thinking", arguments);
	nothing_is_left();
}
END_TEST

START_TEST(a_python_that_is_not_there_is_named)
{
	char arguments[512];

	write_main("");
	snprintf(arguments, sizeof(arguments), "live run --comfyui '%s/comfyui' --python /no/python -- matrix", folder);
	ends_with(3, "cannot run /no/python", arguments);
	nothing_is_left();
}
END_TEST

START_TEST(the_guards_own_tests_pass)
{
	ck_assert_int_eq(system("python3 tests/live/guard_test.py 2>&1"), 0);
}
END_TEST

START_TEST(the_probes_own_tests_pass)
{
	ck_assert_int_eq(system("python3 tests/live/probe_test.py 2>&1"), 0);
}
END_TEST

START_TEST(the_tests_of_what_it_observes_pass)
{
	ck_assert_int_eq(system("python3 tests/live/probe_snapshot_test.py 2>&1"), 0);
}
END_TEST

HARNESS_SUITE(command_suite)
{
	Suite *suite = suite_create("command");
	TCase *cases = tcase_create("live");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, install_puts_the_whole_probe_into_the_custom_nodes);
	tcase_add_test(cases, the_probe_is_of_the_tools_version_and_schema);
	tcase_add_test(cases, the_guard_is_off_until_it_is_asked_for_and_off_again_without);
	tcase_add_test(cases, names_to_keep_are_for_the_guard_and_are_names);
	tcase_add_test(cases, the_probe_is_not_put_where_no_comfyui_is);
	tcase_add_test(cases, a_folder_without_main_is_no_comfyui);
	tcase_add_test(cases, what_to_run_must_be_said);
	tcase_add_test(cases, a_server_that_ends_at_once_is_told_with_its_last_words);
	tcase_add_test(cases, a_server_that_never_answers_is_stopped);
	tcase_add_test(cases, a_python_that_is_not_there_is_named);
	tcase_add_test(cases, the_guards_own_tests_pass);
	tcase_add_test(cases, the_probes_own_tests_pass);
	tcase_add_test(cases, the_tests_of_what_it_observes_pass);
	suite_add_tcase(suite, cases);
	return suite;
}
