/* sweep_tree.h - where a commit lies while it is run: FOLDER/NAME, NAME being the repository's. A work tree of git's, on no branch.
 *
 * The folder carries the number of our process, so that what a killed process left is recognised and removed by the next one.
 * Errors: ERROR_IO, and those of git.h. One thread.
 */
#ifndef RESIDENCY_SCENARIOS_SWEEP_TREE_H
#define RESIDENCY_SCENARIOS_SWEEP_TREE_H

#include <limits.h>
#include <stdbool.h>

#include "core/base/error.h"

struct sweep_tree {
	const char *repository; /* borrowed */
	char folder[PATH_MAX]; /* of ours alone; "": none */
	char path[PATH_MAX]; /* "": no commit lies there */
};

/* Takes away what a sweep that was killed has left in the repository, then makes a folder under `work` (NULL: $TMPDIR). */
bool sweep_tree_begin(struct sweep_tree *tree, const char *repository, const char *work, struct error *e);
bool sweep_tree_put(struct sweep_tree *tree, const char *name, const char *commit, struct error *e);
void sweep_tree_take(struct sweep_tree *tree); /* the commit, if one lies there */
void sweep_tree_end(struct sweep_tree *tree);

#endif
