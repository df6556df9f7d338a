/* bisect.c - a binary search over (before, after], where the change is known to be.
 *
 * The middle one of those not yet skipped is asked. A commit that cannot say narrows nothing and is not asked again;
 * when only such commits are left, the result is the range.
 */
#include "scenarios/sweep/bisect.h"

#include <stdlib.h>

#include "core/base/array.h"

/* The change is in (before, after]; after == count: perhaps no commit changed it. */
struct bisect {
	size_t count, before, after;
	bool *skipped;
};

struct bisect *bisect_new(size_t count, struct error *e)
{
	struct bisect *bisect = array_new(1, sizeof(*bisect), e);

	if (!bisect)
		return NULL;
	bisect->count = bisect->after = count;
	bisect->skipped = array_new(count, sizeof(*bisect->skipped), e);
	if (bisect->skipped)
		return bisect;
	free(bisect);
	return NULL;
}

void bisect_free(struct bisect *bisect)
{
	if (!bisect)
		return;
	free(bisect->skipped);
	free(bisect);
}

/* The oldest is not asked, and "none" is one answer more: n commits, n answers. */
size_t bisect_most(size_t count)
{
	size_t most = 0;

	while (((size_t)1 << most) < count)
		most++;
	return most;
}

static size_t open_count(const struct bisect *bisect)
{
	size_t count = 0;

	for (size_t i = bisect->before + 1; i < bisect->after; i++)
		count += !bisect->skipped[i];
	return count;
}

bool bisect_next(const struct bisect *bisect, size_t *index)
{
	size_t left = open_count(bisect) / 2;

	for (size_t i = bisect->before + 1; i < bisect->after; i++) {
		if (bisect->skipped[i])
			continue;
		*index = i;
		if (left-- == 0)
			return true;
	}
	return false;
}

void bisect_tell(struct bisect *bisect, size_t index, enum bisect_answer answer)
{
	if (index == 0 && answer == BISECT_AFTER)
		bisect->after = 0;
	if (index <= bisect->before || index >= bisect->after)
		return;
	switch (answer) {
	case BISECT_BEFORE:
		bisect->before = index;
		return;
	case BISECT_AFTER:
		bisect->after = index;
		return;
	case BISECT_SKIP:
		bisect->skipped[index] = true;
		return;
	}
}

struct bisect_result bisect_result(const struct bisect *bisect)
{
	struct bisect_result result = { .changed = bisect->after < bisect->count,
					.first = bisect->after,
					.last_before = bisect->before };

	for (size_t i = bisect->before + 1; i < bisect->after; i++)
		result.skipped += bisect->skipped[i];
	return result;
}
