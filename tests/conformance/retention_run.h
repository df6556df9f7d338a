/* retention_run.h - one case of specs.json run on the engine, and what was seen. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_RETENTION_RUN_H
#define RESIDENCY_TESTS_CONFORMANCE_RETENTION_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "db/records/record.h"
#include "probes/judge/judge.h"
#include "scenarios/flow/flow.h"
#include "scenarios/subject/subject.h"

#define OBJECTS_MAX 64

/* One stage: the snapshot and every object's state. */
struct seen_stage {
	struct record_snapshot snapshot;
	struct record_residency states[OBJECTS_MAX];
	size_t state_count;
};

struct seen {
	struct record_model objects[OBJECTS_MAX]; /* by number - 1 */
	size_t object_count;
	struct seen_stage *stages;
	size_t stage_count, stage_capacity;
	bool overflowed;
};

void seen_free(struct seen *seen);

struct retention_case {
	const struct flow *flow; /* of specs.json */
	const struct policy *policy;
	enum cache_kind cache;
	enum device_mode device_mode;
	enum node_flags node_flags;
};

/* Runs it; records go to the judge and to what is seen. */
bool retention_run(struct subject *subject, const struct retention_case *what, struct judge *judge, struct seen *seen,
		   struct judge_result *result, struct error *e);

/* "K", "K+clone#2": name and, from the second on, generation. */
void object_name(const struct record_model *object, char *name, size_t name_size_bytes);

#endif
