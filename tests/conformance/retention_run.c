#include "tests/conformance/retention_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

/* ---- what is seen ---- */

void seen_free(struct seen *seen)
{
	free(seen->stages);
	*seen = (struct seen) { .stages = NULL };
}

static void see(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct seen *seen = context;
	const struct record_model *model = record;
	const struct record_residency *state = record;
	struct seen_stage *stage;

	(void)size_bytes;
	if (type == RECORD_MODEL) {
		if (model->model > OBJECTS_MAX) {
			seen->overflowed = true;
			return;
		}
		seen->objects[model->model - 1] = *model;
		seen->object_count = model->model > seen->object_count ? model->model : seen->object_count;
	} else if (type == RECORD_SNAPSHOT) {
		if (!array_reserve(&seen->stages, &seen->stage_capacity, seen->stage_count + 1, sizeof(*seen->stages), NULL)) {
			seen->overflowed = true;
			return;
		}
		stage = &seen->stages[seen->stage_count++];
		stage->state_count = 0;
		stage->snapshot = *(const struct record_snapshot *)record;
	} else if (type == RECORD_RESIDENCY && seen->stage_count) {
		stage = &seen->stages[seen->stage_count - 1];
		if (stage->state_count == OBJECTS_MAX)
			seen->overflowed = true;
		else
			stage->states[stage->state_count++] = *state;
	}
}

void object_name(const struct record_model *object, char *name, size_t name_size_bytes)
{
	if (object->generation > 1)
		snprintf(name, name_size_bytes, "%s#%u", object->name, object->generation);
	else
		snprintf(name, name_size_bytes, "%s", object->name);
}

bool retention_run(struct subject *subject, const struct retention_case *what, struct judge *judge, struct seen *seen,
		   struct judge_result *result, struct error *e)
{
	struct record_tee tee = { .first = judge_sink(judge), .second = { .context = seen, .put = see } };
	struct record_sink sink = record_tee_sink(&tee);
	struct subject_setup setup = { .cell = 1,
				       .policy = what->policy,
				       .cache = what->cache,
				       .device_mode = what->device_mode,
				       .node_flags = what->node_flags };
	struct record_cell opening = { .cell = 1 };
	bool fine;

	judge_reset(judge);
	seen->stage_count = 0;
	seen->object_count = 0;
	record_put(&sink, RECORD_CELL, &opening, sizeof(opening));
	if (!subject->operations->begin(subject, &setup, &sink, e))
		return false;
	fine = flow_run(what->flow, NULL, 0, subject, &sink, 1, e);
	if (!subject->operations->end(subject, e) || !fine)
		return false;
	return judge_finish(judge, result, e);
}
