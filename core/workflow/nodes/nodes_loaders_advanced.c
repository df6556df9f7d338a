/* ComfyUI-MultiGPU's own checkpoint loaders: each model of the file has a device, or an allocation, to itself. */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/workflow/nodes/nodes_loaders.h"

enum { UNET, CLIP, VAE, PART_COUNT };

static const struct loader checkpoint = { .base = "CheckpointLoaderSimple",
					  .kinds = { MODEL_UNET, MODEL_CLIP, MODEL_VAE },
					  .kind_count = PART_COUNT,
					  .files = { "ckpt_name" },
					  .allocation = NODE_CLASS_CHECKPOINT };

static bool find_devices(const struct call *call, const char *const inputs[PART_COUNT], struct loader_placing *placings,
			 struct error *e)
{
	for (size_t i = 0; i < PART_COUNT; i++) {
		placings[i].device = node_loader_find_device(call, inputs[i], e);
		if (!placings[i].device)
			return false;
	}
	return true;
}

/* What the device of each kind is does not change for nodes that follow: upstream puts it back. */
static bool load_parts(const struct call *call, const struct loader_placing *placings, struct error *e)
{
	for (size_t i = 0; i < PART_COUNT; i++) {
		if (!node_loader_load_one(call, call->type->data, i, &placings[i], e))
			return false;
	}
	return true;
}

static bool run_multigpu(struct call *call, struct error *e)
{
	static const char *const devices[PART_COUNT] = { "unet_device", "clip_device", "vae_device" };
	struct loader_placing placings[PART_COUNT] = { { .keep = KEEP_NONE }, { .keep = KEEP_NONE }, { .keep = KEEP_NONE } };

	return find_devices(call, devices, placings, e) && load_parts(call, placings, e);
}

static bool allocate(const struct call *call, const struct loader_allocation_inputs *inputs, struct loader_placing *placing,
		     struct error *e)
{
	placing->allocation = node_loader_make_allocation(
		call, checkpoint.allocation, manager_policy(call->services->manager)->planner, placing->device, inputs, e);
	placing->virtual_vram_bytes = node_call_number(call, inputs->virtual_vram_gb) * (double)GIB;
	placing->low_precision_loras = !node_call_boolean(call, "high_precision_loras");
	return !error_is_set(e);
}

static bool run_distorch(struct call *call, struct error *e)
{
	static const char *const devices[PART_COUNT] = { "unet_compute_device", "clip_compute_device", "vae_device" };
	static const struct loader_allocation_inputs inputs[] = {
		[UNET] = { .virtual_vram_gb = "unet_virtual_vram_gb",
			   .donor = "unet_donor_device",
			   .expert = "unet_expert_mode_allocations" },
		[CLIP] = { .virtual_vram_gb = "clip_virtual_vram_gb",
			   .donor = "clip_donor_device",
			   .expert = "clip_expert_mode_allocations" },
	};
	struct loader_placing placings[PART_COUNT] = { { .keep = node_loader_keep(call) },
						       { .keep = node_loader_keep(call) },
						       { .keep = node_loader_keep(call) } };
	bool fine = find_devices(call, devices, placings, e);

	for (size_t i = 0; fine && i < ARRAY_SIZE(inputs); i++)
		fine = allocate(call, &inputs[i], &placings[i], e);
	fine = fine && load_parts(call, placings, e);
	for (size_t i = 0; i < PART_COUNT; i++)
		free(placings[i].allocation);
	return fine;
}

#define VRAM(input)                                                                                                            \
	{                                                                                                                      \
		.name = (input), .kind = INPUT_NUMBER, .most = 128                                                             \
	}

static const struct input_type multigpu_inputs[] = {
	TEXT("ckpt_name"), TEXT("unet_device"), TEXT("clip_device"), TEXT("vae_device"), { .name = NULL }
};
static const struct input_type distorch_inputs[] = {
	TEXT("ckpt_name"),
	TEXT("unet_compute_device"),
	VRAM("unet_virtual_vram_gb"),
	TEXT("unet_donor_device"),
	TEXT("clip_compute_device"),
	VRAM("clip_virtual_vram_gb"),
	TEXT("clip_donor_device"),
	TEXT("vae_device"),
	OPTIONAL_TEXT("unet_expert_mode_allocations", ""),
	OPTIONAL_TEXT("clip_expert_mode_allocations", ""),
	{ .name = "high_precision_loras",
	  .kind = INPUT_BOOLEAN,
	  .optional = true,
	  .fallback = { .kind = VALUE_BOOLEAN, .boolean = true } },
	{ .name = "eject_models", .kind = INPUT_BOOLEAN, .optional = true },
	{ .name = NULL },
};

const struct node_type nodes_loaders_advanced[] = {
	{ .name = "CheckpointLoaderAdvancedMultiGPU",
	  .inputs = multigpu_inputs,
	  .outputs = { "MODEL", "CLIP", "VAE" },
	  .run = run_multigpu,
	  .data = &checkpoint },
	{ .name = "CheckpointLoaderAdvancedDisTorch2MultiGPU",
	  .inputs = distorch_inputs,
	  .outputs = { "MODEL", "CLIP", "VAE" },
	  .run = run_distorch,
	  .data = &checkpoint },
	{ .name = NULL },
};
