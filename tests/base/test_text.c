#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "core/base/utf8.h"
#include "tests/harness/harness.h"

START_TEST(a_string_grows_past_its_first_room)
{
	struct strbuf b = STRBUF_INIT;
	char *text;

	for (int i = 0; i < 100; i++)
		strbuf_printf(&b, "%d,", i);
	ck_assert(strbuf_ok(&b));
	ck_assert_uint_eq(b.length, 10 * 2 + 90 * 3);
	text = strbuf_finish(&b, NULL);
	ck_assert_str_eq(text + 280, &"96,97,98,99,"[2]);
	free(text);
}
END_TEST

START_TEST(an_empty_string_is_a_string)
{
	struct strbuf b = STRBUF_INIT;
	char *text;

	ck_assert_str_eq(strbuf_text(&b), "");
	text = strbuf_finish(&b, NULL);
	ck_assert_str_eq(text, "");
	free(text);
}
END_TEST

START_TEST(an_array_too_large_to_count_is_refused)
{
	int *items = NULL;
	size_t capacity = 0;
	struct error e = ERROR_INIT;

	ck_assert(!array_reserve(&items, &capacity, SIZE_MAX / 2, sizeof(*items), &e));
	ck_assert_int_eq(e.kind, ERROR_MEMORY);
	ck_assert_ptr_null(items);
	ck_assert_uint_eq(capacity, 0);
}
END_TEST

START_TEST(bytes_are_written_in_three_digits)
{
	char text[UNITS_TEXT_MAX];

	ck_assert_str_eq(units_bytes(17, text), "17 B");
	ck_assert_str_eq(units_bytes(23802816640, text), "23.8 GB");
	ck_assert_str_eq(units_bytes(999999, text), "1.00 MB");
	ck_assert_str_eq(units_bytes(UINT64_MAX, text), "18447 PB");
}
END_TEST

START_TEST(durations_are_written_in_their_unit)
{
	char text[UNITS_TEXT_MAX];

	ck_assert_str_eq(units_duration(411, text), "411 ns");
	ck_assert_str_eq(units_duration(1320000000, text), "1.32 s");
	ck_assert_str_eq(units_duration(UINT64_C(123400000000), text), "2 min 03 s");
}
END_TEST

START_TEST(sizes_are_read_with_their_unit)
{
	uint64_t size;

	ck_assert(units_parse_bytes("24GB", &size));
	ck_assert_uint_eq(size, UINT64_C(24000000000));
	ck_assert(units_parse_bytes("512 MiB", &size));
	ck_assert_uint_eq(size, 512 * MIB);
	ck_assert(units_parse_bytes("800000", &size));
	ck_assert_uint_eq(size, 800000);
}
END_TEST

START_TEST(what_is_no_size_is_refused)
{
	static const char *const wrong[] = { "", "GB", "-1", "1 parsec", "nan", "inf", "1e30TB", "12GBs" };
	uint64_t size;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_msg(!units_parse_bytes(wrong[i], &size), "\"%s\" was taken for a size", wrong[i]);
}
END_TEST

START_TEST(what_a_terminal_would_obey_becomes_a_question_mark)
{
	char text[] = "a\x1b[2J\tb\n\xc2\x9b \xff\xc3\xa9 \xe2\x82";

	utf8_clean(text);
	ck_assert_str_eq(text, "a?[2J?b??? ?\xc3\xa9 ??");
}
END_TEST

HARNESS_SUITE(text_suite)
{
	Suite *suite = suite_create("text");
	TCase *tests = tcase_create("text");

	tcase_add_test(tests, a_string_grows_past_its_first_room);
	tcase_add_test(tests, an_empty_string_is_a_string);
	tcase_add_test(tests, an_array_too_large_to_count_is_refused);
	tcase_add_test(tests, bytes_are_written_in_three_digits);
	tcase_add_test(tests, durations_are_written_in_their_unit);
	tcase_add_test(tests, sizes_are_read_with_their_unit);
	tcase_add_test(tests, what_is_no_size_is_refused);
	tcase_add_test(tests, what_a_terminal_would_obey_becomes_a_question_mark);
	suite_add_tcase(suite, tests);
	return suite;
}
