/* stock.c - ComfyUI alone: /free takes every model of the device, flagged or not. */
#include "core/manager/policy.h"

const struct policy policy_stock = {
	.name = "stock",
	.summary = "ComfyUI alone: knows no keep flag; /free unloads all models and drops the caches",
	.lived = "ComfyUI a125cd84 without ComfyUI-MultiGPU",
	.unflagged = "every model of the device goes: there are no flags",
	.anchored = "nothing",
	.delegated = "everything: this is core",
	.wrong =
		"no model can be kept; the caches' reset and the next collection kill what the unload left alive, and the next "
		"prompt reads everything from disk",
	.planner = "01df082",
	.legacy_planner = "V1",
};
