#include "scenarios/flow.h"

#include <stdio.h>
#include <string.h>

#include "core/base/array.h"

/* ---- the flows, as data ---- */

static const struct matrix_model half_strength[] = {
	{ .name = "K", .kind = MODEL_UNET, .keep = KEEP_YES, .lora = LORA_ONLY, .strength = 0.5 },
};
static const struct matrix_model base_only[] = { { .name = "K", .kind = MODEL_UNET, .keep = KEEP_YES } };
static const struct matrix_model read_only[] = { { .name = "K", .kind = MODEL_UNET, .keep = KEEP_YES, .preview = true } };
static const struct matrix_model without_b[] = {
	{ .name = "A", .kind = MODEL_UNET, .keep = KEEP_NO },
	{ .name = "C", .kind = MODEL_VAE, .keep = KEEP_YES },
};
static const struct matrix_model only_a[] = { { .name = "A", .kind = MODEL_UNET, .keep = KEEP_NO } };

#define PROMPT                                                                                                                 \
	{                                                                                                                      \
		.action = FLOW_PROMPT                                                                                          \
	}
#define CHANGED(n)                                                                                                             \
	{                                                                                                                      \
		.action = FLOW_PROMPT_CHANGED, .seed = (n)                                                                     \
	}
#define OTHER                                                                                                                  \
	{                                                                                                                      \
		.action = FLOW_PROMPT_OTHER                                                                                    \
	}
#define MODELS(m)                                                                                                              \
	{                                                                                                                      \
		.action = FLOW_PROMPT_MODELS, .models = (m), .model_count = ARRAY_SIZE(m)                                      \
	}
#define POST(u, f)                                                                                                             \
	{                                                                                                                      \
		.action = FLOW_POST, .unload_models = WANTED_##u, .free_memory = WANTED_##f                                    \
	}
#define BOTH POST(TRUE, TRUE)
#define SETTLE                                                                                                                 \
	{                                                                                                                      \
		.action = FLOW_SETTLE                                                                                          \
	}
#define HOLD_MODEL_OF(i)                                                                                                       \
	{                                                                                                                      \
		.action = FLOW_HOLD_MODEL, .index = (i)                                                                        \
	}
#define HOLD_PATCHER_OF(i)                                                                                                     \
	{                                                                                                                      \
		.action = FLOW_HOLD_PATCHER, .index = (i)                                                                      \
	}
#define DROP                                                                                                                   \
	{                                                                                                                      \
		.action = FLOW_DROP_HOLDS                                                                                      \
	}

#define FLOW(identifier, flow_name, flow_alias, words, ...)                                                                    \
	static const struct flow_step identifier##_steps[] = { __VA_ARGS__ };                                                  \
	static const struct flow identifier = { flow_name, flow_alias, words, identifier##_steps,                              \
						ARRAY_SIZE(identifier##_steps) };

FLOW(both, "both", "F1", "a prompt, then /free with both flags", PROMPT, BOTH)
FLOW(unload, "unload", "F2", "a prompt, then /free with unload_models", PROMPT, POST(TRUE, ABSENT))
FLOW(free_only, "free", "F3", "a prompt, then /free with free_memory", PROMPT, POST(ABSENT, TRUE))
FLOW(refuse, "refuse", "F0f", "a prompt, then /free with both flags false", PROMPT, POST(FALSE, FALSE))
FLOW(free_not_unload, "free-not-unload", "F3f", "/free with free_memory true and unload_models false", PROMPT,
     POST(FALSE, TRUE))
FLOW(again, "again", "F4", "the prompt twice, no request", PROMPT, PROMPT, SETTLE)
FLOW(soft_empty, "soft-empty", "F5", "a prompt, then a forced clearing of the device's cache", PROMPT,
     { .action = FLOW_SOFT_EMPTY })
FLOW(twice, "twice", "F6", "/free with both flags, twice", PROMPT, BOTH, BOTH)
FLOW(both_prompt, "both-prompt", "F7", "/free with both flags, then the prompt again", PROMPT, BOTH, PROMPT)
FLOW(free_memory, "free-memory", "F8", "a prompt, then free_memory called for all memory", PROMPT,
     { .action = FLOW_FREE_MEMORY })
FLOW(both_changed, "both-changed", "F1q", "/free with both flags, then the prompt with another seed", PROMPT, BOTH, CHANGED(2))
FLOW(unload_prompt, "unload-prompt", "F2p", "/free with unload_models, then the prompt again", PROMPT, POST(TRUE, ABSENT),
     PROMPT)
FLOW(unload_changed, "unload-changed", "F2q", "/free with unload_models, then the prompt with another seed", PROMPT,
     POST(TRUE, ABSENT), CHANGED(2))
FLOW(four_rounds, "four-rounds", "F10", "prompt and /free with both flags, four times", PROMPT, BOTH, PROMPT, BOTH, PROMPT,
     BOTH, PROMPT, BOTH)
FLOW(model_held, "second-model-held", "F13i", "somebody else holds the second model while another workflow runs", PROMPT,
     HOLD_MODEL_OF(1), OTHER, SETTLE, BOTH, OTHER, DROP, BOTH)
FLOW(patcher_held, "second-patcher-held", "F13p", "somebody else holds the second patcher through /free", PROMPT,
     HOLD_PATCHER_OF(1), BOTH, PROMPT, SETTLE, BOTH)
FLOW(held_dropped, "held-and-dropped", "F13s", "the workflow loses a model that somebody else holds", PROMPT, HOLD_MODEL_OF(1),
     MODELS(without_b), SETTLE, MODELS(only_a), DROP, BOTH)
FLOW(first_held, "first-model-held", "F13u", "somebody else holds the first model while another workflow runs", PROMPT,
     HOLD_MODEL_OF(0), OTHER, SETTLE, BOTH, OTHER, DROP, BOTH)
FLOW(other_workflow, "other-workflow", "F14", "another workflow, then /free with both flags", PROMPT, OTHER, SETTLE, BOTH)
FLOW(strength, "strength", "F15", "the LoRA's strength changes", PROMPT, MODELS(half_strength), SETTLE, BOTH)
FLOW(lora_dropped, "lora-dropped", "F16", "the LoRA is taken out of the workflow", PROMPT, MODELS(base_only), SETTLE, BOTH)
FLOW(not_sampled, "not-sampled", "F17", "the workflow reads the model and does not sample", PROMPT, MODELS(read_only), SETTLE,
     BOTH)
FLOW(four_prompts, "four-prompts", "F18", "the prompt four times", PROMPT, PROMPT, PROMPT, PROMPT)
FLOW(clones_both, "clones-both", "F9-F1", "with clones: /free with both flags", PROMPT, BOTH)
FLOW(clones_unload, "clones-unload", "F9-F2", "with clones: /free with unload_models", PROMPT, POST(TRUE, ABSENT))
FLOW(clones_prompt, "clones-prompt", "F9-F7", "with clones: /free with both flags, then the prompt again", PROMPT, BOTH, PROMPT)

const struct flow *const flows[] = {
	&both,		 &unload,	 &free_only,	&refuse,       &free_not_unload, &again,
	&soft_empty,	 &twice,	 &both_prompt,	&free_memory,  &both_changed,	 &unload_prompt,
	&unload_changed, &four_rounds,	 &model_held,	&patcher_held, &held_dropped,	 &first_held,
	&other_workflow, &strength,	 &lora_dropped, &not_sampled,  &four_prompts,	 &clones_both,
	&clones_unload,	 &clones_prompt, NULL,
};

const struct flow *flow_find(const char *name_or_alias)
{
	for (size_t i = 0; flows[i]; i++) {
		if (strcmp(flows[i]->name, name_or_alias) == 0 || strcmp(flows[i]->alias, name_or_alias) == 0)
			return flows[i];
	}
	return NULL;
}

/* ---- running ---- */

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
	snprintf(detail, sizeof(detail), "%s%s", step->unload_models == WANTED_TRUE ? "unload_models " : "",
		 step->free_memory == WANTED_TRUE ? "free_memory" : "");
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
		return error_set(e, ERROR_UNSUPPORTED, "this flow holds model number %zu; the matrix has %zu", step->index + 1,
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
		return prompt(cell, cell->models, cell->model_count, step->seed, e);
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
	}
	return error_set(e, ERROR_BUG, "a flow's step has no action");
}

bool flow_run(const struct flow *flow, const struct matrix_model *models, size_t model_count, struct subject *subject,
	      const struct record_sink *sink, uint32_t cell_number, struct error *e)
{
	struct cell cell = {
		.models = models, .model_count = model_count, .subject = subject, .sink = sink, .number = cell_number
	};

	for (size_t i = 0; i < flow->step_count; i++) {
		if (subject->operations->worker_died(subject))
			return true;
		if (!take_step(&cell, &flow->steps[i], e))
			return error_context(e, "flow %s, step %zu", flow->name, i + 1);
	}
	return true;
}
