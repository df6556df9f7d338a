/* sweep_tree.c - a folder residency-sweep-PID-XXXXXX with one work tree of git's in it at a time.
 *
 * Git keeps notes of its work trees in the repository, which outlive a process that is killed. Hence the process's number in the
 * name: a work tree whose process is gone is removed, folder and notes, before a new one is made; another's that still runs stays.
 */
#include "scenarios/sweep/sweep_tree.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "scenarios/sweep/git.h"

#define FOLDER_START "residency-sweep-"

/* ---- what a killed sweep has left ---- */

/* The length of FOLDER in FOLDER/NAME, where that is a folder of ours; else 0. */
static size_t folder_length(const char *path)
{
	const char *end = strrchr(path, '/');
	const char *start = end;

	while (start && start > path && start[-1] != '/')
		start--;
	return start && strncmp(start, FOLDER_START, strlen(FOLDER_START)) == 0 ? (size_t)(end - path) : 0;
}

static bool is_abandoned(const char *path, size_t length)
{
	const char *start = memrchr(path, '/', length);
	long process = start ? strtol(start + 1 + strlen(FOLDER_START), NULL, 10) : 0;

	return process > 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

static void take_abandoned(void *context, const char *path)
{
	const struct sweep_tree *tree = context;
	size_t length = folder_length(path);
	char folder[PATH_MAX];

	if (!length || length >= sizeof(folder) || !is_abandoned(path, length))
		return;
	git_worktree_remove(tree->repository, path);
	memcpy(folder, path, length);
	folder[length] = '\0';
	file_remove_folder(folder);
}

/* ---- ours ---- */

bool sweep_tree_begin(struct sweep_tree *tree, const char *repository, const char *work, struct error *e)
{
	const char *temporary = getenv("TMPDIR");
	const char *base = work ? work : temporary && temporary[0] ? temporary : "/tmp";
	char *whole;

	*tree = (struct sweep_tree) { .repository = repository };
	if ((work && !file_make_folder(work, e)) || !git_worktree_each(repository, take_abandoned, tree, e))
		return false;
	whole = realpath(base, NULL);
	if (!whole)
		return error_set(e, ERROR_IO, "cannot make work trees in %s: %s", base, strerror(errno));
	snprintf(tree->folder, sizeof(tree->folder), "%.3000s/" FOLDER_START "%ld-XXXXXX", whole, (long)getpid());
	free(whole);
	if (mkdtemp(tree->folder))
		return true;
	error_set(e, ERROR_IO, "cannot make a folder %s: %s", tree->folder, strerror(errno));
	tree->folder[0] = '\0';
	return false;
}

bool sweep_tree_put(struct sweep_tree *tree, const char *name, const char *commit, struct error *e)
{
	snprintf(tree->path, sizeof(tree->path), "%.4000s/%.60s", tree->folder, name);
	if (git_worktree_add(tree->repository, tree->path, commit, e))
		return true;
	sweep_tree_take(tree);
	return false;
}

void sweep_tree_take(struct sweep_tree *tree)
{
	if (tree->path[0])
		git_worktree_remove(tree->repository, tree->path);
	tree->path[0] = '\0';
}

void sweep_tree_end(struct sweep_tree *tree)
{
	sweep_tree_take(tree);
	if (tree->folder[0])
		file_remove_folder(tree->folder);
	tree->folder[0] = '\0';
}
