/* Changes over every row of up to seven commits, against what a reader would say of it. */
#include <string.h>

#include "reports/changes.h"
#include "tests/harness/harness.h"

#define COUNT_MOST 7

static void read_row(const char *text, enum known *row)
{
	for (; *text; text++)
		*row++ = *text == 'P' ? KNOWN_PASS : *text == 'F' ? KNOWN_FAIL : KNOWN_NOT;
}

START_TEST(a_change_is_where_something_else_is_known_than_before)
{
	struct verdict_change change = { .first = 0 };
	enum known row[8];

	read_row("PP--F-FP", row);
	ck_assert(change_next(row, 8, change.first, &change));
	ck_assert_uint_eq(change.last, 1);
	ck_assert_uint_eq(change.first, 4);
	ck_assert_int_eq(change.from, KNOWN_PASS);
	ck_assert_int_eq(change.to, KNOWN_FAIL);
	ck_assert(change_next(row, 8, change.first, &change));
	ck_assert_uint_eq(change.last, 6);
	ck_assert_uint_eq(change.first, 7);
	ck_assert(!change_next(row, 8, change.first, &change));
}
END_TEST

START_TEST(what_is_not_known_is_no_change)
{
	struct verdict_change change;
	enum known row[4];

	read_row("--F-", row);
	ck_assert(!change_next(row, 4, 0, &change));
	ck_assert(!change_next(row, 0, 0, &change));
	ck_assert(!change_regresses(row, 4));
}
END_TEST

/* The changes of a row, told by its known ones alone. */
static size_t count_changes(const enum known *row, size_t count, bool *regresses)
{
	enum known last = KNOWN_NOT;
	size_t changes = 0;

	*regresses = false;
	for (size_t i = 0; i < count; i++) {
		if (row[i] == KNOWN_NOT)
			continue;
		changes += last != KNOWN_NOT && row[i] != last;
		*regresses |= last == KNOWN_PASS && row[i] == KNOWN_FAIL;
		last = row[i];
	}
	return changes;
}

static void check_row(const enum known *row, size_t count)
{
	struct verdict_change change = { .first = 0 };
	size_t changes = 0;
	bool regresses;
	size_t wanted = count_changes(row, count, &regresses);

	for (; change_next(row, count, change.first, &change); changes++) {
		ck_assert_uint_lt(change.last, change.first);
		ck_assert_int_eq(row[change.last], change.from);
		ck_assert_int_eq(row[change.first], change.to);
		for (size_t i = change.last + 1; i < change.first; i++)
			ck_assert_int_eq(row[i], KNOWN_NOT);
	}
	ck_assert_uint_eq(changes, wanted);
	ck_assert_int_eq(change_regresses(row, count), regresses);
}

START_TEST(every_short_row_has_the_changes_a_reader_counts)
{
	enum known row[COUNT_MOST];
	size_t rows = 1;

	for (size_t count = 1; count <= COUNT_MOST; count++) {
		rows *= 3;
		for (size_t n = 0; n < rows; n++) {
			size_t rest = n;

			for (size_t i = 0; i < count; i++, rest /= 3)
				row[i] = (enum known)(rest % 3);
			check_row(row, count);
		}
	}
}
END_TEST

HARNESS_SUITE(changes_suite)
{
	Suite *suite = suite_create("changes");
	TCase *cases = tcase_create("rows");

	tcase_add_test(cases, a_change_is_where_something_else_is_known_than_before);
	tcase_add_test(cases, what_is_not_known_is_no_change);
	tcase_add_test(cases, every_short_row_has_the_changes_a_reader_counts);
	suite_add_tcase(suite, cases);
	return suite;
}
