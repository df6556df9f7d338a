/* cell.h - one flow run on the engine, and what was seen of it: states by stage, holders, memory, loads, the verdict. */
#ifndef RESIDENCY_TESTS_SCENARIOS_CELL_H
#define RESIDENCY_TESTS_SCENARIOS_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/records/record.h"
#include "probes/judge/judge.h"
#include "scenarios/flow/flow.h"
#include "scenarios/subject/subject.h"
#include "scenarios/replay/timeline.h"

#define CELL_HOLDERS_MAX 4096
#define CELL_MEMORY_MAX 8192

struct cell_seen {
	struct subject *subject;
	struct judge *judge;
	struct timeline timeline;
	struct judge_result result;
	struct record_snapshot snapshots[256];
	size_t snapshot_count;
	struct record_holder *holders;
	size_t holder_count;
	struct record_memory *memory;
	size_t memory_count;
};

/* "strict", "classic" ... Fails the test where the run fails. The caller closes. */
void cell_open(struct cell_seen *seen);
void cell_close(struct cell_seen *seen);

struct cell_setting {
	const char *policy;
	enum cache_kind cache;
	enum device_mode device_mode;
	enum node_flags node_flags;
};

/* Forgets what was seen before. */
void cell_run(struct cell_seen *seen, const struct cell_setting *setting, const struct flow *flow);

/* The same of a text, with the models of matrix abc where it carries none. */
void cell_run_text(struct cell_seen *seen, const char *policy, const char *text);

/* Of an object's name ("A", "A#2") at a stage ("c0.loaded"). STATE_COUNT where there is no such stage or object. */
enum residency_state cell_state(const struct cell_seen *seen, const char *name, const char *stage);
bool cell_has_stage(const struct cell_seen *seen, const char *stage);
const char *cell_exception(const struct cell_seen *seen, const char *stage); /* "" without one */
bool cell_is_held(const struct cell_seen *seen, const char *name, const char *stage, const char *kind, const char *label);
uint64_t cell_memory(const struct cell_seen *seen, const char *stage, unsigned device, const char *line);

/* What became of a judged object; OUTCOME_COUNT where there is none. */
enum outcome cell_outcome(const struct cell_seen *seen, const char *name);
unsigned cell_disk_loads(const struct cell_seen *seen, const char *name);

#endif
