/* sweep.c - a sweep's life: prepared, listed in the store, each commit in turn, closed.
 *
 * How many commits are left is counted before the first runs, by asking the store for each, so that the time left can be told. The
 * same question is asked again right before a commit runs: another sweep may have filled it in.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "scenarios/sweep/sweep_parts.h"

bool sweep_open(struct sweep *sweep, const struct sweep_request *request, const struct matrix_axes *axes, struct error *e)
{
	char path[PATH_MAX];

	*sweep = (struct sweep) { .request = request };
	if (!sweep_prepare(sweep, axes, e) || !sweep_record_list(sweep, e) ||
	    !sweep_tree_begin(&sweep->tree, sweep->repository, request->work, e))
		return false;
	snprintf(path, sizeof(path), "%.4000s/custom_nodes", sweep->tree.folder);
	return !sweep->isolated || file_make_folder(path, e);
}

void sweep_close(struct sweep *sweep)
{
	sweep_tree_end(&sweep->tree);
	free(sweep->commits.commits);
	free(sweep->cells);
	free(sweep->repository);
}

static bool count_commits_to_run(struct sweep *sweep, enum known *known, struct error *e)
{
	const struct sweep_watcher *watcher = &sweep->request->watcher;

	sweep->to_run = 0;
	for (size_t i = 0; i < sweep->commits.count; i++) {
		size_t unknown_count;

		if (!sweep_look(sweep, i, known, &unknown_count, e))
			return false;
		sweep->to_run += unknown_count > 0;
	}
	watcher->begun(watcher->context, sweep);
	return true;
}

static bool run_each(struct sweep *sweep, enum known *known, struct error *e)
{
	for (size_t i = 0; i < sweep->commits.count; i++) {
		struct sweep_commit_result result;
		size_t unknown_count;

		if (*sweep->request->interrupted)
			return error_set(e, ERROR_INTERRUPTED, "interrupted");
		if (!sweep_look(sweep, i, known, &unknown_count, e))
			return false;
		if (unknown_count && !sweep_run_commit(sweep, i, known, &result, e))
			return false;
	}
	return true;
}

bool sweep_run_all(struct sweep *sweep, struct error *e)
{
	enum known *known = array_new(sweep->cell_count, sizeof(*known), e);
	bool fine = known && count_commits_to_run(sweep, known, e) && run_each(sweep, known, e);

	free(known);
	return fine;
}
