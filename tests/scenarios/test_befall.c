/* What befalls an engine from outside: each action does what upstream does, and what our own policy makes of it. */
#include <stdio.h>
#include <string.h>

#include "tests/harness/harness.h"
#include "tests/scenarios/cell.h"

static struct cell_seen seen;

static void open_cell(void)
{
	cell_open(&seen);
}

static void close_cell(void)
{
	cell_close(&seen);
}

#define BOTH "{\"unload_models\": true, \"free_memory\": true}"

START_TEST(flags_are_served_between_prompts_that_wait_in_the_queue)
{
	cell_run_text(&seen, "delegate", "{\"actions\": [[\"queue\", 2]]}");
	ck_assert(cell_has_stage(&seen, "c0.after_reset")); /* A's loader asked, and the second prompt still waits */
	ck_assert_int_eq(cell_state(&seen, "A#2", "c1.next_prompt"), STATE_RESIDENT);
}
END_TEST

START_TEST(queued_prompts_without_flags_run_one_after_the_other)
{
	cell_run_text(&seen, "stock", "{\"actions\": [[\"queue\", 3]]}");
	ck_assert(cell_has_stage(&seen, "c2.next_prompt"));
	ck_assert(!cell_has_stage(&seen, "c0.before_unload"));
	ck_assert_uint_eq(cell_disk_loads(&seen, "A"), 1);
}
END_TEST

START_TEST(a_request_while_a_prompt_runs_acts_after_that_prompt)
{
	cell_run_text(&seen, "stock", "{\"actions\": [[\"prompt\"], [\"post_running\", " BOTH "], [\"promptseed\", 2]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_RESIDENT);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.after_unload"), STATE_UNLOADED);
}
END_TEST

START_TEST(a_request_while_a_prompt_runs_is_no_flag_of_a_node)
{
	struct cell_setting setting = { .policy = "stock", .node_flags = NODE_FLAGS_SUPPRESSED };
	static const struct flow_step steps[] = {
		{ .action.kind = ACTION_POST_RUNNING, .unload_models = WANTED_TRUE },
		{ .action.kind = ACTION_PROMPT },
	};
	static const struct flow flow = { .name = "t", .steps = steps, .step_count = 2 };

	cell_run(&seen, &setting, &flow);
	ck_assert(cell_has_stage(&seen, "c0.after_unload"));
}
END_TEST

START_TEST(a_lost_wake_up_is_served_by_the_next_prompt_and_not_at_once)
{
	cell_run_text(&seen, "stock",
		      "{\"actions\": [[\"prompt\"], [\"settle\"], [\"post_unheard\", " BOTH "], [\"settle\"], [\"prompt\"]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_RESIDENT);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.after_unload"), STATE_UNLOADED);
}
END_TEST

START_TEST(a_lost_wake_up_is_served_when_the_wait_of_1000_s_runs_out)
{
	cell_run_text(&seen, "stock", "{\"actions\": [[\"prompt\"], [\"post_unheard\", " BOTH "], [\"settle\", 990]]}");
	ck_assert(!cell_has_stage(&seen, "c1.after_unload"));
	cell_run_text(&seen, "stock",
		      "{\"actions\": [[\"prompt\"], [\"post_unheard\", " BOTH "], [\"settle\", 990], [\"settle\"]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c1.after_gc"), STATE_DEAD);
}
END_TEST

START_TEST(a_lost_wake_up_is_served_sooner_where_a_collection_is_put_off)
{
	cell_run_text(&seen, "stock",
		      "{\"actions\": [[\"prompt\"], [\"prompt\"], [\"post_unheard\", " BOTH "], [\"settle\"]]}");
	ck_assert(cell_has_stage(&seen, "c2.after_unload"));
}
END_TEST

START_TEST(another_request_wakes_the_worker_for_what_was_not_heard)
{
	cell_run_text(&seen, "stock",
		      "{\"actions\": [[\"prompt\"], [\"post_unheard\", {\"free_memory\": true}], [\"post\", "
		      "{\"unload_models\": true}]]}");
	ck_assert(cell_has_stage(&seen, "c1.after_reset"));
}
END_TEST

START_TEST(an_interrupt_unloads_nothing_and_says_what_was_thrown)
{
	cell_run_text(&seen, "stock", "{\"actions\": [[\"prompt\"], [\"interrupt\", 0], [\"promptseed\", 2]]}");
	ck_assert_int_eq(cell_state(&seen, "A", "c1.next_prompt"), STATE_RESIDENT);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_RESIDENT);
	ck_assert_ptr_nonnull(strstr(cell_exception(&seen, "c1.next_prompt"), "InterruptProcessingException"));
	ck_assert(!cell_is_held(&seen, "A", "c1.next_prompt", "garbage", ""));
	ck_assert(!cell_is_held(&seen, "A", "c1.next_prompt", "execution", ""));
}
END_TEST

START_TEST(a_request_while_a_prompt_runs_acts_also_when_that_is_interrupted)
{
	cell_run_text(&seen, "stock",
		      "{\"actions\": [[\"prompt\"], [\"post_running\", " BOTH "], [\"interrupt\", 0], [\"promptseed\", 2]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_RESIDENT);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.after_gc"), STATE_DEAD);
}
END_TEST

START_TEST(a_mishap_befalls_one_prompt_of_a_queue)
{
	cell_run_text(&seen, "stock", "{\"actions\": [[\"prompt\"], [\"fail\", 0], [\"promptseed\", 5], [\"queue\", 2]]}");
	ck_assert_str_ne(cell_exception(&seen, "c1.next_prompt"), "");
	ck_assert_str_eq(cell_exception(&seen, "c2.next_prompt"), "");
	ck_assert_str_eq(cell_exception(&seen, "c3.next_prompt"), "");
}
END_TEST

START_TEST(a_mishap_later_than_the_last_step_does_not_happen)
{
	cell_run_text(&seen, "stock", "{\"actions\": [[\"interrupt\", 1], [\"prompt\"]]}");
	ck_assert_str_eq(cell_exception(&seen, "c0.loaded"), "");
}
END_TEST

START_TEST(a_traceback_holds_the_failed_nodes_model_until_a_collection)
{
	cell_run_text(&seen, "stock",
		      "{\"actions\": [[\"prompt\"], [\"fail\", 0], [\"promptseed\", 2], [\"prompt2\"], [\"settle\"]]}");
	ck_assert(cell_is_held(&seen, "A", "c1.next_prompt", HOLDER_GARBAGE, "traceback"));
	ck_assert_int_eq(cell_state(&seen, "A", "c2.next_prompt"), STATE_RESIDENT);
	ck_assert_int_eq(cell_state(&seen, "B", "c2.next_prompt"),
			 STATE_DEAD); /* the cache held it, and the workflow lacks it */
	ck_assert_int_eq(cell_state(&seen, "A", "c3.after_gc"), STATE_DEAD);
}
END_TEST

START_TEST(out_of_memory_unloads_every_model_but_those_that_strict_keeps)
{
	static const char text[] = "{\"actions\": [[\"prompt\"], [\"oom\", 0], [\"promptseed\", 2]]}";

	cell_run_text(&seen, "stock", text);
	ck_assert_int_eq(cell_state(&seen, "A", "c1.next_prompt"), STATE_UNLOADED);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_UNLOADED);
	cell_run_text(&seen, "strict", text);
	ck_assert_int_eq(cell_state(&seen, "A", "c1.next_prompt"), STATE_UNLOADED);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_RESIDENT);
}
END_TEST

START_TEST(a_throwing_foreign_patch_kills_the_worker_under_every_policy_of_upstream)
{
	static const char *const policies[] = { "stock", "delegate", "selective", "anchors", "eject", "eject-donor" };
	static const char text[] =
		"{\"actions\": [[\"prompt\"], [\"foreign_unload\", \"throw\"], [\"post\", " BOTH "], [\"prompt\"]]}";

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		cell_run_text(&seen, policies[i], text);
		ck_assert_msg(strcmp(seen.result.why, "the worker died") == 0, "%s", policies[i]);
	}
}
END_TEST

START_TEST(a_throwing_foreign_patch_never_stops_strict)
{
	cell_run_text(&seen, "strict",
		      "{\"actions\": [[\"prompt\"], [\"foreign_unload\", \"throw\"], [\"post\", " BOTH "], [\"prompt\"],"
		      "[\"oom\", 0], [\"promptseed\", 2]]}");
	ck_assert_int_eq(seen.result.verdict, VERDICT_PASS);
	ck_assert_ptr_nonnull(strstr(cell_exception(&seen, "c1.after_unload"), "foreign patch"));
	ck_assert_int_eq(cell_state(&seen, "A", "c1.after_unload"), STATE_UNLOADED);
	ck_assert_int_eq(cell_state(&seen, "B", "c3.next_prompt"), STATE_RESIDENT);
}
END_TEST

START_TEST(memory_past_the_manager_is_unattributed_until_it_is_dropped)
{
	cell_run_text(&seen, "strict",
		      "{\"actions\": [[\"outside\", \"cuda:1\", 8000000000], [\"prompt\"], [\"outside_drop\"], "
		      "[\"promptseed\", 2]]}");
	ck_assert_uint_ge(cell_memory(&seen, "c0.loaded", 2, "unattributed"), 8000000000);
	ck_assert_uint_eq(cell_memory(&seen, "c0.loaded", 1, "unattributed"), 0);
	ck_assert_uint_eq(cell_memory(&seen, "c1.next_prompt", 2, "unattributed"), 0);
}
END_TEST

START_TEST(memory_that_does_not_fit_is_not_taken)
{
	cell_run_text(&seen, "strict", "{\"actions\": [[\"outside\", \"compute\", 1000000000000], [\"prompt\"]]}");
	ck_assert_uint_eq(cell_memory(&seen, "c0.loaded", 1, "unattributed"), 0);
}
END_TEST

START_TEST(a_foreign_load_evicts_what_is_in_its_way)
{
	static const char text[] =
		"{\"actions\": [[\"prompt\"], [\"load_foreign\", 24000], [\"drop_hold\"], [\"promptseed\", 2]]}";

	cell_run_text(&seen, "stock", text);
	ck_assert_int_eq(cell_state(&seen, "foreign", "c1.after_free_memory"), STATE_RESIDENT);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.after_free_memory"), STATE_UNLOADED);
	ck_assert_int_eq(cell_outcome(&seen, "B"), OUTCOME_LOST);
	cell_run_text(&seen, "strict", text);
	ck_assert_int_eq(cell_outcome(&seen, "B"), OUTCOME_DISPLACED);
	ck_assert_int_eq(cell_state(&seen, "B", "c2.next_prompt"), STATE_RESIDENT);
	ck_assert_uint_eq(cell_disk_loads(&seen, "B"), 1);
}
END_TEST

START_TEST(a_full_main_memory_drops_the_caches_where_nobody_hears_it)
{
	static const char models[] = "\"models\": [{\"name\": \"D\", \"kind\": \"unet\", \"keep\": true}],";
	char text[512];

	snprintf(text, sizeof(text), "{%s\"actions\": [[\"cpu_memory\", 90], [\"prompt\"], [\"settle\"], [\"promptseed\", 2]]}",
		 models);
	cell_run_text(&seen, "eject", text);
	ck_assert(!cell_has_stage(&seen, "c0.before_unload"));
	ck_assert(cell_has_stage(&seen, "c1.after_reset"));
	cell_run_text(&seen, "stock", text);
	ck_assert(!cell_has_stage(&seen, "c1.after_reset"));
	snprintf(text, sizeof(text), "{%s\"actions\": [[\"cpu_memory\", 85], [\"prompt\"], [\"settle\"], [\"promptseed\", 2]]}",
		 models);
	cell_run_text(&seen, "eject", text);
	ck_assert(!cell_has_stage(&seen, "c1.after_reset"));
}
END_TEST

START_TEST(a_main_memory_that_stays_full_drops_the_caches_once)
{
	cell_run_text(
		&seen, "eject",
		"{\"models\": [{\"name\": \"D\", \"kind\": \"unet\", \"keep\": true}], \"actions\": [[\"cpu_memory\", 90],"
		"[\"prompt\"], [\"promptseed\", 2], [\"settle\"], [\"promptseed\", 3], [\"settle\"], [\"promptseed\", 4]]}");
	ck_assert(cell_has_stage(&seen, "c1.after_reset"));
	ck_assert(!cell_has_stage(&seen, "c2.after_reset") && !cell_has_stage(&seen, "c3.after_reset"));
}
END_TEST

START_TEST(a_full_cleanup_node_frees_all_and_ends_what_strict_keeps)
{
	static const char text[] = "{\"actions\": [[\"prompt\"], [\"full_cleanup\"]]}";

	cell_run_text(&seen, "stock", text);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.after_gc"), STATE_DEAD);
	cell_run_text(&seen, "strict", text);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.after_gc"), STATE_DEAD);
	ck_assert_int_eq(seen.result.verdict, VERDICT_PASS);
}
END_TEST

/* K's loader names cuda:1; S, a stock one, comes after it. */
static const char two_devices[] = "{\"models\": [{\"name\": \"A\", \"kind\": \"unet\", \"keep\": true},"
				  "{\"name\": \"K\", \"kind\": \"unet\", \"keep\": true, \"device\": \"cuda:1\"},"
				  "{\"name\": \"S\", \"kind\": \"unet\", \"size_mb\": 3000}],"
				  "\"actions\": [[\"prompt\"], [\"post\", {\"unload_models\": true}]]}";

START_TEST(a_loaders_device_stays_set_up_to_v2_5_1)
{
	cell_run_text(&seen, "eject", two_devices);
	ck_assert_uint_ge(cell_memory(&seen, "c0.loaded", 2, "weights"), 3000000000);
	ck_assert_int_eq(cell_state(&seen, "A", "c1.after_unload"), STATE_RESIDENT); /* on the device that nobody unloads */
	ck_assert_int_eq(cell_state(&seen, "K", "c1.after_unload"), STATE_UNLOADED);
}
END_TEST

START_TEST(a_loaders_device_is_put_back_from_v2_5_9_on_and_by_ours)
{
	static const char *const policies[] = { "stock", "eject-donor", "strict" };

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		cell_run_text(&seen, policies[i], two_devices);
		ck_assert_uint_ge(cell_memory(&seen, "c0.loaded", 1, "weights"), 3000000000);
	}
}
END_TEST

START_TEST(a_device_that_is_not_there_is_the_compute_device)
{
	cell_run_text(&seen, "stock",
		      "{\"models\": [{\"name\": \"K\", \"kind\": \"unet\", \"keep\": true, \"device\": \"cuda:7\"}],"
		      "\"actions\": [[\"outside\", \"cuda:7\", 5], [\"prompt\"]]}");
	ck_assert_int_eq(cell_state(&seen, "K", "c0.loaded"), STATE_RESIDENT);
}
END_TEST

START_TEST(a_model_has_the_size_that_the_flow_gives_it)
{
	cell_run_text(&seen, "stock",
		      "{\"models\": [{\"name\": \"K\", \"kind\": \"unet\", \"size_mb\": 4000}], \"actions\": [[\"prompt\"]]}");
	ck_assert_uint_eq(cell_memory(&seen, "c0.loaded", 1, "weights"), 4000000000);
}
END_TEST

HARNESS_SUITE(befall_suite)
{
	Suite *suite = suite_create("what befalls an engine");
	TCase *tests = tcase_create("what befalls an engine");

	tcase_add_checked_fixture(tests, open_cell, close_cell);
	tcase_add_test(tests, flags_are_served_between_prompts_that_wait_in_the_queue);
	tcase_add_test(tests, queued_prompts_without_flags_run_one_after_the_other);
	tcase_add_test(tests, a_request_while_a_prompt_runs_acts_after_that_prompt);
	tcase_add_test(tests, a_request_while_a_prompt_runs_is_no_flag_of_a_node);
	tcase_add_test(tests, a_lost_wake_up_is_served_by_the_next_prompt_and_not_at_once);
	tcase_add_test(tests, a_lost_wake_up_is_served_when_the_wait_of_1000_s_runs_out);
	tcase_add_test(tests, a_lost_wake_up_is_served_sooner_where_a_collection_is_put_off);
	tcase_add_test(tests, another_request_wakes_the_worker_for_what_was_not_heard);
	tcase_add_test(tests, an_interrupt_unloads_nothing_and_says_what_was_thrown);
	tcase_add_test(tests, a_request_while_a_prompt_runs_acts_also_when_that_is_interrupted);
	tcase_add_test(tests, a_mishap_befalls_one_prompt_of_a_queue);
	tcase_add_test(tests, a_mishap_later_than_the_last_step_does_not_happen);
	tcase_add_test(tests, a_traceback_holds_the_failed_nodes_model_until_a_collection);
	tcase_add_test(tests, out_of_memory_unloads_every_model_but_those_that_strict_keeps);
	tcase_add_test(tests, a_throwing_foreign_patch_kills_the_worker_under_every_policy_of_upstream);
	tcase_add_test(tests, a_throwing_foreign_patch_never_stops_strict);
	tcase_add_test(tests, memory_past_the_manager_is_unattributed_until_it_is_dropped);
	tcase_add_test(tests, memory_that_does_not_fit_is_not_taken);
	tcase_add_test(tests, a_foreign_load_evicts_what_is_in_its_way);
	tcase_add_test(tests, a_full_main_memory_drops_the_caches_where_nobody_hears_it);
	tcase_add_test(tests, a_main_memory_that_stays_full_drops_the_caches_once);
	tcase_add_test(tests, a_full_cleanup_node_frees_all_and_ends_what_strict_keeps);
	tcase_add_test(tests, a_loaders_device_stays_set_up_to_v2_5_1);
	tcase_add_test(tests, a_loaders_device_is_put_back_from_v2_5_9_on_and_by_ours);
	tcase_add_test(tests, a_device_that_is_not_there_is_the_compute_device);
	tcase_add_test(tests, a_model_has_the_size_that_the_flow_gives_it);
	suite_add_tcase(suite, tests);
	return suite;
}
