/* sweep_parts.h - the steps that a sweep is made of. Private to scenarios/sweep.
 *
 *	sweep_choose_commits	which commits (sweep_commits.c)
 *	sweep_prepare		which cells, of what, under which setting (sweep_prepare.c)
 *	sweep_run_commit	a server on a commit, and the cells that the store does not know (sweep_run.c)
 *
 * Errors are those of sweep.h.
 */
#ifndef RESIDENCY_SCENARIOS_SWEEP_PARTS_H
#define RESIDENCY_SCENARIOS_SWEEP_PARTS_H

#include "scenarios/sweep/sweep.h"

/* Fills sweep->commits by the request's range, paths, first_parent and every. */
bool sweep_choose_commits(struct sweep *sweep, struct error *e);

/* Fills in everything up to the setting; what is opened so far is sweep_close()'s. */
bool sweep_prepare(struct sweep *sweep, const struct matrix_axes *axes, struct error *e);

/* Puts the list into the store and its run's id into sweep->run. */
bool sweep_record_list(struct sweep *sweep, struct error *e);

/* Which cells of a commit the store knows; *unknown_count of them it does not. With `again` it knows none. */
bool sweep_look(const struct sweep *sweep, size_t commit, enum known *known, size_t *unknown_count, struct error *e);

/* Runs the cells that are KNOWN_NOT, records them and tells the watcher. False only where going on makes no sense: interrupted, no
 * memory, no store. */
bool sweep_run_commit(struct sweep *sweep, size_t commit, const enum known *known, struct sweep_commit_result *result,
		      struct error *e);

#endif
