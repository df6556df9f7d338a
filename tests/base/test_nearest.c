/* test_nearest.c - which known name a mistyped one is taken for. */
#include <string.h>

#include "core/base/nearest.h"
#include "tests/harness/harness.h"

static struct nearest among_colours(const char *wanted)
{
	static const char *const colours[] = { "red", "green", "dark-green", "blue" };
	struct nearest nearest = nearest_to(wanted);

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		nearest_offer(&nearest, colours[i]);
	return nearest;
}

START_TEST(a_letter_more_less_or_other_leads_to_the_name)
{
	ck_assert_str_eq(among_colours("greeen").name, "green");
	ck_assert_str_eq(among_colours("grn").name, "green");
	ck_assert_str_eq(among_colours("dark_green").name, "dark-green");
	ck_assert_str_eq(among_colours("bleu").name, "blue");
}
END_TEST

START_TEST(four_edits_or_as_many_as_there_are_letters_lead_nowhere)
{
	ck_assert_str_eq(among_colours("ultraviolet").name, "");
	ck_assert_str_eq(among_colours("xy").name, "");
	ck_assert_str_eq(among_colours("").name, "");
}
END_TEST

START_TEST(names_too_long_to_compare_are_near_to_nothing)
{
	char longer[NEAREST_NAME_MAX + 2];
	struct nearest nearest;

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	nearest = nearest_to(longer);
	nearest_offer(&nearest, longer);
	ck_assert_str_eq(nearest.name, "");
}
END_TEST

START_TEST(the_error_asks_whether_the_near_name_was_meant)
{
	struct nearest near = among_colours("rad");
	struct nearest far = among_colours("ultraviolet");
	struct error e = ERROR_INIT;

	error_set(&e, ERROR_USAGE, "there is no colour");
	ck_assert(!nearest_suggest(&far, &e));
	ck_assert_str_eq(e.text, "there is no colour");
	ck_assert(!nearest_suggest(&near, &e));
	ck_assert_str_eq(e.text, "there is no colour; did you mean \"red\"?");
	ck_assert(!nearest_suggest(&near, NULL));
}
END_TEST

HARNESS_SUITE(nearest_suite)
{
	Suite *suite = suite_create("nearest");
	TCase *tests = tcase_create("nearest");

	tcase_add_test(tests, a_letter_more_less_or_other_leads_to_the_name);
	tcase_add_test(tests, four_edits_or_as_many_as_there_are_letters_lead_nowhere);
	tcase_add_test(tests, names_too_long_to_compare_are_near_to_nothing);
	tcase_add_test(tests, the_error_asks_whether_the_near_name_was_meant);
	suite_add_tcase(suite, tests);
	return suite;
}
