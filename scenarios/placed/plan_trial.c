/* plan_trial.c - a runner for suggest.h: builds the load list of a model, turns a plan into a placement and runs one
 * placed pass.
 *
 * Where rates of a device or family are unknown, only the copies are timed.
 */
#include "scenarios/placed/plan_trial.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/plan/place/plan_model.h"
#include "scenarios/placed/placed_pass.h"

struct plan_trial {
	struct plan_trial_request request;
	struct topology *topology; /* as large as what is free */
	struct topology *boundless; /* where nothing is ever full */
	unsigned *device_of; /* scratch, per block */
	double passes;
	double resident_seconds[DEVICE_MAX]; /* as run, by compute device; NAN where not yet */
};

struct plan_trial *plan_trial_new(const struct plan_trial_request *request, struct error *e)
{
	struct plan_trial *trial = array_new(1, sizeof(*trial), e);
	size_t count = request->costs->count;

	if (!trial)
		return NULL;
	trial->request = *request;
	trial->passes = request->passes > 0 ? request->passes : request->costs->profile.passes;
	trial->topology = topology_copy(request->topology, e);
	trial->boundless = placed_pass_boundless(request->topology, e);
	trial->device_of = array_new(count ? count : 1, sizeof(*trial->device_of), e);
	if (!trial->topology || !trial->boundless || !trial->device_of) {
		plan_trial_free(trial);
		return NULL;
	}
	for (size_t i = 0; i < trial->topology->device_count; i++)
		trial->topology->devices[i].capacity_bytes = request->free_bytes[i];
	for (size_t i = 0; i < DEVICE_MAX; i++)
		trial->resident_seconds[i] = (double)NAN;
	return trial;
}

void plan_trial_free(struct plan_trial *trial)
{
	if (!trial)
		return;
	if (trial->topology)
		topology_free(trial->topology);
	if (trial->boundless)
		topology_free(trial->boundless);
	free(trial->device_of);
	free(trial);
}

static struct pass_request pass_of(const struct plan_trial *trial, unsigned compute)
{
	return (struct pass_request) { .topology = trial->topology,
				       .blocks = trial->request.blocks,
				       .costs = trial->request.costs,
				       .device_of = trial->device_of,
				       .compute = compute,
				       .passes = trial->passes,
				       .converts_at_source = trial->request.converts_at_source };
}

/* A measured iteration is lengthened by as much as the simulated one is. */
static bool find_resident(struct plan_trial *trial, unsigned compute, struct error *e)
{
	struct pass_request request = pass_of(trial, compute);
	struct pass_result result;

	if (!isnan(trial->resident_seconds[compute]))
		return true;
	request.topology = trial->boundless;
	for (size_t i = 0; i < trial->request.costs->count; i++)
		trial->device_of[i] = compute;
	if (!placed_pass(&request, &result, e))
		return false;
	trial->resident_seconds[compute] = result.seconds;
	return true;
}

/* Of a device with unknown rates, as of an unknown family, only the copies can be reported. */
static bool is_known(const struct plan_trial *trial, unsigned compute)
{
	const struct device_description *device = &trial->topology->devices[compute];

	return !isnan(trial->request.costs->profile.flops) && !isnan(device->flops_per_s) && !isnan(device->memory_bytes_per_s);
}

static double seconds_of(const struct plan_trial *trial, unsigned compute, const struct pass_result *result)
{
	if (!result->fits)
		return (double)NAN;
	if (!isnan(trial->request.resident_seconds) && is_known(trial, compute))
		return trial->request.resident_seconds + result->seconds - trial->resident_seconds[compute];
	if (!isnan(trial->request.resident_seconds))
		return trial->request.resident_seconds + result->copy_seconds;
	return is_known(trial, compute) ? result->seconds : (double)NAN;
}

/* Blocks that the plan leaves to the loader, or puts on a device that the topology has not, count for the compute device. */
static void place(struct plan_trial *trial, const struct plan *plan, unsigned compute)
{
	int device_of_share[DEVICE_MAX + 1];

	for (size_t i = 0; i < plan->share_count && i <= DEVICE_MAX; i++)
		device_of_share[i] = plan_find_device(trial->topology, plan->shares[i].name);
	for (size_t i = 0; i < plan->block_count; i++) {
		uint32_t share = plan->share_of[i];
		int found = -1;

		if (share != PLAN_NO_DEVICE)
			found = share <= DEVICE_MAX ? device_of_share[share]
						    : plan_find_device(trial->topology, plan->shares[share].name);
		trial->device_of[i] = found < 0 ? compute : (unsigned)found;
	}
}

static bool run_plan(struct plan_trial *trial, const struct plan *plan, unsigned compute, double *block_copy_seconds,
		     struct suggest_run *run, struct error *e)
{
	struct pass_request request = pass_of(trial, compute);
	struct pass_result result;

	*run = (struct suggest_run) { .seconds = (double)NAN, .copy_seconds = (double)NAN };
	if (trial->request.interrupted && *trial->request.interrupted)
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	if (!isnan(trial->request.resident_seconds) && !find_resident(trial, compute, e))
		return false;
	place(trial, plan, compute);
	request.block_copy_seconds = block_copy_seconds;
	if (!placed_pass(&request, &result, e))
		return false;
	*run = (struct suggest_run) { .seconds = seconds_of(trial, compute, &result),
				      .copy_seconds = result.copy_seconds,
				      .fits = result.fits,
				      .short_device = result.short_device,
				      .lacking_bytes = result.lacking_bytes };
	return true;
}

static bool run(void *context, const struct plan *plan, unsigned compute, struct suggest_run *result, struct error *e)
{
	return run_plan(context, plan, compute, NULL, result, e);
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

static struct predict_terms terms_of(const struct plan_trial_request *request, double passes, unsigned compute)
{
	struct predict_terms terms = profile_terms(&request->costs->profile, &request->topology->devices[compute]);

	terms.converts_at_source = request->converts_at_source;
	terms.resident_seconds *= passes / terms.passes;
	terms.passes = passes;
	if (!isnan(request->resident_seconds))
		terms.resident_seconds = request->resident_seconds;
	return terms;
}

bool plan_outlook(const struct plan *plan, const struct plan_trial_request *request, struct plan_outlook *outlook,
		  struct error *e)
{
	unsigned compute = compute_of(plan, request->topology);
	struct plan_trial *trial = plan_trial_new(request, e);
	struct predict_terms terms;
	struct predict_load load;
	bool fine;

	*outlook = (struct plan_outlook) { .profile = request->costs->profile };
	outlook->block_copy_seconds = array_new(plan->block_count ? plan->block_count : 1, sizeof(double), e);
	if (!trial || !outlook->block_copy_seconds) {
		plan_trial_free(trial);
		return false;
	}
	terms = terms_of(request, trial->passes, compute);
	outlook->runs = profile_load(plan, request->blocks, request->topology, compute, &load);
	outlook->prediction = predict(request->topology, compute, &load, &terms);
	fine = run_plan(trial, plan, compute, outlook->block_copy_seconds, &outlook->run, &outlook->refusal) ||
	       outlook->refusal.kind == ERROR_ABSENT;
	if (!fine)
		error_set(e, outlook->refusal.kind, "%s", outlook->refusal.text);
	plan_trial_free(trial);
	return fine;
}

void plan_outlook_free(struct plan_outlook *outlook)
{
	free(outlook->block_copy_seconds);
	outlook->block_copy_seconds = NULL;
}
