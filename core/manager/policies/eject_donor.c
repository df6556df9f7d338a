/* eject_donor.c - upstream 62f98ed (v2.5.9) to a38cbda: as eject, where naming a donor is what marks a model.
 *
 * What it loses: each load of a model whose allocation has a donor evicts all others from its device, flagged or not; so of
 * several such models only the last is ever loaded. */
#include "core/manager/policies/multigpu.h"
#include "core/plan/string/allocation.h"

static double memory_required(const struct manager_view *view, const struct patcher *patcher, const struct device *device)
{
	return multigpu_memory_required_less(view, patcher, device, allocation_has_donor(view_patcher_allocation(patcher)));
}

const struct policy policy_eject_donor = {
	.name = "eject-donor",
	.aliases = { "62f98ed", "a38cbda+shim", "a38cbda" },
	.summary = "knows no request to keep; loading a model whose allocation names a donor evicts every other model",
	.lived = "ComfyUI-MultiGPU 62f98ed (v2.5.9) to a38cbda (v2.6), the newest",
	.unflagged = "core's unload: every model of the device goes",
	.anchored = "nothing",
	.delegated = "every unload, to core",
	.wrong = "eject_models itself is never read: a donor in the allocation stands for it, so that every distributed load "
		 "evicts whatever else is on its device, asked to or not",
	.planner = "HEAD",
	.keep_input = "eject_models",
	.memory_required = memory_required,
	.soft_empty = multigpu_soft_empty,
};
