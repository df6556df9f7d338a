/* nodes_loaders.h - what loader nodes have in common, for the files of their tables.
 *
 * A loader is a row of what it loads, and one of the run functions, which are the versions of it: stock, with a device
 * (MultiGPU), with an allocation and a keep flag (DisTorch2MultiGPU), with an allocation of DisTorch V1 (DisTorchMultiGPU).
 */
#ifndef RESIDENCY_WORKFLOW_NODES_LOADERS_H
#define RESIDENCY_WORKFLOW_NODES_LOADERS_H

#include "core/plan/string/node_string.h"
#include "core/workflow/nodes/nodes.h"

#define LOADER_WEIGHTS_MAX 3

/* What tells one loader from another. */
struct loader {
	const char *base; /* the stock class: part of the key, so that all versions of a loader find the same kept model */
	enum model_kind kinds[3]; /* of its outputs */
	size_t kind_count;
	const char *files[MODEL_FILES_MAX]; /* inputs that name files */
	const char *weights[LOADER_WEIGHTS_MAX]; /* inputs that change the weights; NULL ends them */
	enum node_class allocation; /* of a distributed one */
	enum node_class legacy; /* of one by DisTorch V1 */
	enum loader_takes { TAKES_PLAIN, TAKES_GGUF, TAKES_BOTH } takes; /* whose names upstream lists */
};

/* How a version of a loader places one model of what it loads. */
struct loader_placing {
	struct device *device; /* where the model runs; NULL: where stock loaders put it */
	char *allocation; /* owned by whoever made it; NULL: not distributed */
	bool is_legacy; /* by DisTorch V1, where the policy has it */
	double virtual_vram_bytes;
	enum keep_request keep;
	bool low_precision_loras;
};

/* The inputs that an allocation is made of. */
struct loader_allocation_inputs {
	const char *virtual_vram_gb, *donor, *expert;
};

/* Loads the model of output `slot`, or adopts the one that is kept, and places it. */
bool node_loader_load_one(const struct call *call, const struct loader *loader, size_t slot,
			  const struct loader_placing *placing, struct error *e);

/* The device that an input names; "" and "default" are the manager's. NULL with ERROR_ABSENT. */
struct device *node_loader_find_device(const struct call *call, const char *input, struct error *e);

/* The allocation string of a node, as its version of upstream hands it on; the caller frees. NULL without an error: none. */
char *node_loader_make_allocation(const struct call *call, enum node_class class, const char *planner,
				  const struct device *device, const struct loader_allocation_inputs *names, struct error *e);

/* What a loader's keep flags ask for, its policy's own first (core/base/keep_flag.h); KEEP_NONE where none is given. */
enum keep_request node_loader_keep(const struct call *call);

/* Whether some loader reads a file that the input of this name names. */
bool node_loader_input_names_file(const char *input);

/* A node type's `data` is its loader. */
bool node_loader_run_stock(struct call *call, struct error *e);
bool node_loader_run_multigpu(struct call *call, struct error *e);
bool node_loader_run_distorch(struct call *call, struct error *e);
bool node_loader_run_legacy(struct call *call, struct error *e);

/* ---- rows of inputs ---- */

#define TEXT(input)                                                                                                            \
	{                                                                                                                      \
		.name = (input), .kind = INPUT_TEXT                                                                            \
	}
#define OPTIONAL_TEXT(input, fallback_text)                                                                                    \
	{                                                                                                                      \
		.name = (input), .kind = INPUT_TEXT, .optional = true, .fallback = {                                           \
			.kind = VALUE_TEXT,                                                                                    \
			.text = (fallback_text)                                                                                \
		}                                                                                                              \
	}
#define DISTORCH(device_input)                                                                                                 \
	OPTIONAL_TEXT(device_input, "default"),                                                                                \
		{ .name = "virtual_vram_gb",                                                                                   \
		  .kind = INPUT_NUMBER,                                                                                        \
		  .optional = true,                                                                                            \
		  .most = 128,                                                                                                 \
		  .fallback = { .kind = VALUE_NUMBER, .number = 4.0 } },                                                       \
		OPTIONAL_TEXT("donor_device", "cpu"), OPTIONAL_TEXT("expert_mode_allocations", ""),                            \
		{ .name = "eject_models", .kind = INPUT_BOOLEAN, .optional = true },                                           \
	{                                                                                                                      \
		.name = "keep_loaded", .kind = INPUT_BOOLEAN, .optional = true                                                 \
	}

/* Of placeholder models: their sizes. */
#define SIZE                                                                                                                   \
	{                                                                                                                      \
		.name = "size_mb", .kind = INPUT_NUMBER, .optional = true, .most = 1e6                                         \
	}

#endif
