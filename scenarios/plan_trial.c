#include "scenarios/plan_trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/plan_model.h"
#include "scenarios/placed_run.h"

struct named_block {
	const char *name; /* without the prefix of a load list */
	size_t index;
};

struct plan_trial {
	struct topology *topology; /* as large as what is free */
	const struct plan_block *blocks;
	size_t block_count;
	struct named_block *by_name; /* sorted */
	struct picture picture;
	const char *model; /* static; NULL where nothing can run these blocks */
	const bool *interrupted;
	const struct plan *plan; /* the one being tried */
	unsigned compute;
	bool matches; /* its blocks are the model's */
};

static const char *without_prefix(const char *name)
{
	static const char prefix[] = "diffusion_model.";

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 ? name + sizeof(prefix) - 1 : name;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct named_block *)a)->name, ((const struct named_block *)b)->name);
}

static const char *model_of(const struct plan_block *blocks, size_t count, const struct picture *picture)
{
	struct model_profile profile = profile_model(blocks, count, picture);

	if (strcmp(profile.family, "flux") != 0)
		return NULL;
	if (fabs(profile.bytes_per_element - 2) < 0.01)
		return "flux1-dev.safetensors";
	return fabs(profile.bytes_per_element - 1) < 0.01 ? "flux1-dev-fp8.safetensors" : NULL;
}

/* The host gets room for the whole model besides, since it is opened there before it is placed. */
static void set_capacities(struct plan_trial *trial, const uint64_t *free_bytes)
{
	uint64_t whole = 0;

	for (size_t i = 0; i < trial->block_count; i++)
		whole += trial->blocks[i].size_bytes == PLAN_NO_SIZE ? 0 : trial->blocks[i].size_bytes;
	for (size_t i = 0; i < trial->topology->device_count; i++) {
		struct device_description *device = &trial->topology->devices[i];

		device->capacity_bytes = free_bytes[i] + (device->kind == DEVICE_CPU ? 2 * whole : 0);
	}
}

struct plan_trial *plan_trial_new(const struct topology *topology, const uint64_t *free_bytes, const struct plan_block *blocks,
				  size_t block_count, const struct picture *picture, const bool *interrupted, struct error *e)
{
	struct plan_trial *trial = array_new(1, sizeof(*trial), e);

	if (!trial)
		return NULL;
	trial->topology = topology_copy(topology, e);
	trial->by_name = array_new(block_count ? block_count : 1, sizeof(*trial->by_name), e);
	if (!trial->topology || !trial->by_name) {
		plan_trial_free(trial);
		return NULL;
	}
	trial->blocks = blocks;
	trial->block_count = block_count;
	trial->picture = *picture;
	trial->interrupted = interrupted;
	trial->model = model_of(blocks, block_count, picture);
	for (size_t i = 0; i < block_count; i++)
		trial->by_name[i] = (struct named_block) { without_prefix(blocks[i].name), i };
	if (block_count)
		qsort(trial->by_name, block_count, sizeof(*trial->by_name), compare_names);
	set_capacities(trial, free_bytes);
	return trial;
}

void plan_trial_free(struct plan_trial *trial)
{
	if (!trial)
		return;
	if (trial->topology)
		topology_free(trial->topology);
	free(trial->by_name);
	free(trial);
}

/* Scales beside 8-bit weights make a block a few bytes larger. */
static bool is_about(uint64_t a, uint64_t b)
{
	return fabs((double)a - (double)b) <= 0.01 * (double)b;
}

static bool find_device(const struct plan_trial *trial, const struct block *block, unsigned *device)
{
	struct named_block key = { without_prefix(block->name), 0 };
	const struct named_block *found = NULL;
	int index;

	*device = trial->compute;
	if (trial->block_count)
		found = bsearch(&key, trial->by_name, trial->block_count, sizeof(key), compare_names);
	if (!found)
		return block->size_bytes == 0;
	if (!is_about(trial->blocks[found->index].size_bytes, block->size_bytes))
		return false;
	if (trial->plan->share_of[found->index] == PLAN_NO_DEVICE)
		return true;
	index = plan_find_device(trial->topology, trial->plan->shares[trial->plan->share_of[found->index]].name);
	if (index >= 0)
		*device = (unsigned)index;
	return index >= 0;
}

static bool place(void *context, const struct model *model, unsigned *device_of, struct error *e)
{
	struct plan_trial *trial = context;

	for (size_t i = 0; i < model->block_count; i++) {
		trial->matches = find_device(trial, &model->blocks[i], &device_of[i]);
		if (!trial->matches)
			return error_set(e, ERROR_UNSUPPORTED, "block %s is not as in %s", model->blocks[i].name, model->name);
	}
	return true;
}

static bool run(void *context, const struct plan *plan, unsigned compute, double *seconds, bool *was_run, struct error *e)
{
	struct plan_trial *trial = context;
	struct placed_request request = { .topology = trial->topology,
					  .backend = &backend_sim,
					  .model = trial->model,
					  .compute = compute,
					  .width = trial->picture.width / 8,
					  .height = trial->picture.height / 8,
					  .interrupted = trial->interrupted };
	struct placer placer = { trial, place };
	struct placed_result result;
	struct error why = ERROR_INIT;

	*seconds = NAN;
	*was_run = false;
	if (!trial->model)
		return true;
	trial->plan = plan;
	trial->compute = compute;
	trial->matches = true;
	if (!placed_run(&request, &placer, &result, NULL, &why)) {
		if (!trial->matches)
			trial->model = NULL; /* nor will it be for another plan */
		return !trial->matches || error_set(e, why.kind, "%s", why.text);
	}
	*seconds = result.seconds;
	*was_run = true;
	return true;
}

struct suggest_runner plan_trial_runner(struct plan_trial *trial)
{
	return (struct suggest_runner) { .context = trial, .run = run };
}

/* Where the plan computes; a name that is no device leaves it to the first card. */
static unsigned compute_of(const struct plan *plan, const struct topology *topology)
{
	int found = plan_find_device(topology, plan->compute);

	return found >= 0 ? (unsigned)found : topology->device_count > 1;
}

bool plan_outlook(const struct plan *plan, const struct topology *topology, const uint64_t *free_bytes,
		  const struct plan_block *blocks, const struct picture *picture, const bool *interrupted,
		  struct plan_outlook *outlook, struct error *e)
{
	unsigned compute = compute_of(plan, topology);
	struct plan_trial *trial = plan_trial_new(topology, free_bytes, blocks, plan->block_count, picture, interrupted, e);
	struct predict_terms terms;
	struct predict_load load;
	double seconds;
	bool fine;

	if (!trial)
		return false;
	outlook->profile = profile_model(blocks, plan->block_count, picture);
	terms = profile_terms(&outlook->profile, &topology->devices[compute]);
	outlook->runs = profile_load(plan, blocks, topology, compute, &load);
	outlook->prediction = predict(topology, compute, &load, &terms);
	fine = run(trial, plan, compute, &seconds, &outlook->was_run, e);
	outlook->seconds = outlook->was_run ? seconds + outlook->prediction.conversion_seconds : outlook->prediction.seconds;
	plan_trial_free(trial);
	return fine;
}
