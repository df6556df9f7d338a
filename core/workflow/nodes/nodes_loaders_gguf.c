/* Loaders of ComfyUI-GGUF, and ComfyUI-MultiGPU's three generations of them. */
#include "core/workflow/nodes/nodes_loaders.h"

static const struct loader unet = { .base = "UnetLoaderGGUF",
				    .kinds = { MODEL_UNET },
				    .kind_count = 1,
				    .files = { "unet_name" },
				    .allocation = NODE_CLASS_SAFETENSOR_V2,
				    .legacy = NODE_CLASS_GGUF,
				    .takes = TAKES_GGUF };
static const struct loader unet_advanced = { .base = "UnetLoaderGGUFAdvanced",
					     .kinds = { MODEL_UNET },
					     .kind_count = 1,
					     .files = { "unet_name" },
					     .weights = { "dequant_dtype", "patch_dtype" },
					     .allocation = NODE_CLASS_SAFETENSOR_V2,
					     .legacy = NODE_CLASS_GGUF,
					     .takes = TAKES_GGUF };
static const struct loader clip = { .base = "CLIPLoaderGGUF",
				    .kinds = { MODEL_CLIP },
				    .kind_count = 1,
				    .files = { "clip_name" },
				    .weights = { "type" },
				    .allocation = NODE_CLASS_SAFETENSOR_V2_CLIP,
				    .legacy = NODE_CLASS_CLIP,
				    .takes = TAKES_BOTH };
static const struct loader dual_clip = { .base = "DualCLIPLoaderGGUF",
					 .kinds = { MODEL_CLIP },
					 .kind_count = 1,
					 .files = { "clip_name1", "clip_name2" },
					 .weights = { "type" },
					 .allocation = NODE_CLASS_SAFETENSOR_V2_CLIP,
					 .legacy = NODE_CLASS_CLIP,
					 .takes = TAKES_BOTH };
static const struct loader triple_clip = { .base = "TripleCLIPLoaderGGUF",
					   .kinds = { MODEL_CLIP },
					   .kind_count = 1,
					   .files = { "clip_name1", "clip_name2", "clip_name3" },
					   .allocation = NODE_CLASS_SAFETENSOR_V2_CLIP_NO_DEVICE,
					   .legacy = NODE_CLASS_CLIP_NO_DEVICE,
					   .takes = TAKES_BOTH };
static const struct loader quadruple_clip = { .base = "QuadrupleCLIPLoaderGGUF",
					      .kinds = { MODEL_CLIP },
					      .kind_count = 1,
					      .files = { "clip_name1", "clip_name2", "clip_name3", "clip_name4" },
					      .allocation = NODE_CLASS_SAFETENSOR_V2_CLIP_NO_DEVICE,
					      .legacy = NODE_CLASS_CLIP_NO_DEVICE,
					      .takes = TAKES_BOTH };

#define UNET TEXT("unet_name"), SIZE
#define ADVANCED                                                                                                               \
	TEXT("unet_name"), SIZE, OPTIONAL_TEXT("dequant_dtype", "default"), OPTIONAL_TEXT("patch_dtype", "default"),           \
	{                                                                                                                      \
		.name = "patch_on_device", .kind = INPUT_BOOLEAN, .optional = true                                             \
	}
#define CLIP TEXT("clip_name"), SIZE, OPTIONAL_TEXT("type", "")
#define DUAL TEXT("clip_name1"), TEXT("clip_name2"), OPTIONAL_TEXT("type", "")
#define TRIPLE TEXT("clip_name1"), TEXT("clip_name2"), TEXT("clip_name3")
#define QUADRUPLE TRIPLE, TEXT("clip_name4")
#define DEVICE OPTIONAL_TEXT("device", "default")
#define LEGACY                                                                                                                 \
	DEVICE,                                                                                                                \
		{ .name = "virtual_vram_gb",                                                                                   \
		  .kind = INPUT_NUMBER,                                                                                        \
		  .optional = true,                                                                                            \
		  .most = 24,                                                                                                  \
		  .fallback = { .kind = VALUE_NUMBER, .number = 4.0 } },                                                       \
		{ .name = "use_other_vram", .kind = INPUT_BOOLEAN, .optional = true },                                         \
		OPTIONAL_TEXT("expert_mode_allocations", "")

#define INPUTS(table, ...) static const struct input_type table[] = { __VA_ARGS__, { .name = NULL } }

INPUTS(unet_inputs, UNET);
INPUTS(advanced_inputs, ADVANCED);
INPUTS(clip_inputs, CLIP);
INPUTS(dual_inputs, DUAL);
INPUTS(triple_inputs, TRIPLE);
INPUTS(quadruple_inputs, QUADRUPLE);
INPUTS(unet_device, UNET, DEVICE);
INPUTS(advanced_device, ADVANCED, DEVICE);
INPUTS(clip_device, CLIP, DEVICE);
INPUTS(dual_device, DUAL, DEVICE);
INPUTS(triple_device, TRIPLE, DEVICE);
INPUTS(quadruple_device, QUADRUPLE, DEVICE);
INPUTS(unet_distorch, UNET, DISTORCH("compute_device"));
INPUTS(advanced_distorch, ADVANCED, DISTORCH("compute_device"));
INPUTS(clip_distorch, CLIP, DISTORCH("device"));
INPUTS(dual_distorch, DUAL, DISTORCH("device"));
INPUTS(triple_distorch, TRIPLE, DISTORCH("device"));
INPUTS(quadruple_distorch, QUADRUPLE, DISTORCH("device"));
INPUTS(unet_legacy, UNET, LEGACY);
INPUTS(advanced_legacy, ADVANCED, LEGACY);
INPUTS(clip_legacy, CLIP, LEGACY);
INPUTS(dual_legacy, DUAL, LEGACY);
INPUTS(triple_legacy, TRIPLE, LEGACY);
INPUTS(quadruple_legacy, QUADRUPLE, LEGACY);

/* The four versions of a loader. */
#define VERSIONS(class, output, loader, inputs)                                                                                \
	{ class, inputs##_inputs, { output }, false, node_loader_run_stock, &loader },                                         \
		{ class "MultiGPU", inputs##_device, { output }, false, node_loader_run_multigpu, &loader },                   \
		{ class "DisTorch2MultiGPU", inputs##_distorch, { output }, false, node_loader_run_distorch, &loader },        \
	{                                                                                                                      \
		class "DisTorchMultiGPU", inputs##_legacy, { output }, false, node_loader_run_legacy, &loader                  \
	}

const struct node_type nodes_loaders_gguf[] = {
	VERSIONS("UnetLoaderGGUF", "MODEL", unet, unet),
	VERSIONS("UnetLoaderGGUFAdvanced", "MODEL", unet_advanced, advanced),
	VERSIONS("CLIPLoaderGGUF", "CLIP", clip, clip),
	VERSIONS("DualCLIPLoaderGGUF", "CLIP", dual_clip, dual),
	VERSIONS("TripleCLIPLoaderGGUF", "CLIP", triple_clip, triple),
	VERSIONS("QuadrupleCLIPLoaderGGUF", "CLIP", quadruple_clip, quadruple),
	{ .name = NULL },
};
