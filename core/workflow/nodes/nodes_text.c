/* Text to conditioning. */
#include <math.h>

#include "core/workflow/nodes/need.h"
#include "core/workflow/nodes/nodes.h"

/* A conditioning of two tensors, counted over from values. */
static struct data *conditioning_data(struct conditioning *from, struct error *e)
{
	struct data *data = value_data_new(DATA_CONDITIONING, e);

	if (!data) {
		compute_conditioning_free(from);
		return NULL;
	}
	data->conditioning.guidance = from->guidance;
	data->conditioning.cond = value_data_tensor(&from->cond, e);
	data->conditioning.pooled = value_data_tensor(&from->pooled, e);
	if (data->conditioning.cond && data->conditioning.pooled)
		return data;
	value_data_drop(data);
	return NULL;
}

static bool run_encode(struct call *call, struct error *e)
{
	struct patcher *patcher = node_call_patcher(call, "clip", MODEL_CLIP, e);
	struct load_request request = need_of_text();
	struct conditioning conditioning = { .guidance = NAN };
	struct inference inference = call->services->inference;
	struct patch_pending pending;
	struct data *data;

	if (!patcher || !manager_load(call->services->manager, &patcher, 1, &request, e))
		return false;
	pending = patcher_pending(patcher);
	inference.pending = &pending;
	if (patcher_model(patcher)->family &&
	    !inference_encode_text(&inference, patcher_model(patcher), patcher_device(patcher), node_call_text(call, "text"),
				   &conditioning, e))
		return false;
	data = conditioning_data(&conditioning, e);
	if (!data)
		return false;
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

/* The same tensors with something else beside them. */
static struct data *changed(const struct data *from, double guidance, struct error *e)
{
	struct data *data = value_data_new(DATA_CONDITIONING, e);

	if (data) {
		data->conditioning.cond = value_data_keep(from->conditioning.cond);
		data->conditioning.pooled = value_data_keep(from->conditioning.pooled);
		data->conditioning.guidance = guidance;
	}
	return data;
}

static bool run_guidance(struct call *call, struct error *e)
{
	struct data *from = node_call_data(call, "conditioning", DATA_CONDITIONING, e);
	struct data *data = from ? changed(from, node_call_number(call, "guidance"), e) : NULL;

	if (!data)
		return false;
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

/* Zeros of a tensor's shape. */
static struct data *zeros(const struct call *call, const struct data *like, struct error *e)
{
	struct values values;

	if (!values_new(&values, manager_machine(call->services->manager), like->tensor.rank, like->tensor.shape, e))
		return NULL;
	return value_data_tensor(&values, e);
}

static bool run_zero_out(struct call *call, struct error *e)
{
	struct data *from = node_call_data(call, "conditioning", DATA_CONDITIONING, e);
	struct data *data = from ? value_data_new(DATA_CONDITIONING, e) : NULL;

	if (!data)
		return false;
	data->conditioning.guidance = from->conditioning.guidance;
	data->conditioning.cond = zeros(call, from->conditioning.cond, e);
	data->conditioning.pooled = zeros(call, from->conditioning.pooled, e);
	if (!data->conditioning.cond || !data->conditioning.pooled) {
		value_data_drop(data);
		return false;
	}
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

static const struct input_type encode_inputs[] = { { .name = "text", .kind = INPUT_TEXT },
						   { .name = "clip", .kind = INPUT_LINK, .type = "CLIP" },
						   { .name = NULL } };
static const struct input_type guidance_inputs[] = {
	{ .name = "guidance", .kind = INPUT_NUMBER, .most = 100 },
	{ .name = "conditioning", .kind = INPUT_LINK, .type = "CONDITIONING" },
	{ .name = NULL },
};
static const struct input_type zero_inputs[] = { { .name = "conditioning", .kind = INPUT_LINK, .type = "CONDITIONING" },
						 { .name = NULL } };

const struct node_type nodes_text[] = {
	{ .name = "CLIPTextEncode", .inputs = encode_inputs, .outputs = { "CONDITIONING" }, .run = run_encode },
	{ .name = "FluxGuidance", .inputs = guidance_inputs, .outputs = { "CONDITIONING" }, .run = run_guidance },
	{ .name = "ConditioningZeroOut", .inputs = zero_inputs, .outputs = { "CONDITIONING" }, .run = run_zero_out },
	{ .name = NULL },
};
