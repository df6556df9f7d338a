/* Each invariant, by records that break it, and by those that come near. */
#include <string.h>

#include "scenarios/explore/explore_check.h"
#include "tests/explore/fixture.h"
#include "tests/harness/harness.h"

static struct check *check;
static struct record_sink sink;

static void begin(void)
{
	struct error e = ERROR_INIT;

	check = explore_check_new(&e);
	ck_assert_ok(check, &e);
	sink = explore_check_sink(check);
}

static void end(void)
{
	explore_check_free(check);
}

/* ---- records ---- */

static void act(enum action_kind kind, bool asks)
{
	struct record_action action = { .cell = 1, .kind = kind, .asks = asks };

	record_put(&sink, RECORD_ACTION, &action, sizeof(action));
}

static void make(uint32_t number, uint32_t inner, const char *name, enum keep_request keep)
{
	struct record_model model = { .cell = 1, .model = number, .inner = inner, .generation = number, .keep = keep };

	record_text(model.name, sizeof(model.name), name);
	model.identity = record_identity(model.name, "unet");
	record_put(&sink, RECORD_MODEL, &model, sizeof(model));
}

static void read_from_disk(uint32_t number)
{
	struct record_load load = { .cell = 1, .model = number, .from_disk = true };

	record_put(&sink, RECORD_LOAD, &load, sizeof(load));
}

static void depart(uint32_t number, enum reason reason)
{
	struct record_departure departure = { .cell = 1, .model = number, .reason = reason };

	record_put(&sink, RECORD_DEPARTURE, &departure, sizeof(departure));
}

static void stage(enum stage which)
{
	struct record_snapshot snapshot = { .cell = 1, .stage = which };

	record_put(&sink, RECORD_SNAPSHOT, &snapshot, sizeof(snapshot));
}

static void is(uint32_t number, enum residency_state state)
{
	struct record_residency residency = { .cell = 1,
					      .model = number,
					      .state = state,
					      .listed = state == STATE_RESIDENT ? 0 : -1,
					      .patcher_alive = state != STATE_DEAD && state != STATE_LEAKED,
					      .model_alive = state != STATE_DEAD,
					      .anchored = -1 };

	record_put(&sink, RECORD_RESIDENCY, &residency, sizeof(residency));
}

static void hold(uint32_t number, const char *kind)
{
	struct record_holder holder = { .cell = 1, .model = number, .strong = true };

	record_text(holder.kind, sizeof(holder.kind), kind);
	record_put(&sink, RECORD_HOLDER, &holder, sizeof(holder));
}

static void line(const char *name, uint64_t size_bytes)
{
	struct record_memory memory = { .cell = 1, .size_bytes = size_bytes };

	record_text(memory.line, sizeof(memory.line), name);
	record_put(&sink, RECORD_MEMORY, &memory, sizeof(memory));
}

static void sample(uint32_t number, const char *wanted, const char *found)
{
	struct record_sampled sampled = { .cell = 1, .model = number };

	record_text(sampled.wanted, sizeof(sampled.wanted), wanted);
	record_text(sampled.found, sizeof(sampled.found), found);
	sampled.differs = strcmp(wanted, found) != 0;
	record_put(&sink, RECORD_SAMPLED, &sampled, sizeof(sampled));
}

/* ---- what is said ---- */

static void assert_fails(enum invariant invariant, const char *cause)
{
	const struct explore_failure *failures;
	struct error e = ERROR_INIT;
	size_t count;

	ck_assert_ok(explore_check_finish(check, &failures, &count, &e), &e);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(explore_invariant_name(failures[0].invariant), explore_invariant_name(invariant));
	ck_assert_str_eq(failures[0].cause, cause);
}

static void assert_holds(void)
{
	const struct explore_failure *failures;
	struct error e = ERROR_INIT;
	size_t count;

	ck_assert_ok(explore_check_finish(check, &failures, &count, &e), &e);
	ck_assert_msg(count == 0, "%s, %s", explore_invariant_name(failures[0].invariant), failures[0].cause);
}

/* One model, resident after its prompt. */
static void prompt_of(const char *name, enum keep_request keep)
{
	act(ACTION_PROMPT, false);
	make(1, 1, name, keep);
	stage(STAGE_LOADED);
	is(1, STATE_RESIDENT);
}

START_TEST(a_kept_model_that_leaves_is_lost_for_the_reason_told)
{
	prompt_of("B", KEEP_YES);
	act(ACTION_POST, true);
	depart(1, REASON_UNLOADED_BY_CORE);
	stage(STAGE_AFTER_UNLOAD);
	is(1, STATE_UNLOADED);
	assert_fails(INVARIANT_KEPT_STAYS, "unloaded_by_core");
}
END_TEST

START_TEST(one_that_pressure_moves_while_the_manager_holds_it_is_displaced)
{
	prompt_of("B", KEEP_YES);
	act(ACTION_FREE_MEMORY, false);
	depart(1, REASON_EVICTED_BY_PRESSURE);
	stage(STAGE_AFTER_FREE_MEMORY);
	is(1, STATE_UNLOADED);
	hold(1, HOLDER_MANAGER);
	assert_holds();
}
END_TEST

START_TEST(why_a_model_left_is_known_when_the_clone_it_left_by_is_dead)
{
	prompt_of("K", KEEP_YES);
	make(2, 1, "K+clone", KEEP_YES);
	act(ACTION_PROMPT, false);
	depart(1, REASON_SUPERSEDED);
	depart(2, REASON_EVICTED_BY_LOAD);
	stage(STAGE_NEXT_PROMPT);
	is(1, STATE_UNLOADED);
	hold(1, HOLDER_MANAGER);
	is(2, STATE_DEAD);
	stage(STAGE_AFTER_GC);
	is(1, STATE_UNLOADED);
	hold(1, HOLDER_MANAGER);
	assert_holds();
}
END_TEST

START_TEST(a_kept_model_that_is_never_loaded_is_lost)
{
	act(ACTION_PROMPT, false);
	make(1, 1, "B", KEEP_YES);
	stage(STAGE_LOADED);
	is(1, STATE_UNLOADED);
	assert_fails(INVARIANT_KEPT_STAYS, "never_resident");
}
END_TEST

START_TEST(a_base_is_there_through_its_clone)
{
	prompt_of("K", KEEP_YES);
	act(ACTION_PROMPT, false);
	make(2, 1, "K+clone", KEEP_YES);
	depart(1, REASON_SUPERSEDED);
	stage(STAGE_NEXT_PROMPT);
	is(1, STATE_LOADED_UNLISTED);
	is(2, STATE_RESIDENT);
	assert_holds();
}
END_TEST

START_TEST(a_model_that_was_asked_to_go_and_is_listed_has_not_gone)
{
	prompt_of("A", KEEP_NO);
	act(ACTION_POST, true);
	stage(STAGE_AFTER_GC);
	is(1, STATE_RESIDENT);
	assert_fails(INVARIANT_FREED_GOES, "listed");
}
END_TEST

START_TEST(a_cache_and_a_foreign_hold_may_hold_what_was_asked_to_go)
{
	prompt_of("A", KEEP_NO);
	act(ACTION_POST, true);
	stage(STAGE_AFTER_GC);
	is(1, STATE_UNLOADED);
	hold(1, HOLDER_CACHE);
	hold(1, HOLDER_FOREIGN);
	assert_holds();
}
END_TEST

START_TEST(a_request_before_the_wish_ended_did_not_ask_it)
{
	prompt_of("B", KEEP_YES);
	act(ACTION_POST, true);
	stage(STAGE_AFTER_GC);
	is(1, STATE_RESIDENT);
	act(ACTION_POST, false);
	make(1, 1, "B", KEEP_NO);
	assert_holds();
}
END_TEST

START_TEST(a_kept_copy_that_is_read_beside_another_is_read_twice)
{
	prompt_of("B", KEEP_YES);
	act(ACTION_PROMPT, false);
	make(2, 2, "B", KEEP_NONE);
	read_from_disk(2);
	make(2, 2, "B", KEEP_YES); /* the wish is told after the load */
	stage(STAGE_NEXT_PROMPT);
	is(1, STATE_RESIDENT);
	is(2, STATE_RESIDENT);
	assert_fails(INVARIANT_LOADED_ONCE, "copy there");
}
END_TEST

START_TEST(bytes_that_nobody_accounts_for_are_seen_to_the_last_one)
{
	prompt_of("A", KEEP_NO);
	line("used", 100);
	line("weights", 99);
	line("unattributed", 1);
	assert_fails(INVARIANT_LEDGER_BALANCES, "unattributed");
}
END_TEST

START_TEST(bytes_that_are_told_twice_are_seen_too)
{
	prompt_of("A", KEEP_NO);
	line("used", 100);
	line("weights", 101);
	line("unattributed", 0);
	assert_fails(INVARIANT_LEDGER_BALANCES, "more told than used");
}
END_TEST

START_TEST(memory_taken_past_the_manager_is_nobodys_fault)
{
	act(ACTION_OUTSIDE, false);
	prompt_of("A", KEEP_NO);
	line("used", 100);
	line("weights", 40);
	line("unattributed", 60);
	assert_holds();
}
END_TEST

START_TEST(a_sampler_on_other_patches_than_the_workflow_says_is_seen)
{
	prompt_of("A", KEEP_NO);
	sample(1, "lora at 0.5", "lora at 1");
	assert_fails(INVARIANT_OUTPUT_SAME, "other patches");
}
END_TEST

START_TEST(a_sampler_on_a_model_without_its_patches_is_seen)
{
	prompt_of("A", KEEP_NO);
	sample(1, "lora at 0.5", "");
	sample(1, "lora at 0.5", "lora at 0.5");
	assert_fails(INVARIANT_OUTPUT_SAME, "no patches");
}
END_TEST

START_TEST(weights_in_place_of_a_model_in_no_list_are_stray)
{
	prompt_of("A", KEEP_NO);
	act(ACTION_SETTLE, false);
	stage(STAGE_AFTER_GC);
	is(1, STATE_LOADED_UNLISTED);
	assert_fails(INVARIANT_NOTHING_STRAY, "loaded_unlisted");
}
END_TEST

HARNESS_SUITE(check_suite)
{
	Suite *suite = suite_create("check");
	TCase *tests = tcase_create("check");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, a_kept_model_that_leaves_is_lost_for_the_reason_told);
	tcase_add_test(tests, one_that_pressure_moves_while_the_manager_holds_it_is_displaced);
	tcase_add_test(tests, why_a_model_left_is_known_when_the_clone_it_left_by_is_dead);
	tcase_add_test(tests, a_kept_model_that_is_never_loaded_is_lost);
	tcase_add_test(tests, a_base_is_there_through_its_clone);
	tcase_add_test(tests, a_model_that_was_asked_to_go_and_is_listed_has_not_gone);
	tcase_add_test(tests, a_cache_and_a_foreign_hold_may_hold_what_was_asked_to_go);
	tcase_add_test(tests, a_request_before_the_wish_ended_did_not_ask_it);
	tcase_add_test(tests, a_kept_copy_that_is_read_beside_another_is_read_twice);
	tcase_add_test(tests, bytes_that_nobody_accounts_for_are_seen_to_the_last_one);
	tcase_add_test(tests, bytes_that_are_told_twice_are_seen_too);
	tcase_add_test(tests, memory_taken_past_the_manager_is_nobodys_fault);
	tcase_add_test(tests, a_sampler_on_other_patches_than_the_workflow_says_is_seen);
	tcase_add_test(tests, a_sampler_on_a_model_without_its_patches_is_seen);
	tcase_add_test(tests, weights_in_place_of_a_model_in_no_list_are_stray);
	suite_add_tcase(suite, tests);
	return suite;
}
