/* Command lines that are written and read back. */
#include <stdlib.h>
#include <string.h>

#include "core/base/shell.h"
#include "tests/harness/harness.h"

static void assert_reads_back(const char *word)
{
	struct strbuf line = STRBUF_INIT;
	struct shell_words words;
	struct error e = ERROR_INIT;

	strbuf_append(&line, "first ");
	shell_append_word(&line, word);
	strbuf_append(&line, "  last");
	ck_assert_ok(shell_split(strbuf_text(&line), &words, &e), &e);
	ck_assert_uint_eq(words.count, 3);
	ck_assert_str_eq(words.words[1], word);
	shell_words_free(&words);
	strbuf_free(&line);
}

START_TEST(plain_words_are_not_quoted)
{
	struct strbuf line = STRBUF_INIT;

	shell_append_word(&line, "--flows=both,/a/b.json");
	ck_assert_str_eq(strbuf_text(&line), "--flows=both,/a/b.json");
	strbuf_free(&line);
}
END_TEST

START_TEST(whatever_a_word_is_it_reads_back)
{
	static const char *const words[] = { "plain", "",   "two words",       "it's", "$(reboot)", "a\\b",
					     "'",     "''", "#cuda:0;4.0;cpu", "\t\n" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_reads_back(words[i]);
}
END_TEST

START_TEST(the_shell_reads_the_same)
{
	struct strbuf command = STRBUF_INIT;

	strbuf_append(&command, "test \"it's \\$HOME\" = ");
	shell_append_word(&command, "it's $HOME");
	ck_assert_int_eq(system(strbuf_text(&command)), 0); // NOLINT(cert-env33-c): the test's own command
	strbuf_free(&command);
}
END_TEST

START_TEST(a_quote_that_is_not_closed_ends_with_the_line)
{
	struct shell_words words;
	struct error e = ERROR_INIT;

	ck_assert_ok(shell_split("a 'b c", &words, &e), &e);
	ck_assert_uint_eq(words.count, 2);
	ck_assert_str_eq(words.words[1], "b c");
	shell_words_free(&words);
}
END_TEST

HARNESS_SUITE(shell_suite)
{
	Suite *suite = suite_create("shell");
	TCase *tests = tcase_create("shell");

	tcase_add_test(tests, plain_words_are_not_quoted);
	tcase_add_test(tests, whatever_a_word_is_it_reads_back);
	tcase_add_test(tests, the_shell_reads_the_same);
	tcase_add_test(tests, a_quote_that_is_not_closed_ends_with_the_line);
	suite_add_tcase(suite, tests);
	return suite;
}
