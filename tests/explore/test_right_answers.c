/* Cells in which judge and explorer once said different things, or both a wrong one: what each must say, by DESIGN.md section 1. */
#include "core/base/array.h"
#include "tests/explore/feed.h"
#include "tests/harness/harness.h"

/* The outcome of the last object made, and the classes of the findings. */
static void judge_says(struct feed *f, char *text, size_t size)
{
	struct judge_result result;
	struct error e = ERROR_INIT;
	size_t length;

	if (!judge_finish(f->judge, &result, &e)) {
		snprintf(text, size, "error: %.300s", e.text);
		return;
	}
	length = (size_t)snprintf(text, size, "%s", record_verdict_name(result.verdict));
	for (size_t i = 0; i < result.model_count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, " %s:%s", result.models[i].name,
					   record_outcome_name(result.models[i].outcome));
	for (size_t i = 0; i < result.finding_count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, " [%s]", result.findings[i].class_name);
}

static void check_says(struct feed *f, char *text, size_t size)
{
	const struct explore_failure *failures;
	size_t count;
	size_t length = 0;

	snprintf(text, size, "nothing");
	if (!explore_check_finish(f->check, &failures, &count, NULL))
		snprintf(text, size, "error");
	for (size_t i = 0; i < count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%s (%s)", i ? ", " : "",
					   explore_invariant_name(failures[i].invariant), failures[i].cause);
}

/* ---- cases ---- */

/* Asked to go, unloaded; only a failed prompt's traceback still refers to it, which the next collection takes. */
static void held_by_garbage(struct feed *f)
{
	uint32_t a = feed_object(f, "A", "unet", KEEP_NONE, 0, 1);

	feed_action(f, ACTION_PROMPT, false);
	feed_stage(f, STAGE_LOADED);
	feed_state(f, a, STATE_RESIDENT, 0, 1000);
	f->cycle = 1;
	feed_action(f, ACTION_FREE_MEMORY, true);
	feed_request(f);
	feed_stage(f, STAGE_AFTER_FREE_MEMORY);
	feed_state(f, a, STATE_UNLOADED, -1, 0);
	feed_holder(f, a, "traceback", HOLDER_GARBAGE);
	feed_stage(f, STAGE_END);
	feed_state(f, a, STATE_UNLOADED, -1, 0);
	feed_holder(f, a, "traceback", HOLDER_GARBAGE);
}

/* A kept base and its clone: pressure took the clone, the policy's unload took the base; the manager still holds the base. */
static void two_departures(struct feed *f)
{
	uint32_t b = feed_object(f, "B", "unet", KEEP_YES, 0, 1);
	uint32_t clone = feed_object(f, "B+clone", "unet", KEEP_YES, b, 1);

	feed_action(f, ACTION_PROMPT, false);
	feed_stage(f, STAGE_LOADED);
	feed_state(f, b, STATE_RESIDENT, 1, 1000);
	feed_holder(f, b, "kept", HOLDER_MANAGER);
	feed_state(f, clone, STATE_RESIDENT, 0, 1000);
	f->cycle = 1;
	feed_leaves(f, clone, REASON_EVICTED_BY_LOAD);
	feed_leaves(f, b, REASON_UNLOADED_BY_POLICY);
	feed_stage(f, STAGE_END);
	feed_state(f, b, STATE_UNLOADED, -1, 0);
	feed_holder(f, b, "kept", HOLDER_MANAGER);
	feed_state(f, clone, STATE_UNLOADED, -1, 0);
}

/* A checkpoint's UNet and CLIP carry one file's name: the CLIP is no second copy of the UNet. */
static void one_name_two_kinds(struct feed *f)
{
	uint32_t unet = feed_object(f, "sd15.safetensors", "unet", KEEP_YES, 0, 1);
	uint32_t clip;

	feed_read(f, unet);
	feed_action(f, ACTION_PROMPT, false);
	feed_stage(f, STAGE_LOADED);
	feed_state(f, unet, STATE_RESIDENT, 0, 1000);
	f->cycle = 1;
	feed_action(f, ACTION_PROMPT, false);
	clip = feed_object(f, "sd15.safetensors", "clip", KEEP_YES, 0, 2);
	feed_read(f, clip);
	feed_stage(f, STAGE_NEXT_PROMPT);
	feed_state(f, unet, STATE_RESIDENT, 1, 1000);
	feed_state(f, clip, STATE_RESIDENT, 0, 1000);
	feed_stage(f, STAGE_END);
	feed_state(f, unet, STATE_RESIDENT, 1, 1000);
	feed_state(f, clip, STATE_RESIDENT, 0, 1000);
}

/* A ledger of a live server: so many bytes may be noise, and less than that is unattributed. */
static void noise_in_the_ledger(struct feed *f)
{
	uint32_t a = feed_object(f, "A", "unet", KEEP_NONE, 0, 1);

	feed_action(f, ACTION_PROMPT, false);
	for (int i = 0; i < 2; i++) {
		feed_stage(f, i ? STAGE_END : STAGE_LOADED);
		feed_state(f, a, STATE_RESIDENT, 0, 1000);
		feed_line(f, "used", 9000);
		feed_line(f, "weights", 9000);
		feed_line(f, "noise", 4000);
		feed_line(f, "unattributed", 0);
		f->cycle = 1;
	}
}

/* A workflow reads a kept model and never runs it. */
static void never_loaded(struct feed *f)
{
	uint32_t b = feed_object(f, "B", "vae", KEEP_YES, 0, 1);

	feed_action(f, ACTION_PROMPT, false);
	feed_stage(f, STAGE_LOADED);
	feed_state(f, b, STATE_UNLOADED, -1, 0);
	feed_stage(f, STAGE_END);
	feed_state(f, b, STATE_UNLOADED, -1, 0);
}

/* Its patcher died, its entry is still in the list and its weights on the device: stale, and in a list. */
static void dead_but_listed(struct feed *f)
{
	uint32_t a = feed_object(f, "A", "unet", KEEP_NONE, 0, 1);

	feed_action(f, ACTION_PROMPT, false);
	feed_stage(f, STAGE_LOADED);
	feed_state(f, a, STATE_RESIDENT, 0, 1000);
	f->cycle = 1;
	feed_stage(f, STAGE_END);
	feed_state(f, a, STATE_LEAKED, 0, 1000);
	feed_holder(f, a, "hold", HOLDER_FOREIGN);
}

/* What a workflow puts on a model and what is in its weights differ in the 300th byte of their descriptions. */
static void patches_that_differ_late(struct feed *f)
{
	uint32_t a = feed_object(f, "A", "unet", KEEP_NONE, 0, 1);
	struct record_sampled sampled = { .cell = 1, .model = a };
	char wanted[400];
	char found[400];

	memset(wanted, 'x', sizeof(wanted));
	memcpy(wanted + 296, " at 0.5", 8);
	memcpy(found, wanted, sizeof(found));
	found[302] = '9';
	sampled.differs = strcmp(wanted, found) != 0;
	record_text(sampled.wanted, sizeof(sampled.wanted), wanted);
	record_text(sampled.found, sizeof(sampled.found), found);
	feed_action(f, ACTION_PROMPT, false);
	record_put(&f->sink, RECORD_SAMPLED, &sampled, sizeof(sampled));
	feed_stage(f, STAGE_LOADED);
	feed_state(f, a, STATE_RESIDENT, 0, 1000);
	f->cycle = 1;
	feed_stage(f, STAGE_END);
	feed_state(f, a, STATE_RESIDENT, 0, 1000);
}

/* Placed by another model's allocation string, which differs from its own in the 300th byte. The explorer has no rule for this. */
static void allocations_that_differ_late(struct feed *f)
{
	uint32_t a = feed_object(f, "A", "unet", KEEP_NONE, 0, 1);
	struct record_allocation allocation = { .cell = 1, .snapshot = 1, .model = a };
	char own[400];
	char used[400];

	memset(own, '0', sizeof(own));
	memcpy(own, "cuda:0,0.", 9);
	memcpy(own + 290, "1#cuda:0", 9);
	memcpy(used, own, sizeof(used));
	used[290] = '2';
	allocation.differs = strcmp(own, used) != 0;
	record_text(allocation.own, sizeof(allocation.own), own);
	record_text(allocation.used, sizeof(allocation.used), used);
	feed_action(f, ACTION_PROMPT, false);
	feed_stage(f, STAGE_LOADED);
	feed_state(f, a, STATE_RESIDENT, 0, 1000);
	record_put(&f->sink, RECORD_ALLOCATION, &allocation, sizeof(allocation));
	f->cycle = 1;
	feed_stage(f, STAGE_END);
	feed_state(f, a, STATE_RESIDENT, 0, 1000);
}

/* Two files whose names agree as far as short names go; as if they had been counted as one name. */
static void names_cut_at_63(struct feed *f)
{
	static const char *const files[] = {
		"diffusion_models/flux-community/flux1-small-photoreal-merge-v12-base.safetensors",
		"diffusion_models/flux-community/flux1-small-photoreal-merge-v12-kept.safetensors"
	};
	uint32_t a;
	uint32_t b;

	a = feed_object(f, files[0], "unet", KEEP_NONE, 0, 1);
	b = feed_object(f, files[1], "unet", KEEP_YES, 0, 2);
	feed_action(f, ACTION_PROMPT, false);
	feed_stage(f, STAGE_LOADED);
	feed_state(f, a, STATE_RESIDENT, 1, 1000);
	feed_state(f, b, STATE_RESIDENT, 0, 1000);
	feed_leaves(f, b, REASON_UNLOADED_BY_CORE);
	feed_stage(f, STAGE_END);
	feed_state(f, a, STATE_RESIDENT, 0, 1000);
	feed_state(f, b, STATE_DEAD, -1, 0);
}

static const struct {
	const char *name;
	void (*run)(struct feed *f);
	const char *judge, *check; /* how the right answers begin */
} cases[] = {
	{ .name = "held by garbage alone", .run = held_by_garbage, .judge = "PASS", .check = "nothing" },
	{ .name = "a base and a clone left, one by pressure",
	  .run = two_departures,
	  .judge = "FAIL B:lost",
	  .check = "kept-stays" },
	{ .name = "one file's name, two kinds", .run = one_name_two_kinds, .judge = "PASS", .check = "nothing" },
	{ .name = "noise in the ledger", .run = noise_in_the_ledger, .judge = "PASS", .check = "nothing" },
	{ .name = "a kept model that nobody loads", .run = never_loaded, .judge = "FAIL B:lost", .check = "kept-stays" },
	{ .name = "dead, and still listed", .run = dead_but_listed, .judge = "PASS A:unloaded [stale]", .check = "nothing" },
	{ .name = "patches that differ after byte 255",
	  .run = patches_that_differ_late,
	  .judge = "PASS A:present [corrupted]",
	  .check = "output-same" },
	{ .name = "allocation strings that differ after byte 255",
	  .run = allocations_that_differ_late,
	  .judge = "PASS A:present [misplaced]",
	  .check = "nothing" },
	{ .name = "two files whose names agree for 63 bytes", .run = names_cut_at_63, .judge = "FAIL", .check = "kept-stays" },
};

START_TEST(judge_and_explorer_give_the_right_answer)
{
	char judge[400];
	char check[400];
	struct feed f;

	feed_open(&f);
	cases[_i].run(&f);
	judge_says(&f, judge, sizeof(judge));
	check_says(&f, check, sizeof(check));
	feed_close(&f);
	ck_assert_msg(strncmp(judge, cases[_i].judge, strlen(cases[_i].judge)) == 0, "%s: the judge says %s", cases[_i].name,
		      judge);
	ck_assert_msg(strncmp(check, cases[_i].check, strlen(cases[_i].check)) == 0, "%s: the explorer says %s", cases[_i].name,
		      check);
}
END_TEST

/* A kept model that node 1's output holds at both stages leaves the list; `_i` others take a reference to it in between. */
START_TEST(only_who_no_longer_holds_is_missing_however_many_hold)
{
	struct judge_result result;
	struct error e = ERROR_INIT;
	struct feed f;
	uint32_t b;

	feed_open(&f);
	b = feed_object(&f, "B", "unet", KEEP_YES, 0, 1);
	feed_action(&f, ACTION_PROMPT, false);
	feed_stage(&f, STAGE_LOADED);
	feed_state(&f, b, STATE_RESIDENT, 0, 1000);
	feed_holder(&f, b, "node 1", HOLDER_CACHE);
	feed_holder(&f, b, "loaded list", HOLDER_LIST);
	f.cycle = 1;
	feed_leaves(&f, b, REASON_EVICTED_BY_PRESSURE);
	for (int i = 0; i < 2; i++) {
		feed_stage(&f, i ? STAGE_END : STAGE_AFTER_FREE_MEMORY);
		feed_state(&f, b, STATE_UNLOADED, -1, 0);
		for (int n = 0; n < _i; n++)
			feed_holder(&f, b, "hold", HOLDER_FOREIGN);
		feed_holder(&f, b, "node 1", HOLDER_CACHE);
	}
	ck_assert_ok(judge_finish(f.judge, &result, &e), &e);
	ck_assert_uint_eq(result.finding_count, 1);
	ck_assert_str_eq(result.findings[0].missing_holder, "loaded list");
	ck_assert_ptr_nonnull(strstr(result.findings[0].facts, "cache_holds"));
	if (_i > 12) { /* what does not fit is counted */
		ck_assert_ptr_nonnull(strstr(result.findings[0].holders_after, " more\",\"kind\":\"\""));
		ck_assert_ptr_nonnull(strstr(result.findings[0].holders_after, "}]"));
	}
	feed_close(&f);
}
END_TEST

HARNESS_SUITE(right_answers_suite)
{
	Suite *suite = suite_create("right answers");
	TCase *tests = tcase_create("right answers");

	tcase_add_loop_test(tests, judge_and_explorer_give_the_right_answer, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(tests, only_who_no_longer_holds_is_missing_however_many_hold, 0, 16);
	suite_add_tcase(suite, tests);
	return suite;
}
