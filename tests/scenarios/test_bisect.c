/* Every change of every row of commits, with every kind of commit that cannot say. */
#include <stdlib.h>

#include "scenarios/sweep/bisect.h"
#include "tests/harness/harness.h"

/* A row of commits: which were the first to change (count: none), and the bits of those that cannot say. */
struct row {
	size_t count, first;
	uint64_t skips;
};

static enum bisect_answer answer(const struct row *row, size_t index)
{
	if (row->skips >> index & 1)
		return BISECT_SKIP;
	return index < row->first ? BISECT_BEFORE : BISECT_AFTER;
}

static struct bisect_result search(const struct row *row, size_t *asked, size_t *skipped)
{
	struct error e = ERROR_INIT;
	struct bisect *bisect = bisect_new(row->count, &e);
	struct bisect_result result;
	uint64_t seen = 0;

	ck_assert_ok(bisect, &e);
	*asked = *skipped = 0;
	for (size_t at; bisect_next(bisect, &at); ++*asked) {
		ck_assert_uint_lt(at, row->count);
		ck_assert_msg(!(seen >> at & 1), "%zu of %zu is asked twice", at, row->count);
		seen |= UINT64_C(1) << at;
		*skipped += answer(row, at) == BISECT_SKIP;
		bisect_tell(bisect, at, answer(row, at));
	}
	result = bisect_result(bisect);
	bisect_free(bisect);
	return result;
}

/* The nearest that can say, from the change on and before it. */
static void is_right(const struct row *row, const struct bisect_result *result)
{
	size_t first = row->first;
	size_t before = row->first - 1;

	while (first < row->count && row->skips >> first & 1)
		first++;
	while (before > 0 && row->skips >> before & 1)
		before--;
	ck_assert_int_eq(result->changed, first < row->count);
	ck_assert_uint_eq(result->first, first);
	ck_assert_uint_eq(result->last_before, before);
	ck_assert_uint_eq(result->skipped, first - before - 1);
}

START_TEST(every_change_is_found_in_as_few_runs_as_can_be)
{
	for (size_t count = 1; count <= 64; count++) {
		for (size_t first = 1; first <= count; first++) {
			struct row row = { .count = count, .first = first };
			size_t asked;
			size_t skipped;
			struct bisect_result result = search(&row, &asked, &skipped);

			is_right(&row, &result);
			ck_assert_uint_le(asked, bisect_most(count));
		}
	}
}
END_TEST

START_TEST(commits_that_cannot_say_cost_one_run_each_at_most)
{
	for (size_t count = 1; count <= 10; count++) {
		for (uint64_t skips = 0; skips < UINT64_C(1) << count; skips += 2) {
			for (size_t first = 1; first <= count; first++) {
				struct row row = { .count = count, .first = first, .skips = skips };
				size_t asked;
				size_t skipped;
				struct bisect_result result = search(&row, &asked, &skipped);

				is_right(&row, &result);
				ck_assert_uint_le(asked, bisect_most(count) + skipped);
			}
		}
	}
}
END_TEST

START_TEST(the_most_runs_are_the_logarithm_rounded_up)
{
	static const size_t most[] = { 0, 0, 1, 2, 2, 3, 3, 3, 3, 4 };

	for (size_t count = 1; count < sizeof(most) / sizeof(most[0]); count++)
		ck_assert_uint_eq(bisect_most(count), most[count]);
	ck_assert_uint_eq(bisect_most(1025), 11);
}
END_TEST

START_TEST(what_is_known_before_is_not_asked)
{
	struct error e = ERROR_INIT;
	struct bisect *bisect = bisect_new(9, &e);
	size_t at;

	ck_assert_ok(bisect, &e);
	bisect_tell(bisect, 0, BISECT_BEFORE);
	bisect_tell(bisect, 3, BISECT_BEFORE);
	bisect_tell(bisect, 5, BISECT_AFTER);
	ck_assert(bisect_next(bisect, &at));
	ck_assert_uint_eq(at, 4);
	bisect_tell(bisect, 4, BISECT_BEFORE);
	ck_assert(!bisect_next(bisect, &at));
	ck_assert_uint_eq(bisect_result(bisect).first, 5);
	bisect_free(bisect);
}
END_TEST

START_TEST(the_first_of_several_changes_counts_and_later_answers_contradict_nothing)
{
	struct error e = ERROR_INIT;
	struct bisect *bisect = bisect_new(8, &e);
	size_t at;

	ck_assert_ok(bisect, &e);
	bisect_tell(bisect, 1, BISECT_BEFORE);
	bisect_tell(bisect, 2, BISECT_AFTER);
	bisect_tell(bisect, 5, BISECT_BEFORE);
	bisect_tell(bisect, 7, BISECT_AFTER);
	ck_assert(!bisect_next(bisect, &at));
	ck_assert_uint_eq(bisect_result(bisect).first, 2);
	ck_assert_uint_eq(bisect_result(bisect).last_before, 1);
	bisect_free(bisect);
}
END_TEST

START_TEST(an_oldest_that_has_changed_already_leaves_nothing_to_ask)
{
	struct error e = ERROR_INIT;
	struct bisect *bisect = bisect_new(8, &e);
	struct bisect_result result;
	size_t at;

	ck_assert_ok(bisect, &e);
	bisect_tell(bisect, 0, BISECT_AFTER);
	ck_assert(!bisect_next(bisect, &at));
	result = bisect_result(bisect);
	ck_assert(result.changed);
	ck_assert_uint_eq(result.first, 0);
	bisect_free(bisect);
}
END_TEST

HARNESS_SUITE(bisect_suite)
{
	Suite *suite = suite_create("bisect");
	TCase *cases = tcase_create("rows");

	tcase_add_test(cases, every_change_is_found_in_as_few_runs_as_can_be);
	tcase_add_test(cases, commits_that_cannot_say_cost_one_run_each_at_most);
	tcase_add_test(cases, the_most_runs_are_the_logarithm_rounded_up);
	tcase_add_test(cases, what_is_known_before_is_not_asked);
	tcase_add_test(cases, the_first_of_several_changes_counts_and_later_answers_contradict_nothing);
	tcase_add_test(cases, an_oldest_that_has_changed_already_leaves_nothing_to_ask);
	suite_add_tcase(suite, cases);
	return suite;
}
