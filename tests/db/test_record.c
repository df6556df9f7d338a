#include "db/records/layout.h"
#include "tests/harness/harness.h"

START_TEST(text_that_does_not_fit_is_cut_between_characters)
{
	char field[6];

	record_text(field, sizeof(field), "abcd\xc3\xa9");
	ck_assert_str_eq(field, "abcd");
}
END_TEST

START_TEST(text_that_fits_is_whole)
{
	char field[7];

	record_text(field, sizeof(field), "abcd\xc3\xa9");
	ck_assert_str_eq(field, "abcd\xc3\xa9");
}
END_TEST

START_TEST(an_object_of_a_name_that_was_there_has_its_number_even_where_the_name_is_cut)
{
	char field[6];

	record_object_name(field, sizeof(field), "abc", 1);
	ck_assert_str_eq(field, "abc");
	record_object_name(field, sizeof(field), "abc", 2);
	ck_assert_str_eq(field, "abc#2");
	record_object_name(field, sizeof(field), "abcdef", 12);
	ck_assert_str_eq(field, "ab#12");
	record_object_name(field, sizeof(field), "ab\xc3\xa9", 2);
	ck_assert_str_eq(field, "ab#2");
}
END_TEST

static unsigned taken;

static void take(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	(void)type;
	(void)record;
	taken += size_bytes * *(const unsigned *)context;
}

START_TEST(a_tee_puts_into_both_sinks)
{
	unsigned one = 1;
	unsigned hundred = 100;
	struct record_tee tee = { .first = { .context = &one, .put = take }, .second = { .context = &hundred, .put = take } };
	struct record_sink sink = record_tee_sink(&tee);

	taken = 0;
	record_put(&sink, RECORD_VERDICT, "x", 1);
	ck_assert_uint_eq(taken, 101);
}
END_TEST

START_TEST(every_record_has_a_layout_of_its_size)
{
	for (unsigned i = 0; i < RECORD_TYPE_COUNT; i++)
		ck_assert_msg(record_layouts[i].size_bytes > 0, "record type %u has no layout", i);
}
END_TEST

HARNESS_SUITE(record_suite)
{
	Suite *suite = suite_create("records");
	TCase *tests = tcase_create("records");

	tcase_add_test(tests, text_that_does_not_fit_is_cut_between_characters);
	tcase_add_test(tests, text_that_fits_is_whole);
	tcase_add_test(tests, an_object_of_a_name_that_was_there_has_its_number_even_where_the_name_is_cut);
	tcase_add_test(tests, a_tee_puts_into_both_sinks);
	tcase_add_test(tests, every_record_has_a_layout_of_its_size);
	suite_add_tcase(suite, tests);
	return suite;
}
