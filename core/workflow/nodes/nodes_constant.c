/* Constants that hold no model, for workflows that are to measure nothing else. */
#include <math.h>

#include "core/workflow/nodes/nodes.h"

static bool run_conditioning(struct call *call, struct error *e)
{
	struct data *data = value_data_new(DATA_CONDITIONING, e);

	if (!data)
		return false;
	data->conditioning.guidance = NAN;
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

static bool run_latent(struct call *call, struct error *e)
{
	struct data *data = value_data_new(DATA_TENSOR, e);

	if (!data)
		return false;
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

static const struct input_type seed_inputs[] = { { .name = "seed", .kind = INPUT_SEED }, { .name = NULL } };

const struct node_type nodes_constant[] = {
	{ .name = "ResidencyConstantConditioning",
	  .inputs = seed_inputs,
	  .outputs = { "CONDITIONING" },
	  .run = run_conditioning },
	{ .name = "ResidencyConstantLatent", .inputs = seed_inputs, .outputs = { "LATENT" }, .run = run_latent },
	{ .name = NULL },
};
