/* Sampling: KSampler, and the custom sampler's parts. */
#include <string.h>

#include "core/compute/sampling/sampler.h"
#include "core/workflow/nodes/need.h"
#include "core/workflow/nodes/nodes.h"
#include "core/workflow/nodes/sample.h"
#include "core/workflow/nodes/sampled.h"

/* Of a placeholder model: its steps begin, and that is all. */
static bool pretend(const struct call *call, const struct sampling *sampling, struct error *e)
{
	const struct inference *inference = &call->services->inference;
	int64_t steps = node_call_integer(call, "steps");

	for (int64_t i = 0; i < (steps ? steps : 1); i++) {
		if (inference->before_step && !inference->before_step(inference->step_context, e))
			return false;
	}
	value_outputs_set_data(call->outputs, 0, value_data_keep(sampling->latent));
	return true;
}

bool sample_with(struct call *call, struct patcher *patcher, const struct sampling *sampling, struct error *e)
{
	struct load_request load = need_of_sampling(patcher, &sampling->latent->tensor);
	struct conditioning positive = value_data_conditioning(sampling->positive);
	struct conditioning negative;
	struct sample_request request = { .sampler = sampling->sampler,
					  .sigmas = sampling->sigmas,
					  .sigma_count = sampling->sigma_count,
					  .cfg = sampling->cfg,
					  .positive = &positive,
					  .latent = &sampling->latent->tensor,
					  .seed = sampling->seed,
					  .add_noise = true };
	struct inference inference;
	struct patch_pending pending;
	struct values out = { .rank = 0 };
	struct data *data;
	bool fine;

	if (!manager_load(call->services->manager, &patcher, 1, &load, e))
		return false;
	sampled_tell(call, patcher);
	if (!patcher_model(patcher)->family)
		return pretend(call, sampling, e);
	if (sampling->negative) {
		negative = value_data_conditioning(sampling->negative);
		request.negative = &negative;
	}
	pending = patcher_pending(patcher);
	inference = call->services->inference;
	inference.pending = &pending;
	fine = inference_sample(&inference, patcher_model(patcher), patcher_device(patcher), &request, &out, e);
	call->services->inference.sampler_run = inference.sampler_run;
	if (!fine)
		return false;
	data = value_data_tensor(&out, e);
	if (!data)
		return false;
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

bool sample_sigmas(const struct call *call, const struct patcher *patcher, const char *scheduler, int64_t steps, double denoise,
		   float **sigmas, size_t *sigma_count, struct error *e)
{
	*sigmas = NULL;
	*sigma_count = 0;
	if (!patcher_model(patcher)->family)
		return true;
	return inference_sigmas(&call->services->inference, patcher_model(patcher), patcher_sampling_shift(patcher), scheduler,
				(unsigned)steps, denoise, sigmas, sigma_count, e);
}

static bool run_ksampler(struct call *call, struct error *e)
{
	struct patcher *patcher = node_call_patcher(call, "model", MODEL_UNET, e);
	struct sampling sampling = { .positive = node_call_data(call, "positive", DATA_CONDITIONING, e),
				     .negative = node_call_data(call, "negative", DATA_CONDITIONING, e),
				     .latent = node_call_data(call, "latent_image", DATA_TENSOR, e),
				     .sampler = node_call_text(call, "sampler_name"),
				     .cfg = node_call_number(call, "cfg"),
				     .seed = node_call_seed(call, "seed") };
	float *sigmas;
	bool fine;

	if (!patcher || !sampling.positive || !sampling.negative || !sampling.latent ||
	    !sample_sigmas(call, patcher, node_call_text(call, "scheduler"), node_call_integer(call, "steps"),
			   node_call_number(call, "denoise"), &sigmas, &sampling.sigma_count, e))
		return false;
	sampling.sigmas = sigmas;
	fine = sample_with(call, patcher, &sampling, e);
	free(sigmas);
	return fine;
}

static const struct input_type ksampler_inputs[] = {
	{ .name = "model", .kind = INPUT_LINK, .type = "MODEL" },
	{ .name = "seed", .kind = INPUT_SEED },
	{ .name = "steps", .kind = INPUT_INTEGER, .least = 1, .most = 10000 },
	{ .name = "cfg", .kind = INPUT_NUMBER, .least = 0, .most = 100 },
	{ .name = "sampler_name", .kind = INPUT_TEXT },
	{ .name = "scheduler", .kind = INPUT_TEXT },
	{ .name = "positive", .kind = INPUT_LINK, .type = "CONDITIONING" },
	{ .name = "negative", .kind = INPUT_LINK, .type = "CONDITIONING" },
	{ .name = "latent_image", .kind = INPUT_LINK, .type = "LATENT" },
	{ .name = "denoise",
	  .kind = INPUT_NUMBER,
	  .optional = true,
	  .least = 0,
	  .most = 1,
	  .fallback = { .kind = VALUE_NUMBER, .number = 1.0 } },
	{ .name = NULL },
};

const struct node_type nodes_sampling[] = {
	{ .name = "KSampler", .inputs = ksampler_inputs, .outputs = { "LATENT" }, .run = run_ksampler },
	{ .name = NULL },
};
