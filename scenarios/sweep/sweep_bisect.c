/* sweep_bisect.c - a bisection over the commits of a sweep, of its one cell.
 *
 * bisect.h says which commit to ask next; here it is run, and its verdict is the answer. What the store knows of any commit is told
 * first, so that a search that was interrupted goes on where it was. A commit without a verdict that can be trusted is skipped.
 */
#include "scenarios/sweep/sweep_parts.h"

static enum bisect_answer answer_of(const struct sweep *sweep, enum known known)
{
	if (known == KNOWN_NOT)
		return BISECT_SKIP;
	return (known == KNOWN_FAIL) == !sweep->request->good_first ? BISECT_AFTER : BISECT_BEFORE;
}

/* What the store knows of any commit narrows it before the first run. */
static bool tell_known(const struct sweep *sweep, struct bisect *bisect, struct sweep_found *found, struct error *e)
{
	for (size_t i = 0; i < sweep->commits.count; i++) {
		enum known known;
		size_t unknown_count;

		if (!sweep_look(sweep, i, &known, &unknown_count, e))
			return false;
		if (known == KNOWN_NOT)
			continue;
		bisect_tell(bisect, i, answer_of(sweep, known));
		found->known++;
		found->oldest_known |= i == 0;
	}
	return true;
}

static bool ask(struct sweep *sweep, struct bisect *bisect, size_t at, struct sweep_found *found, struct error *e)
{
	struct sweep_commit_result result;
	enum known known = KNOWN_NOT;

	if (*sweep->request->interrupted)
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	if (!sweep_run_commit(sweep, at, &known, &result, e))
		return false;
	found->runs++;
	if (result.tally.passed + result.tally.failed)
		known = result.tally.failed ? KNOWN_FAIL : KNOWN_PASS;
	else
		found->skipped++;
	bisect_tell(bisect, at, answer_of(sweep, known));
	return true;
}

static bool search(struct sweep *sweep, struct bisect *bisect, struct sweep_found *found, struct error *e)
{
	bool fine = tell_known(sweep, bisect, found, e);
	size_t at;

	while (fine && bisect_next(bisect, &at))
		fine = ask(sweep, bisect, at, found, e);
	return fine;
}

bool sweep_bisect(struct sweep *sweep, struct sweep_found *found, struct error *e)
{
	const struct sweep_watcher *watcher = &sweep->request->watcher;
	struct bisect *bisect = bisect_new(sweep->commits.count, e);
	bool fine;

	*found = (struct sweep_found) { .runs = 0 };
	sweep->to_run = bisect_most(sweep->commits.count);
	watcher->begun(watcher->context, sweep);
	fine = bisect && search(sweep, bisect, found, e);
	if (fine)
		found->result = bisect_result(bisect);
	bisect_free(bisect);
	return fine;
}
