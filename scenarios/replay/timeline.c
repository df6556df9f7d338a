/* timeline.c - a record sink that keeps stages, states and steps in arrays, in the order in which they come.
 *
 * Of an object that is reported again the first report stays. A failed allocation is remembered in `failed`.
 */
#include "scenarios/replay/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

static void empty(struct timeline *timeline)
{
	timeline->stage_count = 0;
	timeline->model_count = 0;
	timeline->state_count = 0;
	timeline->step_count = 0;
}

static void add_stage(struct timeline *timeline, const struct record_snapshot *snapshot)
{
	struct timeline_stage *stage;

	if (!array_reserve(&timeline->stages, &timeline->stage_capacity, timeline->stage_count + 1, sizeof(*stage), NULL)) {
		timeline->failed = true;
		return;
	}
	stage = &timeline->stages[timeline->stage_count++];
	stage->time_ns = snapshot->time_ns;
	memcpy(stage->exception, snapshot->exception, sizeof(stage->exception));
	snprintf(stage->name, sizeof(stage->name), "c%u.%s", snapshot->cycle, event_stage_name(snapshot->stage));
}

static void add_model(struct timeline *timeline, const struct record_model *model)
{
	struct timeline_model *added;

	for (size_t i = 0; i < timeline->model_count; i++) {
		if (timeline->models[i].number == model->model)
			return; /* reported again, with another keep flag */
	}
	if (!array_reserve(&timeline->models, &timeline->model_capacity, timeline->model_count + 1, sizeof(*added), NULL)) {
		timeline->failed = true;
		return;
	}
	added = &timeline->models[timeline->model_count++];
	added->number = model->model;
	added->size_bytes = model->size_bytes;
	record_object_name(added->name, sizeof(added->name), model->name, model->generation);
}

/* Records of these types are kept as they are. */
static void append(struct timeline *timeline, void *pointer, size_t *count, size_t *capacity, const void *record,
		   size_t size_bytes)
{
	char *items;

	if (!array_reserve(pointer, capacity, *count + 1, size_bytes, NULL)) {
		timeline->failed = true;
		return;
	}
	memcpy(&items, pointer, sizeof(items));
	memcpy(items + *count * size_bytes, record, size_bytes);
	(*count)++;
}

static void put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct timeline *timeline = context;

	switch (type) {
	case RECORD_CELL:
		empty(timeline);
		break;
	case RECORD_SNAPSHOT:
		add_stage(timeline, record);
		break;
	case RECORD_MODEL:
		add_model(timeline, record);
		break;
	case RECORD_RESIDENCY:
		append(timeline, &timeline->states, &timeline->state_count, &timeline->state_capacity, record, size_bytes);
		break;
	case RECORD_STEP:
		append(timeline, &timeline->steps, &timeline->step_count, &timeline->step_capacity, record, size_bytes);
		break;
	default:
		break;
	}
}

struct record_sink timeline_sink(struct timeline *timeline)
{
	return (struct record_sink) { .context = timeline, .put = put };
}

void timeline_free(struct timeline *timeline)
{
	free(timeline->stages);
	free(timeline->models);
	free(timeline->states);
	free(timeline->steps);
	*timeline = (struct timeline) { .stages = NULL };
}

const struct record_residency *timeline_state(const struct timeline *timeline, size_t m, size_t s)
{
	for (size_t i = 0; i < timeline->state_count; i++) {
		const struct record_residency *state = &timeline->states[i];

		if (state->model == timeline->models[m].number && state->snapshot == s + 1)
			return state;
	}
	return NULL;
}
