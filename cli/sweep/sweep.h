/* sweep.h - the matrix at each commit of a node pack, or of ComfyUI itself: what `residency sweep` is made of.
 *
 *	sweep_choose_commits	which commits (sweep_commits.c)
 *	sweep_tree_*		the work tree in which each lies for a while (scenarios/sweep)
 *	sweep_run_commit	a server on it, and the cells that the store does not know (sweep_run.c)
 *	sweep_all		each commit in turn, then the table (sweep_all.c)
 *	sweep_bisect		only those that tell which one changed a cell (sweep_bisect.c)
 *
 * Everything that is learned goes through the store: what is known there is not run again, and results are read from there.
 */
#ifndef RESIDENCY_CLI_SWEEP_H
#define RESIDENCY_CLI_SWEEP_H

#include <limits.h>

#include "cli/command.h"
#include "db/records/record.h"
#include "reports/changes.h"
#include "scenarios/matrix/matrix.h"
#include "scenarios/subject/live_server.h"
#include "scenarios/sweep/git.h"
#include "scenarios/sweep/sweep_tree.h"

struct sweep_wishes {
	const char *repository, *range, *of, *comfyui, *python, *work;
	const char *matrices, *flows, *device_modes, *node_flags;
	const char *store, *run, *bisect;
	struct texts nodes, arguments, paths;
	int64_t start_seconds, every;
	bool first_parent, good_first, again, table, all, json;
};

enum sweep_of { SWEEP_OF_NODES, SWEEP_OF_COMFYUI };

struct sweep_cell {
	struct matrix_cell cell;
	struct record_sweep_cell record;
};

struct sweep {
	struct cli *cli;
	const struct sweep_wishes *wishes;
	const char *store; /* its path */
	char *repository; /* its top folder */
	char name[RECORD_NAME_MAX]; /* that folder's name */
	enum sweep_of of;
	bool isolated; /* custom nodes of `comfyui` stay out, because the pack is one of them */
	char setting[RECORD_SETTING_MAX];
	struct git_commits commits; /* oldest first; 0 is the one before the range */
	struct sweep_cell *cells;
	size_t cell_count;
	struct sweep_tree tree;
	char run[40]; /* that lists it in the store */
	size_t to_run, ran; /* commits: of which something is unknown; run so far */
	uint64_t spent_ns;
};

/* Fills sweep->commits by --range, --paths, --first-parent and --every. */
bool sweep_choose_commits(struct sweep *sweep, struct error *e);

/* What became of one commit. */
struct sweep_commit_result {
	size_t passed, failed, untrustworthy; /* of the cells that were run now */
	char why[RECORD_TEXT_MAX]; /* it could not start; "" else */
};

/* Puts the list into the store and its run's id into sweep->run. */
bool sweep_record_list(struct sweep *sweep, struct error *e);

/* Which cells of a commit the store knows; *unknown_count of them it does not. With --again it knows none. */
bool sweep_look(const struct sweep *sweep, size_t commit, enum known *known, size_t *unknown_count, struct error *e);

/* Runs the cells that are KNOWN_NOT, and records them. False only where going on makes no sense: interrupted, no memory, no store. */
bool sweep_run_commit(struct sweep *sweep, size_t commit, const enum known *known, struct sweep_commit_result *result,
		      struct error *e);

/* On a terminal: which cell of which commit is run, and how long the rest will take. */
void sweep_draw(const struct sweep *sweep, size_t commit, size_t cell);

/* sweep_run_commit, and says how it went. */
bool sweep_run_and_say(struct sweep *sweep, size_t commit, const enum known *known, struct sweep_commit_result *result,
		       struct error *e);

/* Each returns the exit code. */
int sweep_all(struct sweep *sweep);
int sweep_bisect(struct sweep *sweep);
int sweep_print(struct cli *cli, const struct sweep_wishes *wishes, const char *store, const char *run);

#endif
