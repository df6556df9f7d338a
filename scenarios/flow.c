#include "scenarios/flow.h"

#include <stdio.h>
#include <string.h>

struct cell {
	const struct matrix_model *models;
	size_t model_count;
	struct subject *subject;
	const struct record_sink *sink;
	uint32_t number;
};

static void tell(const struct cell *cell, enum action_kind kind, bool asks, const char *detail)
{
	struct record_action action = {
		.cell = cell->number, .cycle = cell->subject->operations->cycle(cell->subject), .kind = kind, .asks = asks
	};

	record_text(action.detail, sizeof(action.detail), detail);
	record_put(cell->sink, RECORD_ACTION, &action, sizeof(action));
}

static bool prompt(const struct cell *cell, const struct matrix_model *models, size_t count, unsigned seed, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	json_t *workflow = matrix_workflow(models, count, subject->compute_device(cell->subject), seed, e);
	bool fine;

	if (!workflow)
		return false;
	tell(cell, ACTION_PROMPT, false, "");
	fine = subject->prompt(cell->subject, workflow, "matrix", e) && subject->wait_until_idle(cell->subject, e);
	json_decref(workflow);
	return fine;
}

static void set_wanted(json_t *body, const char *name, enum wanted wanted)
{
	if (wanted != WANTED_ABSENT)
		json_object_set_new(body, name, json_boolean(wanted == WANTED_TRUE));
}

static bool post(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	json_t *body = json_object();
	bool asks = step->unload_models == WANTED_TRUE || step->free_memory == WANTED_TRUE;
	char detail[64];
	bool fine;

	if (!body)
		return error_no_memory(e);
	set_wanted(body, "unload_models", step->unload_models);
	set_wanted(body, "free_memory", step->free_memory);
	set_wanted(body, "release_kept", step->release_kept);
	snprintf(detail, sizeof(detail), "%s%s%s", step->unload_models == WANTED_TRUE ? "unload_models " : "",
		 step->free_memory == WANTED_TRUE ? "free_memory " : "",
		 step->release_kept == WANTED_TRUE ? "release_kept" : "");
	tell(cell, ACTION_POST, asks, detail);
	fine = subject->request_free(cell->subject, body, e) && subject->wait_until_idle(cell->subject, e);
	json_decref(body);
	return fine;
}

static bool hold(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	const char *target = step->target;

	if (!target && step->index < cell->model_count)
		target = cell->models[step->index].name;
	if (!target)
		return error_set(e, ERROR_UNSUPPORTED, "it holds model number %zu, and there are %zu", step->index + 1,
				 cell->model_count);
	tell(cell, ACTION_HOLD, false, target);
	return cell->subject->operations->hold(cell->subject, target,
					       step->action == FLOW_HOLD_MODEL ? HOLD_MODEL : HOLD_PATCHER, e);
}

static bool take_step(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	static const struct matrix_model other = { .name = "S", .kind = MODEL_UNET, .keep = KEEP_NONE };
	const struct subject_operations *subject = cell->subject->operations;

	switch (step->action) {
	case FLOW_PROMPT:
		return prompt(cell, cell->models, cell->model_count, 1, e);
	case FLOW_PROMPT_CHANGED:
		return prompt(cell, cell->models, cell->model_count, (unsigned)step->number, e);
	case FLOW_PROMPT_OTHER:
		return prompt(cell, &other, 1, 1, e);
	case FLOW_PROMPT_MODELS:
		return prompt(cell, step->models, step->model_count, 1, e);
	case FLOW_POST:
		return post(cell, step, e);
	case FLOW_SOFT_EMPTY:
		tell(cell, ACTION_SOFT_EMPTY, false, "");
		return subject->soft_empty(cell->subject, e) && subject->wait_until_idle(cell->subject, e);
	case FLOW_FREE_MEMORY:
		tell(cell, ACTION_FREE_MEMORY, true, "");
		return subject->free_memory(cell->subject, e) && subject->wait_until_idle(cell->subject, e);
	case FLOW_HOLD_PATCHER:
	case FLOW_HOLD_MODEL:
		return hold(cell, step, e);
	case FLOW_DROP_HOLDS:
		tell(cell, ACTION_DROP_HOLD, false, "");
		return subject->drop_holds(cell->subject, e);
	case FLOW_SETTLE:
		tell(cell, ACTION_SETTLE, false, "");
		return subject->settle(cell->subject, e);
	default:
		return error_set(e, ERROR_BUG, "a flow's step has no action");
	}
}

bool flow_fits(const struct flow *flow, size_t model_count, struct error *e)
{
	for (size_t i = 0; i < flow->step_count; i++) {
		const struct flow_step *step = &flow->steps[i];
		bool holds = step->action == FLOW_HOLD_PATCHER || step->action == FLOW_HOLD_MODEL;

		if (holds && !step->target && step->index >= model_count)
			return error_set(e, ERROR_UNSUPPORTED, "action %zu holds model number %zu, and there are %zu", i + 1,
					 step->index + 1, model_count);
	}
	return true;
}

bool flow_run(const struct flow *flow, const struct matrix_model *models, size_t model_count, struct subject *subject,
	      const struct record_sink *sink, uint32_t cell_number, struct error *e)
{
	struct cell cell = {
		.models = models, .model_count = model_count, .subject = subject, .sink = sink, .number = cell_number
	};

	if (flow->model_count) {
		cell.models = flow->models;
		cell.model_count = flow->model_count;
	}
	for (size_t i = 0; i < flow->step_count; i++) {
		if (subject->operations->worker_died(subject))
			return true;
		if (!take_step(&cell, &flow->steps[i], e))
			return error_context(e, "flow %s, action %zu", flow->name, i + 1);
	}
	return true;
}
