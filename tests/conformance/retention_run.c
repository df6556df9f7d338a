#include "tests/conformance/retention_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "scenarios/matrix_workflow.h"

#define MODELS_MAX 16

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

/* ---- workflows of the case ---- */

static enum model_kind kind_of(const char *name)
{
	if (strcmp(name, "clip") == 0)
		return MODEL_CLIP;
	return strcmp(name, "vae") == 0 ? MODEL_VAE : MODEL_UNET;
}

static enum lora_use lora_of(const char *name)
{
	if (!name)
		return LORA_NONE;
	if (strcmp(name, "only") == 0)
		return LORA_ONLY;
	return strcmp(name, "base_then_clone") == 0 ? LORA_BASE_THEN_CLONE : LORA_CLONE_THEN_BASE;
}

static size_t read_models(const json_t *list, struct matrix_model *models)
{
	size_t count = json_array_size(list) < MODELS_MAX ? json_array_size(list) : MODELS_MAX;

	for (size_t i = 0; i < count; i++) {
		const json_t *row = json_array_get(list, i);
		const json_t *keep = json_object_get(row, "keep");

		models[i] = (struct matrix_model) { .name = json_string_value(json_object_get(row, "name")),
						    .kind = kind_of(json_string_value(json_object_get(row, "kind"))),
						    .keep = !json_is_boolean(keep) ? KEEP_NONE
							    : json_is_true(keep)   ? KEEP_YES
										   : KEEP_NO,
						    .lora = lora_of(json_string_value(json_object_get(row, "lora"))),
						    .strength = json_number_value(json_object_get(row, "strength")),
						    .preview = json_is_true(json_object_get(row, "preview")) };
	}
	return count;
}

/* One cell under way. */
struct cell {
	struct subject *subject;
	const struct record_sink *sink;
	struct matrix_model models[MODELS_MAX];
	size_t model_count;
};

static void tell(const struct cell *cell, enum action_kind kind, bool asks)
{
	struct record_action action = {
		.cell = 1, .cycle = cell->subject->operations->cycle(cell->subject), .kind = kind, .asks = asks
	};

	record_put(cell->sink, RECORD_ACTION, &action, sizeof(action));
}

static bool prompt(const struct cell *cell, const struct matrix_model *models, size_t count, unsigned seed, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	json_t *workflow = matrix_workflow(models, count, subject->compute_device(cell->subject), seed, e);
	bool fine =
		workflow && subject->prompt(cell->subject, workflow, "case", e) && subject->wait_until_idle(cell->subject, e);

	json_decref(workflow);
	return fine;
}

static bool act_prompt(const struct cell *cell, const char *name, const json_t *action, struct error *e)
{
	static const struct matrix_model other = { .name = "S", .kind = MODEL_UNET, .keep = KEEP_NONE };
	struct matrix_model models[MODELS_MAX];

	tell(cell, ACTION_PROMPT, false);
	if (strcmp(name, "prompt2") == 0)
		return prompt(cell, &other, 1, 1, e);
	if (strcmp(name, "promptm") == 0)
		return prompt(cell, models, read_models(json_array_get(action, 1), models), 1, e);
	if (strcmp(name, "promptseed") == 0)
		return prompt(cell, cell->models, cell->model_count, (unsigned)json_integer_value(json_array_get(action, 1)),
			      e);
	return prompt(cell, cell->models, cell->model_count, 1, e);
}

static bool act(const struct cell *cell, const json_t *action, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	const char *name = json_string_value(json_array_get(action, 0));
	const json_t *body = json_array_get(action, 1);
	bool asks;

	if (strncmp(name, "prompt", 6) == 0)
		return act_prompt(cell, name, action, e);
	if (strcmp(name, "post") == 0) {
		asks = json_is_true(json_object_get(body, "unload_models")) ||
		       json_is_true(json_object_get(body, "free_memory"));
		tell(cell, ACTION_POST, asks);
		return subject->request_free(cell->subject, body, e) && subject->wait_until_idle(cell->subject, e);
	}
	if (strcmp(name, "soft_empty") == 0) {
		tell(cell, ACTION_SOFT_EMPTY, false);
		return subject->soft_empty(cell->subject, e) && subject->wait_until_idle(cell->subject, e);
	}
	if (strcmp(name, "free_memory") == 0) {
		tell(cell, ACTION_FREE_MEMORY, true);
		return subject->free_memory(cell->subject, e) && subject->wait_until_idle(cell->subject, e);
	}
	if (strcmp(name, "settle") == 0) {
		tell(cell, ACTION_SETTLE, false);
		return subject->settle(cell->subject, e);
	}
	if (strcmp(name, "drop_hold") == 0) {
		tell(cell, ACTION_DROP_HOLD, false);
		return subject->drop_holds(cell->subject, e);
	}
	if (strncmp(name, "hold_", 5) == 0) {
		tell(cell, ACTION_HOLD, false);
		return subject->hold(cell->subject, json_string_value(body),
				     strcmp(name, "hold_inner") == 0 ? HOLD_MODEL : HOLD_PATCHER, e);
	}
	return error_set(e, ERROR_FORMAT, "action \"%.40s\" is not known", name);
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
	struct cell cell = { .subject = subject, .sink = &sink };
	struct record_cell opening = { .cell = 1 };
	const json_t *actions = json_object_get(what->spec, "actions");
	bool fine = true;

	judge_reset(judge);
	seen->stage_count = 0;
	seen->object_count = 0;
	record_put(&sink, RECORD_CELL, &opening, sizeof(opening));
	cell.model_count = read_models(json_object_get(what->spec, "models"), cell.models);
	if (!subject->operations->begin(subject, &setup, &sink, e))
		return false;
	for (size_t i = 0; fine && !subject->operations->worker_died(subject) && i < json_array_size(actions); i++)
		fine = act(&cell, json_array_get(actions, i), e);
	if (!subject->operations->end(subject, e) || !fine)
		return false;
	return judge_finish(judge, result, e);
}
