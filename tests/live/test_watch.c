/* live watch through the binary: as text, as lines of JSON, and in a terminal, on a server that lies, breaks off, dies and comes back. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/harness/harness.h"
#include "tests/live/fake.h"
#include "tests/live/pty.h"

static void tear_down(void)
{
	pty_stop();
	fake_stop();
}

/* Runs `live watch` and compares the exit code; the output, which the caller frees. */
__attribute__((format(printf, 3, 4))) static char *watch(int wanted_exit_code, char **errors, const char *format, ...)
{
	char arguments[512] = "live watch ";
	va_list values;
	char *output;
	int exit_code;

	va_start(values, format);
	vsnprintf(arguments + strlen(arguments), sizeof(arguments) - strlen(arguments), format, values);
	va_end(values);
	exit_code = harness_residency(arguments, &output, errors);
	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s", exit_code, *errors);
	return output;
}

static void prints(int exit_code, const char *wanted, const char *url, const char *options)
{
	char *errors;
	char *output = watch(exit_code, &errors, "%s %s", url, options);

	ck_assert_msg(strstr(exit_code ? errors : output, wanted), "no \"%s\" in: %s%s", wanted, output, errors);
	free(output);
	free(errors);
}

/* ---- as text ---- */

START_TEST(into_a_pipe_goes_one_screen_as_plain_text)
{
	char *errors;
	char *output = watch(0, &errors, "%s", fake_start("none", 0));

	ck_assert_msg(strstr(output, "! clip_l "), "%s", output);
	ck_assert_msg(strstr(output, "flux1-dev-fp8        unet yes  cuda:0   8.10 GB"), "%s", output);
	ck_assert_ptr_null(strchr(output, '\033'));
	ck_assert_str_eq(errors, "");
	free(output);
	free(errors);
}
END_TEST

START_TEST(a_server_without_the_probe_is_shown_as_far_as_it_tells)
{
	const char *url = fake_start("no-probe", 0);

	prints(0, "cuda:0    20.0 GB  25.3 GB", url, "--once");
	prints(0, "This server has no probe node", url, "--once");
	prints(0, "residency live install DIR", url, "--once");
}
END_TEST

START_TEST(an_older_probe_and_one_that_is_shut_are_told_apart_from_none)
{
	prints(0, "Its probe node is older than this tool", fake_start("old-probe", 0), "--once");
	fake_stop();
	prints(0, "Its probe node answers to its own machine only", fake_start("shut-probe", 0), "--once");
}
END_TEST

static const struct {
	const char *fault;
	int exit_code;
	const char *said;
} faults[] = {
	{ "now-types", 7, "models is an object; it must be a list" },
	{ "now-layout", 4, "layout 2, this tool reads 1" },
	{ "now-half", 3, "/residency/now" },
	{ "500", 6, "the server is not well" },
	{ "no-json", 7, "the answer is no JSON" },
	{ "reset", 3, "/residency/now" },
	{ "stall", 3, "no whole answer within 5 s" },
};

START_TEST(a_first_answer_that_is_broken_is_an_error)
{
	prints(faults[_i].exit_code, faults[_i].said, fake_start(faults[_i].fault, 1), "--once");
}
END_TEST

START_TEST(a_server_that_was_never_there_is_an_error)
{
	prints(3, "connect", "http://127.0.0.1:9", "--once");
	prints(3, "is a ComfyUI running there?", "http://127.0.0.1:9", "--json");
	prints(2, "no server's address", "'a b'", "");
}
END_TEST

START_TEST(wrong_arguments_are_told)
{
	prints(2, "one server at a time", "a b", "");
	prints(2, "--interval is 0.1 to 3600", "a", "--interval 0");
	prints(2, "--interval is 0.1 to 3600", "a", "--interval nan");
	prints(0, "space freeze", "--help", "");
}
END_TEST

/* ---- as JSON ---- */

/* The first objects of a watch whose reader then goes away. */
static void read_objects(const char *url, json_t **objects, int count)
{
	char command[512];
	char line[65536];
	FILE *out;

	snprintf(command, sizeof(command), "'%s' live watch %s --json --interval 0.1", getenv("RESIDENCY_BINARY"), url);
	out = popen(command, "r"); // NOLINT(cert-env33-c): the test's own command
	ck_assert_ptr_nonnull(out);
	for (int i = 0; i < count; i++) {
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), out));
		objects[i] = json_loads(line, 0, NULL);
		ck_assert_msg(json_is_object(objects[i]), "%s", line);
	}
	pclose(out); /* it ends, for nobody reads */
}

START_TEST(json_is_one_object_a_question)
{
	json_t *objects[3];

	read_objects(fake_start("none", 0), objects, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert(json_is_true(json_object_get(objects[i], "there")));
		ck_assert_uint_eq(json_array_size(json_object_get(objects[i], "models")), 5);
		json_decref(objects[i]);
	}
}
END_TEST

START_TEST(json_goes_on_where_the_server_does_not)
{
	json_t *objects[3];

	read_objects(fake_start_after("500", 1, 1), objects, 3);
	ck_assert(json_is_false(json_object_get(objects[1], "there")));
	ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(objects[1], "error")), "not well"));
	ck_assert(json_is_true(json_object_get(objects[2], "there")));
	for (int i = 0; i < 3; i++)
		json_decref(objects[i]);
}
END_TEST

START_TEST(once_as_json_is_one_object)
{
	char *errors;
	char *output = watch(0, &errors, "%s --json --once", fake_start("no-probe", 0));
	json_t *object = json_loads(output, 0, NULL);

	ck_assert_str_eq(json_string_value(json_object_get(object, "lack")), "no probe node");
	ck_assert(json_is_null(json_object_get(object, "probe")));
	ck_assert_uint_eq(json_array_size(json_object_get(object, "devices")), 2);
	json_decref(object);
	free(output);
	free(errors);
}
END_TEST

/* ---- in a terminal ---- */

static void open_screen(const char *url, unsigned columns, unsigned rows)
{
	char command[256];

	snprintf(command, sizeof(command), "exec \"$RESIDENCY\" live watch %s --interval 0.2", url);
	pty_start(command, columns, rows);
	pty_wait("\033[?1049h");
	pty_wait("! clip_l");
}

START_TEST(q_gives_the_terminal_back)
{
	open_screen(fake_start("none", 0), 80, 24);
	pty_press("q");
	ck_assert_int_eq(pty_end(), 0);
}
END_TEST

START_TEST(ctrl_c_gives_the_terminal_back)
{
	open_screen(fake_start("none", 0), 80, 24);
	pty_press("\003");
	ck_assert_int_eq(pty_end(), 130);
}
END_TEST

START_TEST(a_signal_that_kills_gives_the_terminal_back)
{
	open_screen(fake_start("none", 0), 80, 24);
	pty_press("\034"); /* Ctrl-\, SIGQUIT */
	ck_assert_int_eq(pty_end(), 128 + 3);
}
END_TEST

START_TEST(keys_sort_choose_and_freeze)
{
	open_screen(fake_start("none", 0), 80, 24);
	pty_press("s");
	pty_wait("s by size");
	pty_press("k");
	pty_wait("k all");
	pty_press("\033[A "); /* an arrow means nothing */
	pty_wait("GO ON");
	pty_press(" ");
	pty_wait("space freeze");
	pty_press("q");
	ck_assert_int_eq(pty_end(), 0);
}
END_TEST

START_TEST(another_size_is_another_screen)
{
	open_screen(fake_start("none", 0), 80, 24);
	pty_resize(60, 20);
	pty_wait("left 3 min: died_in_gc\033[K");
	pty_resize(120, 40);
	pty_wait("UNATTRIBUTED     OTHER    CACHE");
	pty_press("q");
	ck_assert_int_eq(pty_end(), 0);
}
END_TEST

START_TEST(ctrl_z_gives_the_terminal_back_until_fg)
{
	char command[256];

	snprintf(
		command, sizeof(command),
		"set -m; \"$RESIDENCY\" live watch %s; stty -a | grep -q ' icanon.* echo ' && echo as it was; fg; echo code $?",
		fake_start("none", 0));
	pty_start(command, 80, 24);
	pty_wait("! clip_l");
	pty_press("\032");
	pty_wait("\033[?1049l");
	pty_wait("as it was");
	pty_wait("\033[?1049h");
	pty_wait("! clip_l");
	pty_press("q");
	pty_wait("code 0");
	ck_assert_int_eq(pty_end(), 0);
}
END_TEST

START_TEST(a_server_that_dies_is_tried_again_and_known_when_it_is_another)
{
	open_screen(fake_start_after("now-die", 1, 3), 80, 24);
	pty_wait("gone since");
	pty_wait("trying again");
	pty_wait("flux1-dev-fp8"); /* what was seen last */
	fake_stop();
	fake_start_again();
	pty_wait("restarted");
	pty_wait("queue: 1 running");
	pty_press("q");
	ck_assert_int_eq(pty_end(), 0);
}
END_TEST

START_TEST(leaving_a_server_that_is_gone_is_told_by_the_exit_code)
{
	open_screen(fake_start_after("now-die", 1, 3), 80, 24);
	pty_wait("gone since");
	pty_press("q");
	pty_wait("the server is gone");
	ck_assert_int_eq(pty_end(), 3);
}
END_TEST

START_TEST(another_session_at_once_is_seen)
{
	open_screen(fake_start_after("now-restart", 1, 3), 80, 24);
	pty_wait("restarted");
	pty_press("q");
	ck_assert_int_eq(pty_end(), 0);
}
END_TEST

START_TEST(an_answer_that_lies_is_told_and_asked_for_again)
{
	open_screen(fake_start_after("now-types", 2, 2), 120, 40);
	pty_wait("models is an object; it must be a list");
	pty_wait("14.1 GB      8.90 GB"); /* still there */
	pty_press("q");
	pty_end();
}
END_TEST

START_TEST(a_server_that_stalls_does_not_hold_up_keys)
{
	open_screen(fake_start_after("stall", 100, 2), 80, 24);
	pty_press("s");
	pty_wait("s by size");
	pty_press("s");
	pty_wait("s by name");
	pty_press("q");
	pty_end();
}
END_TEST

START_TEST(a_terminal_that_cannot_move_its_cursor_gets_one_screen)
{
	char command[256];

	snprintf(command, sizeof(command), "TERM=dumb \"$RESIDENCY\" live watch %s", fake_start("none", 0));
	pty_start(command, 80, 24);
	pty_wait("! clip_l");
	ck_assert_int_eq(pty_end(), 0);
}
END_TEST

HARNESS_SUITE(watch_suite)
{
	Suite *suite = suite_create("watch");
	TCase *texts = tcase_create("texts");
	TCase *screens = tcase_create("terminal");

	tcase_add_checked_fixture(texts, NULL, tear_down);
	tcase_add_test(texts, into_a_pipe_goes_one_screen_as_plain_text);
	tcase_add_test(texts, a_server_without_the_probe_is_shown_as_far_as_it_tells);
	tcase_add_test(texts, an_older_probe_and_one_that_is_shut_are_told_apart_from_none);
	tcase_add_loop_test(texts, a_first_answer_that_is_broken_is_an_error, 0, (int)(sizeof(faults) / sizeof(faults[0])));
	tcase_add_test(texts, a_server_that_was_never_there_is_an_error);
	tcase_add_test(texts, wrong_arguments_are_told);
	tcase_add_test(texts, json_is_one_object_a_question);
	tcase_add_test(texts, json_goes_on_where_the_server_does_not);
	tcase_add_test(texts, once_as_json_is_one_object);
	suite_add_tcase(suite, texts);
	tcase_add_checked_fixture(screens, NULL, tear_down);
	tcase_add_test(screens, q_gives_the_terminal_back);
	tcase_add_test(screens, ctrl_c_gives_the_terminal_back);
	tcase_add_test(screens, a_signal_that_kills_gives_the_terminal_back);
	tcase_add_test(screens, keys_sort_choose_and_freeze);
	tcase_add_test(screens, another_size_is_another_screen);
	tcase_add_test(screens, ctrl_z_gives_the_terminal_back_until_fg);
	tcase_add_test(screens, a_server_that_dies_is_tried_again_and_known_when_it_is_another);
	tcase_add_test(screens, leaving_a_server_that_is_gone_is_told_by_the_exit_code);
	tcase_add_test(screens, another_session_at_once_is_seen);
	tcase_add_test(screens, an_answer_that_lies_is_told_and_asked_for_again);
	tcase_add_test(screens, a_server_that_stalls_does_not_hold_up_keys);
	tcase_add_test(screens, a_terminal_that_cannot_move_its_cursor_gets_one_screen);
	suite_add_tcase(suite, screens);
	return suite;
}
