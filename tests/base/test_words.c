/* test_words.c - names of an X-macro's values, with and without further columns in its rows. */
#include "core/base/words.h"
#include "tests/harness/harness.h"

#define COLOURS(X) X(RED, "red", true) X(DARK_RED, "dark red", false)

enum colour { COLOUR_RED, COLOUR_DARK_RED };

static const char *colour_name(enum colour value);
static bool colour_from_name(const char *name, enum colour *value);

WORDS_NAME(colour_name, enum colour, COLOURS)
WORDS_FROM_NAME(colour_from_name, enum colour, COLOURS)

START_TEST(a_value_has_the_text_of_its_row)
{
	ck_assert_str_eq(colour_name(COLOUR_RED), "red");
	ck_assert_str_eq(colour_name(COLOUR_DARK_RED), "dark red");
}
END_TEST

START_TEST(a_text_leads_back_to_its_value)
{
	enum colour colour = COLOUR_RED;

	ck_assert(colour_from_name("dark red", &colour));
	ck_assert_int_eq(colour, COLOUR_DARK_RED);
}
END_TEST

START_TEST(a_text_of_no_row_changes_nothing)
{
	enum colour colour = COLOUR_DARK_RED;

	ck_assert(!colour_from_name("dark", &colour));
	ck_assert_int_eq(colour, COLOUR_DARK_RED);
}
END_TEST

HARNESS_SUITE(words_suite)
{
	Suite *suite = suite_create("words");
	TCase *tests = tcase_create("words");

	tcase_add_test(tests, a_value_has_the_text_of_its_row);
	tcase_add_test(tests, a_text_leads_back_to_its_value);
	tcase_add_test(tests, a_text_of_no_row_changes_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}
