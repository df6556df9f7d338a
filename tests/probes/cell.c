#include "tests/probes/cell.h"

#include <string.h>

#include "tests/harness/harness.h"

void cell_begin(struct cell *cell)
{
	struct record_cell record = { .cell = 7, .policy = "stock" };
	struct error e = ERROR_INIT;

	*cell = (struct cell) { .judge = judge_new(&e) };
	ck_assert_ok(cell->judge, &e);
	cell->sink = judge_sink(cell->judge);
	record_put(&cell->sink, RECORD_CELL, &record, sizeof(record));
}

void cell_end(struct cell *cell)
{
	judge_free(cell->judge);
}

static uint32_t add_object(struct cell *cell, const char *name, enum keep_request keep, uint32_t inner, uint32_t generation)
{
	struct record_model model = { .cell = 7,
				      .model = ++cell->objects,
				      .generation = generation,
				      .kind = "unet",
				      .keep = keep,
				      .size_bytes = 5000000 };

	model.inner = inner ? inner : model.model;
	record_text(model.name, sizeof(model.name), name);
	if (strchr(name, '#')) {
		*strchr(model.name, '#') = '\0';
		model.generation = (uint32_t)(strchr(name, '#')[1] - '0');
	}
	model.identity = record_identity(model.name, model.kind);
	record_put(&cell->sink, RECORD_MODEL, &model, sizeof(model));
	return model.model;
}

uint32_t cell_object(struct cell *cell, const char *name, enum keep_request keep)
{
	uint32_t number = add_object(cell, name, keep, 0, 1);
	struct record_load load = { .cell = 7, .model = number, .after_snapshot = cell->snapshots, .from_disk = true };

	record_put(&cell->sink, RECORD_LOAD, &load, sizeof(load));
	return number;
}

uint32_t cell_clone(struct cell *cell, const char *name, enum keep_request keep, uint32_t of)
{
	return add_object(cell, name, keep, of, 1);
}

void cell_action(struct cell *cell, enum action_kind kind, bool asks)
{
	struct record_action action = { .cell = 7, .cycle = cell->cycle, .kind = kind, .asks = asks };

	if (cell->snapshots)
		action.cycle = ++cell->cycle;
	record_put(&cell->sink, RECORD_ACTION, &action, sizeof(action));
}

void cell_worker_takes_flags(struct cell *cell)
{
	struct record_request request = { .cell = 7, .after_snapshot = cell->snapshots, .free_memory = true };

	record_put(&cell->sink, RECORD_REQUEST, &request, sizeof(request));
}

void cell_departs(struct cell *cell, uint32_t object, enum reason reason)
{
	struct record_departure departure = { .cell = 7, .model = object, .after_snapshot = cell->snapshots, .reason = reason };

	record_put(&cell->sink, RECORD_DEPARTURE, &departure, sizeof(departure));
}

static enum residency_state state_of(char letter)
{
	static const char letters[] = "RUNLD";
	const char *found = strchr(letters, letter);

	ck_assert_ptr_nonnull(found);
	return (enum residency_state)(found - letters);
}

void cell_stage(struct cell *cell, enum stage stage, const char *states)
{
	struct record_snapshot snapshot = {
		.cell = 7, .snapshot = ++cell->snapshots, .cycle = cell->cycle, .stage = stage, .anchor_count = -1
	};

	record_put(&cell->sink, RECORD_SNAPSHOT, &snapshot, sizeof(snapshot));
	for (uint32_t i = 0; states[i]; i++) {
		enum residency_state state = state_of(states[i]);
		struct record_residency residency = {
			.cell = 7,
			.snapshot = snapshot.snapshot,
			.model = i + 1,
			.state = state,
			.listed = state == STATE_RESIDENT ? (int32_t)i : -1,
			.patcher_alive = state < STATE_LEAKED,
			.model_alive = state != STATE_DEAD,
			.anchored = -1,
			.device = state == STATE_DEAD ? -1 : 1,
			.bytes_on_compute = state == STATE_RESIDENT || state == STATE_LOADED_UNLISTED ? 5000000 : 0,
		};

		record_put(&cell->sink, RECORD_RESIDENCY, &residency, sizeof(residency));
	}
}

void cell_holder(struct cell *cell, uint32_t object, const char *label, const char *kind, bool strong)
{
	struct record_holder holder = { .cell = 7, .snapshot = cell->snapshots, .model = object, .strong = strong };

	record_text(holder.label, sizeof(holder.label), label);
	record_text(holder.kind, sizeof(holder.kind), kind);
	record_put(&cell->sink, RECORD_HOLDER, &holder, sizeof(holder));
}

void cell_path(struct cell *cell, uint32_t object, const char *path)
{
	struct record_path record = { .cell = 7, .snapshot = cell->snapshots, .model = object, .length = 3 };

	record_text(record.path, sizeof(record.path), path);
	record_put(&cell->sink, RECORD_PATH, &record, sizeof(record));
}

void cell_blocks(struct cell *cell, uint32_t object, uint32_t first, uint32_t count, uint32_t device, bool planned)
{
	struct record_placement placed = {
		.cell = 7, .snapshot = cell->snapshots, .model = object, .first = first, .count = count, .device = device
	};
	struct record_planned wanted = {
		.cell = 7, .snapshot = cell->snapshots, .model = object, .first = first, .count = count, .device = device
	};

	if (planned)
		record_put(&cell->sink, RECORD_PLANNED, &wanted, sizeof(wanted));
	else
		record_put(&cell->sink, RECORD_PLACEMENT, &placed, sizeof(placed));
}

struct judge_result cell_judge(struct cell *cell)
{
	struct judge_result result;
	struct error e = ERROR_INIT;

	ck_assert_ok(judge_finish(cell->judge, &result, &e), &e);
	return result;
}
