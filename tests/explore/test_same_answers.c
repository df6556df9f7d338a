/* Judge and explorer read the same records by the same rules (probes/judge/rules.h): over many random sequences under each policy they
 * say the same. The explorer asks at every rest and the judge at the end, so what the judge says of the end the explorer says, too;
 * of losses and second reads, which nothing makes undone, each says what the other does. */
#include <string.h>

#include "core/base/array.h"
#include "core/manager/policy.h"
#include "probes/judge/judge.h"
#include "scenarios/explore/explore_check.h"
#include "scenarios/explore/explore_generate.h"
#include "scenarios/flow/flow.h"
#include "tests/explore/fixture.h"
#include "tests/harness/harness.h"

#define SEQUENCES 10000 /* of all policies together */

struct same {
	struct explore explore;
	struct judge *judge;
	struct check *check;
	struct sequence sequence;
	struct judge_result judged;
	const struct explore_failure *failures;
	size_t failure_count;
	bool was_kept[256]; /* by object: asked to be kept, at some time */
	bool keep_changed; /* from kept to not kept: the last word is what a verdict goes by */
};

static void watch_keep(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct same *same = context;
	const struct record_model *model = record;

	(void)size_bytes;
	if (type != RECORD_MODEL || model->model >= ARRAY_SIZE(same->was_kept))
		return;
	same->keep_changed |= same->was_kept[model->model] && model->keep != KEEP_YES;
	same->was_kept[model->model] |= model->keep == KEEP_YES;
}

static void run(struct same *same, const struct policy *policy)
{
	const struct subject_operations *subject = same->explore.subject->operations;
	const struct flow_setting *setting = &same->sequence.setting;
	struct subject_setup setup = { .cell = 1,
				       .policy = policy,
				       .cache = setting->cache,
				       .device_mode = setting->device_mode,
				       .node_flags = setting->node_flags };
	struct record_cell cell = { .cell = 1 };
	struct record_tee both = { .first = judge_sink(same->judge), .second = explore_check_sink(same->check) };
	struct record_tee all = { .first = record_tee_sink(&both), .second = { .context = same, .put = watch_keep } };
	struct record_sink sink = record_tee_sink(&all);
	struct error fault = ERROR_INIT;
	struct error e = ERROR_INIT;
	struct flow flow;

	memset(same->was_kept, 0, sizeof(same->was_kept));
	same->keep_changed = false;
	explore_check_reset(same->check);
	record_put(&sink, RECORD_CELL, &cell, sizeof(cell));
	ck_assert_ok(explore_sequence_as_flow(&same->sequence, &flow, &e) &&
			     subject->begin(same->explore.subject, &setup, &sink, &e),
		     &e);
	if (!flow_run(&flow, NULL, 0, same->explore.subject, &sink, setup.cell, &fault))
		ck_assert_msg(fault.kind == ERROR_DEVICE_MEMORY || fault.kind == ERROR_NODE, "%s", fault.text);
	ck_assert_ok(subject->end(same->explore.subject, &e), &e);
	ck_assert_ok(judge_finish(same->judge, &same->judged, &e), &e);
	ck_assert_ok(explore_check_finish(same->check, &same->failures, &same->failure_count, &e), &e);
}

static bool explorer_says(const struct same *same, enum invariant invariant)
{
	for (size_t i = 0; i < same->failure_count; i++) {
		if (same->failures[i].invariant == invariant)
			return true;
	}
	return false;
}

static bool judge_finds(const struct same *same, const char *class_name)
{
	for (size_t i = 0; i < same->judged.finding_count; i++) {
		if (strcmp(same->judged.findings[i].class_name, class_name) == 0)
			return true;
	}
	return false;
}

static bool has_outcome(const struct same *same, enum outcome outcome)
{
	for (size_t i = 0; i < same->judged.model_count; i++) {
		if (same->judged.models[i].outcome == outcome)
			return true;
	}
	return false;
}

static void differ(const struct same *same, const struct policy *policy, const char *what)
{
	struct strbuf line = STRBUF_INIT;

	for (size_t i = 0; i < same->judged.finding_count; i++)
		strbuf_printf(&line, "judge: %s %s at %s %s; ", same->judged.findings[i].class_name,
			      same->judged.findings[i].model, same->judged.findings[i].stage, same->judged.findings[i].detail);
	for (size_t i = 0; i < same->failure_count; i++)
		strbuf_printf(&line, "explorer: %s %s %s at %s; ", explore_invariant_name(same->failures[i].invariant),
			      same->failures[i].cause, same->failures[i].model, same->failures[i].stage);
	explore_sequence_line(&same->sequence, &line);
	ck_abort_msg("%s: %s alone: %s", policy->name, what, strbuf_text(&line));
}

static void compare(const struct same *same, const struct policy *policy)
{
	bool lost = judge_finds(same, "lost");

	if (explorer_says(same, INVARIANT_WORKER_LIVES))
		return; /* a rest that never comes is not looked at */
	if (lost && !explorer_says(same, INVARIANT_KEPT_STAYS))
		differ(same, policy, "the judge says lost");
	if (!lost && explorer_says(same, INVARIANT_KEPT_STAYS) && !same->keep_changed)
		differ(same, policy, "the explorer says kept-stays");
	if (judge_finds(same, "duplicated") != explorer_says(same, INVARIANT_LOADED_ONCE) && !same->keep_changed)
		differ(same, policy, "one says duplicated");
	if (has_outcome(same, OUTCOME_LEAKED) && !explorer_says(same, INVARIANT_FREED_GOES))
		differ(same, policy, "the judge says leaked");
	if (has_outcome(same, OUTCOME_STRAY) && !explorer_says(same, INVARIANT_NOTHING_STRAY))
		differ(same, policy, "the judge says stray");
	if (explorer_says(same, INVARIANT_OUTPUT_SAME) && !judge_finds(same, "corrupted"))
		differ(same, policy, "the explorer says output-same");
}

START_TEST(judge_and_explorer_say_the_same)
{
	const struct policy *policy = policies[_i];
	struct same same = { .explore = explorer_open(), .judge = judge_new(NULL), .check = explore_check_new(NULL) };
	size_t policy_count = 0;
	struct error e = ERROR_INIT;

	ck_assert(same.judge && same.check);
	while (policies[policy_count])
		policy_count++;
	same.explore.space.caches = (1U << CACHE_KIND_COUNT) - 1;
	for (uint64_t i = 0; i <= SEQUENCES / policy_count; i++) {
		ck_assert_ok(explore_generate(&same.sequence, &same.explore.space, policy, 1, i, &e), &e);
		run(&same, policy);
		compare(&same, policy);
	}
	explore_sequence_free(&same.sequence);
	judge_free(same.judge);
	explore_check_free(same.check);
	explorer_close(&same.explore);
}
END_TEST

HARNESS_SUITE(same_answers_suite)
{
	Suite *suite = suite_create("same answers");
	TCase *tests = tcase_create("same answers");
	int count = 0;

	while (policies[count])
		count++;
	tcase_add_loop_test(tests, judge_and_explorer_say_the_same, 0, count);
	suite_add_tcase(suite, tests);
	return suite;
}
