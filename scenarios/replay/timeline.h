/* timeline.h - what was where at each stage of a cell, kept while its records go by. */
#ifndef RESIDENCY_SCENARIOS_TIMELINE_H
#define RESIDENCY_SCENARIOS_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/records/record.h"

struct timeline_stage {
	char name[32]; /* "c0.loaded" */
	uint64_t time_ns;
	char exception[RECORD_TEXT_MAX]; /* thrown on the way to it; "" for none */
};

struct timeline_model {
	char name[RECORD_MODEL_NAME_MAX]; /* "A", "A#2" for a second object */
	uint32_t number;
	uint64_t size_bytes;
};

/* Zero-initialised is empty. A RECORD_CELL empties it; timeline_free gives its memory back. */
struct timeline {
	struct timeline_stage *stages;
	size_t stage_count, stage_capacity;
	struct timeline_model *models;
	size_t model_count, model_capacity;
	struct record_residency *states;
	size_t state_count, state_capacity;
	struct record_step *steps;
	size_t step_count, step_capacity;
	bool failed; /* there was no memory: what is here is not whole */
};

struct record_sink timeline_sink(struct timeline *timeline);
void timeline_free(struct timeline *timeline);

/* What model m (an index) was at stage s; NULL where it did not exist yet. */
const struct record_residency *timeline_state(const struct timeline *timeline, size_t m, size_t s);

#endif
