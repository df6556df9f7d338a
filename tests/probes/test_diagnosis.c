/* From facts to the likely known cause. */
#include <string.h>

#include "db/records/record.h"
#include "probes/diagnosis/diagnosis.h"
#include "tests/harness/harness.h"

START_TEST(every_cause_is_reached_by_the_facts_it_needs)
{
	const struct cause *cause;

	for (size_t i = 0; (cause = diagnosis_row(i)) != NULL; i++)
		ck_assert_msg(diagnosis_of(cause->needs) == cause, "row %zu (%s) is hidden by an earlier one", i, cause->text);
}
END_TEST

START_TEST(without_facts_there_is_no_cause)
{
	ck_assert_ptr_null(diagnosis_of(0));
}
END_TEST

START_TEST(a_finding_class_alone_is_enough_for_no_loss)
{
	ck_assert_ptr_null(diagnosis_of(FACT(LOST)));
}
END_TEST

START_TEST(all_kept_and_core_s_unload_is_the_purge_of_kept_models)
{
	ck_assert_int_eq(diagnosis_of(FACT(LOST) | FACT(UNLOADED_BY_CORE) | FACT(ALL_KEPT) | FACT(CACHES_RESET))->failure_class,
			 22);
}
END_TEST

START_TEST(a_loss_by_flags_nobody_asked_for_is_a_contract_that_drifts)
{
	ck_assert_int_eq(diagnosis_of(FACT(LOST) | FACT(DIED_IN_GC) | FACT(NOT_ASKED) | FACT(ONLY_CACHE_BEFORE))->failure_class,
			 2);
}
END_TEST

START_TEST(a_true_leak_warning_is_told_from_a_false_one)
{
	const struct cause *right = diagnosis_of(FACT(STALE) | FACT(FOREIGN_HOLDS));
	const struct cause *wrong = diagnosis_of(FACT(STALE) | FACT(NO_HOLDER));

	ck_assert_int_eq(right->failure_class, 8);
	ck_assert_int_eq(wrong->failure_class, 8);
	ck_assert_ptr_ne(right, wrong);
}
END_TEST

START_TEST(the_same_dead_entry_is_another_cause_once_the_worker_died_of_it)
{
	ck_assert_int_eq(diagnosis_of(FACT(STALE) | FACT(FOREIGN_HOLDS) | FACT(WORKER_DIED))->failure_class, 7);
	ck_assert_int_eq(diagnosis_of(FACT(LEAKED) | FACT(ON_DEVICE) | FACT(WORKER_DIED))->failure_class, 5);
}
END_TEST

START_TEST(why_names_the_facts_that_decided_and_no_others)
{
	char why[512];

	diagnosis_why(diagnosis_of(FACT(LOST) | FACT(UNLOADED_BY_CORE) | FACT(ALL_KEPT) | FACT(PROMPT_BEFORE)), why,
		      sizeof(why));
	ck_assert_str_eq(why, "core's own unload took it, which knows no keep flag; every model listed then was to be kept");
}
END_TEST

START_TEST(facts_survive_their_text)
{
	fact_set facts = FACT(LOST) | FACT(DIED_IN_GC) | FACT(RESIDENCY_RIGHT) | FACT(STALE);
	char text[512];

	diagnosis_facts_text(facts, text, sizeof(text));
	ck_assert_uint_eq(diagnosis_facts_parse(text), facts);
	ck_assert_uint_eq(diagnosis_facts_parse("lost, of course; nonsense  "), 0);
}
END_TEST

START_TEST(all_facts_fit_a_record)
{
	char text[sizeof(((struct record_finding *)NULL)->facts)];

	diagnosis_facts_text(~(fact_set)0, text, sizeof(text));
	ck_assert_uint_eq(diagnosis_facts_parse(text), ((fact_set)1 << FACT_COUNT) - 1);
}
END_TEST

START_TEST(a_text_too_long_is_cut_between_facts)
{
	char text[12];

	diagnosis_facts_text(FACT(LOST) | FACT(DUPLICATED), text, sizeof(text));
	ck_assert_str_eq(text, "lost");
}
END_TEST

HARNESS_SUITE(diagnosis_suite)
{
	const TTest *const claims[] = {
		every_cause_is_reached_by_the_facts_it_needs,
		without_facts_there_is_no_cause,
		a_finding_class_alone_is_enough_for_no_loss,
		all_kept_and_core_s_unload_is_the_purge_of_kept_models,
		a_loss_by_flags_nobody_asked_for_is_a_contract_that_drifts,
		a_true_leak_warning_is_told_from_a_false_one,
		the_same_dead_entry_is_another_cause_once_the_worker_died_of_it,
		why_names_the_facts_that_decided_and_no_others,
		facts_survive_their_text,
		all_facts_fit_a_record,
		a_text_too_long_is_cut_between_facts,
	};
	Suite *suite = suite_create("diagnosis");
	TCase *tests = tcase_create("diagnosis");

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		tcase_add_test(tests, claims[i]);
	suite_add_tcase(suite, tests);
	return suite;
}
