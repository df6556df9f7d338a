#include "scenarios/explore/explore_generate.h"

#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/manager/policy.h"

/* ---- chance: splitmix64 ---- */

struct chance {
	uint64_t state;
};

static uint64_t next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static size_t below(struct chance *chance, size_t count)
{
	return (size_t)(next(chance) % count);
}

static bool happens(struct chance *chance, unsigned percent)
{
	return below(chance, 100) < percent;
}

/* One of the set bits. */
static unsigned pick_bit(struct chance *chance, uint64_t bits)
{
	size_t skip = below(chance, (size_t)__builtin_popcountll(bits));

	while (skip--)
		bits &= bits - 1;
	return (unsigned)__builtin_ctzll(bits);
}

/* ---- models ---- */

static enum keep_request any_request(struct chance *chance)
{
	static const enum keep_request requests[] = { KEEP_YES, KEEP_YES, KEEP_NO, KEEP_NONE };

	return requests[below(chance, ARRAY_SIZE(requests))];
}

static double any_strength(struct chance *chance)
{
	static const double strengths[] = { 1, 0.5, -1 };

	return strengths[below(chance, ARRAY_SIZE(strengths))];
}

static enum lora_use any_lora(struct chance *chance)
{
	return happens(chance, 60) ? LORA_NONE : (enum lora_use)(1 + below(chance, 3));
}

/* Most are small; of large ones a card holds two, or one. */
static unsigned any_size_mb(struct chance *chance)
{
	static const unsigned sizes[] = { 4000, 8000, 16000 };

	return happens(chance, 75) ? 0 : sizes[below(chance, ARRAY_SIZE(sizes))];
}

static struct matrix_model any_model(struct chance *chance, size_t index)
{
	static const enum model_kind kinds[] = { MODEL_UNET, MODEL_UNET, MODEL_CLIP, MODEL_VAE };
	struct matrix_model model = { .name = explore_sequence_model_name(index),
				      .kind = kinds[below(chance, ARRAY_SIZE(kinds))] };

	model.keep = any_request(chance);
	model.strength = 1;
	if (model.kind == MODEL_UNET)
		model.lora = any_lora(chance);
	if (model.lora != LORA_NONE)
		model.strength = any_strength(chance);
	model.preview = happens(chance, 4);
	model.size_mb = any_size_mb(chance);
	return model;
}

/* The same model as another workflow might have it. */
static void vary(struct chance *chance, struct matrix_model *model)
{
	if (happens(chance, 15))
		model->keep = any_request(chance);
	if (happens(chance, 10))
		model->preview = !model->preview;
	if (model->kind == MODEL_UNET && happens(chance, 20))
		model->lora = any_lora(chance);
	if (model->lora != LORA_NONE && happens(chance, 30))
		model->strength = any_strength(chance);
}

static void shuffle(struct chance *chance, struct matrix_model *models, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = below(chance, i);
		struct matrix_model other = models[j];

		models[j] = models[i - 1];
		models[i - 1] = other;
	}
}

static void take_some_models(struct chance *chance, const struct sequence *sequence, struct sequence_step *step)
{
	size_t count = 0;

	for (size_t i = 0; i < sequence->model_count; i++) {
		if (!happens(chance, 65))
			continue;
		step->models[count] = sequence->models[i];
		vary(chance, &step->models[count++]);
	}
	if (count == 0)
		step->models[count++] = sequence->models[below(chance, sequence->model_count)];
	if (happens(chance, 30))
		shuffle(chance, step->models, count);
	step->step.model_count = count;
}

/* ---- actions ---- */

static unsigned weight_of(unsigned action)
{
	unsigned weight = action_row((enum action_kind)action)->weight;

	return weight ? weight : 1;
}

static enum action_kind any_action(struct chance *chance)
{
	unsigned sum = 0;
	size_t at;
	unsigned action = 0;

	for (unsigned i = 0; i < ACTION_KIND_COUNT; i++)
		sum += weight_of(i);
	at = below(chance, sum);
	while (at >= weight_of(action))
		at -= weight_of(action++);
	return (enum action_kind)action;
}

static enum wanted any_flag(struct chance *chance, unsigned percent)
{
	if (happens(chance, percent))
		return WANTED_TRUE;
	return happens(chance, 30) ? WANTED_FALSE : WANTED_ABSENT;
}

static void take_body(struct chance *chance, struct flow_step *step)
{
	step->unload_models = any_flag(chance, 65);
	step->free_memory = any_flag(chance, 45);
	step->release_kept = happens(chance, 8) ? WANTED_TRUE : WANTED_ABSENT;
}

static void take_target(struct chance *chance, const struct sequence *sequence, struct flow_step *step)
{
	size_t model = explore_sequence_model_index(sequence->models[below(chance, sequence->model_count)].name);

	step->action.name = happens(chance, 30) ? explore_sequence_clone_name(model) : explore_sequence_model_name(model);
}

static uint64_t any_number(struct chance *chance, enum action_kind action)
{
	const struct action_row *row = action_row(action);
	uint64_t range = row->most - row->least;

	if (row->numbers[ACTION_NUMBERS - 1])
		return row->numbers[below(chance, ACTION_NUMBERS)];
	return row->least + below(chance, range < ACTION_NUMBERS ? (size_t)range + 1 : ACTION_NUMBERS);
}

static void take_argument(struct chance *chance, const struct sequence *sequence, struct sequence_step *step)
{
	enum action_kind action = step->step.action.kind;

	switch (action_row(action)->takes) {
	case TAKES_NOTHING:
	case TAKES_TAG:
		break;
	case TAKES_OPTIONAL_NUMBER:
		if (happens(chance, 50))
			step->step.action.number = any_number(chance, action);
		break;
	case TAKES_NUMBER:
		step->step.action.number = any_number(chance, action);
		break;
	case TAKES_PATCH:
		step->step.action.name = happens(chance, 60) ? "throw" : "none";
		break;
	case TAKES_DEVICE:
		step->step.action.name = "compute";
		step->step.action.number = any_number(chance, action);
		break;
	case TAKES_BODY:
		take_body(chance, &step->step);
		break;
	case TAKES_TARGET:
		take_target(chance, sequence, &step->step);
		break;
	case TAKES_MODELS:
		take_some_models(chance, sequence, step);
		break;
	}
}

static bool add_step(struct chance *chance, struct sequence *sequence, enum action_kind action, struct error *e)
{
	struct sequence_step *step = explore_sequence_add(sequence, e);

	if (!step)
		return false;
	step->step.action.kind = action;
	take_argument(chance, sequence, step);
	return true;
}

bool explore_generate(struct sequence *sequence, const struct explore_space *space, const struct policy *policy, uint64_t seed,
		      uint64_t number, struct error *e)
{
	struct chance chance = { .state = XXH3_64bits_withSeed(policy->name, strlen(policy->name), seed) };
	size_t length = space->length;

	chance.state = next(&chance) ^ (number * 0x9e3779b97f4a7c15);
	next(&chance);
	if (!space->whole_length)
		length = 1 + below(&chance, space->length);
	sequence->setting = (struct flow_setting) { .policy = policy,
						    .has_cache = true,
						    .cache = (enum cache_kind)pick_bit(&chance, space->caches),
						    .has_device_mode = true,
						    .device_mode = (enum device_mode)pick_bit(&chance, space->device_modes),
						    .has_node_flags = true,
						    .node_flags = (enum node_flags)pick_bit(&chance, space->node_flags),
						    .has_seed = true,
						    .seed = seed };
	sequence->step_count = 0;
	sequence->model_count = 1 + below(&chance, SEQUENCE_MODELS_MAX - 1);
	for (size_t i = 0; i < sequence->model_count; i++)
		sequence->models[i] = any_model(&chance, i);
	/* Without a model in the machine there is nothing to look at. */
	if (!add_step(&chance, sequence, ACTION_PROMPT, e))
		return false;
	while (sequence->step_count < length) {
		if (!add_step(&chance, sequence, any_action(&chance), e))
			return false;
	}
	return true;
}
