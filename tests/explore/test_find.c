/* What each policy is known to get wrong, the explorer finds by itself, and says it in five actions at most. */
#include <string.h>

#include "core/manager/policy.h"
#include "tests/explore/fixture.h"
#include "tests/harness/harness.h"

#define SEQUENCES_SHORT 600
#define SEQUENCES_LONG 10000
#define ACTIONS_MOST 5

struct known_failure {
	const char *what;
	enum invariant invariant;
	const char *cause;
	size_t actions; /* of one that must be there; 0: any number up to ACTIONS_MOST */
};

static const struct known_failure delegate_failures[] = {
	{ "all are kept: core unloads them", INVARIANT_KEPT_STAYS, "unloaded_by_core", 2 },
	{ "a neighbour that is not kept sets both flags", INVARIANT_KEPT_STAYS, "died_in_gc", 1 },
	{ "the collection after a reset", INVARIANT_KEPT_STAYS, "died_in_gc", 2 },
	{ "the load of a model that is not kept evicts", INVARIANT_KEPT_STAYS, "evicted_by_load", 0 },
	{ "another workflow drops the loader's output", INVARIANT_KEPT_STAYS, "dropped_by_workflow", 2 },
	{ "a dead entry kills the worker", INVARIANT_WORKER_LIVES, "AttributeError", 0 },
	{ "a foreign patch that throws kills the worker", INVARIANT_WORKER_LIVES, "RuntimeError", 0 },
	{ NULL, INVARIANT_COUNT, NULL, 0 },
};

static const struct known_failure anchors_failures[] = {
	{ "all are kept: core unloads them", INVARIANT_KEPT_STAYS, "unloaded_by_core", 2 },
	{ "a request clears the anchors", INVARIANT_KEPT_STAYS, "anchors_cleared", 2 },
	{ "the load of a model that is not kept evicts", INVARIANT_KEPT_STAYS, "evicted_by_load", 0 },
	{ "another workflow drops the loader's output", INVARIANT_KEPT_STAYS, "dropped_by_workflow", 2 },
	{ "anchors grow", INVARIANT_ANCHORS_BOUNDED, "anchored", 0 },
	{ "a second copy after a free", INVARIANT_LOADED_ONCE, "copy anchored", 0 },
	{ NULL, INVARIANT_COUNT, NULL, 0 },
};

static const struct known_failure selective_failures[] = {
	{ "another workflow drops the loader's output", INVARIANT_KEPT_STAYS, "dropped_by_workflow", 2 },
	{ "anchors grow", INVARIANT_ANCHORS_BOUNDED, "anchored", 0 },
	{ "a second copy after a free", INVARIANT_LOADED_ONCE, "copy anchored", 0 },
	{ "what nobody asked to keep stays", INVARIANT_FREED_GOES, "listed", 2 },
	{ NULL, INVARIANT_COUNT, NULL, 0 },
};

static const struct known_failure stock_failures[] = {
	{ "an unload takes all", INVARIANT_KEPT_STAYS, "unloaded_by_core", 2 },
	{ "another workflow drops the loader's output", INVARIANT_KEPT_STAYS, "dropped_by_workflow", 2 },
	{ "a foreign patch that throws kills the worker", INVARIANT_WORKER_LIVES, "RuntimeError", 0 },
	{ NULL, INVARIANT_COUNT, NULL, 0 },
};

static const struct known_failure eject_failures[] = {
	{ "an unload takes all", INVARIANT_KEPT_STAYS, "unloaded_by_core", 2 },
	{ "loading a model ejects the others", INVARIANT_KEPT_STAYS, "evicted_by_load", 0 },
	{ "another workflow drops the loader's output", INVARIANT_KEPT_STAYS, "dropped_by_workflow", 2 },
	{ NULL, INVARIANT_COUNT, NULL, 0 },
};

static bool is_known(const struct explored *found, const struct known_failure *known)
{
	return found->failure.invariant == known->invariant && strcmp(found->failure.cause, known->cause) == 0 &&
	       (known->actions ? found->sequence.step_count == known->actions : found->sequence.step_count <= ACTIONS_MOST);
}

static void assert_found(const struct explore_result *result, const struct known_failure *known)
{
	for (size_t i = 0; i < result->count; i++) {
		if (!is_known(&result->items[i], known))
			continue;
		ck_assert_msg(result->items[i].confirmed, "%s: a judge does not say so: %s", known->what,
			      result->items[i].line);
		return;
	}
	ck_abort_msg("not found in %llu sequences: %s", (unsigned long long)result->sequences, known->what);
}

static void assert_finds(const struct policy *policy, const struct known_failure *known)
{
	struct explore explore = explorer_open();
	struct explore_result result = { .count = 0 };
	struct error e = ERROR_INIT;

	explore.go_on = true;
	explore.sequences_most = is_long() ? SEQUENCES_LONG : SEQUENCES_SHORT;
	ck_assert_ok(explore_policy(&explore, policy, &result, &e), &e);
	for (; known->what; known++)
		assert_found(&result, known);
	explore_result_free(&result);
	explorer_close(&explore);
}

START_TEST(what_delegate_gets_wrong_is_found)
{
	assert_finds(&policy_delegate, delegate_failures);
}
END_TEST

START_TEST(what_anchors_gets_wrong_is_found)
{
	assert_finds(&policy_anchors, anchors_failures);
}
END_TEST

START_TEST(what_selective_gets_wrong_is_found)
{
	assert_finds(&policy_selective, selective_failures);
}
END_TEST

START_TEST(what_stock_gets_wrong_is_found)
{
	assert_finds(&policy_stock, stock_failures);
}
END_TEST

START_TEST(what_eject_gets_wrong_is_found)
{
	assert_finds(&policy_eject, eject_failures);
	assert_finds(&policy_eject_donor, eject_failures);
}
END_TEST

HARNESS_SUITE(find_suite)
{
	Suite *suite = suite_create("find");
	TCase *tests = tcase_create("find");

	tcase_set_timeout(tests, is_long() ? 1200 : 120);
	tcase_add_test(tests, what_delegate_gets_wrong_is_found);
	tcase_add_test(tests, what_anchors_gets_wrong_is_found);
	tcase_add_test(tests, what_selective_gets_wrong_is_found);
	tcase_add_test(tests, what_stock_gets_wrong_is_found);
	tcase_add_test(tests, what_eject_gets_wrong_is_found);
	suite_add_tcase(suite, tests);
	return suite;
}
