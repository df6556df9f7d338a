#include "scenarios/explore/explore_shrink.h"

#include <string.h>

#include "core/base/array.h"

struct shrink {
	struct explore_trial *trial;
	struct sequence *best;
	struct explore_failure *failure; /* of the best */
	struct sequence candidate;
	const bool *interrupted;
	size_t runs;
	bool changed; /* in this round */
	bool failed; /* memory, or a subject that is gone */
	struct error *e;
};

/* ---- trying ---- */

/* The candidate is the best from now on, without what comes after the failure. */
static void take(struct shrink *s, const struct explore_failure *failure)
{
	*s->failure = *failure;
	if (failure->step + 1 < s->candidate.step_count)
		s->candidate.step_count = failure->step + 1;
	s->failed |= !explore_sequence_copy(s->best, &s->candidate, s->e);
	s->changed = true;
}

/* Whether the candidate fails in the same way; then it is the best. */
static bool try(struct shrink *s)
{
	const struct explore_failure *same;

	if (s->failed || (s->interrupted && *s->interrupted) || s->candidate.step_count == 0)
		return false;
	s->runs++;
	if (!explore_trial_run(s->trial, &s->candidate, s->e)) {
		s->failed = true;
		return false;
	}
	same = explore_trial_same_failure(s->trial, s->failure);
	if (same)
		take(s, same);
	return same != NULL;
}

static bool begin_candidate(struct shrink *s)
{
	s->failed = s->failed || !explore_sequence_copy(&s->candidate, s->best, s->e);
	return !s->failed;
}

/* ---- actions ---- */

/* Whether any chunk of this size could go. */
static void drop_chunks(struct shrink *s, size_t size)
{
	for (size_t first = s->best->step_count; first > 0;) {
		size_t count = first < size ? first : size;

		if (first > s->best->step_count) { /* cut behind the failure meanwhile */
			first = s->best->step_count;
			continue;
		}
		first -= count;
		if (!begin_candidate(s))
			return;
		explore_sequence_remove(&s->candidate, first, count);
		try(s);
	}
}

static void drop_actions(struct shrink *s)
{
	for (size_t size = (s->best->step_count + 1) / 2; size > 0; size /= 2)
		drop_chunks(s, size);
}

/* ---- models ---- */

/* Whether it was there. */
static bool drop_model(struct matrix_model *models, size_t *count, const char *name)
{
	for (size_t i = 0; i < *count; i++) {
		if (strcmp(models[i].name, name) != 0)
			continue;
		memmove(models + i, models + i + 1, (*count - i - 1) * sizeof(*models));
		--*count;
		return true;
	}
	return false;
}

static bool has_models(const struct sequence *sequence)
{
	if (sequence->model_count == 0)
		return false;
	for (size_t i = 0; i < sequence->step_count; i++) {
		if (action_row(sequence->steps[i].step.action.kind)->takes == TAKES_MODELS &&
		    !sequence->steps[i].step.model_count)
			return false;
	}
	return true;
}

static void drop_model_everywhere(struct shrink *s, const char *name)
{
	bool any;

	if (!begin_candidate(s))
		return;
	any = drop_model(s->candidate.models, &s->candidate.model_count, name);
	for (size_t i = 0; i < s->candidate.step_count; i++)
		any |= drop_model(s->candidate.steps[i].models, &s->candidate.steps[i].step.model_count, name);
	if (any && has_models(&s->candidate))
		try(s);
}

static void drop_models(struct shrink *s)
{
	for (size_t m = 0; m < SEQUENCE_MODELS_MAX; m++) {
		const char *name = explore_sequence_model_name(m);

		drop_model_everywhere(s, name);
		for (size_t i = 0; i < s->best->step_count && begin_candidate(s); i++) { /* of one prompt alone */
			struct sequence_step *step = &s->candidate.steps[i];

			if (step->step.model_count > 1 && drop_model(step->models, &step->step.model_count, name))
				try(s);
		}
		if (s->best->model_count > 1 && begin_candidate(s) &&
		    drop_model(s->candidate.models, &s->candidate.model_count, name))
			try(s);
	}
}

/* ---- what models take ---- */

/* One way to make a model simpler; false where it is so simple already. */
typedef bool (*simplify_model)(struct matrix_model *model);

static bool without_preview(struct matrix_model *model)
{
	bool was = model->preview;

	model->preview = false;
	return was;
}

static bool without_lora(struct matrix_model *model)
{
	bool was = model->lora != LORA_NONE;

	model->lora = LORA_NONE;
	model->strength = 1;
	return was;
}

static bool with_lora_only(struct matrix_model *model)
{
	bool was = model->lora > LORA_ONLY;

	model->lora = was ? LORA_ONLY : model->lora;
	return was;
}

static bool with_full_strength(struct matrix_model *model)
{
	bool was = model->strength != 1;

	model->strength = 1;
	return was;
}

static bool without_flag(struct matrix_model *model)
{
	bool was = model->keep != KEEP_NONE;

	model->keep = KEEP_NONE;
	return was;
}

static bool with_small_size(struct matrix_model *model)
{
	bool was = model->size_mb != 0;

	model->size_mb = 0;
	return was;
}

static bool as_unet(struct matrix_model *model)
{
	bool was = model->kind != MODEL_UNET;

	model->kind = MODEL_UNET;
	return was;
}

static const simplify_model model_simplifiers[] = { without_preview, without_lora,    with_lora_only, with_full_strength,
						    without_flag,    with_small_size, as_unet };

static bool simplify_named(struct matrix_model *models, size_t count, const char *name, simplify_model simplify)
{
	bool any = false;

	for (size_t i = 0; i < count; i++)
		any |= strcmp(models[i].name, name) == 0 && simplify(&models[i]);
	return any;
}

/* The model becomes simpler everywhere; and where that is too much, in one prompt. A file is of one kind everywhere. */
static void simplify_everywhere(struct shrink *s, const char *name, simplify_model simplify)
{
	bool any;

	if (!begin_candidate(s))
		return;
	any = simplify_named(s->candidate.models, s->candidate.model_count, name, simplify);
	for (size_t i = 0; i < s->candidate.step_count; i++)
		any |= simplify_named(s->candidate.steps[i].models, s->candidate.steps[i].step.model_count, name, simplify);
	if (!any || try(s) || simplify == as_unet)
		return;
	for (size_t i = 0; i < s->best->step_count && begin_candidate(s); i++) {
		struct sequence_step *step = &s->candidate.steps[i];

		if (simplify_named(step->models, step->step.model_count, name, simplify))
			try(s);
	}
	if (begin_candidate(s) && simplify_named(s->candidate.models, s->candidate.model_count, name, simplify))
		try(s);
}

static void simplify_models(struct shrink *s)
{
	for (size_t m = 0; m < SEQUENCE_MODELS_MAX; m++) {
		for (size_t i = 0; i < ARRAY_SIZE(model_simplifiers); i++)
			simplify_everywhere(s, explore_sequence_model_name(m), model_simplifiers[i]);
	}
}

/* ---- what actions take ---- */

/* One way to make an action simpler; false where it is so simple already. */
typedef bool (*simplify_step)(struct flow_step *step);

static bool is_other_prompt(const struct flow_step *step)
{
	return step->action.kind == ACTION_PROMPT_MODELS || step->action.kind == ACTION_PROMPT_CHANGED;
}

static bool as_plain_prompt(struct flow_step *step)
{
	bool was = action_row(step->action.kind)->prompts && step->action.kind != ACTION_PROMPT &&
		   step->action.kind != ACTION_PROMPT_OTHER;

	if (was)
		*step = (struct flow_step) { .action.kind = ACTION_PROMPT };
	return was;
}

static bool as_plain_post(struct flow_step *step)
{
	bool was = action_row(step->action.kind)->takes == TAKES_BODY && step->action.kind != ACTION_POST;

	if (was)
		step->action.kind = ACTION_POST;
	return was;
}

/* Whatever model pushes it out, one without keep requests does. */
static bool as_other_prompt(struct flow_step *step)
{
	bool was = is_other_prompt(step);

	if (was)
		*step = (struct flow_step) { .action.kind = ACTION_PROMPT_OTHER };
	return was;
}

static bool without(enum wanted *flag, enum wanted than)
{
	bool was = *flag != than;

	*flag = than;
	return was;
}

static bool without_release(struct flow_step *step)
{
	return without(&step->release_kept, WANTED_ABSENT);
}

static bool without_free_memory(struct flow_step *step)
{
	return without(&step->free_memory, WANTED_ABSENT);
}

static bool without_unload_models(struct flow_step *step)
{
	return without(&step->unload_models, WANTED_ABSENT);
}

static bool with_unload_only(struct flow_step *step)
{
	bool was = step->free_memory == WANTED_TRUE && step->unload_models != WANTED_TRUE;

	if (was) {
		step->free_memory = WANTED_ABSENT;
		step->unload_models = WANTED_TRUE;
	}
	return was;
}

/* How little of a size is enough is not known: it stays. */
static bool with_least_number(struct flow_step *step)
{
	const struct action_row *row = action_row(step->action.kind);
	uint64_t least = row->takes == TAKES_NUMBER	       ? row->least
			 : row->takes == TAKES_OPTIONAL_NUMBER ? 0
							       : step->action.number;
	bool was = step->action.number != least;

	step->action.number = least;
	return was;
}

static const simplify_step step_simplifiers[] = { as_plain_prompt,  as_plain_post,	 as_other_prompt,
						  without_release,  without_free_memory, without_unload_models,
						  with_unload_only, with_least_number };

static void simplify_actions(struct shrink *s)
{
	for (size_t i = 0; i < s->best->step_count; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(step_simplifiers) && i < s->best->step_count; k++) {
			if (begin_candidate(s) && step_simplifiers[k](&s->candidate.steps[i].step))
				try(s);
		}
	}
}

static bool is_same_workflow(const struct matrix_model *a, size_t a_count, const struct matrix_model *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (a[i].name != b[i].name || a[i].kind != b[i].kind || a[i].keep != b[i].keep || a[i].lora != b[i].lora ||
		    a[i].strength != b[i].strength || a[i].preview != b[i].preview || a[i].size_mb != b[i].size_mb)
			return false;
	}
	return true;
}

static void spell_out_models(struct sequence *sequence)
{
	for (size_t i = 0; i < sequence->step_count; i++) {
		struct sequence_step *step = &sequence->steps[i];

		if (step->step.action.kind != ACTION_PROMPT)
			continue;
		memcpy(step->models, sequence->models, sizeof(step->models));
		step->step = (struct flow_step) { .action.kind = ACTION_PROMPT_MODELS, .model_count = sequence->model_count };
	}
}

/* The models of the first prompt are the sequence's; whoever has the same is a plain prompt. */
static void adopt_first_models(struct sequence *sequence)
{
	const struct sequence_step *first = NULL;

	for (size_t i = 0; i < sequence->step_count && !first; i++) {
		if (sequence->steps[i].step.action.kind == ACTION_PROMPT_MODELS)
			first = &sequence->steps[i];
	}
	if (!first)
		return;
	memcpy(sequence->models, first->models, sizeof(first->models));
	sequence->model_count = first->step.model_count;
	for (size_t i = 0; i < sequence->step_count; i++) {
		struct sequence_step *step = &sequence->steps[i];

		if (step->step.action.kind == ACTION_PROMPT_MODELS &&
		    is_same_workflow(step->models, step->step.model_count, sequence->models, sequence->model_count))
			step->step = (struct flow_step) { .action.kind = ACTION_PROMPT };
	}
}

static bool is_normal(const struct sequence *sequence)
{
	for (size_t i = 0; i < sequence->step_count; i++) {
		if (sequence->steps[i].step.action.kind == ACTION_PROMPT)
			return true;
		if (sequence->steps[i].step.action.kind == ACTION_PROMPT_MODELS)
			return false;
	}
	return true;
}

static void adopt_models(struct shrink *s)
{
	if (is_normal(s->best) || !begin_candidate(s))
		return;
	spell_out_models(&s->candidate);
	adopt_first_models(&s->candidate);
	try(s);
}

static void simplify_setting(struct shrink *s)
{
	if (s->best->setting.cache != CACHE_CLASSIC && begin_candidate(s)) {
		s->candidate.setting.cache = CACHE_CLASSIC;
		try(s);
	}
	if (s->best->setting.device_mode != DEVICE_MODE_SPLIT && begin_candidate(s)) {
		s->candidate.setting.device_mode = DEVICE_MODE_SPLIT;
		try(s);
	}
}

/* ---- names ---- */

struct model_renaming {
	size_t to[SEQUENCE_MODELS_MAX]; /* SEQUENCE_MODELS_MAX: not met yet */
	size_t count;
};

static size_t rename_index(struct model_renaming *renaming, size_t index)
{
	if (renaming->to[index] == SEQUENCE_MODELS_MAX)
		renaming->to[index] = renaming->count++;
	return renaming->to[index];
}

static void rename_models(struct model_renaming *renaming, struct matrix_model *models, size_t count)
{
	for (size_t i = 0; i < count; i++)
		models[i].name =
			explore_sequence_model_name(rename_index(renaming, explore_sequence_model_index(models[i].name)));
}

/* Models are called A, B, C in the order in which they come. */
static void rename_in_order(struct shrink *s)
{
	struct model_renaming renaming = { .count = 0 };

	for (size_t i = 0; i < SEQUENCE_MODELS_MAX; i++)
		renaming.to[i] = SEQUENCE_MODELS_MAX;
	if (!begin_candidate(s))
		return;
	rename_models(&renaming, s->candidate.models, s->candidate.model_count);
	for (size_t i = 0; i < s->candidate.step_count; i++) {
		struct sequence_step *step = &s->candidate.steps[i];
		size_t target =
			step->step.action.name ? explore_sequence_model_index(step->step.action.name) : SEQUENCE_MODELS_MAX;

		rename_models(&renaming, step->models, step->step.model_count);
		if (target == SEQUENCE_MODELS_MAX)
			continue;
		target = rename_index(&renaming, target);
		step->step.action.name = strchr(step->step.action.name, '+') ? explore_sequence_clone_name(target)
									     : explore_sequence_model_name(target);
	}
	try(s);
}

bool explore_shrink(struct explore_trial *trial, struct sequence *sequence, struct explore_failure *failure,
		    const bool *interrupted, size_t *runs, struct error *e)
{
	struct shrink s = { .trial = trial, .best = sequence, .failure = failure, .interrupted = interrupted, .e = e };

	if (failure->step + 1 < sequence->step_count)
		sequence->step_count = failure->step + 1;
	do {
		s.changed = false;
		drop_actions(&s);
		drop_models(&s);
		adopt_models(&s);
		simplify_actions(&s);
		simplify_models(&s);
		simplify_setting(&s);
	} while (s.changed && !s.failed && !(interrupted && *interrupted));
	rename_in_order(&s);
	explore_sequence_free(&s.candidate);
	*runs += s.runs;
	return !s.failed;
}
