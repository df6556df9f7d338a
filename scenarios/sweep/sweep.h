/* sweep.h - the matrix at each commit of a node pack, or of ComfyUI itself.
 *
 *	struct sweep sweep;
 *	if (sweep_open(&sweep, &request, &axes, &e))
 *		sweep_run_all(&sweep, &e), or sweep_bisect(&sweep, &result, &e)
 *	sweep_close(&sweep)
 *
 * Everything that is learned goes through the store: what is known there is not run again, and a table of results is read from there
 * (reports/sweep). Times are in nanoseconds. Errors: ERROR_USAGE of a request that cannot be, ERROR_MISSING of folders,
 * ERROR_INTERRUPTED, ERROR_STORE, ERROR_IO and ERROR_MEMORY. One thread.
 */
#ifndef RESIDENCY_SCENARIOS_SWEEP_H
#define RESIDENCY_SCENARIOS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/texts.h"
#include "db/records/record.h"
#include "db/sweep_cell.h"
#include "scenarios/matrix/matrix.h"
#include "scenarios/run/cell_run.h"
#include "scenarios/sweep/bisect.h"
#include "scenarios/sweep/git.h"
#include "scenarios/sweep/sweep_tree.h"

struct sweep;

/* What became of one commit. */
struct sweep_commit_result {
	struct verdict_tally tally; /* of the cells that were run now */
	char why[RECORD_TEXT_MAX]; /* it could not start; "" else */
};

/* Who is told how a sweep goes. */
struct sweep_watcher {
	/* Something that whoever reads the results must know. A line without its end. */
	void (*note)(void *context, const char *text);
	/* The commits are chosen, and how many of them will be run; nothing is run yet. */
	void (*begun)(void *context, const struct sweep *sweep);
	/* A cell of a commit is about to run. */
	void (*cell)(void *context, const struct sweep *sweep, size_t commit, size_t cell);
	/* A commit has run, and how long it took. result: NULL where the sweep ends with it. */
	void (*commit)(void *context, const struct sweep *sweep, size_t commit, const struct sweep_commit_result *result,
		       uint64_t took_ns);
	void *context;
};

/* What is asked for. Everything is borrowed. */
struct sweep_request {
	const char *repository, *range; /* a folder in it; "A..B" */
	const char *of; /* "nodes" or "comfyui"; NULL: as its files look */
	const char *comfyui; /* of a node pack: the ComfyUI that runs it */
	const char *python; /* NULL: python3 */
	const char *work; /* where work trees are made; NULL: $TMPDIR */
	const char *store; /* its path */
	const char *command; /* as it can be run again */
	const char *bisect; /* the one cell to search over, by a filter; NULL: none */
	struct texts nodes, arguments, paths; /* at least two of each left free */
	int64_t start_seconds, every;
	bool first_parent;
	bool good_first; /* of a bisection: the first fixed commit is sought, not the first bad one */
	bool again; /* run what the store knows, too */
	struct sweep_watcher watcher;
	const bool *interrupted;
	const struct log_sink *log;
};

enum sweep_of { SWEEP_OF_NODES, SWEEP_OF_COMFYUI };

struct sweep_cell {
	struct matrix_cell cell;
	struct record_sweep_cell record;
};

/* A sweep under way; only this folder writes it. */
struct sweep {
	const struct sweep_request *request;
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

/* Chooses the cells by the axes (borrowed: they must outlive the sweep) and the commits by the request, puts the list into the store
 * and makes a folder for work trees. sweep_close() in any case. */
bool sweep_open(struct sweep *sweep, const struct sweep_request *request, const struct matrix_axes *axes, struct error *e);
void sweep_close(struct sweep *sweep);

/* Runs what the store does not know of each commit in turn. */
bool sweep_run_all(struct sweep *sweep, struct error *e);

/* What a bisection found, and how it went. */
struct sweep_found {
	struct bisect_result result;
	size_t runs, skipped, known; /* skipped: of the runs; known: before the first run */
	bool oldest_known; /* what the one before the range does was seen, and not taken from the range */
};

/* Runs only the commits that tell which one changed the one cell. */
bool sweep_bisect(struct sweep *sweep, struct sweep_found *found, struct error *e);

#endif
