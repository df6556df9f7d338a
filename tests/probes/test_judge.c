/* Every row of the table of outcomes, and what makes a cell pass, fail or untrustworthy. */
#include <string.h>

#include "tests/probes/cell.h"
#include "tests/harness/harness.h"

static struct cell cell;

static void begin(void)
{
	cell_begin(&cell);
}

static void end(void)
{
	cell_end(&cell);
}

/* A prompt that leaves the objects resident, then a post that asks, up to after_unload. */
static void prompt_and_post(const char *loaded, const char *unloaded)
{
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, loaded);
	cell_action(&cell, ACTION_POST, true);
	cell_worker_takes_flags(&cell);
	cell_stage(&cell, STAGE_BEFORE_UNLOAD, loaded);
	cell_stage(&cell, STAGE_AFTER_UNLOAD, unloaded);
}

static void rest(const char *states)
{
	cell_stage(&cell, STAGE_AFTER_GC, states);
	cell_stage(&cell, STAGE_AFTER_EMPTY_CACHE, states);
	cell.cycle++;
	cell_stage(&cell, STAGE_END, states);
}

START_TEST(kept_is_a_wished_object_resident_at_every_stage)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	prompt_and_post("R", "R");
	rest("R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_KEPT);
	ck_assert_str_eq(result.models[0].first_lost_stage, "");
	ck_assert_int_eq(result.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(lost_names_the_first_stage_and_the_reason_that_was_told)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	prompt_and_post("R", "R");
	cell_departs(&cell, b, REASON_DIED_IN_GC);
	rest("D");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_LOST);
	ck_assert_str_eq(result.models[0].first_lost_stage, "c1.after_gc");
	ck_assert_int_eq(result.models[0].reason, REASON_DIED_IN_GC);
	ck_assert_int_eq(result.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(the_first_departure_since_it_was_resident_is_the_cause)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_departs(&cell, b, REASON_EVICTED_BY_LOAD); /* and loaded again, before the stage */
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_departs(&cell, b, REASON_UNLOADED_BY_CORE);
	cell_departs(&cell, b, REASON_DIED_IN_GC);
	cell_stage(&cell, STAGE_END, "D");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].reason, REASON_UNLOADED_BY_CORE);
}
END_TEST

START_TEST(a_cause_told_later_comes_before_being_superseded)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_departs(&cell, b, REASON_SUPERSEDED);
	cell_departs(&cell, b, REASON_UNLOADED_BY_POLICY);
	cell_stage(&cell, STAGE_END, "U");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].reason, REASON_UNLOADED_BY_POLICY);
}
END_TEST

START_TEST(never_resident_is_the_reason_where_nothing_else_explains_it)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "U");
	cell_stage(&cell, STAGE_END, "U");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_LOST);
	ck_assert_str_eq(result.models[0].first_lost_stage, "c0.loaded");
	ck_assert_int_eq(result.models[0].reason, REASON_NEVER_RESIDENT);
}
END_TEST

START_TEST(a_stage_before_the_first_load_is_no_loss)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "U");
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "R");
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_KEPT);
	ck_assert_str_eq(result.models[0].first_lost_stage, "");
}
END_TEST

START_TEST(holders_are_those_one_stage_before_the_loss_and_those_at_it)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_holder(&cell, b, "outputs[12]", HOLDER_CACHE, true);
	cell_holder(&cell, b, "loaded \"list\"", HOLDER_LIST, false);
	cell_stage(&cell, STAGE_AFTER_GC, "U");
	cell_holder(&cell, b, "anchors", HOLDER_ANCHORS, true);
	cell_stage(&cell, STAGE_END, "U");
	result = cell_judge(&cell);
	ck_assert_str_eq(result.models[0].holders_before,
			 "[{\"label\":\"outputs[12]\",\"kind\":\"cache\",\"strength\":\"strong\"},"
			 "{\"label\":\"loaded \\\"list\\\"\",\"kind\":\"list\",\"strength\":\"weak\"}]");
	ck_assert_str_eq(result.models[0].holders_after,
			 "[{\"label\":\"anchors\",\"kind\":\"anchors\",\"strength\":\"strong\"}]");
}
END_TEST

START_TEST(holders_that_do_not_fit_are_left_out_whole)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);
	size_t length;

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "U");
	for (int i = 0; i < 40; i++)
		cell_holder(&cell, b, "a holder with a long label", HOLDER_FOREIGN, true);
	cell_stage(&cell, STAGE_END, "U");
	result = cell_judge(&cell);
	length = strlen(result.models[0].holders_after);
	ck_assert_str_eq(result.models[0].holders_after + length - 2, "}]");
	ck_assert_uint_lt(length, sizeof(result.models[0].holders_after));
}
END_TEST

START_TEST(displaced_is_moved_off_by_pressure_alone_while_the_manager_holds_it)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_action(&cell, ACTION_FREE_MEMORY, false);
	cell_departs(&cell, b, REASON_EVICTED_BY_PRESSURE);
	cell_stage(&cell, STAGE_AFTER_FREE_MEMORY, "U");
	cell_holder(&cell, b, "kept", HOLDER_MANAGER, true);
	cell_stage(&cell, STAGE_END, "U");
	cell_holder(&cell, b, "kept", HOLDER_MANAGER, true);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_DISPLACED);
	ck_assert_str_eq(result.models[0].first_lost_stage, "c1.after_free_memory");
	ck_assert_int_eq(result.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(moved_off_by_pressure_and_only_cached_is_lost)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_departs(&cell, b, REASON_EVICTED_BY_PRESSURE);
	cell_stage(&cell, STAGE_END, "U");
	cell_holder(&cell, b, "anchors", HOLDER_ANCHORS, true);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_LOST);
}
END_TEST

START_TEST(displaced_by_another_load_before_the_first_stage_is_not_lost)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_departs(&cell, b, REASON_EVICTED_BY_LOAD);
	cell_stage(&cell, STAGE_LOADED, "U");
	cell_holder(&cell, b, "kept", HOLDER_MANAGER, true);
	cell_stage(&cell, STAGE_END, "U");
	cell_holder(&cell, b, "kept", HOLDER_MANAGER, true);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_DISPLACED);
	ck_assert_int_eq(result.models[0].reason, REASON_EVICTED_BY_LOAD);
}
END_TEST

START_TEST(evicted_by_another_load_and_only_cached_is_lost)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_departs(&cell, b, REASON_EVICTED_BY_LOAD);
	cell_stage(&cell, STAGE_LOADED, "U");
	cell_holder(&cell, b, "node 1", HOLDER_CACHE, true);
	cell_stage(&cell, STAGE_END, "U");
	cell_holder(&cell, b, "node 1", HOLDER_CACHE, true);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_LOST);
}
END_TEST

START_TEST(displaced_and_later_dead_is_lost)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_departs(&cell, b, REASON_EVICTED_BY_PRESSURE);
	cell_stage(&cell, STAGE_AFTER_GC, "U");
	cell_holder(&cell, b, "kept", HOLDER_MANAGER, true);
	cell_stage(&cell, STAGE_END, "D");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_LOST);
}
END_TEST

START_TEST(a_base_that_was_there_through_its_clone_is_displaced_with_it)
{
	struct judge_result result;
	uint32_t k = cell_object(&cell, "K", KEEP_YES);
	uint32_t clone = cell_clone(&cell, "K+clone", KEEP_YES, k);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "NR");
	cell_departs(&cell, clone, REASON_EVICTED_BY_PRESSURE);
	cell_stage(&cell, STAGE_END, "UU");
	cell_holder(&cell, k, "kept", HOLDER_MANAGER, true);
	cell_holder(&cell, clone, "kept", HOLDER_MANAGER, true);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_DISPLACED);
	ck_assert_int_eq(result.models[1].outcome, OUTCOME_DISPLACED);
}
END_TEST

START_TEST(listed_through_a_clone_counts_as_resident)
{
	struct judge_result result;
	uint32_t k = cell_object(&cell, "K", KEEP_YES);

	cell_clone(&cell, "K+clone", KEEP_YES, k);
	prompt_and_post("NR", "NR");
	rest("NR");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_KEPT);
	ck_assert_int_eq(result.models[1].outcome, OUTCOME_KEPT);
	ck_assert_str_eq(result.models[0].first_lost_stage, "c0.loaded");
	ck_assert_int_eq(result.models[0].reason, REASON_NEVER_RESIDENT);
}
END_TEST

START_TEST(leaked_is_still_held_by_somebody_after_it_was_asked_to_go)
{
	struct judge_result result;
	uint32_t a = cell_object(&cell, "A", KEEP_NO);

	prompt_and_post("R", "U");
	rest("U");
	cell_holder(&cell, a, "anchors", HOLDER_ANCHORS, true);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_LEAKED);
	ck_assert_int_eq(result.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(an_executor_cache_and_a_foreign_hold_are_no_leak)
{
	struct judge_result result;
	uint32_t a = cell_object(&cell, "A", KEEP_NO);

	prompt_and_post("R", "U");
	rest("U");
	cell_holder(&cell, a, "outputs[3]", HOLDER_CACHE, true);
	cell_holder(&cell, a, "hold", HOLDER_FOREIGN, true);
	cell_holder(&cell, a, "loaded list", HOLDER_LIST, false);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_UNLOADED);
	ck_assert_str_eq(result.models[0].first_lost_stage, "c1.after_unload");
	ck_assert_int_eq(result.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(resident_although_asked_to_go_is_leaked)
{
	struct judge_result result;

	cell_object(&cell, "S", KEEP_NONE);
	prompt_and_post("R", "R");
	rest("R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_LEAKED);
}
END_TEST

START_TEST(present_is_resident_and_loaded_after_the_last_request)
{
	struct judge_result result;

	cell_object(&cell, "A", KEEP_NO);
	prompt_and_post("R", "U");
	cell_stage(&cell, STAGE_AFTER_GC, "U");
	cell_stage(&cell, STAGE_AFTER_EMPTY_CACHE, "U");
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "R");
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_PRESENT);
	ck_assert_int_eq(result.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(a_soft_empty_asks_nobody_to_go)
{
	struct judge_result result;

	cell_object(&cell, "A", KEEP_NO);
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_action(&cell, ACTION_SOFT_EMPTY, false);
	cell_stage(&cell, STAGE_AFTER_DIRECT_SOFT_EMPTY, "R");
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_PRESENT);
}
END_TEST

START_TEST(stray_is_patched_and_in_no_list)
{
	struct judge_result result;

	cell_object(&cell, "A", KEEP_NO);
	prompt_and_post("R", "N");
	rest("N");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_STRAY);
	ck_assert_int_eq(result.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(a_dead_worker_fails_the_cell_and_its_stages_are_not_missed)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	prompt_and_post("R", "R");
	cell_stage(&cell, STAGE_WORKER_DIED, "R");
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_KEPT);
	ck_assert_int_eq(result.verdict, VERDICT_FAIL);
	ck_assert_str_eq(result.why, "the worker died");
}
END_TEST

START_TEST(a_missed_stage_is_untrustworthy)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	prompt_and_post("R", "R");
	cell_stage(&cell, STAGE_AFTER_GC, "R");
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.verdict, VERDICT_UNTRUSTWORTHY);
	ck_assert_str_eq(result.why, "a stage was missed: after_empty_cache");
}
END_TEST

START_TEST(a_gap_in_the_snapshots_is_untrustworthy)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell.snapshots++;
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.verdict, VERDICT_UNTRUSTWORTHY);
}
END_TEST

START_TEST(a_snapshot_without_one_of_the_objects_is_untrustworthy)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	cell_object(&cell, "C", KEEP_YES);
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "RR");
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.verdict, VERDICT_UNTRUSTWORTHY);
}
END_TEST

START_TEST(dropped_records_are_never_a_pass)
{
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	prompt_and_post("R", "R");
	rest("R");
	judge_add_dropped(cell.judge, 1);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.verdict, VERDICT_UNTRUSTWORTHY);
}
END_TEST

START_TEST(the_first_object_of_a_name_is_judged_later_ones_only_told)
{
	struct judge_result result;

	cell_object(&cell, "A", KEEP_NO);
	prompt_and_post("R", "U");
	cell_stage(&cell, STAGE_AFTER_GC, "D");
	cell_stage(&cell, STAGE_AFTER_EMPTY_CACHE, "D");
	cell_action(&cell, ACTION_PROMPT, false);
	cell_object(&cell, "A#2", KEEP_NO);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "DN");
	cell_stage(&cell, STAGE_END, "DN");
	result = cell_judge(&cell);
	ck_assert_uint_eq(result.model_count, 2);
	ck_assert_int_eq(result.models[1].outcome, OUTCOME_STRAY);
	ck_assert(!result.models[1].judged);
	ck_assert_uint_eq(result.models[0].disk_loads, 2);
	ck_assert_str_eq(result.models[0].died_stage, "c1.after_gc");
	ck_assert_int_eq(result.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(a_judge_is_used_again_for_the_next_cell)
{
	struct record_cell next = { .cell = 8 };
	struct judge_result result;

	cell_object(&cell, "B", KEEP_YES);
	prompt_and_post("R", "D");
	rest("D");
	ck_assert_int_eq(cell_judge(&cell).verdict, VERDICT_FAIL);
	record_put(&cell.sink, RECORD_CELL, &next, sizeof(next));
	cell.objects = 0;
	cell.snapshots = 0;
	cell.cycle = 0;
	cell_object(&cell, "B", KEEP_YES);
	prompt_and_post("R", "R");
	rest("R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.verdict, VERDICT_PASS);
	ck_assert_uint_eq(result.cell.cell, 8);
	ck_assert_uint_eq(result.finding_count, 0);
}
END_TEST

START_TEST(records_of_an_object_never_told_of_are_an_error)
{
	struct judge_result result;
	struct error e = ERROR_INIT;

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "R");
	ck_assert(!judge_finish(cell.judge, &result, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
}
END_TEST

static void wish(uint32_t object, uint32_t inner, const char *name, enum keep_request keep)
{
	struct record_model model = { .cell = 1, .model = object, .inner = inner, .generation = 1, .keep = keep };

	record_text(model.name, sizeof(model.name), name);
	model.identity = record_identity(model.name, "unet");
	record_put(&cell.sink, RECORD_MODEL, &model, sizeof(model));
}

START_TEST(a_clone_that_died_shares_what_its_model_is_wished)
{
	struct judge_result result;
	uint32_t base = cell_object(&cell, "K", KEEP_YES);
	uint32_t clone = cell_clone(&cell, "K+clone", KEEP_YES, base);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "NR");
	cell_departs(&cell, clone, REASON_DIED_BY_REFCOUNT);
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "RL");
	wish(base, base, "K", KEEP_NO); /* nobody can tell it of the clone */
	cell_departs(&cell, base, REASON_UNLOADED_BY_POLICY);
	cell_stage(&cell, STAGE_END, "UL");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[1].outcome, OUTCOME_UNLOADED);
	ck_assert_int_eq(result.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(a_clone_that_made_way_for_another_is_displaced_with_its_model)
{
	struct judge_result result;
	uint32_t base = cell_object(&cell, "K", KEEP_YES);
	uint32_t clone = cell_clone(&cell, "K+clone", KEEP_YES, base);

	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_LOADED, "NR");
	cell_departs(&cell, clone, REASON_EVICTED_BY_LOAD);
	cell_action(&cell, ACTION_PROMPT, false);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "UU");
	cell_holder(&cell, base, "kept", HOLDER_MANAGER, true);
	cell_holder(&cell, clone, "node 3", HOLDER_CACHE, true);
	cell_departs(&cell, clone, REASON_DIED_BY_REFCOUNT);
	cell_stage(&cell, STAGE_END, "UL");
	cell_holder(&cell, base, "kept", HOLDER_MANAGER, true);
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_DISPLACED);
	ck_assert_int_eq(result.models[1].outcome, OUTCOME_DISPLACED);
}
END_TEST

START_TEST(a_request_before_the_wish_ended_is_none_of_its_model)
{
	struct judge_result result;
	uint32_t b = cell_object(&cell, "B", KEEP_YES);

	prompt_and_post("R", "R");
	rest("R");
	wish(b, b, "B", KEEP_NO);
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_int_eq(result.models[0].outcome, OUTCOME_PRESENT);
}
END_TEST

START_TEST(a_sampler_on_other_patches_than_the_workflow_says_is_a_finding)
{
	struct judge_result result;
	struct record_sampled sampled = {
		.cell = 1, .model = cell_object(&cell, "A", KEEP_NO), .differs = true, .wanted = "lora at 0.5"
	};

	cell_action(&cell, ACTION_PROMPT, false);
	record_put(&cell.sink, RECORD_SAMPLED, &sampled, sizeof(sampled));
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_stage(&cell, STAGE_END, "R");
	result = cell_judge(&cell);
	ck_assert_uint_eq(result.finding_count, 1);
	ck_assert_str_eq(result.findings[0].class_name, "corrupted");
	ck_assert_str_eq(result.findings[0].stage, "c0.loaded");
}
END_TEST

HARNESS_SUITE(judge_suite)
{
	const TTest *const claims[] = {
		kept_is_a_wished_object_resident_at_every_stage,
		lost_names_the_first_stage_and_the_reason_that_was_told,
		the_first_departure_since_it_was_resident_is_the_cause,
		a_cause_told_later_comes_before_being_superseded,
		never_resident_is_the_reason_where_nothing_else_explains_it,
		a_stage_before_the_first_load_is_no_loss,
		holders_are_those_one_stage_before_the_loss_and_those_at_it,
		holders_that_do_not_fit_are_left_out_whole,
		displaced_is_moved_off_by_pressure_alone_while_the_manager_holds_it,
		moved_off_by_pressure_and_only_cached_is_lost,
		displaced_by_another_load_before_the_first_stage_is_not_lost,
		evicted_by_another_load_and_only_cached_is_lost,
		displaced_and_later_dead_is_lost,
		a_base_that_was_there_through_its_clone_is_displaced_with_it,
		listed_through_a_clone_counts_as_resident,
		leaked_is_still_held_by_somebody_after_it_was_asked_to_go,
		an_executor_cache_and_a_foreign_hold_are_no_leak,
		resident_although_asked_to_go_is_leaked,
		present_is_resident_and_loaded_after_the_last_request,
		a_soft_empty_asks_nobody_to_go,
		stray_is_patched_and_in_no_list,
		a_dead_worker_fails_the_cell_and_its_stages_are_not_missed,
		a_missed_stage_is_untrustworthy,
		a_gap_in_the_snapshots_is_untrustworthy,
		a_snapshot_without_one_of_the_objects_is_untrustworthy,
		dropped_records_are_never_a_pass,
		the_first_object_of_a_name_is_judged_later_ones_only_told,
		a_judge_is_used_again_for_the_next_cell,
		records_of_an_object_never_told_of_are_an_error,
		a_clone_that_died_shares_what_its_model_is_wished,
		a_clone_that_made_way_for_another_is_displaced_with_its_model,
		a_request_before_the_wish_ended_is_none_of_its_model,
		a_sampler_on_other_patches_than_the_workflow_says_is_a_finding,
	};
	Suite *suite = suite_create("judge");
	TCase *tests = tcase_create("outcomes");

	tcase_add_checked_fixture(tests, begin, end);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		tcase_add_test(tests, claims[i]);
	suite_add_tcase(suite, tests);
	return suite;
}
