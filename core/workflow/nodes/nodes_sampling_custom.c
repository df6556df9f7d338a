/* The custom sampler's parts: noise, guider, sampler, sigmas. */
#include <math.h>

#include "core/compute/sampling/sampler.h"
#include "core/workflow/nodes/nodes.h"
#include "core/workflow/nodes/sample.h"

/* A guider holds the model that it guides: an object, so that this can be seen. */
struct guider {
	struct object object;
	struct reference model;
	struct data *positive, *negative; /* counted; negative may be NULL */
	double cfg;
};

static void guider_destroy(struct object *object)
{
	struct guider *guider = (struct guider *)object;

	value_data_drop(guider->positive);
	value_data_drop(guider->negative);
}

static const struct object_class guider_class = { .name = "guider", .transparent = true, .destroy = guider_destroy };

static bool make_guider(struct call *call, const char *positive_name, const char *negative_name, double cfg, struct error *e)
{
	struct patcher *patcher = node_call_patcher(call, "model", MODEL_UNET, e);
	struct data *positive = node_call_data(call, positive_name, DATA_CONDITIONING, e);
	struct data *negative = negative_name ? node_call_data(call, negative_name, DATA_CONDITIONING, e) : NULL;
	struct guider *guider;

	if (!patcher || !positive || (negative_name && !negative))
		return false;
	guider = object_new(manager_heap(call->services->manager), &guider_class, "", sizeof(*guider), e);
	if (!guider)
		return false;
	reference_set(&guider->model, &guider->object, patcher_object(patcher), "model");
	guider->positive = value_data_keep(positive);
	guider->negative = value_data_keep(negative);
	guider->cfg = cfg;
	value_outputs_set_object(call->outputs, 0, &guider->object, "GUIDER");
	return true;
}

static bool run_basic_guider(struct call *call, struct error *e)
{
	return make_guider(call, "conditioning", NULL, 1, e);
}

static bool run_cfg_guider(struct call *call, struct error *e)
{
	return make_guider(call, "positive", "negative", node_call_number(call, "cfg"), e);
}

static bool run_noise(struct call *call, struct error *e)
{
	struct data *data = value_data_new(DATA_NOISE, e);

	if (!data)
		return false;
	data->seed = node_call_seed(call, "noise_seed");
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

static bool run_select(struct call *call, struct error *e)
{
	const struct sampler *sampler = sampler_find(node_call_text(call, "sampler_name"), e);

	if (!sampler)
		return false;
	call->outputs->slots[0].value = (struct value) { .kind = VALUE_TEXT, .text = sampler->name };
	return true;
}

static bool run_scheduler(struct call *call, struct error *e)
{
	struct patcher *patcher = node_call_patcher(call, "model", MODEL_UNET, e);
	struct data *data = patcher ? value_data_new(DATA_SIGMAS, e) : NULL;

	if (!data)
		return false;
	if (!sample_sigmas(call, patcher, node_call_text(call, "scheduler"), node_call_integer(call, "steps"),
			   node_call_number(call, "denoise"), &data->sigmas, &data->sigma_count, e)) {
		value_data_drop(data);
		return false;
	}
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

static bool run_sampler(struct call *call, struct error *e)
{
	const struct value *linked = node_call_argument(call, "guider");
	const struct data *noise = node_call_data(call, "noise", DATA_NOISE, e);
	const struct data *sigmas = node_call_data(call, "sigmas", DATA_SIGMAS, e);
	struct data *latent = node_call_data(call, "latent_image", DATA_TENSOR, e);
	const struct guider *guider;
	struct sampling sampling;

	if (!noise || !sigmas || !latent)
		return false;
	if (linked->kind != VALUE_OBJECT || linked->object->class != &guider_class)
		return error_set(e, ERROR_NODE, "input guider is no GUIDER");
	guider = (const struct guider *)linked->object;
	sampling = (struct sampling) { .positive = guider->positive,
				       .negative = guider->negative,
				       .latent = latent,
				       .sampler = node_call_text(call, "sampler"),
				       .sigmas = sigmas->sigmas,
				       .sigma_count = sigmas->sigma_count,
				       .cfg = guider->cfg,
				       .seed = noise->seed };
	if (!sample_with(call, patcher_of(guider->model.target), &sampling, e))
		return false;
	value_outputs_set_data(call->outputs, 1, value_data_keep(call->outputs->slots[0].value.data));
	return true;
}

#define LINK(input, kind_name)                                                                                                 \
	{                                                                                                                      \
		.name = (input), .kind = INPUT_LINK, .type = (kind_name)                                                       \
	}

static const struct input_type noise_inputs[] = { { .name = "noise_seed", .kind = INPUT_SEED }, { .name = NULL } };
static const struct input_type select_inputs[] = { { .name = "sampler_name", .kind = INPUT_TEXT }, { .name = NULL } };
static const struct input_type basic_inputs[] = { LINK("model", "MODEL"),
						  LINK("conditioning", "CONDITIONING"),
						  { .name = NULL } };
static const struct input_type cfg_inputs[] = { LINK("model", "MODEL"),
						LINK("positive", "CONDITIONING"),
						LINK("negative", "CONDITIONING"),
						{ .name = "cfg", .kind = INPUT_NUMBER, .least = 0, .most = 100 },
						{ .name = NULL } };
static const struct input_type scheduler_inputs[] = {
	LINK("model", "MODEL"),
	{ .name = "scheduler", .kind = INPUT_TEXT },
	{ .name = "steps", .kind = INPUT_INTEGER, .least = 1, .most = 10000 },
	{ .name = "denoise", .kind = INPUT_NUMBER, .least = 0, .most = 1 },
	{ .name = NULL },
};
static const struct input_type sampler_inputs[] = { LINK("noise", "NOISE"),	    LINK("guider", "GUIDER"),
						    LINK("sampler", "SAMPLER"),	    LINK("sigmas", "SIGMAS"),
						    LINK("latent_image", "LATENT"), { .name = NULL } };

const struct node_type nodes_sampling_custom[] = {
	{ .name = "RandomNoise", .inputs = noise_inputs, .outputs = { "NOISE" }, .run = run_noise },
	{ .name = "KSamplerSelect", .inputs = select_inputs, .outputs = { "SAMPLER" }, .run = run_select },
	{ .name = "BasicGuider", .inputs = basic_inputs, .outputs = { "GUIDER" }, .run = run_basic_guider },
	{ .name = "CFGGuider", .inputs = cfg_inputs, .outputs = { "GUIDER" }, .run = run_cfg_guider },
	{ .name = "BasicScheduler", .inputs = scheduler_inputs, .outputs = { "SIGMAS" }, .run = run_scheduler },
	{ .name = "SamplerCustomAdvanced", .inputs = sampler_inputs, .outputs = { "LATENT", "LATENT" }, .run = run_sampler },
	{ .name = NULL },
};
