/* Nodes that make clones: LoRA, the sampling shift; and the full cleanup. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/strbuf.h"
#include "core/workflow/nodes/nodes.h"

static bool clone_model(struct call *call, const char *input, enum model_kind kind, size_t slot, struct patcher_change *change,
			struct error *e)
{
	struct patcher *parent = node_call_patcher(call, input, kind, e);
	struct patcher *clone = parent ? patcher_clone(parent, change, e) : NULL;
	struct wrapper *wrapper;

	if (!clone)
		return false;
	if (kind == MODEL_UNET) {
		value_outputs_set_object(call->outputs, slot, patcher_object(clone), "MODEL");
		return true;
	}
	wrapper = patcher_wrapper_new(clone, e);
	if (!wrapper) {
		object_discard(patcher_object(clone));
		return false;
	}
	value_outputs_set_object(call->outputs, slot, patcher_wrapper_object(wrapper), "CLIP");
	return true;
}

/* A LoRA of strength 0 changes nothing: the model itself goes on, as upstream has it. */
static void pass_on(struct call *call, const char *input, size_t slot)
{
	value_outputs_set_object(call->outputs, slot, node_call_argument(call, input)->object, slot ? "CLIP" : "MODEL");
}

static bool patch(struct call *call, const char *input, enum model_kind kind, size_t slot, double strength,
		  struct lora_file *lora, struct error *e)
{
	struct patcher_change change = { .lora = lora, .lora_strength = strength, .sampling_shift = NAN };
	struct strbuf key = STRBUF_INIT;
	bool fine;

	if (!node_call_patcher(call, input, kind, e))
		return false;
	if (strength == 0) {
		pass_on(call, input, slot);
		return true;
	}
	strbuf_printf(&key, "LoRA/%s/%.17g", lora_name(lora), strength);
	change.key = strbuf_text(&key);
	fine = strbuf_ok(&key) ? clone_model(call, input, kind, slot, &change, e) : error_no_memory(e);
	strbuf_free(&key);
	return fine;
}

static struct lora_file *open_lora(const struct call *call, struct error *e)
{
	const struct catalog *catalog = call->services->catalog;
	const char *file = node_call_text(call, "lora_name");

	return catalog->open_lora ? catalog->open_lora(catalog->context, file, e) : lora_blank(file, e);
}

static bool run_lora_model(struct call *call, struct error *e)
{
	struct lora_file *lora = open_lora(call, e);
	bool fine = lora && patch(call, "model", MODEL_UNET, 0, node_call_number(call, "strength_model"), lora, e);

	lora_close(lora);
	return fine;
}

static bool run_lora(struct call *call, struct error *e)
{
	struct lora_file *lora = open_lora(call, e);
	bool fine = lora && patch(call, "model", MODEL_UNET, 0, node_call_number(call, "strength_model"), lora, e) &&
		    patch(call, "clip", MODEL_CLIP, 1, node_call_number(call, "strength_clip"), lora, e);

	lora_close(lora);
	return fine;
}

/* The shift grows linearly with the number of tokens, from base_shift at 256 to max_shift at 4096. */
static bool run_sampling_flux(struct call *call, struct error *e)
{
	double slope = (node_call_number(call, "max_shift") - node_call_number(call, "base_shift")) / (4096.0 - 256.0);
	double tokens = node_call_number(call, "width") * node_call_number(call, "height") / (8.0 * 8.0 * 2.0 * 2.0);
	struct patcher_change change = { .sampling_shift =
						 tokens * slope + node_call_number(call, "base_shift") - slope * 256.0 };
	char key[64];

	snprintf(key, sizeof(key), "ModelSamplingFlux/%.17g", change.sampling_shift);
	change.key = key;
	return clone_model(call, "model", MODEL_UNET, 0, &change, e);
}

static bool run_full_cleanup(struct call *call, struct error *e)
{
	const struct value *any = node_call_argument(call, "any");

	(void)e;
	if (any->kind == VALUE_OBJECT)
		value_outputs_set_object(call->outputs, 0, any->object, "any");
	else if (any->kind == VALUE_DATA)
		value_outputs_set_data(call->outputs, 0, value_data_keep(any->data));
	manager_full_cleanup(call->services->manager);
	return true;
}

#define LINK(input, kind_name)                                                                                                 \
	{                                                                                                                      \
		.name = (input), .kind = INPUT_LINK, .type = (kind_name)                                                       \
	}
#define NUMBER(input, low, high)                                                                                               \
	{                                                                                                                      \
		.name = (input), .kind = INPUT_NUMBER, .least = (low), .most = (high)                                          \
	}

static const struct input_type lora_model_inputs[] = { LINK("model", "MODEL"),
						       { .name = "lora_name", .kind = INPUT_TEXT },
						       NUMBER("strength_model", -100, 100),
						       { .name = NULL } };
static const struct input_type lora_inputs[] = { LINK("model", "MODEL"),
						 LINK("clip", "CLIP"),
						 { .name = "lora_name", .kind = INPUT_TEXT },
						 NUMBER("strength_model", -100, 100),
						 NUMBER("strength_clip", -100, 100),
						 { .name = NULL } };
static const struct input_type sampling_flux_inputs[] = { LINK("model", "MODEL"),	NUMBER("max_shift", 0, 100),
							  NUMBER("base_shift", 0, 100), NUMBER("width", 16, 16384),
							  NUMBER("height", 16, 16384),	{ .name = NULL } };
static const struct input_type cleanup_inputs[] = { LINK("any", "*"), { .name = NULL } };

const struct node_type nodes_patches[] = {
	{ .name = "LoraLoaderModelOnly", .inputs = lora_model_inputs, .outputs = { "MODEL" }, .run = run_lora_model },
	{ .name = "LoraLoader", .inputs = lora_inputs, .outputs = { "MODEL", "CLIP" }, .run = run_lora },
	{ .name = "ModelSamplingFlux", .inputs = sampling_flux_inputs, .outputs = { "MODEL" }, .run = run_sampling_flux },
	{ .name = "FullCleanupMultiGPU",
	  .inputs = cleanup_inputs,
	  .outputs = { "*" },
	  .is_output = true,
	  .run = run_full_cleanup },
	{ .name = NULL },
};
