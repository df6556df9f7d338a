/* `strict` holds every invariant, whatever is done; and a long life leaves nothing behind. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/manager/policy.h"
#include "core/object/heap.h"
#include "scenarios/explore/explore_check.h"
#include "tests/explore/fixture.h"
#include "tests/harness/harness.h"

#define STEPS_SHORT 20000
#define STEPS_LONG 1000000
#define LIFE_SHORT 3000 /* actions; two in five are prompts */
#define LIFE_LONG 26000

#define MEMORY_SLACK_BYTES 131072 /* an array may find its size late; a leak of five bytes an action is more */

/* A sanitizer keeps what was freed for a while. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RESIDENT_SLACK_BYTES ((size_t)1 << 30)
#else
#define RESIDENT_SLACK_BYTES ((size_t)1 << 20)
#endif

START_TEST(strict_holds_whatever_is_done)
{
	struct explore explore = explorer_open();
	struct explore_result result = { .count = 0 };
	struct error e = ERROR_INIT;

	explore.space.caches = (1U << CACHE_KIND_COUNT) - 1;
	explore.steps_most = is_long() ? STEPS_LONG : STEPS_SHORT;
	ck_assert_ok(explore_policy(&explore, &policy_strict, &result, &e), &e);
	ck_assert_msg(result.count == 0, "%s, %s: %s", explore_invariant_name(result.items[0].failure.invariant),
		      result.items[0].failure.cause, result.items[0].line);
	ck_assert_uint_ge(result.steps, explore.steps_most);
	explore_result_free(&result);
	explorer_close(&explore);
}
END_TEST

/* ---- a long life ---- */

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

struct life {
	struct subject *subject;
	struct record_sink sink;
	struct flow flow; /* of all actions */
	size_t prompts;
};

static void live(struct life *life, size_t first, size_t count)
{
	struct flow part = life->flow;
	struct error e = ERROR_INIT;

	part.steps += first;
	part.step_count = count;
	ck_assert_ok(flow_run(&part, NULL, 0, life->subject, &life->sink, 1, &e), &e);
	for (size_t i = 0; i < count; i++)
		life->prompts += part.steps[i].action.kind <= ACTION_PROMPT_MODELS;
}

/* Everything that was held is let go, and all that is not kept is asked to go: what is left is what `strict` keeps. */
static struct heap_counts rest(struct life *life)
{
	static const struct flow_step steps[] = {
		{ .action.kind = ACTION_DROP_HOLDS },
		{ .action.kind = ACTION_OUTSIDE_DROP },
		{ .action.kind = ACTION_POST,
		  .unload_models = WANTED_TRUE,
		  .free_memory = WANTED_TRUE,
		  .release_kept = WANTED_TRUE },
		{ .action.kind = ACTION_SETTLE },
	};
	struct flow part = life->flow;
	struct error e = ERROR_INIT;

	part.steps = steps;
	part.step_count = sizeof(steps) / sizeof(steps[0]);
	ck_assert_ok(flow_run(&part, NULL, 0, life->subject, &life->sink, 1, &e), &e);
	return heap_counts(engine_heap(subject_engine(life->subject)));
}

START_TEST(a_long_life_under_strict_leaves_nothing_behind)
{
	struct explore explore = explorer_open();
	size_t length = is_long() ? LIFE_LONG : LIFE_SHORT;
	size_t slice = length / 10;
	struct explore_space space = { 1U << CACHE_CLASSIC, 1, 1, length, true };
	struct subject_setup setup = { .cell = 1, .policy = &policy_strict, .record_brief = true };
	struct sequence sequence = { .step_count = 0 };
	struct error e = ERROR_INIT;
	struct check *check = explore_check_new(&e);
	struct life life = { .subject = explore.subject };
	const struct explore_failure *failures;
	struct heap_counts first = { 0 };
	size_t count;
	size_t memory_bytes = 0;
	size_t resident = 0;

	ck_assert_ok(check && explore_generate(&sequence, &space, &policy_strict, 1, 0, &e), &e);
	ck_assert_ok(explore_sequence_as_flow(&sequence, &life.flow, &e), &e);
	life.sink = explore_check_sink(check);
	ck_assert_ok(explore.subject->operations->begin(explore.subject, &setup, &life.sink, &e), &e);
	for (size_t i = 0; i < 10; i++) {
		struct heap_counts now;

		live(&life, i * slice, slice);
		now = rest(&life);
		if (i == 2) {
			first = now;
			memory_bytes = mallinfo2().uordblks;
			resident = resident_bytes();
		} else if (i > 2) {
			ck_assert_uint_eq(now.objects, first.objects);
			ck_assert_uint_eq(now.references, first.references);
			ck_assert_uint_le(mallinfo2().uordblks, memory_bytes + MEMORY_SLACK_BYTES);
			ck_assert_uint_le(resident_bytes(), resident + RESIDENT_SLACK_BYTES);
		}
	}
	ck_assert_uint_gt(life.prompts, length / 3);
	ck_assert_ok(explore.subject->operations->end(explore.subject, &e) &&
			     explore_check_finish(check, &failures, &count, &e),
		     &e);
	ck_assert_msg(count == 0, "%s, %s, in action %zu", explore_invariant_name(failures[0].invariant), failures[0].cause,
		      failures[0].step + 1);
	explore_check_free(check);
	explore_sequence_free(&sequence);
	explorer_close(&explore);
}
END_TEST

HARNESS_SUITE(hold_suite)
{
	Suite *suite = suite_create("hold");
	TCase *tests = tcase_create("hold");

	tcase_set_timeout(tests, is_long() ? 1200 : 120);
	tcase_add_test(tests, strict_holds_whatever_is_done);
	tcase_add_test(tests, a_long_life_under_strict_leaves_nothing_behind);
	suite_add_tcase(suite, tests);
	return suite;
}
