/* cell_run.h - one cell's life, once: its record, its beginning, what happens in it, its end, and its verdict.
 *
 * A matrix and a replay both run their cells through here, so that what is counted, and when, is the same for both: records that
 * were dropped are asked for after the cell has ended, when no more of them can be lost. Sizes and times are those of the records.
 * The caller owns the subject, the judge and the sinks; the result is the judge's and lives until the judge is reset. One thread.
 */
#ifndef RESIDENCY_SCENARIOS_CELL_RUN_H
#define RESIDENCY_SCENARIOS_CELL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/records/record.h"
#include "probes/judge/judge.h"
#include "scenarios/subject/subject.h"

struct cell_run {
	struct subject *subject;
	const struct subject_setup *setup;
	const struct record_cell *cell; /* is put first */
	const struct record_sink *sink; /* the judge's sink must be part of it */
	const char *where; /* precedes an error of what happens in the cell; NULL: nothing does */
	/* What happens between beginning and end. */
	bool (*act)(void *context, const struct record_sink *sink, struct error *e);
	void *act_context;
	/* Records of a cell that the sink had no room for, asked after the end; NULL where it always has. */
	uint64_t (*dropped)(void *context, uint32_t cell);
	void *dropped_context;
};

/* Resets the judge, runs the cell and judges it. The verdict is not put: judge_put() is the caller's, who may add findings. On an
 * error (of the subject's, the action's, or ERROR_MEMORY) nothing is judged. */
bool cell_run_judged(const struct cell_run *run, struct judge *judge, struct judge_result *result, struct error *e);

/* Verdicts of an invocation, counted. Zero-initialise. */
struct verdict_tally {
	size_t passed, failed, untrustworthy;
	size_t skipped; /* cells that could not run */
};

void cell_tally_add(struct verdict_tally *tally, enum verdict verdict);

/* The exit code of a list of verdicts: 5 where one cannot be trusted, else 1 where one failed, 4 where none could run, else 0. */
int cell_tally_exit_code(const struct verdict_tally *tally);

#endif
