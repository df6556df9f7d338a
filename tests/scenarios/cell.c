/* cell.c - everything a cell tells goes into three sinks at once: the judge, a timeline of states, and what tests ask beyond. */
#include "tests/scenarios/cell.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/policy.h"
#include "scenarios/flow/flow_file.h"
#include "tests/fixtures/subject.h"
#include "tests/harness/harness.h"

void cell_open(struct cell_seen *seen)
{
	struct error e = ERROR_INIT;

	memset(seen, 0, sizeof(*seen));
	seen->subject = fixture_subject(&sim_backend, "2x3090-nvlink.json", &e);
	ck_assert_ok(seen->subject, &e);
	seen->judge = judge_new(&e);
	seen->holders = array_new(CELL_HOLDERS_MAX, sizeof(*seen->holders), &e);
	seen->memory = array_new(CELL_MEMORY_MAX, sizeof(*seen->memory), &e);
	ck_assert_ok(seen->judge && seen->holders && seen->memory, &e);
}

void cell_close(struct cell_seen *seen)
{
	judge_free(seen->judge);
	subject_close(seen->subject);
	timeline_free(&seen->timeline);
	free(seen->holders);
	free(seen->memory);
}

static void see(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct cell_seen *seen = context;

	(void)size_bytes;
	if (type == RECORD_SNAPSHOT && seen->snapshot_count < ARRAY_SIZE(seen->snapshots))
		seen->snapshots[seen->snapshot_count++] = *(const struct record_snapshot *)record;
	if (type == RECORD_HOLDER && seen->holder_count < CELL_HOLDERS_MAX)
		seen->holders[seen->holder_count++] = *(const struct record_holder *)record;
	if (type == RECORD_MEMORY && seen->memory_count < CELL_MEMORY_MAX)
		seen->memory[seen->memory_count++] = *(const struct record_memory *)record;
}

void cell_run(struct cell_seen *seen, const struct cell_setting *setting, const struct flow *flow)
{
	const struct subject_operations *subject = seen->subject->operations;
	const struct matrix *abc = matrix_find("abc");
	struct record_tee inner = { .first = timeline_sink(&seen->timeline), .second = { .context = seen, .put = see } };
	struct record_tee outer = { .first = judge_sink(seen->judge), .second = record_tee_sink(&inner) };
	struct record_sink sink = record_tee_sink(&outer);
	struct record_cell opening = { .cell = 1 };
	struct subject_setup setup = { .cell = 1,
				       .policy = policy_find(setting->policy),
				       .cache = setting->cache,
				       .device_mode = setting->device_mode,
				       .node_flags = setting->node_flags };
	struct error e = ERROR_INIT;

	ck_assert_ptr_nonnull(setup.policy);
	seen->snapshot_count = seen->holder_count = seen->memory_count = 0;
	record_put(&sink, RECORD_CELL, &opening, sizeof(opening));
	ck_assert_ok(subject->begin(seen->subject, &setup, &sink, &e), &e);
	ck_assert_ok(flow_run(flow, abc->models, abc->model_count, seen->subject, &sink, 1, &e), &e);
	ck_assert_ok(subject->end(seen->subject, &e), &e);
	ck_assert_ok(judge_finish(seen->judge, &seen->result, &e), &e);
	ck_assert_msg(seen->result.verdict != VERDICT_UNTRUSTWORTHY, "%s", seen->result.why);
}

void cell_run_text(struct cell_seen *seen, const char *policy, const char *text)
{
	struct cell_setting setting = { .policy = policy };
	struct error e = ERROR_INIT;
	struct flow *flow = flow_parse(text, strlen(text), "test", &e);

	ck_assert_ok(flow != NULL, &e);
	cell_run(seen, &setting, flow);
	flow_free(flow);
}

static size_t stage_index(const struct cell_seen *seen, const char *stage)
{
	for (size_t i = 0; i < seen->timeline.stage_count; i++) {
		if (strcmp(seen->timeline.stages[i].name, stage) == 0)
			return i;
	}
	return SIZE_MAX;
}

static size_t model_index(const struct cell_seen *seen, const char *name)
{
	for (size_t i = 0; i < seen->timeline.model_count; i++) {
		if (strcmp(seen->timeline.models[i].name, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

bool cell_has_stage(const struct cell_seen *seen, const char *stage)
{
	return stage_index(seen, stage) != SIZE_MAX;
}

enum residency_state cell_state(const struct cell_seen *seen, const char *name, const char *stage)
{
	size_t s = stage_index(seen, stage);
	size_t m = model_index(seen, name);
	const struct record_residency *state;

	if (s == SIZE_MAX || m == SIZE_MAX)
		return STATE_COUNT;
	state = timeline_state(&seen->timeline, m, s);
	return state ? state->state : STATE_COUNT;
}

const char *cell_exception(const struct cell_seen *seen, const char *stage)
{
	size_t s = stage_index(seen, stage);

	return s < seen->snapshot_count ? seen->snapshots[s].exception : "(no such stage)";
}

bool cell_is_held(const struct cell_seen *seen, const char *name, const char *stage, const char *kind, const char *label)
{
	size_t s = stage_index(seen, stage);
	size_t m = model_index(seen, name);

	for (size_t i = 0; s != SIZE_MAX && m != SIZE_MAX && i < seen->holder_count; i++) {
		const struct record_holder *holder = &seen->holders[i];

		if (holder->snapshot == s + 1 && holder->model == seen->timeline.models[m].number && holder->strong &&
		    strcmp(holder->kind, kind) == 0 && strncmp(holder->label, label, strlen(label)) == 0)
			return true;
	}
	return false;
}

uint64_t cell_memory(const struct cell_seen *seen, const char *stage, unsigned device, const char *line)
{
	size_t s = stage_index(seen, stage);

	for (size_t i = 0; s != SIZE_MAX && i < seen->memory_count; i++) {
		const struct record_memory *memory = &seen->memory[i];

		if (memory->snapshot == s + 1 && memory->device == device && strcmp(memory->line, line) == 0)
			return memory->size_bytes;
	}
	return UNKNOWN_U64;
}

static const struct record_verdict_model *verdict_of(const struct cell_seen *seen, const char *name)
{
	for (size_t i = 0; i < seen->result.model_count; i++) {
		if (seen->result.models[i].judged && strcmp(seen->result.models[i].name, name) == 0)
			return &seen->result.models[i];
	}
	return NULL;
}

enum outcome cell_outcome(const struct cell_seen *seen, const char *name)
{
	const struct record_verdict_model *verdict = verdict_of(seen, name);

	return verdict ? verdict->outcome : OUTCOME_COUNT;
}

unsigned cell_disk_loads(const struct cell_seen *seen, const char *name)
{
	const struct record_verdict_model *verdict = verdict_of(seen, name);

	return verdict ? verdict->disk_loads : 0;
}
