/* changes.h - when something that passes or fails began to do so, over a row of commits.
 *
 * Where nothing is known of a commit (it did not start, was not run, cannot be trusted) there is no change: the next one that is
 * known is compared with the last one that was, and the change lies somewhere between the two.
 */
#ifndef RESIDENCY_REPORTS_CHANGES_H
#define RESIDENCY_REPORTS_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "db/sweep_cell.h"

struct verdict_change {
	size_t last, first; /* known before it, known with it; first - last - 1 are unknown between */
	enum known from, to;
};

/* The next change after commit `from`, which is 0 at first and then the `first` of the last change. false after the last. */
bool change_next(const enum known *commits, size_t count, size_t from, struct verdict_change *change);

/* Whether something that passed fails later. */
bool change_regresses(const enum known *commits, size_t count);

#endif
