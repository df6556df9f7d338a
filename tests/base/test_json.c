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
	suite_add_tcase(suite, tests);
	return suite;
}
