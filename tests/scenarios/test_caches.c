/* The executor's caches: what each holds, what it lets go, and what holds a model when nobody seems to. */
#include <string.h>

#include "scenarios/flow/flow_file.h"
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

static void run(const char *policy, enum cache_kind cache, const char *text)
{
	struct cell_setting setting = { .policy = policy, .cache = cache };
	struct error e = ERROR_INIT;
	struct flow *flow = flow_parse(text, strlen(text), "test", &e);

	ck_assert_ok(flow != NULL, &e);
	cell_run(&seen, &setting, flow);
	flow_free(flow);
}

START_TEST(a_cached_output_that_holds_a_model_is_shown_by_its_node)
{
	run("stock", CACHE_CLASSIC, "{\"actions\": [[\"prompt\"]]}");
	ck_assert(cell_is_held(&seen, "A", "c0.loaded", HOLDER_CACHE, "node 1"));
	ck_assert(!cell_is_held(&seen, "A", "c0.loaded", HOLDER_GARBAGE, ""));
}
END_TEST

START_TEST(a_dropped_cache_is_garbage_that_holds_models_until_the_collection)
{
	run("stock", CACHE_CLASSIC, "{\"actions\": [[\"prompt\"], [\"post\", {\"free_memory\": true}]]}");
	ck_assert(cell_is_held(&seen, "A", "c1.after_unload", HOLDER_CACHE, "node 1"));
	ck_assert(cell_is_held(&seen, "A", "c1.after_reset", HOLDER_GARBAGE, "node 1"));
	ck_assert(!cell_is_held(&seen, "A", "c1.after_reset", HOLDER_CACHE, ""));
	ck_assert_int_eq(cell_state(&seen, "A", "c1.after_gc"), STATE_DEAD);
}
END_TEST

START_TEST(without_a_cache_a_model_dies_when_its_last_consumer_has_run)
{
	run("stock", CACHE_NONE, "{\"actions\": [[\"prompt\"]]}");
	ck_assert_int_eq(cell_state(&seen, "A", "c0.loaded"), STATE_DEAD);
	run("strict", CACHE_NONE, "{\"actions\": [[\"prompt\"]]}");
	ck_assert_int_eq(cell_state(&seen, "A", "c0.loaded"), STATE_DEAD);
	ck_assert_int_eq(cell_state(&seen, "B", "c0.loaded"), STATE_RESIDENT);
	ck_assert(!cell_is_held(&seen, "B", "c0.loaded", HOLDER_CACHE, ""));
}
END_TEST

START_TEST(another_workflow_empties_the_classic_cache_and_not_the_lru)
{
	static const char text[] = "{\"actions\": [[\"prompt\"], [\"prompt2\"]]}";

	run("stock", CACHE_CLASSIC, text);
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_DEAD);
	run("stock", CACHE_LRU,
	    "{\"models\": [{\"name\": \"B\", \"kind\": \"clip\"}], \"actions\": [[\"prompt\"], [\"prompt2\"]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_RESIDENT);
}
END_TEST

START_TEST(the_ram_cache_keeps_other_workflows_while_there_is_room)
{
	run("stock", CACHE_RAM, "{\"actions\": [[\"prompt\"], [\"prompt2\"], [\"promptseed\", 2], [\"prompt2\"]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c3.next_prompt"), STATE_RESIDENT);
	ck_assert_uint_eq(cell_disk_loads(&seen, "B"), 1);
	ck_assert_uint_eq(cell_disk_loads(&seen, "S"), 1);
}
END_TEST

START_TEST(the_ram_cache_drops_the_oldest_workflows_when_memory_is_short)
{
	run("stock", CACHE_RAM,
	    "{\"actions\": [[\"prompt\"], [\"cpu_memory\", 90], [\"prompt2\"], [\"cpu_memory\", 50], [\"prompt2\"]]}");
	ck_assert_int_eq(cell_state(&seen, "B", "c1.next_prompt"), STATE_DEAD);
	ck_assert_int_eq(cell_state(&seen, "S", "c2.next_prompt"), STATE_RESIDENT);
	ck_assert_uint_eq(cell_disk_loads(&seen, "S"), 1);
}
END_TEST

START_TEST(the_ram_cache_never_drops_what_its_own_prompt_has)
{
	run("stock", CACHE_RAM, "{\"actions\": [[\"prompt\"], [\"cpu_memory\", 99], [\"promptseed\", 2]]}");
	ck_assert_uint_eq(cell_disk_loads(&seen, "A"), 1);
	ck_assert_uint_eq(cell_disk_loads(&seen, "B"), 1);
}
END_TEST

START_TEST(weights_that_wait_in_main_memory_make_it_short)
{
	run("stock", CACHE_RAM,
	    "{\"models\": [{\"name\": \"X\", \"kind\": \"unet\", \"preview\": true, \"size_mb\": 60000}], \"actions\": "
	    "[[\"prompt\"],"
	    "[\"promptm\", [{\"name\": \"Y\", \"kind\": \"unet\", \"preview\": true, \"size_mb\": 60000}]]]}");
	ck_assert_int_eq(cell_state(&seen, "X", "c1.next_prompt"), STATE_DEAD);
	ck_assert_int_ne(cell_state(&seen, "Y", "c1.next_prompt"), STATE_DEAD);
}
END_TEST

START_TEST(what_strict_keeps_outlives_the_ram_cache)
{
	run("strict", CACHE_RAM, "{\"actions\": [[\"prompt\"], [\"cpu_memory\", 99], [\"prompt2\"], [\"promptseed\", 2]]}");
	ck_assert_int_eq(seen.result.verdict, VERDICT_PASS);
	ck_assert_uint_eq(cell_disk_loads(&seen, "B"), 1);
	ck_assert_uint_eq(cell_disk_loads(&seen, "A"), 2);
}
END_TEST

HARNESS_SUITE(caches_suite)
{
	Suite *suite = suite_create("caches");
	TCase *tests = tcase_create("caches");

	tcase_add_checked_fixture(tests, open_cell, close_cell);
	tcase_add_test(tests, a_cached_output_that_holds_a_model_is_shown_by_its_node);
	tcase_add_test(tests, a_dropped_cache_is_garbage_that_holds_models_until_the_collection);
	tcase_add_test(tests, without_a_cache_a_model_dies_when_its_last_consumer_has_run);
	tcase_add_test(tests, another_workflow_empties_the_classic_cache_and_not_the_lru);
	tcase_add_test(tests, the_ram_cache_keeps_other_workflows_while_there_is_room);
	tcase_add_test(tests, the_ram_cache_drops_the_oldest_workflows_when_memory_is_short);
	tcase_add_test(tests, the_ram_cache_never_drops_what_its_own_prompt_has);
	tcase_add_test(tests, weights_that_wait_in_main_memory_make_it_short);
	tcase_add_test(tests, what_strict_keeps_outlives_the_ram_cache);
	suite_add_tcase(suite, tests);
	return suite;
}
