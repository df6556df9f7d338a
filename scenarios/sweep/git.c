/* git.c - runs git as a child process, with a list of words and without a shell.
 *
 * The child leads a group of its own and gets an environment that names no other repository; both of its outputs are read to
 * their end, standard output for the answer, the last line of standard error for the message of an error.
 */
#include "scenarios/sweep/git.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"

#define ARGUMENTS_MAX (TEXTS_MAX + 24)

/* One call of git: its words, then what it said. */
struct git_call {
	const char *words[ARGUMENTS_MAX];
	size_t count;
	struct strbuf said; /* on standard output; what follows the last newline is cut */
	char complaint[300]; /* the last line on standard error */
	int exit_code;
};

static void add(struct git_call *call, const char *word)
{
	if (call->count < ARGUMENTS_MAX - 1)
		call->words[call->count++] = word;
}

static void add_all(struct git_call *call, const char *const *words)
{
	while (*words)
		add(call, *words++);
}

static void begin_call(struct git_call *call, const char *repository, const char *const *words)
{
	static const char *const before[] = {
		"git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-C", NULL
	};

	*call = (struct git_call) { .said = STRBUF_INIT };
	add_all(call, before);
	add(call, repository);
	add_all(call, words);
}

static void end_call(struct git_call *call)
{
	strbuf_free(&call->said);
}

/* In the child, which leads a group of its own: a terminal's Ctrl-C is for us, and what git is at is finished or undone by us. */
static void become_git(struct git_call *call, int out, int err)
{
	static const char *const misleading[] = { "GIT_DIR",	    "GIT_WORK_TREE",	    "GIT_INDEX_FILE",
						  "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
						  "GIT_PREFIX" };

	for (size_t i = 0; i < ARRAY_SIZE(misleading); i++)
		unsetenv(misleading[i]);
	setenv("LC_ALL", "C", 1);
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	setenv("GIT_LFS_SKIP_SMUDGE", "1", 1);
	setpgid(0, 0);
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	execvp("git", (char *const *)(uintptr_t)call->words);
	dprintf(STDERR_FILENO, "git cannot be run: %s\n", strerror(errno));
	_exit(127);
}

static void read_said(struct git_call *call, int fd)
{
	char bytes[4096];

	for (;;) {
		ssize_t length = read(fd, bytes, sizeof(bytes));

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return;
		strbuf_append_n(&call->said, bytes, (size_t)length);
	}
}

static void read_complaint(struct git_call *call, int fd)
{
	char text[4096];
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t length = pread(fd, text, sizeof(text) - 1, end > (off_t)sizeof(text) - 1 ? end - (off_t)sizeof(text) + 1 : 0);
	char *line;

	while (length > 0 && text[length - 1] == '\n')
		length--;
	text[length > 0 ? length : 0] = '\0';
	line = strrchr(text, '\n');
	snprintf(call->complaint, sizeof(call->complaint), "%.280s", line ? line + 1 : text);
}

/* Runs it to its end. false only where it could not be run; how it ended is in exit_code. */
static bool run_call(struct git_call *call, struct error *e)
{
	int ends[2] = { -1, -1 };
	int err = memfd_create("git-stderr", MFD_CLOEXEC);
	pid_t process = -1;
	int status = 0;

	if (err >= 0 && pipe2(ends, O_CLOEXEC) == 0)
		process = fork();
	if (process == 0)
		become_git(call, ends[1], err);
	if (ends[1] >= 0)
		close(ends[1]);
	if (process < 0) {
		error_set(e, ERROR_IO, "cannot start git: %s", strerror(errno));
	} else {
		read_said(call, ends[0]);
		while (waitpid(process, &status, 0) < 0 && errno == EINTR)
			;
		read_complaint(call, err);
	}
	if (ends[0] >= 0)
		close(ends[0]);
	if (err >= 0)
		close(err);
	if (process < 0)
		return false;
	if (!strbuf_ok(&call->said))
		return error_no_memory(e);
	call->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return call->exit_code != 127 || error_set(e, ERROR_ABSENT, "%s", call->complaint);
}

static bool refuse_option(const char *what, const char *text, struct error *e)
{
	return (text[0] != '-' && text[0] != '\0') ||
	       error_set(e, ERROR_USAGE, "\"%.100s\" is no %s of a repository", text, what);
}

/* The first line that git says, without its end. */
static const char *first_line(struct git_call *call)
{
	if (call->said.text)
		call->said.text[strcspn(call->said.text, "\n")] = '\0';
	return strbuf_text(&call->said);
}

/* ---- what is where ---- */

bool git_find_commit(const char *repository, const char *revision, char id[RECORD_COMMIT_MAX], struct error *e)
{
	static const char *const words[] = { "rev-parse", "--verify", "--quiet", "--end-of-options", NULL };
	char commit[512];
	struct git_call call;
	bool fine;

	if (!refuse_option("commit", revision, e))
		return false;
	snprintf(commit, sizeof(commit), "%.480s^{commit}", revision);
	begin_call(&call, repository, words);
	add(&call, commit);
	fine = run_call(&call, e);
	if (fine && call.exit_code != 0)
		fine = error_set(e, ERROR_USAGE, "%s: it has no commit \"%.100s\"%s%s", repository, revision,
				 call.complaint[0] ? ": " : "", call.complaint);
	if (fine)
		record_text(id, RECORD_COMMIT_MAX, first_line(&call));
	end_call(&call);
	return fine;
}

char *git_top(const char *folder, struct error *e)
{
	static const char *const words[] = { "rev-parse", "--show-toplevel", NULL };
	struct git_call call;
	char *top = NULL;

	begin_call(&call, folder, words);
	if (run_call(&call, e)) {
		if (call.exit_code == 0 && first_line(&call)[0])
			top = string_copy(first_line(&call), e);
		else
			error_set(e, ERROR_MISSING, "%s is in no git repository with a work tree: %s", folder,
				  call.complaint[0] ? call.complaint : "it has no work tree");
	}
	end_call(&call);
	return top;
}

void git_head(const char *folder, char id[RECORD_COMMIT_MAX])
{
	char *top = git_top(folder, NULL);
	char *whole = realpath(folder, NULL);

	id[0] = '\0';
	if (top && whole && strcmp(top, whole) == 0)
		git_find_commit(folder, "HEAD", id, NULL);
	free(whole);
	free(top);
}

bool git_check_ancestor(const char *repository, const char *ancestor, const char *id, struct error *e)
{
	static const char *const words[] = { "merge-base", NULL };
	struct git_call call;
	bool fine;

	begin_call(&call, repository, words);
	add(&call, ancestor);
	add(&call, id);
	fine = run_call(&call, e);
	if (fine && call.exit_code != 0)
		fine = error_set(e, ERROR_USAGE, "%.9s and %.9s have no commit in common", ancestor, id);
	else if (fine && strcmp(first_line(&call), ancestor) != 0)
		fine = error_set(e, ERROR_USAGE,
				 "%.9s is not among the ancestors of %.9s; they part at %.9s: --range %.9s..%.9s", ancestor, id,
				 first_line(&call), first_line(&call), id);
	end_call(&call);
	return fine;
}

bool git_has_file(const char *repository, const char *id, const char *path)
{
	static const char *const words[] = { "cat-file", "-e", NULL };
	char object[512];
	struct git_call call;
	bool has;

	snprintf(object, sizeof(object), "%.80s:%.400s", id, path);
	begin_call(&call, repository, words);
	add(&call, object);
	has = run_call(&call, NULL) && call.exit_code == 0;
	end_call(&call);
	return has;
}

/* ---- lists ---- */

#define LOG_FORMAT "--format=%H %ct %P%x00%s"

static bool log_commits(struct git_call *call, struct git_commits *commits, size_t *merge_count, struct error *e)
{
	if (!run_call(call, e))
		return false;
	if (call->exit_code != 0)
		return error_set(e, ERROR_IO, "git log: %s", call->complaint);
	return git_read_log(call->said.text, call->said.length, commits, merge_count, e);
}

bool git_list(const char *repository, const struct git_range *range, struct git_commits *commits, size_t *merge_count,
	      struct error *e)
{
	static const char *const words[] = { "log", "--no-show-signature", "--topo-order", "--reverse", LOG_FORMAT, NULL };
	char from_to[2 * RECORD_COMMIT_MAX + 4];
	struct git_call call;
	bool fine;

	for (size_t i = 0; i < range->paths->count; i++) {
		if (!refuse_option("path", range->paths->texts[i], e))
			return false;
	}
	snprintf(from_to, sizeof(from_to), "%s..%s", range->from, range->to);
	begin_call(&call, repository, words);
	if (range->first_parent)
		add(&call, "--first-parent");
	add(&call, from_to);
	add(&call, "--");
	for (size_t i = 0; i < range->paths->count; i++)
		add(&call, range->paths->texts[i]);
	*merge_count = 0;
	fine = log_commits(&call, commits, merge_count, e);
	end_call(&call);
	return fine;
}

bool git_describe(const char *repository, const char *id, struct git_commit *commit, struct error *e)
{
	static const char *const words[] = { "log", "--no-show-signature", "-1", LOG_FORMAT, NULL };
	struct git_commits one = { .commits = NULL };
	size_t merge_count = 0;
	struct git_call call;
	bool fine;

	begin_call(&call, repository, words);
	add(&call, id);
	add(&call, "--");
	fine = log_commits(&call, &one, &merge_count, e);
	if (fine && one.count != 1)
		fine = error_set(e, ERROR_FORMAT, "git log does not know %.12s", id);
	if (fine)
		*commit = one.commits[0];
	free(one.commits);
	end_call(&call);
	return fine;
}

/* ---- work trees ---- */

bool git_worktree_add(const char *repository, const char *folder, const char *id, struct error *e)
{
	static const char *const words[] = { "worktree", "add", "--detach", "--force", NULL };
	struct git_call call;
	bool fine;

	begin_call(&call, repository, words);
	add(&call, folder);
	add(&call, id);
	fine = run_call(&call, e);
	if (fine && call.exit_code != 0)
		fine = error_set(e, ERROR_MISSING, "it cannot be checked out: %s", call.complaint);
	end_call(&call);
	return fine;
}

static void run_quietly(const char *repository, const char *const *words, const char *last)
{
	struct git_call call;

	begin_call(&call, repository, words);
	if (last)
		add(&call, last);
	run_call(&call, NULL);
	end_call(&call);
}

void git_worktree_remove(const char *repository, const char *folder)
{
	static const char *const remove[] = { "worktree", "remove", "--force", "--force", NULL };
	static const char *const prune[] = { "worktree", "prune", NULL };

	run_quietly(repository, remove, folder);
	if (access(folder, F_OK) != 0)
		return;
	file_remove_folder(folder);
	run_quietly(repository, prune, NULL);
}

bool git_worktree_each(const char *repository, void (*tell)(void *context, const char *folder), void *context, struct error *e)
{
	static const char *const words[] = { "worktree", "list", "--porcelain", NULL };
	static const char start[] = "worktree ";
	struct git_call call;
	bool fine;
	char *line;
	char *rest;

	begin_call(&call, repository, words);
	fine = run_call(&call, e);
	if (fine && call.exit_code != 0)
		fine = error_set(e, ERROR_IO, "git worktree list: %s", call.complaint);
	rest = fine ? call.said.text : NULL;
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, start, sizeof(start) - 1) == 0)
			tell(context, line + sizeof(start) - 1);
	}
	end_call(&call);
	return fine;
}
