/* git.h - what is asked of git, and the one place that runs it: as a process, without a shell.
 *
 * Revisions and paths from the user never begin with a dash, so that none is taken for an option. Hooks of the repository and the
 * filters of large files do not run, and no other repository is meant than the one that is named, whatever the environment says.
 */
#ifndef RESIDENCY_SCENARIOS_GIT_H
#define RESIDENCY_SCENARIOS_GIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/texts.h"
#include "db/records/record.h"

struct git_commit {
	char id[RECORD_COMMIT_MAX];
	int64_t committed_wall_ns;
	char summary[RECORD_TEXT_MAX]; /* the message's first line */
};

struct git_commits {
	struct git_commit *commits;
	size_t count, capacity;
};

struct git_range {
	const char *from, *to; /* commits by their ids */
	const struct texts *paths; /* only commits that touch one of these; none: all */
	bool first_parent;
};

/* The whole id of the commit that a revision names. ERROR_USAGE if not found, or if it looks like an option. */
bool git_find_commit(const char *repository, const char *revision, char id[RECORD_COMMIT_MAX], struct error *e);

/* The folder at the top of the repository that a folder is in; the caller frees. ERROR_MISSING where it is in none. */
char *git_top(const char *folder, struct error *e);

/* The commit that a folder is checked out at, "" where it is not the top of a repository. */
void git_head(const char *folder, char id[RECORD_COMMIT_MAX]);

/* ERROR_USAGE unless a commit is among the ancestors of another; says where they part. */
bool git_check_ancestor(const char *repository, const char *ancestor, const char *id, struct error *e);

/* One commit. */
bool git_describe(const char *repository, const char *id, struct git_commit *commit, struct error *e);

/* Appends those after `from` up to `to`, oldest first. The caller frees commits->commits. *merge_count: how many of them are merges. */
bool git_list(const char *repository, const struct git_range *range, struct git_commits *commits, size_t *merge_count,
	      struct error *e);

/* Appends the commits of what git log says: lines of "ID SECONDS PARENTS", a zero byte, the message's first line. Changes the text. */
bool git_read_log(char *text, size_t length, struct git_commits *commits, size_t *merge_count, struct error *e);

/* Whether a commit has a file of that path. */
bool git_has_file(const char *repository, const char *id, const char *path);

/* A work tree of its own, at a commit and on no branch. Remove takes a folder away that is there and git's notes of it, be it whole
 * or not. */
bool git_worktree_add(const char *repository, const char *folder, const char *id, struct error *e);
void git_worktree_remove(const char *repository, const char *folder);

/* Tells each work tree's folder, whole paths. */
bool git_worktree_each(const char *repository, void (*tell)(void *context, const char *folder), void *context, struct error *e);

#endif
