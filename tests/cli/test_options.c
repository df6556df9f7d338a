#include <stdint.h>
#include <string.h>

#include "cli/choices.h"
#include "cli/options.h"
#include "core/base/array.h"
#include "tests/harness/harness.h"

static bool json;
static const char *policies;
static int64_t seed;
static struct option_seed noise;
static double cfg;
static uint64_t room_bytes;

static const struct option options[] = {
	{ "json", NULL, "print JSON", OPTION_FLAG, &json }, { "policies", "LIST", "which", OPTION_TEXT, &policies },
	{ "seed", "N", "seed", OPTION_INTEGER, &seed },	    { "noise", "N", "seed of all 64 bits", OPTION_SEED, &noise },
	{ "cfg", "X", "scale", OPTION_NUMBER, &cfg },	    { "keep-free", "SIZE", "room", OPTION_BYTES, &room_bytes },
};

static void forget(void)
{
	json = false;
	policies = NULL;
	seed = -1;
	noise = (struct option_seed) { .given = false };
	cfg = 0;
	room_bytes = 0;
}

static bool parse(int *argc, char **argv, struct error *e)
{
	return options_parse(options, ARRAY_SIZE(options), argc, argv, e);
}

START_TEST(options_may_stand_anywhere_and_positionals_keep_their_order)
{
	char *argv[] = { "replay", "a.json", "--json", "--seed", "7", "b.json", "--policies=stock,strict", NULL };
	int argc = 7;

	ck_assert(parse(&argc, argv, NULL));
	ck_assert_int_eq(argc, 3);
	ck_assert_str_eq(argv[1], "a.json");
	ck_assert_str_eq(argv[2], "b.json");
	ck_assert(json);
	ck_assert_int_eq(seed, 7);
	ck_assert_str_eq(policies, "stock,strict");
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
	char *argv[] = { "record", "--", "--json", NULL };
	int argc = 3;

	ck_assert(parse(&argc, argv, NULL));
	ck_assert_int_eq(argc, 2);
	ck_assert_str_eq(argv[1], "--json");
	ck_assert(!json);
}
END_TEST

START_TEST(a_slip_of_the_finger_is_answered_with_the_name_meant)
{
	char *argv[] = { "matrix", "--polices", "stock", NULL };
	int argc = 3;
	struct error e = ERROR_INIT;

	ck_assert(!parse(&argc, argv, &e));
	ck_assert_int_eq(e.kind, ERROR_USAGE);
	ck_assert_str_eq(e.text, "unknown option --polices; did you mean --policies?");
}
END_TEST

START_TEST(a_value_that_is_missing_is_asked_for)
{
	char *argv[] = { "matrix", "--seed", NULL };
	int argc = 2;
	struct error e = ERROR_INIT;

	ck_assert(!parse(&argc, argv, &e));
	ck_assert_str_eq(e.text, "--seed needs a value: --seed N");
}
END_TEST

START_TEST(values_of_the_wrong_kind_are_refused)
{
	static const char *const wrong[][2] = { { "--seed", "-3" },
						{ "--seed", "7x" },
						{ "--seed", "99999999999999999999" },
						{ "--noise", "-1" },
						{ "--noise", "18446744073709551616" },
						{ "--noise", "" },
						{ "--cfg", "big" },
						{ "--keep-free", "much" },
						{ "--json=yes", "x" } };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char *argv[] = { "matrix", (char *)(uintptr_t)wrong[i][0], (char *)(uintptr_t)wrong[i][1], NULL };
		int argc = 3;
		struct error e = ERROR_INIT;

		ck_assert_msg(!parse(&argc, argv, &e), "%s %s was taken", wrong[i][0], wrong[i][1]);
		ck_assert_int_eq(e.kind, ERROR_USAGE);
	}
}
END_TEST

START_TEST(a_seed_takes_all_64_bits)
{
	char *argv[] = { "replay", "--noise", "18446744073709551615", NULL };
	int argc = 3;

	ck_assert(parse(&argc, argv, NULL));
	ck_assert(noise.given);
	ck_assert_uint_eq(noise.value, UINT64_MAX);
}
END_TEST

START_TEST(a_size_takes_its_unit)
{
	char *argv[] = { "plan", "--keep-free", "2GiB", NULL };
	int argc = 3;

	ck_assert(parse(&argc, argv, NULL));
	ck_assert_uint_eq(room_bytes, UINT64_C(2) << 30);
}
END_TEST

static const char *colour_name(size_t index)
{
	static const char *const names[] = { "red", "green", "blue" };

	return index < ARRAY_SIZE(names) ? names[index] : NULL;
}

static int colour_find(const char *name)
{
	for (int i = 0; i < 3; i++) {
		if (strcmp(colour_name((size_t)i), name) == 0)
			return i;
	}
	return strcmp(name, "azure") == 0 ? 2 : -1;
}

START_TEST(choices_know_names_aliases_and_all)
{
	uint64_t chosen;

	ck_assert(choices_parse("colours", "red,azure", colour_find, colour_name, &chosen, NULL));
	ck_assert_uint_eq(chosen, 5);
	ck_assert(choices_parse("colours", "all", colour_find, colour_name, &chosen, NULL));
	ck_assert_uint_eq(chosen, 7);
}
END_TEST

START_TEST(a_choice_that_is_none_is_answered_with_what_there_is)
{
	uint64_t chosen;
	struct error e = ERROR_INIT;

	ck_assert(!choices_parse("colours", "red,,blue", colour_find, colour_name, &chosen, &e));
	ck_assert_str_eq(e.text, "--colours: \"\" must be one of: red, green, blue");
}
END_TEST

HARNESS_SUITE(options_suite)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");

	tcase_add_checked_fixture(tests, forget, NULL);
	tcase_add_test(tests, options_may_stand_anywhere_and_positionals_keep_their_order);
	tcase_add_test(tests, two_dashes_end_the_options);
	tcase_add_test(tests, a_slip_of_the_finger_is_answered_with_the_name_meant);
	tcase_add_test(tests, a_value_that_is_missing_is_asked_for);
	tcase_add_test(tests, values_of_the_wrong_kind_are_refused);
	tcase_add_test(tests, a_seed_takes_all_64_bits);
	tcase_add_test(tests, a_size_takes_its_unit);
	tcase_add_test(tests, choices_know_names_aliases_and_all);
	tcase_add_test(tests, a_choice_that_is_none_is_answered_with_what_there_is);
	suite_add_tcase(suite, tests);
	return suite;
}
