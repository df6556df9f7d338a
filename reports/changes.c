/* changes.c - a walk along the row from one known state to the next; where two differ, there is a change. */
#include "reports/changes.h"

static bool next_known(const enum known *commits, size_t count, size_t *at)
{
	while (*at < count && commits[*at] == KNOWN_NOT)
		++*at;
	return *at < count;
}

bool change_next(const enum known *commits, size_t count, size_t from, struct verdict_change *change)
{
	size_t last = from;
	size_t first;

	if (!next_known(commits, count, &last))
		return false;
	for (first = last + 1; next_known(commits, count, &first); first++) {
		if (commits[first] != commits[last]) {
			*change = (struct verdict_change) {
				.last = last, .first = first, .from = commits[last], .to = commits[first]
			};
			return true;
		}
		last = first;
	}
	return false;
}

bool change_regresses(const enum known *commits, size_t count)
{
	struct verdict_change change = { .first = 0 };

	while (change_next(commits, count, change.first, &change)) {
		if (change.to == KNOWN_FAIL)
			return true;
	}
	return false;
}
