/* What is wrong in a cell, and what shows it. */
#include <string.h>

#include "tests/probes/cell.h"
#include "tests/harness/harness.h"

static struct cell cell;

static void begin(void)
{
	cell_begin(&cell);
	cell_action(&cell, ACTION_PROMPT, false);
}

static void end(void)
{
	cell_end(&cell);
}

static const struct record_finding *find(const struct judge_result *result, const char *class_name)
{
	for (size_t i = 0; i < result->finding_count; i++) {
		if (strcmp(result->findings[i].class_name, class_name) == 0)
			return &result->findings[i];
	}
	return NULL;
}

/* The one finding of its class, which must be there. */
static struct record_finding finding(const char *class_name)
{
	struct judge_result result = cell_judge(&cell);
	const struct record_finding *found = find(&result, class_name);

	ck_assert_msg(found, "no finding %s", class_name);
	return *found;
}

START_TEST(a_lost_model_is_a_finding_with_cause_and_holders)
{
	uint32_t b = cell_object(&cell, "B", KEEP_YES);
	struct record_finding found;

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_holder(&cell, b, "outputs[4]", HOLDER_CACHE, true);
	cell_holder(&cell, b, "loaded list", HOLDER_LIST, false);
	cell_departs(&cell, b, REASON_DIED_IN_GC);
	cell_stage(&cell, STAGE_AFTER_GC, "D");
	cell_stage(&cell, STAGE_END, "D");
	found = finding("lost");
	ck_assert_str_eq(found.model, "B");
	ck_assert_str_eq(found.stage, "c0.after_gc");
	ck_assert_str_eq(found.detail,
			 "died_in_gc: dead, at the end dead; one stage earlier held by outputs[4], loaded list (weak); "
			 "then by nothing");
}
END_TEST

START_TEST(a_model_that_no_stage_tells_of_is_lost_without_a_state)
{
	cell_object(&cell, "B", KEEP_YES);
	ck_assert_ptr_nonnull(strstr(finding("lost").detail, "not seen"));
}
END_TEST

START_TEST(a_leak_that_no_stage_tells_of_has_no_stage)
{
	cell_object(&cell, "A", KEEP_NO);
	cell_worker_takes_flags(&cell);
	ck_assert_str_eq(finding("leaked").stage, "");
}
END_TEST

START_TEST(a_leak_names_who_holds_it)
{
	uint32_t a = cell_object(&cell, "A", KEEP_NO);

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_worker_takes_flags(&cell);
	cell_stage(&cell, STAGE_END, "U");
	cell_holder(&cell, a, "anchors", HOLDER_ANCHORS, true);
	ck_assert_str_eq(finding("leaked").detail, "5.00 MB still there after it was asked to go, held by anchors");
}
END_TEST

START_TEST(a_stray_is_a_finding)
{
	cell_object(&cell, "A", KEEP_NO);
	cell_stage(&cell, STAGE_LOADED, "N");
	cell_stage(&cell, STAGE_END, "N");
	ck_assert_str_eq(finding("stray").stage, "c0.end");
}
END_TEST

START_TEST(reading_a_model_again_beside_its_kept_copy_is_a_duplicate)
{
	struct record_finding found;

	cell_object(&cell, "B", KEEP_YES);
	cell_stage(&cell, STAGE_LOADED, "R");
	cell_action(&cell, ACTION_PROMPT, false);
	cell_object(&cell, "B#2", KEEP_YES);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "RR");
	cell_stage(&cell, STAGE_END, "RR");
	found = finding("duplicated");
	ck_assert_str_eq(found.model, "B#2");
	ck_assert_str_eq(found.stage, "c1.next_prompt");
}
END_TEST

START_TEST(reading_a_model_again_after_its_copy_died_is_no_duplicate)
{
	uint32_t b = cell_object(&cell, "B", KEEP_YES);
	struct judge_result result;

	cell_stage(&cell, STAGE_LOADED, "R");
	cell_departs(&cell, b, REASON_DIED_IN_GC);
	cell_stage(&cell, STAGE_AFTER_GC, "D");
	cell_action(&cell, ACTION_PROMPT, false);
	cell_object(&cell, "B#2", KEEP_YES);
	cell_stage(&cell, STAGE_NEXT_PROMPT, "DR");
	cell_stage(&cell, STAGE_END, "DR");
	result = cell_judge(&cell);
	ck_assert_ptr_null(find(&result, "duplicated"));
}
END_TEST

/* A residency that no letter stands for. */
static void put_residency(enum residency_state state, bool patcher_alive)
{
	struct record_snapshot snapshot = { .snapshot = ++cell.snapshots, .stage = STAGE_END };
	struct record_residency residency = {
		.snapshot = cell.snapshots, .model = 1, .state = state, .patcher_alive = patcher_alive, .model_alive = true
	};

	record_put(&cell.sink, RECORD_SNAPSHOT, &snapshot, sizeof(snapshot));
	record_put(&cell.sink, RECORD_RESIDENCY, &residency, sizeof(residency));
}

START_TEST(a_listed_entry_whose_patcher_is_dead_is_stale)
{
	cell_object(&cell, "A", KEEP_NO);
	cell_stage(&cell, STAGE_LOADED, "R");
	put_residency(STATE_LEAKED, false);
	ck_assert_str_eq(finding("stale").stage, "c0.end");
}
END_TEST

START_TEST(a_listed_entry_without_weights_is_detached)
{
	cell_object(&cell, "A", KEEP_NO);
	cell_stage(&cell, STAGE_LOADED, "R");
	put_residency(STATE_UNLOADED, true);
	ck_assert_str_eq(finding("detached").stage, "c0.end");
}
END_TEST

static void put_unattributed(uint64_t size_bytes)
{
	struct record_memory memory = { .device = 1, .line = "unattributed", .size_bytes = size_bytes };

	record_put(&cell.sink, RECORD_MEMORY, &memory, sizeof(memory));
}

START_TEST(memory_nobody_accounts_for_is_a_finding)
{
	cell_stage(&cell, STAGE_LOADED, "");
	put_unattributed(300000000);
	cell_stage(&cell, STAGE_END, "");
	ck_assert_str_eq(finding("unattributed").detail, "device 1: 300 MB in use that nothing accounts for");
}
END_TEST

START_TEST(rounding_is_not_unattributed)
{
	struct judge_result result;

	cell_stage(&cell, STAGE_LOADED, "");
	put_unattributed(4096);
	cell_stage(&cell, STAGE_END, "");
	result = cell_judge(&cell);
	ck_assert_uint_eq(result.finding_count, 0);
}
END_TEST

static uint32_t put_count[RECORD_TYPE_COUNT];

static void count_put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	(void)context;
	(void)record;
	(void)size_bytes;
	put_count[type]++;
}

START_TEST(a_judged_cell_is_put_as_records)
{
	struct record_sink counter = { .put = count_put };

	cell_object(&cell, "B", KEEP_YES);
	cell_object(&cell, "C", KEEP_YES);
	cell_stage(&cell, STAGE_LOADED, "RR");
	cell_stage(&cell, STAGE_END, "UR");
	cell_judge(&cell);
	judge_put(cell.judge, &counter);
	ck_assert_uint_eq(put_count[RECORD_VERDICT_MODEL], 2);
	ck_assert_uint_eq(put_count[RECORD_FINDING], 1);
	ck_assert_uint_eq(put_count[RECORD_VERDICT], 1);
}
END_TEST

HARNESS_SUITE(judge_findings_suite)
{
	const TTest *const claims[] = {
		a_lost_model_is_a_finding_with_cause_and_holders,
		a_model_that_no_stage_tells_of_is_lost_without_a_state,
		a_leak_that_no_stage_tells_of_has_no_stage,
		a_leak_names_who_holds_it,
		a_stray_is_a_finding,
		reading_a_model_again_beside_its_kept_copy_is_a_duplicate,
		reading_a_model_again_after_its_copy_died_is_no_duplicate,
		a_listed_entry_whose_patcher_is_dead_is_stale,
		a_listed_entry_without_weights_is_detached,
		memory_nobody_accounts_for_is_a_finding,
		rounding_is_not_unattributed,
		a_judged_cell_is_put_as_records,
	};
	Suite *suite = suite_create("findings");
	TCase *tests = tcase_create("findings");

	tcase_add_checked_fixture(tests, begin, end);
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		tcase_add_test(tests, claims[i]);
	suite_add_tcase(suite, tests);
	return suite;
}
