#include "scenarios/explore/explore_sequence.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "scenarios/flow/flow_words.h"

static const char *const names[SEQUENCE_MODELS_MAX] = { "A", "B", "C", "D", "E", "F" };
static const char *const clone_names[SEQUENCE_MODELS_MAX] = {
	"A+clone", "B+clone", "C+clone", "D+clone", "E+clone", "F+clone"
};

const char *explore_sequence_model_name(size_t index)
{
	return names[index];
}

const char *explore_sequence_clone_name(size_t index)
{
	return clone_names[index];
}

size_t explore_sequence_model_index(const char *name)
{
	for (size_t i = 0; i < SEQUENCE_MODELS_MAX; i++) {
		if (strcmp(name, names[i]) == 0 || strcmp(name, clone_names[i]) == 0)
			return i;
	}
	return SEQUENCE_MODELS_MAX;
}

void explore_sequence_free(struct sequence *sequence)
{
	free(sequence->steps);
	free(sequence->view);
	*sequence = (struct sequence) { .step_count = 0 };
}

bool explore_sequence_copy(struct sequence *to, const struct sequence *from, struct error *e)
{
	if (!array_reserve(&to->steps, &to->step_capacity, from->step_count, sizeof(*to->steps), e))
		return false;
	to->setting = from->setting;
	memcpy(to->models, from->models, sizeof(to->models));
	to->model_count = from->model_count;
	if (from->step_count)
		memcpy(to->steps, from->steps, from->step_count * sizeof(*to->steps));
	to->step_count = from->step_count;
	return true;
}

struct sequence_step *explore_sequence_add(struct sequence *sequence, struct error *e)
{
	struct sequence_step *step;

	if (!array_reserve(&sequence->steps, &sequence->step_capacity, sequence->step_count + 1, sizeof(*sequence->steps), e))
		return NULL;
	step = &sequence->steps[sequence->step_count++];
	memset(step, 0, sizeof(*step));
	return step;
}

void explore_sequence_remove(struct sequence *sequence, size_t first, size_t count)
{
	sequence->step_count -= count;
	memmove(sequence->steps + first, sequence->steps + first + count,
		(sequence->step_count - first) * sizeof(*sequence->steps));
}

bool explore_sequence_as_flow(struct sequence *sequence, struct flow *flow, struct error *e)
{
	if (!array_reserve(&sequence->view, &sequence->view_capacity, sequence->step_count, sizeof(*sequence->view), e))
		return false;
	for (size_t i = 0; i < sequence->step_count; i++) {
		sequence->view[i] = sequence->steps[i].step;
		sequence->view[i].models = sequence->steps[i].models;
	}
	*flow = (struct flow) { .name = "explored",
				.alias = "",
				.summary = "",
				.help = "",
				.setting = sequence->setting,
				.models = sequence->models,
				.model_count = sequence->model_count,
				.steps = sequence->view,
				.step_count = sequence->step_count };
	return true;
}

/* ---- in words ---- */

static void append_models(struct strbuf *line, const struct matrix_model *models, size_t count)
{
	static const char *const loras[] = { "", " lora", " base_then_clone", " clone_then_base" };

	for (size_t i = 0; i < count; i++) {
		const struct matrix_model *model = &models[i];

		strbuf_printf(line, "%s%s %s", i ? ", " : "", model->name, flow_kind_words[model->kind]);
		if (model->keep != KEEP_NONE)
			strbuf_append(line, model->keep == KEEP_YES ? " kept" : " not kept");
		strbuf_append(line, loras[model->lora]);
		if (model->lora != LORA_NONE && model->strength != 0 && model->strength != 1)
			strbuf_printf(line, " %g", model->strength);
		if (model->preview)
			strbuf_append(line, " preview");
		if (model->size_mb)
			strbuf_printf(line, " %u MB", model->size_mb);
	}
}

static void append_flag(struct strbuf *line, const char *name, enum wanted wanted, bool *first)
{
	if (wanted == WANTED_ABSENT)
		return;
	strbuf_printf(line, "%s%s%s", *first ? "" : ", ", wanted == WANTED_TRUE ? "" : "not ", name);
	*first = false;
}

static void append_body(struct strbuf *line, const struct flow_step *step)
{
	bool first = true;

	append_flag(line, "unload_models", step->unload_models, &first);
	append_flag(line, "free_memory", step->free_memory, &first);
	append_flag(line, "release_kept", step->release_kept, &first);
}

static void append_step(struct strbuf *line, const struct sequence *sequence, const struct sequence_step *step,
			bool with_models)
{
	const struct action_row *row = action_row(step->step.action.kind);

	strbuf_append(line, row->word);
	if (with_models && row->prompts == PROMPTS_FLOW_MODELS) {
		strbuf_append(line, "(");
		if (row->takes == TAKES_NUMBER)
			strbuf_printf(line, "%llu: ", (unsigned long long)step->step.action.number);
		append_models(line, sequence->models, sequence->model_count);
		strbuf_append(line, ")");
		return;
	}
	switch (row->takes) {
	case TAKES_NUMBER:
		if (with_models)
			strbuf_printf(line, "(%llu)", (unsigned long long)step->step.action.number);
		break;
	case TAKES_OPTIONAL_NUMBER:
		if (with_models && step->step.action.number)
			strbuf_printf(line, "(%llu)", (unsigned long long)step->step.action.number);
		break;
	case TAKES_PATCH:
		strbuf_printf(line, "(%s)", step->step.action.name);
		break;
	case TAKES_DEVICE:
		if (with_models)
			strbuf_printf(line, "(%s, %llu)", step->step.action.name, (unsigned long long)step->step.action.number);
		break;
	case TAKES_BODY:
		strbuf_append(line, "(");
		append_body(line, &step->step);
		strbuf_append(line, ")");
		break;
	case TAKES_TARGET:
		if (with_models && step->step.action.name)
			strbuf_printf(line, "(%s)", step->step.action.name);
		break;
	case TAKES_MODELS:
		if (!with_models)
			break;
		strbuf_append(line, "(");
		append_models(line, step->models, step->step.model_count);
		strbuf_append(line, ")");
		break;
	default:
		break;
	}
}

static void append_steps(const struct sequence *sequence, struct strbuf *line, bool with_models)
{
	for (size_t i = 0; i < sequence->step_count; i++) {
		if (i)
			strbuf_append(line, " ");
		append_step(line, sequence, &sequence->steps[i], with_models);
	}
}

void explore_sequence_line(const struct sequence *sequence, struct strbuf *line)
{
	append_steps(sequence, line, true);
}

void explore_sequence_shape(const struct sequence *sequence, struct strbuf *shape)
{
	append_steps(sequence, shape, false);
}
