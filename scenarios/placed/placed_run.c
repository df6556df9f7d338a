/* placed_run.c - opens a machine, loads a simulated FLUX.1 as the plan says, and samples it. */
#include "scenarios/placed/placed_run.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/compute/forwards/forward.h"
#include "core/compute/inference.h"
#include "core/workflow/library/model_library.h"

struct placed {
	const struct placed_request *request;
	struct machine *machine;
	struct model *model;
	const struct forward *forward;
	struct device *compute;
	struct step_event last; /* step of the run */
};

static void on_step(void *context, const struct step_event *event)
{
	struct placed *trial = context;

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

static bool place(const struct placed *trial, const struct placer *placer, struct error *e)
{
	const struct model *model = trial->model;
	unsigned *device_of = array_new(model->block_count, sizeof(*device_of), e);
	bool fine = device_of && placer->place(placer->context, model, device_of, e);

	for (size_t i = 0; fine && i < model->block_count; i++)
		fine = model_move_block(trial->model, i, machine_device(trial->machine, device_of[i]), e);
	free(device_of);
	return fine;
}

static bool sample(struct placed *trial, struct error *e)
{
	struct forward_shapes channels = trial->forward->shapes(trial->model->config);
	struct observer observer = { .context = trial, .step = on_step };
	struct inference inference = { .machine = trial->machine,
				       .observer = &observer,
				       .interrupted = trial->request->interrupted };
	struct conditioning conditioning = { .guidance = trial->forward->guidance };
	struct sample_request request = {
		.sampler = "euler", .cfg = 1, .seed = 1, .add_noise = true, .positive = &conditioning
	};
	struct values latent = { .rank = 0 };
	struct values out = { .rank = 0 };
	int64_t shape[] = { 1, channels.latent, trial->request->height, trial->request->width };
	int64_t context[] = { 1, trial->forward->context_tokens, channels.context };
	int64_t pooled[] = { 1, channels.pooled };
	float *sigmas = NULL;
	bool fine = inference_sigmas(&inference, trial->model, NAN, "simple", 2, 1.0, &sigmas, &request.sigma_count, e) &&
		    values_new(&latent, trial->machine, 4, shape, e) &&
		    values_new(&conditioning.cond, trial->machine, 3, context, e) &&
		    values_new(&conditioning.pooled, trial->machine, 2, pooled, e);

	request.sigmas = sigmas;
	request.latent = &latent;
	fine = fine && inference_sample(&inference, trial->model, trial->compute, &request, &out, e);
	free(sigmas);
	values_free(&latent);
	values_free(&out);
	compute_conditioning_free(&conditioning);
	return fine;
}

bool placed_run(const struct placed_request *request, const struct placer *placer, struct placed_result *result,
		uint64_t *offloaded_bytes, struct error *e)
{
	struct placed trial = { .request = request };
	struct error why = ERROR_INIT;
	bool fine;

	*result = (struct placed_result) { .seconds = NAN };
	if (offloaded_bytes)
		*offloaded_bytes = 0;
	trial.machine = machine_open(request->topology, request->backend, e);
	if (!trial.machine)
		return false;
	trial.compute = machine_device(trial.machine, request->compute);
	trial.model = open_model(trial.machine, request->model, &why);
	trial.forward = trial.model ? forward_find(trial.model, FORWARD_STEP) : NULL;
	if (trial.model && !trial.forward)
		error_set(&why, ERROR_UNSUPPORTED, "%s is no model that can be run so", request->model);
	fine = !error_is_set(&why) && place(&trial, placer, &why);
	if (trial.model && offloaded_bytes)
		*offloaded_bytes = trial.model->size_bytes - trial.model->bytes_on[request->compute];
	fine = fine && sample(&trial, &why);
	if (fine) {
		result->seconds = (double)(trial.last.end_ns - trial.last.start_ns) / 1e9;
		result->moved_bytes = trial.last.moved_bytes;
	}
	result->peak_bytes = device_memory_use(trial.compute).peak_bytes;
	model_free(trial.model);
	machine_close(trial.machine);
	if (fine || why.kind == ERROR_DEVICE_MEMORY)
		return true;
	return error_set(e, why.kind, "%s", why.text);
}
