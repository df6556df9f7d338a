/* bisect.h - which of a row of commits was the first to change, in as few runs as can be.
 *
 * Commits stand in their order, oldest first. Each is before the change or after it, or cannot say (it does not start): then it is
 * skipped, and another is asked. The oldest is taken to be before the change until it is said to be otherwise; nothing is taken of
 * the newest, so that "none has changed" is an answer, too. Of n commits at most ceil(log2(n)) are asked, and one more for each that
 * is skipped.
 *
 *	struct bisect *bisect = bisect_new(count, e);
 *	for (size_t at; bisect_next(bisect, &at);)
 *		bisect_tell(bisect, at, run(at));
 *	struct bisect_result result = bisect_result(bisect);
 */
#ifndef RESIDENCY_SCENARIOS_SWEEP_BISECT_H
#define RESIDENCY_SCENARIOS_SWEEP_BISECT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

enum bisect_answer { BISECT_BEFORE, BISECT_AFTER, BISECT_SKIP };

struct bisect;

struct bisect_result {
	bool changed; /* false: no commit that could say is after the change */
	size_t first; /* the change is here at the latest; where nothing changed, the number of commits */
	size_t last_before; /* and after this one */
	size_t skipped; /* how many between them could not say; 0: `first` it is */
};

/* count is 1 at least. The caller frees. */
struct bisect *bisect_new(size_t count, struct error *e);
void bisect_free(struct bisect *bisect);

/* The most commits that will be asked, if none is skipped. */
size_t bisect_most(size_t count);

/* The commit to ask next; false when nothing more can be learned. */
bool bisect_next(const struct bisect *bisect, size_t *index);

/* What a commit says; may also be told of ones that bisect_next did not ask for, from the oldest on, before the first call of it. An
 * answer that contradicts earlier ones changes nothing. */
void bisect_tell(struct bisect *bisect, size_t index, enum bisect_answer answer);

/* How things stand. The oldest is `first` where it was said to be after the change. */
struct bisect_result bisect_result(const struct bisect *bisect);

#endif
