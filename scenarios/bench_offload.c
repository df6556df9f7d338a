#include "scenarios/bench_offload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/compute/inference.h"
#include "core/model/family.h"
#include "core/plan/plan_model.h"
#include "core/workflow/model_library.h"

#define LEVELS 9u /* from nothing to all of it */
#define PLANNER "01df082"

void bench_offload_free(struct bench_offload *result)
{
	free(result->points);
	*result = (struct bench_offload) { .points = NULL };
}

/* One placement, run. */
struct trial {
	const struct topology *topology;
	struct machine *machine;
	struct model *model;
	struct device *compute;
	const bool *interrupted;
	struct step_event last; /* step of the run */
};

static void on_step(void *context, const struct step_event *event)
{
	struct trial *trial = context;

	trial->last = *event;
}

static struct model *open_model(struct machine *machine, const char *file, struct error *e)
{
	static const struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	struct model_source source = {
		.kind = MODEL_UNET, .files = { file }, .file_count = 1, .type = "", .weight_dtype = "default"
	};

	return catalog.open(catalog.context, &source, machine, machine_device(machine, 0), e);
}

/* Blocks where the planner wants them for so much virtual VRAM on a donor. */
static bool place(const struct trial *trial, unsigned donor, double gib, struct error *e)
{
	const struct model *model = trial->model;
	unsigned *device_of = array_new(model->block_count, sizeof(*device_of), e);
	char allocation[128];
	bool fine;

	snprintf(allocation, sizeof(allocation), "#%s;%.6f;%s", device_name(trial->compute), gib,
		 trial->topology->devices[donor].name);
	fine = device_of && plan_model(model, trial->topology, allocation, plan_rules_find(PLANNER),
				       device_index(trial->compute), device_of, e);
	for (size_t i = 0; fine && i < model->block_count; i++)
		fine = model_move_block(trial->model, i, machine_device(trial->machine, device_of[i]), e);
	free(device_of);
	return fine;
}

static bool sample(struct trial *trial, struct error *e)
{
	const struct flux_config *config = trial->model->config;
	bool has_bytes = machine_backend(trial->machine)->has_bytes;
	int64_t side = has_bytes ? 16 : 128; /* of the latent: 128 or 1024 pixels */
	struct observer observer = { .context = trial, .step = on_step };
	struct inference inference = { .machine = trial->machine, .observer = &observer, .interrupted = trial->interrupted };
	struct conditioning conditioning = { .guidance = 3.5 };
	struct sample_request request = {
		.sampler = "euler", .cfg = 1, .seed = 1, .add_noise = true, .positive = &conditioning
	};
	struct values latent = { .rank = 0 };
	struct values out = { .rank = 0 };
	float *sigmas = NULL;
	bool fine = inference_sigmas(trial->model, NAN, "simple", 2, 1.0, &sigmas, &request.sigma_count, e) &&
		    values_new(&latent, trial->machine, 4, (int64_t[]) { 1, config->in_channels, side, side }, e) &&
		    values_new(&conditioning.cond, trial->machine, 3, (int64_t[]) { 1, 256, config->context_channels }, e) &&
		    values_new(&conditioning.pooled, trial->machine, 2, (int64_t[]) { 1, config->pooled_channels }, e);

	request.sigmas = sigmas;
	request.latent = &latent;
	fine = fine && inference_sample(&inference, trial->model, trial->compute, &request, &out, e);
	free(sigmas);
	values_free(&latent);
	values_free(&out);
	conditioning_free(&conditioning);
	return fine;
}

/* A model that does not fit is a result: seconds NAN. */
static bool run_trial(struct trial *trial, const struct backend *backend, const char *file, unsigned compute, unsigned donor,
		      double share, struct bench_offload_point *point, struct error *e)
{
	struct error why = ERROR_INIT;
	bool fine;

	*point = (struct bench_offload_point) { .donor = donor, .seconds = NAN };
	trial->machine = machine_open(trial->topology, backend, e);
	if (!trial->machine)
		return false;
	trial->compute = machine_device(trial->machine, compute);
	trial->model = open_model(trial->machine, file, &why);
	fine = trial->model && place(trial, donor, share * (double)trial->model->size_bytes / (double)GIB, &why);
	if (trial->model)
		point->offloaded_bytes = trial->model->size_bytes - trial->model->bytes_on[compute];
	fine = fine && sample(trial, &why);
	if (fine) {
		point->seconds = (double)(trial->last.end_ns - trial->last.start_ns) / 1e9;
		point->moved_bytes = trial->last.moved_bytes;
	}
	model_free(trial->model);
	machine_close(trial->machine);
	if (fine || why.kind == ERROR_DEVICE_MEMORY)
		return true;
	return error_set(e, why.kind, "%s", why.text);
}

static void put_sample(const struct record_sink *sink, const struct topology *topology, const struct backend *backend,
		       const struct bench_offload *result, const struct bench_offload_point *point)
{
	struct record_sample sample = { .x = (double)point->offloaded_bytes, .value = point->seconds };
	char label[RECORD_NAME_MAX];

	snprintf(label, sizeof(label), "%.30s, donor %.16s", result->model, topology->devices[point->donor].name);
	record_text(sample.series, sizeof(sample.series), "offload");
	record_text(sample.topology, sizeof(sample.topology), topology->name);
	record_text(sample.backend, sizeof(sample.backend), backend->name);
	record_text(sample.label, sizeof(sample.label), label);
	if (!isnan(point->seconds))
		record_put(sink, RECORD_SAMPLE, &sample, sizeof(sample));
}

bool bench_offload(const struct topology *topology, const struct backend *backend, const struct record_sink *sink,
		   const bool *interrupted, struct bench_offload *result, struct error *e)
{
	*result = (struct bench_offload) { .model = backend->has_bytes ? "flux1-small.safetensors" : "flux1-dev.safetensors",
					   .compute = 1 };
	if (topology->device_count < 2)
		return error_set(e, ERROR_ABSENT, "topology %s has no card to compute on", topology->name);
	for (unsigned donor = 0; donor < topology->device_count; donor++) {
		for (unsigned level = 0; donor != result->compute && level < LEVELS; level++) {
			struct trial trial = { .topology = topology, .interrupted = interrupted };
			struct bench_offload_point point;

			if (interrupted && *interrupted)
				return error_set(e, ERROR_INTERRUPTED, "interrupted");
			if (!run_trial(&trial, backend, result->model, result->compute, donor, (double)level / (LEVELS - 1),
				       &point, e))
				return false;
			if (!array_reserve(&result->points, &result->point_capacity, result->point_count + 1, sizeof(point), e))
				return false;
			result->points[result->point_count++] = point;
			put_sample(sink, topology, backend, result, &point);
		}
	}
	return true;
}
