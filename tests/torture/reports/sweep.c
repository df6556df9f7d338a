/* sweep.c - a sweep of three commits, one of which regressed, is read from a store and shown; a bisection runs its course.
 *
 * The store is filled with rows as a sweep leaves them, so that reading alone is tried. Its folder is empty in the end. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/store.h"
#include "reports/sweep/sweep.h"
#include "scenarios/sweep/bisect.h"
#include "tests/torture/torture.h"

static const char rows[] =
	"INSERT INTO run (id, command, version, started_wall_ns, environment) VALUES"
	" ('s', 'residency sweep', '0', 1, '{}'), ('a', 'x', '0', 2, '{}'), ('b', 'x', '0', 3, '{}'), ('c', 'x', '0', 4, '{}');"
	"INSERT INTO sweep VALUES ('s', 'pack', 'nodes', 'a..c', '{}');"
	"INSERT INTO sweep_commit VALUES ('s', 0, 'aaaa', 0, 'first'), ('s', 1, 'bbbb', 0, 'second'), ('s', 2, 'cccc', 0, "
	"'third');"
	"INSERT INTO sweep_cell VALUES ('s', 1, 'de', 'both', 'split', 'real');"
	"INSERT INTO run_commit VALUES ('a', 'pack', 'aaaa', '{}', ''), ('b', 'pack', 'bbbb', '{}', 'no module'),"
	" ('c', 'pack', 'cccc', '{}', '');"
	"INSERT INTO cell (run, number, matrix, flow, device_mode, node_flags) VALUES ('a', 1, 'de', 'both', 'split', 'real'),"
	" ('c', 1, 'de', 'both', 'split', 'real');"
	"INSERT INTO verdict (run, cell, verdict, dropped, why) VALUES ('a', 1, 'PASS', 0, ''), ('c', 1, 'FAIL', 0, '');"
	"INSERT INTO model (run, cell, number, name, generation, inner_model, kind, block_count) VALUES"
	" ('c', 1, 1, 'D', 1, 1, 'unet', 1);"
	"INSERT INTO verdict_model (run, cell, model, name, generation, judged, keep, outcome, first_lost_stage, reason, "
	"end_state,"
	" died_stage, holders_before, holders_after, disk_loads) VALUES"
	" ('c', 1, 1, 'D', 1, 1, 1, 'lost', 'c1.after_gc', 'died_in_gc', 'dead', '', '[]', '[]', 1)";

static bool read_and_show(struct store *store, struct error *e)
{
	json_t *sweep = sweep_read(store, NULL, e);
	struct strbuf text = STRBUF_INIT;
	bool fine;

	if (!sweep)
		return false;
	sweep_text(sweep, 80, true, &text);
	fine = strbuf_ok(&text) || error_no_memory(e);
	fine = fine && (sweep_count(sweep, "regressed") == 1 || torture_bug(e, "the regression was not seen"));
	strbuf_free(&text);
	json_decref(sweep);
	return fine;
}

static bool search(struct error *e)
{
	struct bisect *bisect = bisect_new(10, e);

	if (!bisect)
		return false;
	for (size_t at; bisect_next(bisect, &at);)
		bisect_tell(bisect, at, at < 7 ? BISECT_BEFORE : BISECT_AFTER);
	bisect_free(bisect);
	return true;
}

TORTURE_PIECE(torture_sweep, "a sweep")
{
	char folder[] = "/tmp/residency-torture-XXXXXX";
	char path[64];
	struct store *store;
	bool fine;

	if (!mkdtemp(folder))
		return error_set(e, ERROR_IO, "cannot make a folder in /tmp");
	snprintf(path, sizeof(path), "%s/s.db", folder);
	store = store_open(path, STORE_WRITE, e);
	fine = store && store_execute(store, rows, "write to", e) && read_and_show(store, e) && search(e);
	store_close(store);
	store_remove(path);
	if (rmdir(folder) != 0) /* not empty: something stayed behind */
		return torture_bug(e, "something is left in %s", folder);
	return fine;
}
