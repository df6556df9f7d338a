/* sweep_commits.c - the commits of a range, oldest first, with the one before it at the head.
 *
 * Both ends are resolved to ids before git lists what lies between, so that a range that is no range is refused with its own words.
 * Thinning counts from the newest: the end of the range is what the user asked about.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "scenarios/sweep/sweep_parts.h"

/* "A..B": both ends by their ids. Without B it is HEAD. */
static bool find_ends(const struct sweep *sweep, char from[RECORD_COMMIT_MAX], char to[RECORD_COMMIT_MAX], struct error *e)
{
	const char *range = sweep->request->range;
	const char *dots = strstr(range, "..");
	char name[RECORD_TEXT_MAX];

	if (!dots || dots == range || dots[2] == '.' || (size_t)(dots - range) >= sizeof(name))
		return error_set(e, ERROR_USAGE, "--range is A..B: the commits after A up to B; not \"%.100s\"", range);
	memcpy(name, range, (size_t)(dots - range));
	name[dots - range] = '\0';
	return git_find_commit(sweep->repository, name, from, e) &&
	       git_find_commit(sweep->repository, dots[2] ? dots + 2 : "HEAD", to, e) &&
	       git_check_ancestor(sweep->repository, from, to, e);
}

/* Every n-th, counted from the newest, so that the end of the range stays; the one before it stays, too. */
static void thin_out(struct git_commits *commits, size_t every)
{
	size_t kept = 1;

	for (size_t i = 1; i < commits->count; i++) {
		if ((commits->count - 1 - i) % every == 0)
			commits->commits[kept++] = commits->commits[i];
	}
	commits->count = kept;
}

bool sweep_choose_commits(struct sweep *sweep, struct error *e)
{
	const struct sweep_request *request = sweep->request;
	char from[RECORD_COMMIT_MAX];
	char to[RECORD_COMMIT_MAX];
	struct git_range range = { .from = from, .to = to, .paths = &request->paths, .first_parent = request->first_parent };
	struct git_commit before;
	size_t merge_count;

	if (!find_ends(sweep, from, to, e) || !git_describe(sweep->repository, from, &before, e) ||
	    !array_reserve(&sweep->commits.commits, &sweep->commits.capacity, 1, sizeof(before), e))
		return false;
	sweep->commits.commits[sweep->commits.count++] = before;
	if (!git_list(sweep->repository, &range, &sweep->commits, &merge_count, e))
		return false;
	if (sweep->commits.count == 1)
		return error_set(e, ERROR_USAGE, "--range %.100s: no commit lies in it%s", request->range,
				 request->paths.count ? " that touches these paths" : "");
	if (merge_count && !request->first_parent && request->bisect)
		return error_set(e, ERROR_USAGE,
				 "%zu commits of the range are merges, so that its commits stand in no one line: "
				 "--first-parent follows one",
				 merge_count);
	if (merge_count && !request->first_parent) {
		char text[200];

		snprintf(text, sizeof(text),
			 "%zu commits of the range are merges: neighbours in the list may be of different branches; "
			 "--first-parent follows one line",
			 merge_count);
		request->watcher.note(request->watcher.context, text);
	}
	thin_out(&sweep->commits, (size_t)request->every);
	return true;
}
