#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "tests/harness/harness.h"

static json_t *parse(const char *text, struct error *e)
{
	return json_parse(text, strlen(text), "plan.json", false, e);
}

START_TEST(a_fault_names_the_file_and_the_place)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(parse("{\"a\":1,\n\"b\":}", &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "plan.json: line 2"));
}
END_TEST

START_TEST(a_key_told_twice_is_refused_unless_allowed)
{
	static const char text[] = "{\"a\":1,\"a\":2}";
	struct error e = ERROR_INIT;
	json_t *value;

	ck_assert_ptr_null(parse(text, &e));
	value = json_parse(text, strlen(text), "x", true, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(value, "a")), 2);
	json_decref(value);
}
END_TEST

START_TEST(a_million_brackets_are_refused_not_followed)
{
	size_t length = 1000000;
	char *text = malloc(length);
	struct error e = ERROR_INIT;

	memset(text, '[', length);
	ck_assert_ptr_null(json_parse(text, length, "deep.json", false, &e));
	ck_assert_str_eq(e.text, "deep.json: nested deeper than 512 levels");
	free(text);
}
END_TEST

START_TEST(brackets_inside_a_string_do_not_nest)
{
	char text[1300] = "[\"";
	json_t *value;

	memset(text + 2, '[', 1200);
	memcpy(text + 1202, "\\\"\"]", 5);
	value = parse(text, NULL);
	ck_assert_ptr_nonnull(value);
	json_decref(value);
}
END_TEST

START_TEST(a_member_of_the_wrong_type_is_told_with_both_types)
{
	struct error e = ERROR_INIT;
	json_t *value = parse("{\"steps\":\"four\"}", NULL);
	int64_t steps;

	ck_assert(!json_get_integer(value, "steps", "node 3", &steps, &e));
	ck_assert_str_eq(e.text, "node 3: \"steps\" is a string; it must be an integer");
	json_decref(value);
}
END_TEST

START_TEST(an_absent_member_takes_its_fallback)
{
	json_t *value = parse("{}", NULL);
	double number;

	ck_assert(json_get_number_or(value, "cfg", "node 3", 7.5, &number, NULL));
	ck_assert_double_eq(number, 7.5);
	json_decref(value);
}
END_TEST

START_TEST(text_that_is_not_utf_8_becomes_a_string_with_question_marks)
{
	json_t *valid = json_any_text("caf\xc3\xa9");
	json_t *invalid = json_any_text("caf\xe9!");

	ck_assert_str_eq(json_string_value(valid), "caf\xc3\xa9");
	ck_assert_str_eq(json_string_value(invalid), "caf?!");
	json_decref(valid);
	json_decref(invalid);
}
END_TEST

START_TEST(a_value_that_could_not_be_made_is_out_of_memory)
{
	struct error e = ERROR_INIT;
	json_t *object = json_object();

	ck_assert(!json_put(object, "a", NULL, &e));
	ck_assert_int_eq(e.kind, ERROR_MEMORY);
	ck_assert(json_put(object, "a", json_integer(1), NULL));
	ck_assert_int_eq(json_integer_value(json_object_get(object, "a")), 1);
	json_decref(object);
}
END_TEST

static void assert_written_as_read(const char *text)
{
	json_t *value = parse(text, NULL);
	char *written = value ? json_text(value, JSON_COMPACT) : NULL;

	ck_assert_ptr_nonnull(written);
	ck_assert_str_eq(written, text);
	free(written);
	json_decref(value);
}

START_TEST(an_integer_up_to_uint64_max_is_written_as_it_was_read)
{
	assert_written_as_read("[-9223372036854775808,9223372036854775807]");
	assert_written_as_read("[9223372036854775808]");
	assert_written_as_read("[18446744073709551615,{\"seed\":18446744073709551614},0]");
	assert_written_as_read("{\"18446744073709551615\":\"18446744073709551615, \\\\u0000\\\"\\\\u00009\"}");
}
END_TEST

START_TEST(an_integer_up_to_uint64_max_is_read_exactly)
{
	struct error e = ERROR_INIT;
	json_t *value = parse("{\"low\":9223372036854775807,\"high\":9223372036854775808,\"top\":18446744073709551615}", NULL);
	uint64_t number = 0;
	double real;
	int64_t narrow;

	ck_assert(json_get_unsigned(value, "low", "x", &number, &e));
	ck_assert_uint_eq(number, INT64_MAX);
	ck_assert(json_get_unsigned(value, "high", "x", &number, &e));
	ck_assert_uint_eq(number, UINT64_C(1) << 63);
	ck_assert(json_get_unsigned(value, "top", "x", &number, &e));
	ck_assert_uint_eq(number, UINT64_MAX);
	ck_assert(json_get_number(value, "high", "x", &real, &e));
	ck_assert_double_eq(real, 0x1p63);
	ck_assert(!json_get_integer(value, "high", "x", &narrow, &e));
	ck_assert_str_eq(e.text, "x: \"high\" is 9223372036854775808; it can be 9223372036854775807 at most");
	json_decref(value);
}
END_TEST

START_TEST(an_integer_beyond_the_unsigned_range_becomes_the_nearest_real)
{
	struct error e = ERROR_INIT;
	json_t *value = parse("{\"over\":18446744073709551616,\"under\":-9223372036854775809}", NULL);
	uint64_t number;

	ck_assert(json_is_real(json_object_get(value, "over")));
	ck_assert_double_eq(json_real_value(json_object_get(value, "over")), 0x1p64);
	ck_assert_double_eq(json_real_value(json_object_get(value, "under")), -0x1p63);
	ck_assert(!json_get_unsigned(value, "over", "x", &number, &e));
	ck_assert_str_eq(e.text, "x: \"over\" is 1.8446744073709552e+19; it can be 0 to 18446744073709551615");
	json_decref(value);
}
END_TEST

START_TEST(a_negative_integer_is_refused_where_an_unsigned_one_is_read)
{
	struct error e = ERROR_INIT;
	json_t *value = parse("{\"seed\":-1}", NULL);
	uint64_t seed;

	ck_assert(!json_get_unsigned(value, "seed", "x", &seed, &e));
	ck_assert_str_eq(e.text, "x: \"seed\" is -1; it must not be negative");
	json_decref(value);
}
END_TEST

START_TEST(a_wide_integer_is_no_string)
{
	struct error e = ERROR_INIT;
	json_t *value = parse("{\"name\":18446744073709551615}", NULL);
	const char *name;

	ck_assert(!json_get_string(value, "name", "x", &name, &e));
	ck_assert_str_eq(e.text, "x: \"name\" is an integer; it must be a string");
	json_decref(value);
}
END_TEST

START_TEST(a_string_cannot_pass_for_a_wide_integer)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(parse("[18446744073709551615,\"\\u000018446744073709551615\"]", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "plan.json: line 1, column"));
}
END_TEST

START_TEST(a_fault_after_a_wide_integer_has_the_place_in_the_text)
{
	struct error narrow = ERROR_INIT;
	struct error wide = ERROR_INIT;

	ck_assert_ptr_null(parse("{\"a\":1000000000000000000 ,\n \"b\":}", &narrow));
	ck_assert_ptr_null(parse("{\"a\":18446744073709551615,\n \"b\":}", &wide));
	ck_assert_str_eq(wide.text, narrow.text);
	ck_assert_ptr_null(parse("[018446744073709551615]", NULL));
	ck_assert_ptr_null(parse("[-]", NULL));
	ck_assert_ptr_null(parse("18446744073709551615", NULL));
}
END_TEST

HARNESS_SUITE(json_suite)
{
	Suite *suite = suite_create("json");
	TCase *tests = tcase_create("json");

	tcase_add_test(tests, a_fault_names_the_file_and_the_place);
	tcase_add_test(tests, a_key_told_twice_is_refused_unless_allowed);
	tcase_add_test(tests, a_million_brackets_are_refused_not_followed);
	tcase_add_test(tests, brackets_inside_a_string_do_not_nest);
	tcase_add_test(tests, a_member_of_the_wrong_type_is_told_with_both_types);
	tcase_add_test(tests, an_absent_member_takes_its_fallback);
	tcase_add_test(tests, text_that_is_not_utf_8_becomes_a_string_with_question_marks);
	tcase_add_test(tests, a_value_that_could_not_be_made_is_out_of_memory);
	tcase_add_test(tests, an_integer_up_to_uint64_max_is_written_as_it_was_read);
	tcase_add_test(tests, an_integer_up_to_uint64_max_is_read_exactly);
	tcase_add_test(tests, an_integer_beyond_the_unsigned_range_becomes_the_nearest_real);
	tcase_add_test(tests, a_negative_integer_is_refused_where_an_unsigned_one_is_read);
	tcase_add_test(tests, a_wide_integer_is_no_string);
	tcase_add_test(tests, a_string_cannot_pass_for_a_wide_integer);
	tcase_add_test(tests, a_fault_after_a_wide_integer_has_the_place_in_the_text);
	suite_add_tcase(suite, tests);
	return suite;
}
