/* judge.h - from the records of a cell to outcomes, findings and a verdict.
 *
 * A judge is a record sink, so that it works with and without a store: put a cell's records into judge_sink(), from its
 * RECORD_CELL on, then ask judge_finish(). It knows no policy and no expected result; what became of an object follows from
 * its states, departures and holders, by the table of outcomes in the project's design:
 *
 *	displaced  to be kept; always alive and held by the manager, moved off the compute device by pressure alone
 *	lost       to be kept; at some stage after it was loaded not resident
 *	kept       to be kept; resident at every stage since it was loaded
 *	leaked     not to be kept; asked to go since its last load; at the end still resident, or alive and held by something
 *		   other than an executor cache or a foreign hold
 *	stray      weights on a device at the end, and the model in no list through any patcher
 *	unloaded   not to be kept; not resident at the end
 *	present    not to be kept; resident at the end, and nothing since its last load asked it to go
 *
 * The first row that fits. A cell passes if the first object of every name has an outcome that passes; a dead worker fails it;
 * dropped records, or a stage that its actions must have and that is not there, make it UNTRUSTWORTHY.
 *
 *	judge_reset(judge);
 *	run_cell(&judge_sink, ...);
 *	if (!judge_finish(judge, &result, e)) ...
 *	judge_put(judge, &writer_sink);
 */
#ifndef RESIDENCY_PROBES_JUDGE_H
#define RESIDENCY_PROBES_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "db/records/record.h"

struct judge;

/* Borrowed from the judge until judge_reset. */
struct judge_result {
	struct record_cell cell;
	enum verdict verdict;
	const char *why; /* for UNTRUSTWORTHY: what is missing; for a dead worker, that; else "" */
	const struct record_verdict_model *models; /* every object, in the order they were made; see `judged` */
	size_t model_count;
	const struct record_finding *findings;
	size_t finding_count;
};

/* The caller frees. NULL when out of memory. Its memory is kept from cell to cell. */
struct judge *judge_new(struct error *e);
void judge_free(struct judge *judge);

/* Forgets the cell. A RECORD_CELL does so too. */
void judge_reset(struct judge *judge);

struct record_sink judge_sink(struct judge *judge);

/* Records that were lost on their way to the store; makes the verdict UNTRUSTWORTHY. Before judge_finish. */
void judge_add_dropped(struct judge *judge, uint64_t count);

/* Something that a verdict needs could not be observed; makes it UNTRUSTWORTHY, with this as the reason where none came before. Before
 * judge_finish. */
void judge_doubt(struct judge *judge, const char *why);

/* Says it at once, as an error with stage, reason and who held it before, when a kept model is gone; not at all for NULL, which is so
 * at first. Outlives judge_reset. */
void judge_say_losses(struct judge *judge, const struct log_sink *log);

/* After the cell's last record. false only when there was no memory, or records that cannot be (a residency of an object that
 * was never told of). May be called once a cell. */
bool judge_finish(struct judge *judge, struct judge_result *result, struct error *e);

/* A value of the finished cell differs from a reference: one more finding, which *result shows, too. `place` says which value. Before
 * judge_put. */
bool judge_add_corrupted(struct judge *judge, const char *place, const char *expected, const char *actual,
			 struct judge_result *result, struct error *e);

/* Whether a finding says that something went wrong. Of one alone that is not so: a model that only the executor's caches still hold
 * after all memory was to be freed is shown as `leaked`, to tell why no memory came free; its outcome is `unloaded`. */
bool judge_finding_counts(const struct judge_result *result, const struct record_finding *finding);

/* Puts the finished cell's verdict_model, finding and verdict records, in that order. */
void judge_put(const struct judge *judge, const struct record_sink *sink);

#endif
