/* A failure that was cut down is as short as it gets, the same every time, and a scenario. */
#include <string.h>

#include "core/manager/policy.h"
#include "scenarios/explore/explore_trial.h"
#include "scenarios/flow/flow_file.h"
#include "tests/explore/fixture.h"
#include "tests/harness/harness.h"

#define SEQUENCES 60

static struct explore_result explore_delegate(struct explore *explore, uint64_t seed)
{
	struct explore_result result = { .count = 0 };
	struct error e = ERROR_INIT;

	explore->seed = seed;
	explore->go_on = true;
	explore->sequences_most = SEQUENCES;
	ck_assert_ok(explore_policy(explore, &policy_delegate, &result, &e), &e);
	ck_assert_uint_gt(result.count, 0);
	return result;
}

START_TEST(the_same_seed_finds_the_same)
{
	struct explore explore = explorer_open();
	struct explore_result first = explore_delegate(&explore, 3);
	struct explore_result again = explore_delegate(&explore, 3);

	ck_assert_uint_eq(first.count, again.count);
	ck_assert_uint_eq(first.steps, again.steps);
	for (size_t i = 0; i < first.count; i++) {
		ck_assert_str_eq(first.items[i].text, again.items[i].text);
		ck_assert_uint_eq(first.items[i].after, again.items[i].after);
	}
	explore_result_free(&first);
	explore_result_free(&again);
	explorer_close(&explore);
}
END_TEST

START_TEST(another_seed_takes_another_way)
{
	struct explore explore = explorer_open();
	struct explore_result first = explore_delegate(&explore, 3);
	struct explore_result other = explore_delegate(&explore, 4);

	ck_assert_uint_ne(first.steps, other.steps);
	explore_result_free(&first);
	explore_result_free(&other);
	explorer_close(&explore);
}
END_TEST

START_TEST(no_action_can_be_left_out)
{
	struct explore explore = explorer_open();
	struct explore_result result = explore_delegate(&explore, 1);
	struct error e = ERROR_INIT;
	struct explore_trial trial = { .subject = explore.subject, .check = explore_check_new(&e) };
	struct sequence shorter = { .step_count = 0 };

	ck_assert_ok(trial.check, &e);
	for (size_t i = 0; i < result.count; i++) {
		const struct explored *found = &result.items[i];

		ck_assert_ok(explore_sequence_copy(&shorter, &found->sequence, &e) && explore_trial_run(&trial, &shorter, &e),
			     &e);
		ck_assert_msg(explore_trial_same_failure(&trial, &found->failure), "it does not fail: %s", found->line);
		for (size_t step = 0; step < found->sequence.step_count; step++) {
			ck_assert_ok(explore_sequence_copy(&shorter, &found->sequence, &e), &e);
			explore_sequence_remove(&shorter, step, 1);
			ck_assert_ok(explore_trial_run(&trial, &shorter, &e), &e);
			ck_assert_msg(!explore_trial_same_failure(&trial, &found->failure), "without action %zu: %s", step + 1,
				      found->line);
		}
	}
	explore_sequence_free(&shorter);
	explore_check_free(trial.check);
	explore_result_free(&result);
	explorer_close(&explore);
}
END_TEST

START_TEST(what_is_found_is_a_scenario_that_says_all_of_where_it_runs)
{
	struct explore explore = explorer_open();
	struct explore_result result = explore_delegate(&explore, 1);
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < result.count; i++) {
		const struct explored *found = &result.items[i];
		struct flow *flow = flow_parse(found->text, strlen(found->text), "found", &e);

		ck_assert_ok(flow, &e);
		ck_assert_msg(found->confirmed, "a judge does not say %s: %s", explore_invariant_name(found->failure.invariant),
			      found->line);
		ck_assert_ptr_eq(flow->setting.policy, &policy_delegate);
		ck_assert(flow->setting.has_cache && flow->setting.has_device_mode && flow->setting.has_node_flags);
		ck_assert(flow->setting.has_seed);
		ck_assert_uint_eq(flow->step_count, found->sequence.step_count);
		ck_assert_ptr_nonnull(strstr(flow->help, explore_invariant_name(found->failure.invariant)));
		flow_free(flow);
	}
	explore_result_free(&result);
	explorer_close(&explore);
}
END_TEST

START_TEST(without_going_on_the_first_failure_is_the_last)
{
	struct explore explore = explorer_open();
	struct explore_result result = { .count = 0 };
	struct error e = ERROR_INIT;

	explore.sequences_most = 1000;
	ck_assert_ok(explore_policy(&explore, &policy_delegate, &result, &e), &e);
	ck_assert_uint_eq(result.count, 1);
	ck_assert_uint_lt(result.sequences, 1000);
	explore_result_free(&result);
	explorer_close(&explore);
}
END_TEST

HARNESS_SUITE(shrink_suite)
{
	Suite *suite = suite_create("shrink");
	TCase *tests = tcase_create("shrink");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, the_same_seed_finds_the_same);
	tcase_add_test(tests, another_seed_takes_another_way);
	tcase_add_test(tests, no_action_can_be_left_out);
	tcase_add_test(tests, what_is_found_is_a_scenario_that_says_all_of_where_it_runs);
	tcase_add_test(tests, without_going_on_the_first_failure_is_the_last);
	suite_add_tcase(suite, tests);
	return suite;
}
