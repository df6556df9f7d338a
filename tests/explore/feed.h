/* feed.h - one cell's records, put into a judge and into the explorer's check at the same time.
 *
 * Objects are numbered from 1 in the order they are made, snapshots likewise. feed_close frees.
 */
#ifndef RESIDENCY_TESTS_EXPLORE_FEED_H
#define RESIDENCY_TESTS_EXPLORE_FEED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/event.h"
#include "probes/judge/judge.h"
#include "scenarios/explore/explore_check.h"

struct feed {
	struct judge *judge;
	struct check *check;
	struct record_tee tee;
	struct record_sink sink;
	uint32_t snapshot, cycle, objects;
};

static inline void feed_open(struct feed *f)
{
	struct record_cell cell = { .cell = 1 };

	*f = (struct feed) { .judge = judge_new(NULL), .check = explore_check_new(NULL) };
	if (!f->judge || !f->check)
		exit(70);
	f->tee.first = judge_sink(f->judge);
	f->tee.second = explore_check_sink(f->check);
	f->sink = record_tee_sink(&f->tee);
	record_put(&f->sink, RECORD_CELL, &cell, sizeof(cell));
}

static inline void feed_close(struct feed *f)
{
	judge_free(f->judge);
	explore_check_free(f->check);
}

static inline void feed_action(struct feed *f, enum action_kind kind, bool asks)
{
	struct record_action action = { .cell = 1, .cycle = f->cycle, .kind = kind, .asks = asks };

	record_put(&f->sink, RECORD_ACTION, &action, sizeof(action));
}

static inline void feed_request(struct feed *f)
{
	struct record_request request = {
		.cell = 1, .after_snapshot = f->snapshot, .unload_models = true, .free_memory = true
	};

	record_put(&f->sink, RECORD_REQUEST, &request, sizeof(request));
}

/* A new object; `inner` 0: its model is its own. */
static inline uint32_t feed_object(struct feed *f, const char *name, const char *kind, enum keep_request keep, uint32_t inner,
				   uint32_t generation)
{
	struct record_model model = { .cell = 1,
				      .model = ++f->objects,
				      .generation = generation,
				      .inner = inner ? inner : f->objects,
				      .keep = keep,
				      .size_bytes = 1000 };

	record_text(model.name, sizeof(model.name), name);
	record_text(model.kind, sizeof(model.kind), kind);
	model.identity = record_identity(name, kind);
	record_put(&f->sink, RECORD_MODEL, &model, sizeof(model));
	return model.model;
}

static inline void feed_read(struct feed *f, uint32_t model)
{
	struct record_load load = { .cell = 1, .model = model, .after_snapshot = f->snapshot, .from_disk = true };

	record_put(&f->sink, RECORD_LOAD, &load, sizeof(load));
}

static inline void feed_leaves(struct feed *f, uint32_t model, enum reason reason)
{
	struct record_departure departure = { .cell = 1, .model = model, .after_snapshot = f->snapshot, .reason = reason };

	record_put(&f->sink, RECORD_DEPARTURE, &departure, sizeof(departure));
}

static inline void feed_stage(struct feed *f, enum stage stage)
{
	struct record_snapshot snapshot = { .cell = 1,
					    .snapshot = ++f->snapshot,
					    .cycle = f->cycle,
					    .stage = stage,
					    .anchor_count = -1,
					    .load_device = -1,
					    .current_device = -1 };

	record_put(&f->sink, RECORD_SNAPSHOT, &snapshot, sizeof(snapshot));
}

static inline void feed_state(struct feed *f, uint32_t model, enum residency_state state, int32_t listed, uint64_t on_compute)
{
	struct record_residency residency = { .cell = 1,
					      .snapshot = f->snapshot,
					      .model = model,
					      .state = state,
					      .listed = listed,
					      .patcher_alive = state != STATE_DEAD && state != STATE_LEAKED,
					      .model_alive = state != STATE_DEAD,
					      .anchored = -1,
					      .device = state == STATE_DEAD ? -1 : 1,
					      .bytes_on_compute = on_compute };

	record_put(&f->sink, RECORD_RESIDENCY, &residency, sizeof(residency));
}

static inline void feed_holder(struct feed *f, uint32_t model, const char *label, const char *kind)
{
	struct record_holder holder = { .cell = 1, .snapshot = f->snapshot, .model = model, .strong = true };

	record_text(holder.label, sizeof(holder.label), label);
	record_text(holder.kind, sizeof(holder.kind), kind);
	record_put(&f->sink, RECORD_HOLDER, &holder, sizeof(holder));
}

static inline void feed_line(struct feed *f, const char *line, uint64_t size_bytes)
{
	struct record_memory memory = { .cell = 1, .snapshot = f->snapshot, .device = 1, .size_bytes = size_bytes };

	record_text(memory.line, sizeof(memory.line), line);
	record_put(&f->sink, RECORD_MEMORY, &memory, sizeof(memory));
}

#endif
