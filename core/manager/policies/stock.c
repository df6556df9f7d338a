/* stock.c - ComfyUI alone: /free takes every model of the device, whatever was wished. */
#include "core/manager/policy.h"

const struct policy policy_stock = {
	.name = "stock",
	.summary = "ComfyUI alone: knows no keep flag; /free unloads all models and drops the caches",
	.lived = "ComfyUI a125cd84 without ComfyUI-MultiGPU",
	.planner = "01df082",
};
