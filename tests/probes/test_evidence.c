/* What a finding carries: enough to see what happened without the run. */
#include <string.h>

#include "tests/probes/cell.h"
#include "tests/harness/harness.h"

static struct cell cell;
static struct judge_result result;
static bool is_judged;

static void begin(void)
{
	is_judged = false;
	cell_begin(&cell);
	cell_action(&cell, ACTION_PROMPT, false);
}

static void end(void)
{
	cell_end(&cell);
}

static const struct judge_result *judged(void)
{
	if (!is_judged)
		result = cell_judge(&cell);
	is_judged = true;
	return &result;
}

/* The one finding of its class, which must be there. */
static struct record_finding finding(const char *class_name)
{
	judged();
	for (size_t i = 0; i < result.finding_count; i++) {
		if (strcmp(result.findings[i].class_name, class_name) == 0)
			return result.findings[i];
	}
	ck_abort_msg("no finding %s", class_name);
}

/* B is held by a cache's node and by the list, then the collection after a request takes it. */
static void lose_b(void)
{
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_action(&cell, ACTION_POST, true);
	cell_stage(&cell, STAGE_AFTER_RESET, "R");
	cell_holder(&cell, b, "node 7", HOLDER_GARBAGE, true);
	cell_holder(&cell, b, "loaded list", HOLDER_LIST, false);
	cell_departs(&cell, b, REASON_DIED_IN_GC);
	cell_stage(&cell, STAGE_AFTER_GC, "D");
	cell_stage(&cell, STAGE_END, "D");
}

START_TEST(a_loss_says_what_was_done_before_it)
{
	lose_b();
	ck_assert_str_eq(finding("lost").action, "post");
	ck_assert_str_eq(finding("lost").stage, "c1.after_gc");
}
END_TEST

START_TEST(a_loss_says_who_no_longer_holds_it)
{
	lose_b();
	ck_assert_str_eq(finding("lost").missing_holder, "node 7, loaded list");
	ck_assert_str_eq(finding("lost").holders_after, "[]");
}
END_TEST

START_TEST(a_loss_says_how_much_left_which_device)
{
	struct record_finding found;

	lose_b();
	found = finding("lost");
	ck_assert_uint_eq(found.bytes_before, 5000000);
	ck_assert_uint_eq(found.bytes_after, 0);
	ck_assert_int_eq(found.device, 1);
	ck_assert_int_eq(found.object, 1);
}
END_TEST

START_TEST(a_loss_names_its_likely_cause_and_why)
{
	struct record_finding found;

	lose_b();
	found = finding("lost");
	ck_assert_int_eq(found.failure_class, 2);
	ck_assert_ptr_nonnull(strstr(found.threads, "CC#4217"));
	ck_assert_ptr_nonnull(strstr(found.why, "only the executor's caches held it"));
	ck_assert_ptr_nonnull(strstr(found.facts, "died_in_gc"));
}
END_TEST

START_TEST(a_lost_model_that_lives_says_what_keeps_it)
{
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_action(&cell, ACTION_POST, true);
	cell_departs(&cell, b, REASON_UNLOADED_BY_CORE);
	cell_stage(&cell, STAGE_AFTER_UNLOAD, "U");
	cell_path(&cell, b, "executor -> caches -> node 7 -> CLIP -> patcher B");
	cell_stage(&cell, STAGE_END, "U");
	ck_assert_str_eq(finding("lost").path, "executor -> caches -> node 7 -> CLIP -> patcher B");
}
END_TEST

/* The facts of B, lost to flags that the worker took during a prompt that followed `actions`. */
static const char *facts_of_a_loss_after(const enum action_kind *actions, size_t count)
{
	static struct record_finding found;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_stage(&cell, STAGE_LOADED, "R");
	for (size_t i = 0; i < count; i++)
		cell_action(&cell, actions[i], actions[i] != ACTION_PROMPT);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "R");
	cell_worker_takes_flags(&cell);
	cell_departs(&cell, b, REASON_UNLOADED_BY_CORE);
	cell_stage(&cell, STAGE_AFTER_UNLOAD, "U");
	cell_stage(&cell, STAGE_END, "U");
	found = finding("lost");
	return found.facts;
}

START_TEST(a_request_while_a_prompt_runs_is_what_set_the_flags)
{
	static const enum action_kind actions[] = { ACTION_POST_RUNNING, ACTION_PROMPT };

	ck_assert_ptr_null(strstr(facts_of_a_loss_after(actions, 2), "not_asked"));
}
END_TEST

START_TEST(a_request_whose_wake_up_was_lost_is_what_set_the_flags)
{
	static const enum action_kind actions[] = { ACTION_POST_WITHOUT_WAKE, ACTION_PROMPT };

	ck_assert_ptr_null(strstr(facts_of_a_loss_after(actions, 2), "not_asked"));
}
END_TEST

START_TEST(a_request_is_served_once_and_sets_no_flags_of_a_later_prompt)
{
	static const enum action_kind actions[] = { ACTION_POST_RUNNING, ACTION_PROMPT, ACTION_PROMPT };

	ck_assert_ptr_nonnull(strstr(facts_of_a_loss_after(actions, 3), "not_asked"));
}
END_TEST

START_TEST(a_leak_carries_the_path_of_the_end)
{
	uint32_t a = cell_object(&cell, "A", KEEP_NO);

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_worker_takes_flags(&cell);
	cell_stage(&cell, STAGE_AFTER_GC, "U");
	cell_path(&cell, a, "executor -> caches -> node 1 -> MODEL -> patcher A");
	cell_stage(&cell, STAGE_END, "U");
	cell_holder(&cell, a, "anchor", HOLDER_ANCHORS, true);
	cell_path(&cell, a, "anchors -> anchor -> patcher A");
	ck_assert_str_eq(finding("leaked").path, "anchors -> anchor -> patcher A");
}
END_TEST

START_TEST(what_outlives_a_call_for_all_memory_in_a_cache_is_a_leak_that_fails_nothing)
{
	uint32_t a = cell_object(&cell, "A", KEEP_NO);
	struct record_finding found;

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_action(&cell, ACTION_FREE_MEMORY, true);
	cell_stage(&cell, STAGE_AFTER_FREE_MEMORY, "U");
	cell_stage(&cell, STAGE_END, "U");
	cell_holder(&cell, a, "node 1", HOLDER_CACHE, true);
	found = finding("leaked");
	ck_assert_int_eq(found.failure_class, 3);
	ck_assert_int_eq(judged()->verdict, VERDICT_PASS);
}
END_TEST

/* As an engine tells it: an object, that its files were read, and only then the loader's wish. */
START_TEST(a_wish_told_after_the_reading_still_makes_a_duplicate)
{
	struct record_model wish = { .cell = 7, .model = 2, .keep = KEEP_YES };

	cell_object(&cell, "B", KEEP_YES);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_action(&cell, ACTION_PROMPT, false);
	cell_object(&cell, "B#2", KEEP_NONE);
	record_put(&cell.sink, RECORD_MODEL, &wish, sizeof(wish));
	cell_stage(&cell, STAGE_NEXT_PROMPT, "RR");
	cell_stage(&cell, STAGE_END, "RR");
	ck_assert_str_eq(finding("duplicated").place, "beside object 1");
}
END_TEST

START_TEST(blocks_on_another_device_than_planned_are_misplaced)
{
	uint32_t a = cell_object(&cell, "A", KEEP_NO);
	struct record_finding found;

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_blocks(&cell, a, 0, 2, 1, false);
	cell_blocks(&cell, a, 2, 2, 0, false);
	cell_blocks(&cell, a, 0, 4, 1, true);
	cell_stage(&cell, STAGE_END, "R");
	found = finding("misplaced");
	ck_assert_str_eq(found.place, "blocks 2 to 3");
	ck_assert_int_eq(found.planned_device, 1);
	ck_assert_int_eq(found.device, 0);
	ck_assert_str_eq(found.stage, "c0.loaded");
	ck_assert_int_eq(found.failure_class, 21);
}
END_TEST

START_TEST(blocks_where_they_are_planned_are_no_finding)
{
	uint32_t a = cell_object(&cell, "A", KEEP_NO);

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_blocks(&cell, a, 0, 1, 0, false);
	cell_blocks(&cell, a, 1, 3, 1, false);
	cell_blocks(&cell, a, 0, 1, 0, true);
	cell_blocks(&cell, a, 1, 3, 1, true);
	cell_stage(&cell, STAGE_END, "R");
	ck_assert_uint_eq(judged()->finding_count, 0);
}
END_TEST

START_TEST(a_stale_entry_says_which_references_are_empty)
{
	struct record_snapshot snapshot = { .cell = 7, .stage = STAGE_END };
	struct record_residency residency = { .cell = 7, .model = 1, .state = STATE_LEAKED, .listed = 3, .model_alive = true };

	cell_object(&cell, "A", KEEP_NO);
	cell_stage(&cell, STAGE_LOADED, "R");
	snapshot.snapshot = residency.snapshot = cell.snapshots + 1;
	record_put(&cell.sink, RECORD_SNAPSHOT, &snapshot, sizeof(snapshot));
	record_put(&cell.sink, RECORD_RESIDENCY, &residency, sizeof(residency));
	ck_assert_str_eq(finding("stale").weak_state, "patcher dead, model alive");
	ck_assert_str_eq(finding("stale").place, "loaded list, place 3");
}
END_TEST

START_TEST(a_listed_model_whose_bytes_left_the_device_is_detached)
{
	struct record_snapshot snapshot = { .cell = 7, .stage = STAGE_END };
	struct record_residency residency = {
		.cell = 7, .model = 1, .state = STATE_RESIDENT, .patcher_alive = true, .model_alive = true
	};
	struct record_finding found;

	cell_object(&cell, "A", KEEP_NO);
	cell_stage(&cell, STAGE_LOADED, "R");
	snapshot.snapshot = residency.snapshot = cell.snapshots + 1;
	record_put(&cell.sink, RECORD_SNAPSHOT, &snapshot, sizeof(snapshot));
	record_put(&cell.sink, RECORD_RESIDENCY, &residency, sizeof(residency));
	found = finding("detached");
	ck_assert_uint_eq(found.bytes_before, 5000000);
	ck_assert_uint_eq(found.bytes_after, 0);
}
END_TEST

START_TEST(a_stray_says_the_last_list_it_was_in)
{
	cell_object(&cell, "A", KEEP_NO);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_stage(&cell, STAGE_AFTER_GC, "N");
	cell_stage(&cell, STAGE_END, "N");
	ck_assert_str_eq(finding("stray").place, "loaded list, place 0, until c0.loaded");
}
END_TEST

START_TEST(unattributed_memory_names_the_ledger_line)
{
	struct record_memory memory = { .device = 1, .line = "unattributed", .size_bytes = 300000000 };

	cell_stage(&cell, STAGE_LOADED, "");
	record_put(&cell.sink, RECORD_MEMORY, &memory, sizeof(memory));
	cell_stage(&cell, STAGE_END, "");
	ck_assert_str_eq(finding("unattributed").place, "ledger line unattributed");
	ck_assert_uint_eq(finding("unattributed").size_bytes, 300000000);
	ck_assert_int_eq(finding("unattributed").failure_class, 4);
}
END_TEST

HARNESS_SUITE(evidence_suite)
{
	const TTest *const claims[] = {
		a_loss_says_what_was_done_before_it,
		a_loss_says_who_no_longer_holds_it,
		a_loss_says_how_much_left_which_device,
		a_loss_names_its_likely_cause_and_why,
		a_lost_model_that_lives_says_what_keeps_it,
		a_leak_carries_the_path_of_the_end,
		what_outlives_a_call_for_all_memory_in_a_cache_is_a_leak_that_fails_nothing,
		a_wish_told_after_the_reading_still_makes_a_duplicate,
		blocks_on_another_device_than_planned_are_misplaced,
		blocks_where_they_are_planned_are_no_finding,
		a_request_while_a_prompt_runs_is_what_set_the_flags,
		a_request_whose_wake_up_was_lost_is_what_set_the_flags,
		a_request_is_served_once_and_sets_no_flags_of_a_later_prompt,
		a_stale_entry_says_which_references_are_empty,
		a_listed_model_whose_bytes_left_the_device_is_detached,
		a_stray_says_the_last_list_it_was_in,
		unattributed_memory_names_the_ledger_line,
	};
	Suite *suite = suite_create("evidence");
	TCase *tests = tcase_create("evidence");

	tcase_add_checked_fixture(tests, begin, end);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		tcase_add_test(tests, claims[i]);
	suite_add_tcase(suite, tests);
	return suite;
}
