/* Loaders: stock ones, and ComfyUI-MultiGPU's with a device (MultiGPU) or an allocation and a keep flag (DisTorch2MultiGPU). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/keep_flag.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "core/workflow/nodes/need.h"
#include "core/workflow/nodes/nodes_loaders.h"

static const struct loader unet = { .base = "UNETLoader",
				    .kinds = { MODEL_UNET },
				    .kind_count = 1,
				    .files = { "unet_name" },
				    .weights = { "weight_dtype" },
				    .allocation = NODE_CLASS_SAFETENSOR_V2 };
static const struct loader clip = { .base = "CLIPLoader",
				    .kinds = { MODEL_CLIP },
				    .kind_count = 1,
				    .files = { "clip_name" },
				    .weights = { "type" },
				    .allocation = NODE_CLASS_SAFETENSOR_V2_CLIP };
static const struct loader dual_clip = { .base = "DualCLIPLoader",
					 .kinds = { MODEL_CLIP },
					 .kind_count = 1,
					 .files = { "clip_name1", "clip_name2" },
					 .weights = { "type" },
					 .allocation = NODE_CLASS_SAFETENSOR_V2_CLIP };
static const struct loader vae = { .base = "VAELoader",
				   .kinds = { MODEL_VAE },
				   .kind_count = 1,
				   .files = { "vae_name" },
				   .allocation = NODE_CLASS_SAFETENSOR_V2 };
static const struct loader checkpoint = { .base = "CheckpointLoaderSimple",
					  .kinds = { MODEL_UNET, MODEL_CLIP, MODEL_VAE },
					  .kind_count = 3,
					  .files = { "ckpt_name" },
					  .allocation = NODE_CLASS_SAFETENSOR_V2 };

/* ---- loading ---- */

static char *make_key(const struct call *call, const struct loader *loader, enum model_kind kind, struct error *e)
{
	struct strbuf key = STRBUF_INIT;

	strbuf_printf(&key, "%s/%d", loader->base, (int)kind);
	for (size_t i = 0; i < ARRAY_SIZE(loader->files) && loader->files[i]; i++)
		strbuf_printf(&key, "/%s", node_call_text(call, loader->files[i]));
	for (size_t i = 0; i < ARRAY_SIZE(loader->weights) && loader->weights[i]; i++)
		strbuf_printf(&key, "/%s", node_call_text(call, loader->weights[i]));
	return strbuf_finish(&key, e);
}

static bool is_gguf(const char *file)
{
	size_t length = strlen(file);

	return length > 5 && strcmp(file + length - 5, ".gguf") == 0;
}

/* Upstream lists files by how their names end. */
static bool check_files(const struct call *call, const struct loader *loader, const struct model_source *source,
			struct error *e)
{
	for (size_t i = 0; i < source->file_count; i++) {
		if (loader->takes == TAKES_PLAIN && is_gguf(source->files[i]))
			return error_set(e, ERROR_NODE, "%s lists no GGUF files, such as %s: ComfyUI-GGUF's loaders do",
					 call->type->name, source->files[i]);
		if (loader->takes == TAKES_GGUF && !is_gguf(source->files[i]))
			return error_set(e, ERROR_NODE, "%s lists .gguf files only, not %s", call->type->name,
					 source->files[i]);
	}
	return true;
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

/* The advanced loader's: in which type blocks become numbers, and in which the differences of patches are formed. */
static bool read_gguf_settings(const struct call *call, struct model_source *source, struct error *e)
{
	const char *dequant = node_call_text(call, "dequant_dtype");
	const char *patch = node_call_text(call, "patch_dtype");

	source->dequantises_exactly = strcmp(dequant, "float32") == 0;
	if (!source->dequantises_exactly && !is_one_of(dequant, "", "default", "float16"))
		return error_set(e, ERROR_UNSUPPORTED,
				 "dequant_dtype \"%.20s\" is not built in: default, float16 and float32 are", dequant);
	return is_one_of(patch, "", "default", "float32") ||
	       error_set(e, ERROR_UNSUPPORTED, "patch_dtype \"%.20s\" is not built in: default and float32 are", patch);
}

static struct patcher *read_model(const struct call *call, const struct loader *loader, enum model_kind kind, const char *key,
				  struct device *device, struct error *e)
{
	const struct services *services = call->services;
	struct manager *m = services->manager;
	struct model_source source = { .kind = kind,
				       .type = "",
				       .weight_dtype = "default",
				       .through_gguf = loader->takes != TAKES_PLAIN,
				       .of_checkpoint = loader->kind_count > 1 };
	double size_mb = node_call_number(call, "size_mb");
	struct model *model;

	for (size_t i = 0; i < ARRAY_SIZE(loader->files) && loader->files[i]; i++)
		source.files[source.file_count++] = node_call_text(call, loader->files[i]);
	source.size_bytes = (uint64_t)(size_mb * 1e6);
	if (node_call_argument(call, "type")->kind == VALUE_TEXT)
		source.type = node_call_text(call, "type");
	if (node_call_argument(call, "weight_dtype")->kind == VALUE_TEXT)
		source.weight_dtype = node_call_text(call, "weight_dtype");
	if (!check_files(call, loader, &source, e) || !read_gguf_settings(call, &source, e))
		return NULL;
	model = services->catalog->open(services->catalog->context, &source, manager_machine(m), manager_offload_device(m), e);
	return model ? patcher_new(m, model, device, key, e) : NULL;
}

static bool load_at_once(struct manager *m, struct patcher *patcher, struct error *e)
{
	struct load_request request = { .minimum_bytes = NAN, .full = true };

	return !need_to_load_at_once(patcher) || manager_load(m, &patcher, 1, &request, e);
}

static bool place(struct patcher *patcher, const struct loader_placing *placing, struct error *e)
{
	struct patcher_placing wanted = { .device = placing->device,
					  .allocation = placing->allocation,
					  .virtual_vram_bytes = placing->virtual_vram_bytes,
					  .is_legacy = placing->is_legacy,
					  .low_precision_loras = placing->low_precision_loras };

	return patcher_place(patcher, &wanted, e);
}

static bool set_output(const struct call *call, size_t slot, struct patcher *patcher, struct error *e)
{
	struct wrapper *wrapper;

	if (patcher_model(patcher)->kind == MODEL_UNET) {
		value_outputs_set_object(call->outputs, slot, patcher_object(patcher), "MODEL");
		return true;
	}
	wrapper = patcher_wrapper_new(patcher, e);
	if (!wrapper) {
		object_discard(patcher_object(patcher));
		return false;
	}
	value_outputs_set_object(call->outputs, slot, patcher_wrapper_object(wrapper),
				 patcher_model(patcher)->kind == MODEL_CLIP ? "CLIP" : "VAE");
	return true;
}

bool node_loader_load_one(const struct call *call, const struct loader *loader, size_t slot,
			  const struct loader_placing *wanted, struct error *e)
{
	struct manager *m = call->services->manager;
	enum model_kind kind = loader->kinds[slot];
	struct loader_placing placing = *wanted;
	char *key = make_key(call, loader, kind, e);
	struct patcher *patcher = key ? manager_adopt(m, key) : NULL;
	bool from_disk = patcher == NULL;

	if (!placing.device)
		placing.device = manager_device_for(m, kind);
	if (key && from_disk)
		patcher = read_model(call, loader, kind, key, placing.device, e);
	free(key);
	if (!patcher || !set_output(call, slot, patcher, e))
		return false;
	if (from_disk && !load_at_once(m, patcher, e))
		return false;
	return place(patcher, &placing, e) && manager_loader_ran(m, patcher, placing.keep, from_disk, e);
}

static bool load_all(const struct call *call, const struct loader_placing *placing, struct error *e)
{
	const struct loader *loader = call->type->data;

	if (placing->device)
		manager_set_device(call->services->manager, loader->kinds[0], placing->device);
	for (size_t i = 0; i < loader->kind_count; i++) {
		if (!node_loader_load_one(call, loader, i, placing, e))
			return false;
	}
	return true;
}

/* ---- versions ---- */

bool node_loader_run_stock(struct call *call, struct error *e)
{
	struct loader_placing placing = { .device = NULL, .keep = KEEP_NONE };

	return load_all(call, &placing, e);
}

struct device *node_loader_find_device(const struct call *call, const char *input, struct error *e)
{
	struct manager *m = call->services->manager;
	const char *name = node_call_text(call, input);
	struct device *device =
		name[0] && strcmp(name, "default") != 0 ? machine_find(manager_machine(m), name) : manager_load_device(m);

	if (!device)
		error_set(e, ERROR_ABSENT, "%s \"%.40s\" is not a device of topology %s", input, name,
			  machine_topology(manager_machine(m))->name);
	return device;
}

bool node_loader_run_multigpu(struct call *call, struct error *e)
{
	struct loader_placing placing = { .device = node_loader_find_device(call, "device", e), .keep = KEEP_NONE };

	return placing.device && load_all(call, &placing, e);
}

char *node_loader_make_allocation(const struct call *call, enum node_class class, const char *planner,
				  const struct device *device, const struct loader_allocation_inputs *input, struct error *e)
{
	const struct manager *m = call->services->manager;
	const struct value *vram = node_call_argument(call, input->virtual_vram_gb);
	const char *names[DEVICE_MAX];
	struct node_inputs inputs = { .class = class,
				      .compute = device_name(device),
				      .expert = node_call_text(call, input->expert),
				      .virtual_vram_gb = node_call_number(call, input->virtual_vram_gb),
				      .virtual_vram_is_whole = vram->kind == VALUE_INTEGER,
				      .donor = node_call_text(call, input->donor),
				      .use_other_vram = node_call_boolean(call, "use_other_vram"),
				      .device_names = names,
				      .device_count = machine_device_count(manager_machine(m)) };
	struct plan_failure failure;
	bool stored;

	for (size_t i = 0; i < inputs.device_count; i++)
		names[i] = device_name(machine_device(manager_machine(m), i));
	return node_string(&inputs, plan_rules_find(planner), &stored, &failure, e);
}

static bool call_gives(const void *context, const char *input, bool *value)
{
	const struct value *argument = node_call_argument(context, input);

	*value = argument->boolean;
	return argument->kind == VALUE_BOOLEAN;
}

enum keep_request node_loader_keep(const struct call *call)
{
	const char *own = manager_policy(call->services->manager)->keep_input;

	return keep_inputs_ask(own ? keep_flag_find(keep_inputs, own) : NULL, call_gives, call);
}

bool node_loader_input_names_file(const char *input)
{
	const struct node_type *type;

	for (size_t i = 0; (type = node_type_at(i)) != NULL; i++) {
		const struct loader *loader = type->data;

		if (type->run != node_loader_run_stock)
			continue; /* the other versions of a loader read the same files */
		for (size_t k = 0; k < ARRAY_SIZE(loader->files) && loader->files[k]; k++) {
			if (strcmp(loader->files[k], input) == 0)
				return true;
		}
	}
	return false;
}

static const struct loader_allocation_inputs allocation_inputs = { "virtual_vram_gb", "donor_device",
								   "expert_mode_allocations" };

bool node_loader_run_distorch(struct call *call, struct error *e)
{
	const struct loader *loader = call->type->data;
	bool is_clip = loader->allocation == NODE_CLASS_SAFETENSOR_V2_CLIP;
	struct loader_placing placing = { .device = node_loader_find_device(call, is_clip ? "device" : "compute_device", e),
					  .virtual_vram_bytes = node_call_number(call, "virtual_vram_gb") * (double)GIB,
					  .keep = node_loader_keep(call) };
	bool fine;

	if (!placing.device)
		return false;
	if (placing.keep == KEEP_NONE)
		placing.keep = KEEP_YES; /* keep_loaded's default */
	placing.allocation =
		node_loader_make_allocation(call, loader->allocation, manager_policy(call->services->manager)->planner,
					    placing.device, &allocation_inputs, e);
	fine = !error_is_set(e) && load_all(call, &placing, e);
	free(placing.allocation);
	return fine;
}

/* Later upstream versions, and ours, give the same inputs to DisTorch2. These nodes have no keep flag. */
bool node_loader_run_legacy(struct call *call, struct error *e)
{
	const struct loader *loader = call->type->data;
	const struct policy *policy = manager_policy(call->services->manager);
	struct loader_placing placing = { .device = node_loader_find_device(call, "device", e),
					  .is_legacy = policy->legacy_planner != NULL,
					  .virtual_vram_bytes = node_call_number(call, "virtual_vram_gb") * (double)GIB,
					  .keep = KEEP_NONE };
	bool fine;

	if (!placing.device)
		return false;
	placing.allocation =
		node_loader_make_allocation(call, loader->legacy, placing.is_legacy ? policy->legacy_planner : policy->planner,
					    placing.device, &allocation_inputs, e);
	fine = !error_is_set(e) && load_all(call, &placing, e);
	free(placing.allocation);
	return fine;
}

/* ---- tables ---- */

#define UNET_INPUTS TEXT("unet_name"), SIZE, OPTIONAL_TEXT("weight_dtype", "default")
#define CLIP_INPUTS TEXT("clip_name"), SIZE, OPTIONAL_TEXT("type", "")
#define DUAL_INPUTS TEXT("clip_name1"), TEXT("clip_name2"), OPTIONAL_TEXT("type", "")

static const struct input_type unet_inputs[] = { UNET_INPUTS, { .name = NULL } };
static const struct input_type clip_inputs[] = { CLIP_INPUTS, OPTIONAL_TEXT("device", "default"), { .name = NULL } };
static const struct input_type dual_inputs[] = { DUAL_INPUTS, OPTIONAL_TEXT("device", "default"), { .name = NULL } };
static const struct input_type vae_inputs[] = { TEXT("vae_name"), SIZE, { .name = NULL } };
static const struct input_type checkpoint_inputs[] = { TEXT("ckpt_name"), { .name = NULL } };

const struct node_type nodes_loaders[] = {
	{ .name = "UNETLoader", .inputs = unet_inputs, .outputs = { "MODEL" }, .run = node_loader_run_stock, .data = &unet },
	{ .name = "CLIPLoader", .inputs = clip_inputs, .outputs = { "CLIP" }, .run = node_loader_run_stock, .data = &clip },
	{ .name = "DualCLIPLoader",
	  .inputs = dual_inputs,
	  .outputs = { "CLIP" },
	  .run = node_loader_run_stock,
	  .data = &dual_clip },
	{ .name = "VAELoader", .inputs = vae_inputs, .outputs = { "VAE" }, .run = node_loader_run_stock, .data = &vae },
	{ .name = "CheckpointLoaderSimple",
	  .inputs = checkpoint_inputs,
	  .outputs = { "MODEL", "CLIP", "VAE" },
	  .run = node_loader_run_stock,
	  .data = &checkpoint },
	{ .name = NULL },
};

static const struct input_type unet_device[] = { UNET_INPUTS, OPTIONAL_TEXT("device", "default"), { .name = NULL } };
static const struct input_type vae_device[] = { TEXT("vae_name"), SIZE, OPTIONAL_TEXT("device", "default"), { .name = NULL } };
static const struct input_type checkpoint_device[] = { TEXT("ckpt_name"),
						       OPTIONAL_TEXT("device", "default"),
						       { .name = NULL } };
static const struct input_type unet_distorch[] = { UNET_INPUTS, DISTORCH("compute_device"), { .name = NULL } };
static const struct input_type clip_distorch[] = { CLIP_INPUTS, DISTORCH("device"), { .name = NULL } };
static const struct input_type dual_distorch[] = { DUAL_INPUTS, DISTORCH("device"), { .name = NULL } };
static const struct input_type vae_distorch[] = { TEXT("vae_name"), SIZE, DISTORCH("compute_device"), { .name = NULL } };
static const struct input_type checkpoint_distorch[] = { TEXT("ckpt_name"), DISTORCH("compute_device"), { .name = NULL } };

const struct node_type nodes_loaders_multigpu[] = {
	{ .name = "UNETLoaderMultiGPU",
	  .inputs = unet_device,
	  .outputs = { "MODEL" },
	  .run = node_loader_run_multigpu,
	  .data = &unet },
	{ .name = "CLIPLoaderMultiGPU",
	  .inputs = clip_inputs,
	  .outputs = { "CLIP" },
	  .run = node_loader_run_multigpu,
	  .data = &clip },
	{ .name = "DualCLIPLoaderMultiGPU",
	  .inputs = dual_inputs,
	  .outputs = { "CLIP" },
	  .run = node_loader_run_multigpu,
	  .data = &dual_clip },
	{ .name = "VAELoaderMultiGPU",
	  .inputs = vae_device,
	  .outputs = { "VAE" },
	  .run = node_loader_run_multigpu,
	  .data = &vae },
	{ .name = "CheckpointLoaderSimpleMultiGPU",
	  .inputs = checkpoint_device,
	  .outputs = { "MODEL", "CLIP", "VAE" },
	  .run = node_loader_run_multigpu,
	  .data = &checkpoint },
	{ .name = "UNETLoaderDisTorch2MultiGPU",
	  .inputs = unet_distorch,
	  .outputs = { "MODEL" },
	  .run = node_loader_run_distorch,
	  .data = &unet },
	{ .name = "CLIPLoaderDisTorch2MultiGPU",
	  .inputs = clip_distorch,
	  .outputs = { "CLIP" },
	  .run = node_loader_run_distorch,
	  .data = &clip },
	{ .name = "DualCLIPLoaderDisTorch2MultiGPU",
	  .inputs = dual_distorch,
	  .outputs = { "CLIP" },
	  .run = node_loader_run_distorch,
	  .data = &dual_clip },
	{ .name = "VAELoaderDisTorch2MultiGPU",
	  .inputs = vae_distorch,
	  .outputs = { "VAE" },
	  .run = node_loader_run_distorch,
	  .data = &vae },
	{ .name = "CheckpointLoaderSimpleDisTorch2MultiGPU",
	  .inputs = checkpoint_distorch,
	  .outputs = { "MODEL", "CLIP", "VAE" },
	  .run = node_loader_run_distorch,
	  .data = &checkpoint },
	{ .name = NULL },
};
