/* explore_check.h - what must hold whatever is done, looked for in the records of a subject while it runs.
 *
 *	kept-stays	 a model to be kept is loaded, and resident, itself or through another patcher, from then on; moved off by
 *			 pressure while the manager holds it, it was displaced, and that is no failure
 *	freed-goes	 a model not to be kept is gone once a request that asked it to go was served: not listed, and held by
 *			 nothing but an executor cache or a foreign hold
 *	loaded-once	 a model to be kept is not read from disk while a copy that was to stay is there
 *	ledger-balances	 each device's memory is accounted for, to the byte
 *	worker-lives
 *	output-same	 what is in a model's weights when it is sampled is what the workflow says
 *	anchors-bounded	 a policy holds one copy of a model at most
 *	nothing-stray	 at rest no weights are on a device whose model is in no list
 *
 * A judge says the same of a cell by the same rules, with evidence; this looks at every rest instead of at the end alone, remembers only what is
 * alive, and costs little. It takes brief records (struct probe_settings), and others.
 */
#ifndef RESIDENCY_SCENARIOS_EXPLORE_CHECK_H
#define RESIDENCY_SCENARIOS_EXPLORE_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "db/records/record.h"

#define INVARIANTS(X)                                                                                                          \
	X(KEPT_STAYS, "kept-stays", "lost")                                                                                    \
	X(FREED_GOES, "freed-goes", "leaked")                                                                                  \
	X(LOADED_ONCE, "loaded-once", "duplicated")                                                                            \
	X(LEDGER_BALANCES, "ledger-balances", "unattributed")                                                                  \
	X(WORKER_LIVES, "worker-lives", "")                                                                                    \
	X(OUTPUT_SAME, "output-same", "corrupted")                                                                             \
	X(ANCHORS_BOUNDED, "anchors-bounded", "duplicated")                                                                    \
	X(NOTHING_STRAY, "nothing-stray", "stray")

enum invariant {
#define INVARIANT_ENUM(name, text, finding) INVARIANT_##name,
	INVARIANTS(INVARIANT_ENUM)
#undef INVARIANT_ENUM
		INVARIANT_COUNT
};

const char *explore_invariant_name(enum invariant invariant);

/* The class of a judge's finding that says the same; "" for a dead worker, which a verdict tells. */
const char *explore_invariant_finding(enum invariant invariant);

struct explore_failure {
	enum invariant invariant;
	char cause[48]; /* a reason's code, a state, what was thrown: which way it happened */
	char model[RECORD_MODEL_NAME_MAX]; /* "" for none */
	char stage[32]; /* "c1.after_unload" */
	bool was_never_loaded; /* a kept model: what the sequence does, whatever the policy */
	size_t step; /* index of the action that it happened in */
};

struct check;

/* The caller frees. Its memory is kept from cell to cell. */
struct check *explore_check_new(struct error *e);
void explore_check_free(struct check *check);

void explore_check_reset(struct check *check);
struct record_sink explore_check_sink(struct check *check);

#define CHECK_FAILURES_MAX 16

/* After the last record: the failures, one of each invariant and cause, the first that there was; borrowed until explore_check_reset. */
bool explore_check_finish(struct check *check, const struct explore_failure **failures, size_t *count, struct error *e);

/* Actions that began so far. */
size_t explore_check_step_count(const struct check *check);

#endif
