/* writer.c - a run of one cell goes through the writer, its ring and its thread into a store, and is read back.
 *
 * Allocations of the writer's own thread count as the others do. Where one fails, the store that this writer made must not stay
 * behind, or must open; either way the folder is empty in the end. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/store.h"
#include "db/writer.h"
#include "tests/torture/torture.h"

static void put_run(const struct record_sink *sink)
{
	struct record_run run = { .id = "r", .command = "residency matrix", .version = "0", .environment = "{}" };
	struct record_cell cell = { .cell = 1, .policy = "strict", .matrix = "abc", .flow = "both" };
	struct record_model model = { .cell = 1, .model = 1, .name = "B", .generation = 1, .inner = 1, .keep = KEEP_YES };
	struct record_verdict verdict = { .cell = 1, .verdict = VERDICT_PASS };
	struct record_run_end end = { .ended_wall_ns = 1 };

	record_put(sink, RECORD_RUN, &run, sizeof(run));
	record_put(sink, RECORD_CELL, &cell, sizeof(cell));
	record_put(sink, RECORD_MODEL, &model, sizeof(model));
	record_put(sink, RECORD_VERDICT, &verdict, sizeof(verdict));
	record_put(sink, RECORD_RUN_END, &end, sizeof(end));
}

static bool write_store(const char *path, struct error *e)
{
	struct writer *writer = writer_start(path, &(struct writer_options) { .wait_for_room = true }, e);
	struct record_sink sink;

	if (!writer)
		return false;
	sink = writer_sink(writer);
	put_run(&sink);
	return writer_finish(writer, e);
}

static bool read_store(const char *path, struct error *e)
{
	struct store *store = store_open(path, STORE_READ, e);
	bool fine = store && store_check(store, e);

	store_close(store);
	return fine;
}

TORTURE_PIECE(torture_writer, "the writer")
{
	char folder[] = "/tmp/residency-torture-XXXXXX";
	char path[64];
	bool fine;

	if (!mkdtemp(folder))
		return error_set(e, ERROR_IO, "cannot make a folder in /tmp");
	snprintf(path, sizeof(path), "%s/s.db", folder);
	fine = write_store(path, e) && read_store(path, e);
	store_remove(path);
	if (rmdir(folder) != 0)
		return torture_bug(e, "files are left in %s", folder);
	return fine;
}
