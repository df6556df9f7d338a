/* triage.c - a cell in which a kept model is lost is judged, stored, shown by every renderer of cards, and bundled.
 *
 * The judge and the store are given the same records. The folder of the store and the bundle is empty in the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/inserter.h"
#include "probes/judge/judge.h"
#include "reports/bundle/bundle.h"
#include "reports/triage/renderers.h"
#include "reports/triage/triage.h"
#include "tests/torture/torture.h"

/* A kept model is resident and held by a node; then it is dead. */
static void tell_cell(const struct record_sink *sink)
{
	struct record_cell cell = { .cell = 1, .policy = "p", .subject = "s:p", .matrix = "m", .flow = "f" };
	struct record_model model = { .cell = 1, .model = 1, .name = "B", .generation = 1, .inner = 1, .keep = KEEP_YES };
	struct record_action action = { .cell = 1, .kind = ACTION_PROMPT };
	struct record_snapshot loaded = { .cell = 1, .snapshot = 1, .stage = STAGE_LOADED };
	struct record_snapshot end = { .cell = 1, .snapshot = 2, .stage = STAGE_END };
	struct record_residency there = { .cell = 1, .snapshot = 1, .model = 1, .patcher_alive = true, .model_alive = true };
	struct record_residency gone = { .cell = 1, .snapshot = 2, .model = 1, .state = STATE_DEAD, .listed = -1 };
	struct record_holder holder = {
		.cell = 1, .snapshot = 1, .model = 1, .label = "node 7", .kind = "cache", .strong = true
	};

	record_put(sink, RECORD_CELL, &cell, sizeof(cell));
	record_put(sink, RECORD_ACTION, &action, sizeof(action));
	record_put(sink, RECORD_MODEL, &model, sizeof(model));
	record_put(sink, RECORD_SNAPSHOT, &loaded, sizeof(loaded));
	record_put(sink, RECORD_RESIDENCY, &there, sizeof(there));
	record_put(sink, RECORD_HOLDER, &holder, sizeof(holder));
	record_put(sink, RECORD_SNAPSHOT, &end, sizeof(end));
	record_put(sink, RECORD_RESIDENCY, &gone, sizeof(gone));
}

struct into {
	struct inserter *inserter;
	struct error *e;
	bool fine;
};

static void insert(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct into *into = context;

	into->fine = into->fine && inserter_put(into->inserter, type, record, size_bytes, into->e);
}

static bool record_judged(const struct judge *judge, struct store *store, struct error *e)
{
	struct record_run run = { .id = "r", .command = "residency matrix", .environment = "{}" };
	struct into into = { .inserter = inserter_new(store, e), .e = e, .fine = true };
	struct record_sink sink = { .context = &into, .put = insert };

	if (!into.inserter)
		return false;
	record_put(&sink, RECORD_RUN, &run, sizeof(run));
	tell_cell(&sink);
	judge_put(judge, &sink);
	into.fine = into.fine && inserter_commit(into.inserter, e);
	inserter_free(into.inserter);
	return into.fine;
}

static bool show(struct store *store, const char *bundle, struct error *e)
{
	struct triage_filter filter = { .cell = -1 };
	json_t *triage = triage_read(store, NULL, &filter, e);
	struct strbuf text = STRBUF_INIT;
	bool fine;

	if (!triage)
		return false;
	for (size_t i = 0; triage_renderers[i]; i++)
		triage_renderers[i]->render(triage, 80, &text);
	fine = (strbuf_ok(&text) || error_no_memory(e)) && bundle_write(store, "r", &filter, bundle, NULL, e);
	strbuf_free(&text);
	json_decref(triage);
	return fine;
}

static bool judge_and_show(struct judge *judge, const char *folder, struct error *e)
{
	struct record_sink sink = judge_sink(judge);
	struct judge_result result;
	char path[64];
	char bundle[64];
	struct store *store;
	bool fine;

	tell_cell(&sink);
	if (!judge_finish(judge, &result, e))
		return false;
	snprintf(path, sizeof(path), "%s/s.db", folder);
	snprintf(bundle, sizeof(bundle), "%s/b.tar.gz", folder);
	store = store_open(path, STORE_WRITE, e);
	fine = store && record_judged(judge, store, e) && show(store, bundle, e);
	store_close(store);
	store_remove(path);
	unlink(bundle);
	return fine;
}

TORTURE_PIECE(torture_triage, "triage")
{
	char folder[] = "/tmp/residency-torture-XXXXXX";
	struct judge *judge;
	bool fine;

	if (!mkdtemp(folder))
		return error_set(e, ERROR_IO, "cannot make a folder in /tmp");
	judge = judge_new(e);
	fine = judge && judge_and_show(judge, folder, e);
	judge_free(judge);
	if (rmdir(folder) != 0) /* not empty: something stayed behind */
		return torture_bug(e, "something is left in %s", folder);
	return fine;
}
