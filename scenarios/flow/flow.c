/* flow.c - runs a flow's steps over a subject, and records each action before it happens.
 *
 * Whether a flow fits its models, and the subject's abilities, is asked before the first step, so that a cell runs whole or not
 * at all. Then each step becomes an action: what it says relative to the flow (the flow's models, a model's number, the compute
 * device) is filled in by what its row takes and prompts. The action is recorded, done by the subject, and waited for. That a
 * device is full is a result of a prompt; any other error ends the flow.
 */
#include "scenarios/flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

struct cell {
	const struct matrix_model *models;
	size_t model_count;
	struct subject *subject;
	const struct record_sink *sink;
	uint32_t number;
};

/* A device that is full is a result, told with the prompt's stage, and not the end of the flow. */
static bool wait_until_idle(const struct cell *cell, struct error *e)
{
	struct error failed = ERROR_INIT;

	return cell->subject->operations->wait_until_idle(cell->subject, &failed) || failed.kind == ERROR_DEVICE_MEMORY ||
	       error_set(e, failed.kind, "%s", failed.text);
}

/* The workflow of models; one whose device is not here runs on the compute device. The caller owns it. */
static json_t *make_workflow(const struct cell *cell, const struct matrix_model *models, size_t count, uint64_t seed,
			     struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	struct matrix_model *here = array_new(count, sizeof(*here), e);
	json_t *workflow;

	if (!here)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		here[i] = models[i];
		if (here[i].device && !subject->has_device(cell->subject, here[i].device))
			here[i].device = NULL;
	}
	workflow = matrix_workflow(here, count, subject->compute_device(cell->subject), seed, e);
	free(here);
	return workflow;
}

/* `count` workflows, each with the next seed. */
static json_t *make_queue(const struct cell *cell, uint64_t count, struct error *e)
{
	json_t *list = json_array();

	if (!list)
		error_no_memory(e);
	for (unsigned i = 0; list && i < count; i++) {
		json_t *workflow = make_workflow(cell, cell->models, cell->model_count, i + 1, e);

		if (workflow && json_array_append_new(list, workflow) == 0)
			continue;
		if (workflow)
			error_no_memory(e);
		json_decref(list);
		list = NULL;
	}
	return list;
}

static json_t *make_cleanup_workflow(const struct cell *cell, unsigned step_number, struct error *e)
{
	json_t *workflow = make_workflow(cell, cell->models, cell->model_count, 1, e);

	if (!workflow || matrix_workflow_add_cleanup(workflow, step_number, e))
		return workflow;
	json_decref(workflow);
	return NULL;
}

static json_t *make_prompt(const struct cell *cell, const struct flow_step *step, unsigned step_number, struct error *e)
{
	static const struct matrix_model other = { .name = "S", .kind = MODEL_UNET, .keep = KEEP_NONE };
	const struct action_row *row = action_row(step->action.kind);

	if (row->prompts == PROMPTS_OTHER_MODEL)
		return make_workflow(cell, &other, 1, 1, e);
	if (row->prompts == PROMPTS_OWN_MODELS)
		return make_workflow(cell, step->models, step->model_count, 1, e);
	if (step->action.kind == ACTION_QUEUE)
		return make_queue(cell, step->action.number, e);
	if (row->node)
		return make_cleanup_workflow(cell, step_number, e);
	return make_workflow(cell, cell->models, cell->model_count, row->takes == TAKES_NUMBER ? step->action.number : 1, e);
}

static bool set_wanted(json_t *body, const char *name, enum wanted wanted)
{
	return wanted == WANTED_ABSENT || json_object_set_new(body, name, json_boolean(wanted == WANTED_TRUE)) == 0;
}

/* NULL when out of memory: a flag that got lost would be another request. */
static json_t *make_request(const struct flow_step *step, struct error *e)
{
	json_t *body = json_object();

	if (body && set_wanted(body, "unload_models", step->unload_models) &&
	    set_wanted(body, "free_memory", step->free_memory) && set_wanted(body, "release_kept", step->release_kept))
		return body;
	json_decref(body);
	error_no_memory(e);
	return NULL;
}

/* The model that a step speaks of, by name or number; NULL with e set if not found. */
static const char *target_of(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	if (step->action.name)
		return step->action.name;
	if (step->index < cell->model_count)
		return cell->models[step->index].name;
	error_set(e, ERROR_UNSUPPORTED, "it speaks of model number %zu, and there are %zu", step->index + 1, cell->model_count);
	return NULL;
}

/* Fills in what the step says relative to the flow. *body is the action's, owned by the caller; NULL where it has none. */
static bool resolve(const struct cell *cell, const struct flow_step *step, unsigned step_number, struct action *action,
		    json_t **body, struct error *e)
{
	const struct action_row *row = action_row(step->action.kind);

	*action = step->action;
	*body = NULL;
	if (row->prompts) {
		action->name = "matrix";
		action->body = *body = make_prompt(cell, step, step_number, e);
		return *body;
	}
	if (row->takes == TAKES_BODY) {
		action->body = *body = make_request(step, e);
		return *body;
	}
	if (row->takes == TAKES_TARGET) {
		action->name = target_of(cell, step, e);
		return action->name;
	}
	if (row->takes == TAKES_DEVICE && strcmp(action->name, "compute") == 0)
		action->name = cell->subject->operations->compute_device(cell->subject);
	if (row->takes == TAKES_OPTIONAL_NUMBER && !action->number)
		action->number = row->otherwise;
	return true;
}

/* What the record says of the action beside its kind. */
static void describe(const struct flow_step *step, const struct action *action, char *text, size_t size_bytes)
{
	const struct action_row *row = action_row(action->kind);

	text[0] = '\0';
	if (row->takes == TAKES_BODY)
		snprintf(text, size_bytes, "%s%s%s", step->unload_models == WANTED_TRUE ? "unload_models " : "",
			 step->free_memory == WANTED_TRUE ? "free_memory " : "",
			 step->release_kept == WANTED_TRUE ? "release_kept" : "");
	else if (row->detail && row->takes == TAKES_NUMBER)
		snprintf(text, size_bytes, "%s%llu", row->detail, (unsigned long long)action->number);
	else if (row->detail)
		snprintf(text, size_bytes, "%s", row->detail);
	else if (action->name && !row->prompts)
		snprintf(text, size_bytes, "%s", action->name);
}

static bool take_step(const struct cell *cell, const struct flow_step *step, unsigned number, struct error *e)
{
	const struct action_row *row = action_row(step->action.kind);
	char detail[RECORD_NAME_MAX];
	struct action action;
	json_t *body;
	bool fine;

	if (!resolve(cell, step, number, &action, &body, e))
		return false;
	describe(step, &action, detail, sizeof(detail));
	subject_put_action(cell->subject, &action, detail, cell->sink, cell->number);
	if (row->takes == TAKES_DEVICE && !cell->subject->operations->has_device(cell->subject, action.name))
		return true;
	fine = cell->subject->operations->act(cell->subject, &action, e) && (!row->waits || wait_until_idle(cell, e));
	json_decref(body);
	return fine;
}

bool flow_fits(const struct flow *flow, size_t model_count, struct error *e)
{
	for (size_t i = 0; i < flow->step_count; i++) {
		const struct flow_step *step = &flow->steps[i];

		if (action_row(step->action.kind)->takes == TAKES_TARGET && !step->action.name && step->index >= model_count)
			return error_set(e, ERROR_UNSUPPORTED, "action %zu holds model number %zu, and there are %zu", i + 1,
					 step->index + 1, model_count);
	}
	return true;
}

static bool share_a_model(const struct flow_step *step, const struct matrix_model *models, size_t model_count)
{
	for (size_t i = 0; i < step->model_count; i++) {
		for (size_t j = 0; j < model_count; j++) {
			if (strcmp(step->models[i].name, models[j].name) == 0)
				return true;
		}
	}
	return false;
}

bool flow_is_about(const struct flow *flow, const struct matrix_model *models, size_t model_count, struct error *e)
{
	for (size_t i = 0; i < flow->step_count; i++) {
		const struct flow_step *step = &flow->steps[i];

		if (action_row(step->action.kind)->takes == TAKES_MODELS && !share_a_model(step, models, model_count))
			return error_set(e, ERROR_UNSUPPORTED, "action %zu runs %s, which is not there", i + 1,
					 step->models[0].name);
	}
	return true;
}

static bool has_sizes(const struct matrix_model *models, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (models[i].size_mb)
			return true;
	}
	return false;
}

bool flow_can_run(const struct flow *flow, struct subject *subject, struct error *why)
{
	const struct subject_operations *operations = subject->operations;

	if (operations->can_size && has_sizes(flow->models, flow->model_count) && !operations->can_size(subject, why))
		return false;
	for (size_t i = 0; i < flow->step_count; i++) {
		const struct flow_step *step = &flow->steps[i];

		if (operations->can && !operations->can(subject, step->action.kind, why))
			return false;
		if (operations->can_size && has_sizes(step->models, step->model_count) && !operations->can_size(subject, why))
			return false;
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
		if (!take_step(&cell, &flow->steps[i], (unsigned)i + 1, e))
			return error_context(e, "flow %s, action %zu", flow->name, i + 1);
	}
	return true;
}
