/* bench_writer.c - the writer against the least that writing the same rows can cost.
 *
 * That least is statements prepared by hand, bound and stepped in one loop, in transactions of the same size. Both ways take the
 * records of a cell in the order in which a subject puts them (struct taker).
 */
#include "scenarios/bench/bench_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/strbuf.h"
#include "db/store.h"
#include "db/writer.h"
#include "scenarios/bench/bench.h"

#define CELLS 2000u /* that the row measures */
#define MODELS 3
#define SNAPSHOTS 9
#define HOLDERS 2 /* of one model at one snapshot */
#define RECORDS_A_CELL (1 + MODELS + SNAPSHOTS * (1 + MODELS * (1 + HOLDERS)) + MODELS + 1)
#define BATCH_CELLS (20000 / RECORDS_A_CELL)

/* The records of a cell in the order a subject puts them, to whoever takes them. */
struct taker {
	void *context;
	void (*cell)(void *context, const struct record_cell *record);
	void (*model)(void *context, const struct record_model *record);
	void (*snapshot)(void *context, const struct record_snapshot *record);
	void (*residency)(void *context, const struct record_residency *record);
	void (*holder)(void *context, const struct record_holder *record);
	void (*verdict_model)(void *context, const struct record_verdict_model *record);
	void (*verdict)(void *context, const struct record_verdict *record);
};

static void give_snapshot(const struct taker *taker, uint32_t cell, uint32_t number)
{
	struct record_snapshot snapshot = { .cell = cell,
					    .snapshot = number,
					    .stage = (enum stage)(number % STAGE_COUNT),
					    .anchor_count = -1,
					    .listed_count = 2 };
	struct record_residency residency = {
		.cell = cell, .snapshot = number, .listed = 1, .patcher_alive = true, .model_alive = true, .anchored = -1
	};
	struct record_holder holder = {
		.cell = cell, .snapshot = number, .label = "executor outputs", .kind = HOLDER_CACHE, .strong = true
	};

	snapshot.time_ns = cell * UINT64_C(1000000) + number;
	residency.bytes_on_compute = 4000000 + cell;
	residency.bytes_elsewhere = 1000000;
	taker->snapshot(taker->context, &snapshot);
	for (uint32_t model = 1; model <= MODELS; model++) {
		residency.model = model;
		holder.model = model;
		taker->residency(taker->context, &residency);
		for (int i = 0; i < HOLDERS; i++)
			taker->holder(taker->context, &holder);
	}
}

static void give_cell(const struct taker *taker, uint32_t number)
{
	struct record_cell cell = { .cell = number,
				    .subject = "engine:delegate",
				    .policy = "delegate",
				    .matrix = "abc",
				    .flow = "both",
				    .cache = "classic",
				    .device_mode = "split",
				    .node_flags = "real" };
	struct record_model model = { .cell = number, .name = "B", .generation = 1, .kind = "clip", .keep = KEEP_YES };
	struct record_verdict_model outcome = { .cell = number,
						.name = "B",
						.generation = 1,
						.judged = true,
						.keep = KEEP_YES,
						.outcome = OUTCOME_LOST,
						.first_lost_stage = "c1.after_gc",
						.reason = REASON_DIED_IN_GC,
						.end_state = STATE_DEAD,
						.holders_before = "[]",
						.holders_after = "[]" };
	struct record_verdict verdict = { .cell = number, .verdict = VERDICT_FAIL };

	taker->cell(taker->context, &cell);
	for (model.model = 1; model.model <= MODELS; model.model++) {
		model.inner = model.model;
		taker->model(taker->context, &model);
	}
	for (uint32_t snapshot = 1; snapshot <= SNAPSHOTS; snapshot++)
		give_snapshot(taker, number, snapshot);
	for (outcome.model = 1; outcome.model <= MODELS; outcome.model++)
		taker->verdict_model(taker->context, &outcome);
	taker->verdict(taker->context, &verdict);
}

#define SINK_PUT(name, type)                                                                                                   \
	static void put_##name(void *context, const struct record_##name *record)                                              \
	{                                                                                                                      \
		record_put(context, type, record, sizeof(*record));                                                            \
	}
SINK_PUT(cell, RECORD_CELL)
SINK_PUT(model, RECORD_MODEL)
SINK_PUT(snapshot, RECORD_SNAPSHOT)
SINK_PUT(residency, RECORD_RESIDENCY)
SINK_PUT(holder, RECORD_HOLDER)
SINK_PUT(verdict_model, RECORD_VERDICT_MODEL)
SINK_PUT(verdict, RECORD_VERDICT)

static bool time_writer(const char *path, uint32_t cells, double *per_s, struct error *e)
{
	struct writer_options options = { .wait_for_room = true };
	uint64_t began = clock_now_ns();
	struct writer *writer = writer_start(path, &options, e);
	struct record_sink sink;
	struct record_run run = { .id = "writer" };
	struct taker taker = { .cell = put_cell,
			       .model = put_model,
			       .snapshot = put_snapshot,
			       .residency = put_residency,
			       .holder = put_holder,
			       .verdict_model = put_verdict_model,
			       .verdict = put_verdict };

	if (!writer)
		return false;
	sink = writer_sink(writer);
	taker.context = &sink;
	record_put(&sink, RECORD_RUN, &run, sizeof(run));
	for (uint32_t cell = 1; cell <= cells; cell++)
		give_cell(&taker, cell);
	if (!writer_finish(writer, e))
		return false;
	*per_s = (double)cells * RECORDS_A_CELL * 1e9 / (double)(clock_now_ns() - began);
	return true;
}

enum { BARE_CELL, BARE_MODEL, BARE_SNAPSHOT, BARE_RESIDENCY, BARE_HOLDER, BARE_VERDICT_MODEL, BARE_VERDICT, BARE_COUNT };

static const char *const bare_inserts[BARE_COUNT] = {
	[BARE_CELL] = "INSERT INTO cell (run, number, subject, policy, matrix, flow, cache, device_mode, node_flags, workflow) "
		      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '')",
	[BARE_MODEL] =
		"INSERT INTO model (run, cell, number, name, generation, inner_model, kind, keep, size_bytes, block_count) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[BARE_SNAPSHOT] = "INSERT INTO snapshot (run, cell, number, cycle, stage, time_ns, listed_count, exception) "
			  "VALUES (?, ?, ?, ?, ?, ?, ?, '')",
	[BARE_RESIDENCY] = "INSERT INTO residency (run, cell, snapshot, model, state, listed, patcher_alive, model_alive, "
			   "bytes_on_compute, bytes_elsewhere) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[BARE_HOLDER] =
		"INSERT INTO holder (run, cell, number, snapshot, model, label, kind, strong) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[BARE_VERDICT_MODEL] =
		"INSERT INTO verdict_model (run, cell, model, name, generation, judged, keep, outcome, "
		"first_lost_stage, reason, first_lost_state, end_state, died_stage, holders_before, holders_after, "
		"disk_loads) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?)",
	[BARE_VERDICT] = "INSERT INTO verdict (run, cell, verdict, dropped, why) VALUES (?, ?, ?, 0, '')",
};

struct bare {
	struct store *store;
	sqlite3_stmt *inserts[BARE_COUNT];
	int64_t holders; /* of the cell */
	bool failed;
};

static void bind_text(sqlite3_stmt *s, int parameter, const char *text)
{
	sqlite3_bind_text(s, parameter, text, -1, SQLITE_STATIC);
}

static void bare_step(struct bare *bare, sqlite3_stmt *s)
{
	bare->failed |= sqlite3_step(s) != SQLITE_DONE;
	sqlite3_reset(s);
}

static void bare_cell(void *context, const struct record_cell *cell)
{
	struct bare *bare = context;
	sqlite3_stmt *s = bare->inserts[BARE_CELL];

	bare->holders = 0;
	sqlite3_bind_int64(s, 2, cell->cell);
	bind_text(s, 3, cell->subject);
	bind_text(s, 4, cell->policy);
	bind_text(s, 5, cell->matrix);
	bind_text(s, 6, cell->flow);
	bind_text(s, 7, cell->cache);
	bind_text(s, 8, cell->device_mode);
	bind_text(s, 9, cell->node_flags);
	bare_step(bare, s);
}

static void bare_model(void *context, const struct record_model *model)
{
	struct bare *bare = context;
	sqlite3_stmt *s = bare->inserts[BARE_MODEL];

	sqlite3_bind_int64(s, 2, model->cell);
	sqlite3_bind_int64(s, 3, model->model);
	bind_text(s, 4, model->name);
	sqlite3_bind_int64(s, 5, model->generation);
	sqlite3_bind_int64(s, 6, model->inner);
	bind_text(s, 7, model->kind);
	sqlite3_bind_int64(s, 8, model->keep);
	sqlite3_bind_int64(s, 9, (int64_t)model->size_bytes);
	sqlite3_bind_int64(s, 10, model->block_count);
	bare_step(bare, s);
}

static void bare_snapshot(void *context, const struct record_snapshot *snapshot)
{
	struct bare *bare = context;
	sqlite3_stmt *s = bare->inserts[BARE_SNAPSHOT];

	sqlite3_bind_int64(s, 2, snapshot->cell);
	sqlite3_bind_int64(s, 3, snapshot->snapshot);
	sqlite3_bind_int64(s, 4, snapshot->cycle);
	bind_text(s, 5, event_stage_name(snapshot->stage));
	sqlite3_bind_int64(s, 6, (int64_t)snapshot->time_ns);
	sqlite3_bind_int64(s, 7, snapshot->listed_count);
	bare_step(bare, s);
}

static void bare_residency(void *context, const struct record_residency *residency)
{
	struct bare *bare = context;
	sqlite3_stmt *s = bare->inserts[BARE_RESIDENCY];

	sqlite3_bind_int64(s, 2, residency->cell);
	sqlite3_bind_int64(s, 3, residency->snapshot);
	sqlite3_bind_int64(s, 4, residency->model);
	bind_text(s, 5, record_residency_state_name(residency->state));
	sqlite3_bind_int64(s, 6, residency->listed);
	sqlite3_bind_int64(s, 7, residency->patcher_alive);
	sqlite3_bind_int64(s, 8, residency->model_alive);
	sqlite3_bind_int64(s, 9, (int64_t)residency->bytes_on_compute);
	sqlite3_bind_int64(s, 10, (int64_t)residency->bytes_elsewhere);
	bare_step(bare, s);
}

static void bare_holder(void *context, const struct record_holder *holder)
{
	struct bare *bare = context;
	sqlite3_stmt *s = bare->inserts[BARE_HOLDER];

	sqlite3_bind_int64(s, 2, holder->cell);
	sqlite3_bind_int64(s, 3, ++bare->holders);
	sqlite3_bind_int64(s, 4, holder->snapshot);
	sqlite3_bind_int64(s, 5, holder->model);
	bind_text(s, 6, holder->label);
	bind_text(s, 7, holder->kind);
	sqlite3_bind_int64(s, 8, holder->strong);
	bare_step(bare, s);
}

static void bare_verdict_model(void *context, const struct record_verdict_model *model)
{
	struct bare *bare = context;
	sqlite3_stmt *s = bare->inserts[BARE_VERDICT_MODEL];

	sqlite3_bind_int64(s, 2, model->cell);
	sqlite3_bind_int64(s, 3, model->model);
	bind_text(s, 4, model->name);
	sqlite3_bind_int64(s, 5, model->generation);
	sqlite3_bind_int64(s, 6, model->judged);
	sqlite3_bind_int64(s, 7, model->keep);
	bind_text(s, 8, record_outcome_name(model->outcome));
	bind_text(s, 9, model->first_lost_stage);
	bind_text(s, 10, event_reason_name(model->reason));
	bind_text(s, 11, record_residency_state_name(model->first_lost_state));
	bind_text(s, 12, record_residency_state_name(model->end_state));
	bind_text(s, 13, model->holders_before);
	bind_text(s, 14, model->holders_after);
	sqlite3_bind_int64(s, 15, model->disk_loads);
	bare_step(bare, s);
}

static void bare_verdict(void *context, const struct record_verdict *verdict)
{
	struct bare *bare = context;
	sqlite3_stmt *s = bare->inserts[BARE_VERDICT];

	sqlite3_bind_int64(s, 2, verdict->cell);
	bind_text(s, 3, record_verdict_name(verdict->verdict));
	bare_step(bare, s);
}

static bool prepare_bare(struct bare *bare, struct error *e)
{
	for (int i = 0; i < BARE_COUNT; i++) {
		bare->inserts[i] = store_prepare(bare->store, bare_inserts[i], e);
		if (!bare->inserts[i])
			return false;
		bind_text(bare->inserts[i], 1, "bare");
	}
	return store_execute(
		bare->store,
		"INSERT INTO run (id, command, version, started_wall_ns, environment) VALUES ('bare', '', '', 0, '')",
		"write to", e);
}

static bool insert_bare(struct bare *bare, uint32_t cells, struct error *e)
{
	struct taker taker = { .context = bare,
			       .cell = bare_cell,
			       .model = bare_model,
			       .snapshot = bare_snapshot,
			       .residency = bare_residency,
			       .holder = bare_holder,
			       .verdict_model = bare_verdict_model,
			       .verdict = bare_verdict };

	for (uint32_t cell = 1; cell <= cells; cell++) {
		if ((cell - 1) % BATCH_CELLS == 0 && !store_execute(bare->store, "BEGIN IMMEDIATE", "write to", e))
			return false;
		give_cell(&taker, cell);
		if ((cell % BATCH_CELLS == 0 || cell == cells) && !store_execute(bare->store, "COMMIT", "write to", e))
			return false;
		if (bare->failed)
			return store_error(bare->store, "write to", e);
	}
	return true;
}

static bool time_bare(const char *path, uint32_t cells, double *per_s, struct error *e)
{
	struct bare bare = { .holders = 0 };
	uint64_t began = clock_now_ns();
	bool fine;

	bare.store = store_open(path, STORE_WRITE, e);
	if (!bare.store)
		return false;
	fine = prepare_bare(&bare, e) && insert_bare(&bare, cells, e);
	for (int i = 0; i < BARE_COUNT; i++)
		sqlite3_finalize(bare.inserts[i]);
	store_close(bare.store);
	*per_s = (double)cells * RECORDS_A_CELL * 1e9 / (double)(clock_now_ns() - began);
	return fine;
}

static char *temporary(const char *folder, const char *name, struct error *e)
{
	struct strbuf path = STRBUF_INIT;

	strbuf_printf(&path, "%s/residency-bench-%ld-%s.db", folder, (long)getpid(), name);
	return strbuf_finish(&path, e);
}

bool bench_writer(const char *folder, uint32_t cells, struct bench_writer *result, struct error *e)
{
	char *writer_path = temporary(folder, "writer", e);
	char *bare_path = temporary(folder, "bare", e);
	bool fine = writer_path && bare_path;

	*result = (struct bench_writer) { .records = (uint64_t)cells * RECORDS_A_CELL };
	fine = fine && time_bare(bare_path, cells, &result->bare_per_s, e) &&
	       time_writer(writer_path, cells, &result->writer_per_s, e);
	if (bare_path)
		store_remove(bare_path);
	if (writer_path)
		store_remove(writer_path);
	free(bare_path);
	free(writer_path);
	return fine;
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	(void)request;
	return bench_writer(bench_folder(), CELLS, result, e);
}

const struct bench bench_row_writer = {
	.name = "writer",
	.summary = "records a second into a store, against a bare loop of the same prepared inserts",
	.result_size_bytes = sizeof(struct bench_writer),
	.measure = measure,
};
