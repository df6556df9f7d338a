/* cell_run.c - the order of a cell's life.
 *
 * The judge is reset, the cell's record is put, the subject begins, the caller acts, the subject ends (also after a failure: it
 * must be ready for the next cell). Only then the judge hears what its verdict cannot rest on: what the subject cannot observe,
 * and the records that the subject or the sink dropped. Asked any earlier, the count would miss the cell's own losses.
 */
#include "scenarios/run/cell_run.h"

static bool live(const struct cell_run *run, struct error *e)
{
	const struct subject_operations *subject = run->subject->operations;
	bool ok;

	record_put(run->sink, RECORD_CELL, run->cell, sizeof(*run->cell));
	if (!subject->begin(run->subject, run->setup, run->sink, e))
		return false;
	ok = run->act(run->act_context, run->sink, e);
	ok = subject->end(run->subject, e) && ok;
	return ok || (run->where ? error_context(e, "%s", run->where) : false);
}

bool cell_run_judged(const struct cell_run *run, struct judge *judge, struct judge_result *result, struct error *e)
{
	const struct subject_operations *subject = run->subject->operations;

	judge_reset(judge);
	if (!live(run, e))
		return false;
	if (subject->lacks && subject->lacks(run->subject))
		judge_doubt(judge, subject->lacks(run->subject));
	if (subject->dropped)
		judge_add_dropped(judge, subject->dropped(run->subject));
	if (run->dropped)
		judge_add_dropped(judge, run->dropped(run->dropped_context, run->setup->cell));
	return judge_finish(judge, result, e);
}

void cell_tally_add(struct verdict_tally *tally, enum verdict verdict)
{
	size_t *const counts[] = {
		[VERDICT_PASS] = &tally->passed,
		[VERDICT_FAIL] = &tally->failed,
		[VERDICT_UNTRUSTWORTHY] = &tally->untrustworthy,
	};

	++*counts[verdict];
}

int cell_tally_exit_code(const struct verdict_tally *tally)
{
	if (tally->untrustworthy)
		return error_exit_code(ERROR_UNTRUSTWORTHY);
	if (tally->failed)
		return 1;
	return tally->skipped && !tally->passed ? error_exit_code(ERROR_UNSUPPORTED) : 0;
}
