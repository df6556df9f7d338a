/* A cell's life: what its verdict rests on is asked when the cell has ended, by a replay as by a matrix; what a list of verdicts
 * means for an exit code. */
#include "core/manager/policy.h"
#include "scenarios/replay/replay.h"
#include "scenarios/run/cell_run.h"
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

/* A sink that loses each record it is given. */
static void lose(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	(void)type, (void)record, (void)size_bytes;
	++*(uint64_t *)context;
}

static uint64_t lost(void *context, uint32_t cell)
{
	(void)cell;
	return *(const uint64_t *)context;
}

START_TEST(a_replay_whose_records_were_dropped_while_it_ran_is_untrustworthy)
{
	static const struct flow_step steps[] = { { .action.kind = ACTION_PROMPT } };
	static const struct matrix_model models[] = { { .name = "A", .kind = MODEL_UNET, .keep = KEEP_YES } };
	static const struct flow flow = { .name = "t", .models = models, .model_count = 1, .steps = steps, .step_count = 1 };
	uint64_t count = 0;
	struct record_sink sink = { .context = &count, .put = lose };
	struct subject_setup setup = { .cell = 1, .policy = policy_find("strict") };
	struct replay replay = { .subject = seen.subject,
				 .setup = &setup,
				 .policy = setup.policy,
				 .subject_name = "engine",
				 .workflow_name = "t",
				 .flow = &flow,
				 .free_name = "",
				 .sink = &sink };
	struct replay_result result = { .image_count = 0 };
	struct error e = ERROR_INIT;

	ck_assert_ok(replay_run(&replay, seen.judge, &result, &e), &e);
	ck_assert_int_eq(result.judged.verdict, VERDICT_PASS);
	replay_result_free(&result);
	count = 0;
	replay.dropped = lost;
	replay.context = &count;
	result = (struct replay_result) { .image_count = 0 };
	ck_assert_ok(replay_run(&replay, seen.judge, &result, &e), &e);
	ck_assert_int_eq(result.judged.verdict, VERDICT_UNTRUSTWORTHY);
	replay_result_free(&result);
}
END_TEST

static int exit_code_of(const enum verdict *verdicts, size_t count, size_t skipped)
{
	struct verdict_tally tally = { .skipped = skipped };

	for (size_t i = 0; i < count; i++)
		cell_tally_add(&tally, verdicts[i]);
	return cell_tally_exit_code(&tally);
}

START_TEST(a_verdict_that_cannot_be_trusted_outweighs_a_failure_and_a_failure_a_pass)
{
	static const enum verdict verdicts[] = { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNTRUSTWORTHY };

	ck_assert_int_eq(exit_code_of(verdicts, 1, 0), 0);
	ck_assert_int_eq(exit_code_of(verdicts, 2, 0), 1);
	ck_assert_int_eq(exit_code_of(verdicts, 3, 0), error_exit_code(ERROR_UNTRUSTWORTHY));
}
END_TEST

START_TEST(cells_that_could_not_run_count_where_none_ran)
{
	static const enum verdict pass = VERDICT_PASS;

	ck_assert_int_eq(exit_code_of(&pass, 1, 3), 0);
	ck_assert_int_eq(exit_code_of(NULL, 0, 3), error_exit_code(ERROR_UNSUPPORTED));
}
END_TEST

HARNESS_SUITE(cell_run_suite)
{
	Suite *suite = suite_create("cell run");
	TCase *tests = tcase_create("cell run");

	tcase_add_checked_fixture(tests, open_cell, close_cell);
	tcase_add_test(tests, a_replay_whose_records_were_dropped_while_it_ran_is_untrustworthy);
	tcase_add_test(tests, a_verdict_that_cannot_be_trusted_outweighs_a_failure_and_a_failure_a_pass);
	tcase_add_test(tests, cells_that_could_not_run_count_where_none_ran);
	suite_add_tcase(suite, tests);
	return suite;
}
