/* flow.c - runs a flow's steps over a subject, and records each action before it happens.
 *
 * Whether a flow fits its models, and the subject's abilities, is asked before the first step, so that a cell runs whole or not
 * at all. Then each step is recorded, done by the subject's operation, and waited for. That a device is full is a
 * result of a prompt; any other error ends the flow.
 */
#include "scenarios/flow/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "scenarios/flow/flow_file.h"

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

/* `count` prompts, each with the next seed. */
static bool prompts(const struct cell *cell, unsigned count, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	char detail[32];
	bool fine = true;

	snprintf(detail, sizeof(detail), "%u", count);
	tell(cell, ACTION_QUEUE, false, detail);
	for (unsigned i = 0; fine && i < count; i++) {
		json_t *workflow = make_workflow(cell, cell->models, cell->model_count, i + 1, e);

		fine = workflow && subject->prompt(cell->subject, workflow, "matrix", e);
		json_decref(workflow);
	}
	return fine && wait_until_idle(cell, e);
}

/* A workflow of models; with a full cleanup node where `cleanup` is a number, not 0. */
static bool prompt_with(const struct cell *cell, const struct matrix_model *models, size_t count, uint64_t seed,
			unsigned cleanup, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	json_t *workflow = make_workflow(cell, models, count, seed, e);
	bool fine;

	if (!workflow || (cleanup && !matrix_workflow_add_cleanup(workflow, cleanup, e))) {
		json_decref(workflow);
		return false;
	}
	tell(cell, ACTION_PROMPT, false, cleanup ? "full_cleanup" : "");
	fine = subject->prompt(cell->subject, workflow, "matrix", e) && wait_until_idle(cell, e);
	json_decref(workflow);
	return fine;
}

static bool prompt(const struct cell *cell, const struct matrix_model *models, size_t count, uint64_t seed, struct error *e)
{
	return prompt_with(cell, models, count, seed, 0, e);
}

static bool set_wanted(json_t *body, const char *name, enum wanted wanted)
{
	return wanted == WANTED_ABSENT || json_object_set_new(body, name, json_boolean(wanted == WANTED_TRUE)) == 0;
}

/* The caller owns it; NULL when out of memory: a flag that got lost would be another request. */
static json_t *post_body(const struct flow_step *step, struct error *e)
{
	json_t *body = json_object();

	if (body && set_wanted(body, "unload_models", step->unload_models) &&
	    set_wanted(body, "free_memory", step->free_memory) && set_wanted(body, "release_kept", step->release_kept))
		return body;
	json_decref(body);
	error_no_memory(e);
	return NULL;
}

static bool post(const struct cell *cell, const struct flow_step *step, enum request_when when, struct error *e)
{
	static const enum action_kind kinds[] = { [REQUEST_HEARD] = ACTION_POST,
						  [REQUEST_UNHEARD] = ACTION_POST_UNHEARD,
						  [REQUEST_WHILE_RUNNING] = ACTION_POST_RUNNING };
	const struct subject_operations *subject = cell->subject->operations;
	json_t *body = post_body(step, e);
	bool asks = step->unload_models == WANTED_TRUE || step->free_memory == WANTED_TRUE;
	char detail[64];
	bool fine;

	if (!body)
		return false;
	snprintf(detail, sizeof(detail), "%s%s%s", step->unload_models == WANTED_TRUE ? "unload_models " : "",
		 step->free_memory == WANTED_TRUE ? "free_memory " : "",
		 step->release_kept == WANTED_TRUE ? "release_kept" : "");
	tell(cell, kinds[when], asks, detail);
	fine = subject->request_free(cell->subject, body, when, e) && wait_until_idle(cell, e);
	json_decref(body);
	return fine;
}

/* The model that a step speaks of, by name or number; NULL with e set where there is none. */
static const char *target_of(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	if (step->target)
		return step->target;
	if (step->index < cell->model_count)
		return cell->models[step->index].name;
	error_set(e, ERROR_UNSUPPORTED, "it speaks of model number %zu, and there are %zu", step->index + 1, cell->model_count);
	return NULL;
}

static bool move_foreign(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	const char *target = target_of(cell, step, e);

	if (!target)
		return false;
	tell(cell, ACTION_MOVE_FOREIGN, false, target);
	return cell->subject->operations->move_foreign(cell->subject, target, e);
}

static bool hold(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	const char *target = target_of(cell, step, e);

	if (!target)
		return false;
	tell(cell, ACTION_HOLD, false, target);
	return cell->subject->operations->hold(cell->subject, target,
					       step->action == FLOW_HOLD_MODEL ? HOLD_MODEL : HOLD_PATCHER, e);
}

static bool befall(const struct cell *cell, const struct flow_step *step, enum mishap mishap, struct error *e)
{
	char detail[48];

	snprintf(detail, sizeof(detail), "%s at step %llu", flow_action_name(step->action), (unsigned long long)step->number);
	tell(cell, ACTION_BEFALL, false, detail);
	return cell->subject->operations->befall(cell->subject, mishap, (unsigned)step->number, e);
}

static bool take_outside(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;
	const char *device = strcmp(step->word, "compute") == 0 ? subject->compute_device(cell->subject) : step->word;

	tell(cell, ACTION_OUTSIDE, false, device);
	if (!subject->has_device(cell->subject, device))
		return true;
	return subject->take_outside(cell->subject, device, step->number, e);
}

static bool wait_for(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	tell(cell, ACTION_SETTLE, false, "");
	return cell->subject->operations->wait(cell->subject, step->number ? (unsigned)step->number : SETTLE_SECONDS, e);
}

/* What others do. */
static bool take_foreign_step(const struct cell *cell, const struct flow_step *step, struct error *e)
{
	const struct subject_operations *subject = cell->subject->operations;

	switch (step->action) {
	case FLOW_FOREIGN_UNLOAD:
		tell(cell, ACTION_FOREIGN_UNLOAD, false, step->word);
		return subject->patch_unload(cell->subject, strcmp(step->word, "throw") == 0, e);
	case FLOW_LOAD_FOREIGN:
		tell(cell, ACTION_LOAD_FOREIGN, false, "");
		return subject->load_foreign(cell->subject, step->number * 1000000, e) && wait_until_idle(cell, e);
	case FLOW_MOVE_FOREIGN:
		return move_foreign(cell, step, e);
	case FLOW_OUTSIDE:
		return take_outside(cell, step, e);
	case FLOW_OUTSIDE_DROP:
		tell(cell, ACTION_OUTSIDE_DROP, false, "");
		return subject->drop_outside(cell->subject, e);
	case FLOW_CPU_MEMORY:
		tell(cell, ACTION_CPU_MEMORY, false, "");
		return subject->set_cpu_memory(cell->subject, (unsigned)step->number, e);
	case FLOW_HOLD_PATCHER:
	case FLOW_HOLD_MODEL:
		return hold(cell, step, e);
	case FLOW_DROP_HOLDS:
		tell(cell, ACTION_DROP_HOLD, false, "");
		return subject->drop_holds(cell->subject, e);
	default:
		return error_set(e, ERROR_BUG, "a flow's step has no action");
	}
}

static bool take_step(const struct cell *cell, const struct flow_step *step, unsigned number, struct error *e)
{
	static const struct matrix_model other = { .name = "S", .kind = MODEL_UNET, .keep = KEEP_NONE };
	const struct subject_operations *subject = cell->subject->operations;

	switch (step->action) {
	case FLOW_PROMPT:
		return prompt(cell, cell->models, cell->model_count, 1, e);
	case FLOW_PROMPT_CHANGED:
		return prompt(cell, cell->models, cell->model_count, step->number, e);
	case FLOW_PROMPT_OTHER:
		return prompt(cell, &other, 1, 1, e);
	case FLOW_PROMPT_MODELS:
		return prompt(cell, step->models, step->model_count, 1, e);
	case FLOW_FULL_CLEANUP:
		return prompt_with(cell, cell->models, cell->model_count, 1, number, e);
	case FLOW_QUEUE:
		return prompts(cell, (unsigned)step->number, e);
	case FLOW_POST:
		return post(cell, step, REQUEST_HEARD, e);
	case FLOW_POST_RUNNING:
		return post(cell, step, REQUEST_WHILE_RUNNING, e);
	case FLOW_POST_UNHEARD:
		return post(cell, step, REQUEST_UNHEARD, e);
	case FLOW_SOFT_EMPTY:
		tell(cell, ACTION_SOFT_EMPTY, false, "");
		return subject->soft_empty(cell->subject, e) && wait_until_idle(cell, e);
	case FLOW_FREE_MEMORY:
		tell(cell, ACTION_FREE_MEMORY, true, "");
		return subject->free_memory(cell->subject, e) && wait_until_idle(cell, e);
	case FLOW_SETTLE:
		return wait_for(cell, step, e);
	case FLOW_INTERRUPT:
		return befall(cell, step, MISHAP_INTERRUPT, e);
	case FLOW_FAIL:
		return befall(cell, step, MISHAP_FAILURE, e);
	case FLOW_OUT_OF_MEMORY:
		return befall(cell, step, MISHAP_OUT_OF_MEMORY, e);
	default:
		return take_foreign_step(cell, step, e);
	}
}

bool flow_fits(const struct flow *flow, size_t model_count, struct error *e)
{
	for (size_t i = 0; i < flow->step_count; i++) {
		const struct flow_step *step = &flow->steps[i];
		bool names_a_model = step->action == FLOW_HOLD_PATCHER || step->action == FLOW_HOLD_MODEL ||
				     step->action == FLOW_MOVE_FOREIGN;

		if (names_a_model && !step->target && step->index >= model_count)
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

		if (step->action == FLOW_PROMPT_MODELS && !share_a_model(step, models, model_count))
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

/* The ability that a step asks for; false where it asks for none that needs asking. */
static bool needs(const struct flow_step *step, enum ability *ability)
{
	switch (step->action) {
	case FLOW_LOAD_FOREIGN:
		*ability = ABILITY_FOREIGN_LOAD;
		return true;
	case FLOW_MOVE_FOREIGN:
		*ability = ABILITY_FOREIGN_MOVE;
		return true;
	case FLOW_OUTSIDE:
	case FLOW_OUTSIDE_DROP:
		*ability = ABILITY_OUTSIDE_MEMORY;
		return true;
	case FLOW_CPU_MEMORY:
		*ability = ABILITY_CPU_MEMORY;
		return true;
	case FLOW_FULL_CLEANUP:
		*ability = ABILITY_FULL_CLEANUP;
		return true;
	default:
		*ability = ABILITY_SIZED_MODEL;
		return has_sizes(step->models, step->model_count);
	}
}

bool flow_can_run(const struct flow *flow, struct subject *subject, struct error *why)
{
	const struct subject_operations *operations = subject->operations;
	enum ability ability;

	if (!operations->can)
		return true;
	if (has_sizes(flow->models, flow->model_count) && !operations->can(subject, ABILITY_SIZED_MODEL, why))
		return false;
	for (size_t i = 0; i < flow->step_count; i++) {
		if (needs(&flow->steps[i], &ability) && !operations->can(subject, ability, why))
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
