/* delegate.c - upstream 01df082 and 1ca3daf: a selective unload that hands over to core when all are to be kept, or none is.
 *
 * What it loses: everything, when nothing is flagged (core takes all); everything again when one model is not kept, since its
 * loader sets both flags and the caches' reset drops the last owners of the kept ones; and the worker, when a dead entry is
 * listed. */
#include "core/manager/policies/multigpu.h"

static bool is_not_flagged(const struct listed_model *listed)
{
	return listed->keep != KEEP_NO;
}

/* Upstream's loop variable still holds the last patcher that it looked at, which counts when candidates are sorted. */
static bool core_unload_all(struct manager *m, struct error *e)
{
	struct manager_view view = manager_view(m);
	struct reference looked_at = { .target = NULL };
	size_t count = manager_listed_count(&view);
	bool fine;

	if (count)
		reference_set(&looked_at, manager_running_node(m), patcher_object(manager_listed(&view, count - 1).patcher),
			      "looked at last");
	fine = manager_core_unload_all(m, e);
	reference_drop(&looked_at);
	return fine;
}

static bool unload_all(struct manager *m, struct error *e)
{
	struct manager_view view = manager_view(m);
	size_t count = manager_listed_count(&view);
	size_t kept = multigpu_count(&view, is_not_flagged);

	for (size_t i = 0; i < count; i++) {
		if (!manager_listed(&view, i).patcher)
			return error_set(e, ERROR_NODE, "AttributeError: 'NoneType' object has no attribute 'model'");
	}
	if (kept == count || kept == 0)
		return core_unload_all(m, e);
	return multigpu_unload_others(m, is_not_flagged, e);
}

const struct policy policy_delegate = {
	.name = "delegate",
	.aliases = { "01df082", "1ca3daf" },
	.summary = "unloads the models not kept; hands over to core when all are to be kept, or none is",
	.lived = "ComfyUI-MultiGPU 01df082, 1ca3daf",
	.unflagged = "hands over to core, which takes every model: when all are to be kept, all are lost",
	.anchored = "nothing: kept models live in the executor's caches alone, and die with them",
	.delegated = "the unload, when all listed models are to be kept or none is",
	.wrong = "a loader with its keep flag off asks for a whole cleanup while its prompt runs, so one such model costs all "
		 "the "
		 "others; "
		 "loading it evicts kept models; a listed entry whose patcher is gone kills the worker",
	.planner = "01df082",
	.legacy_planner = "V1",
	.keep_input = "keep_loaded",
	.facts = POLICY_STICKY_DEVICE,
	.loader_ran = multigpu_loader_ran,
	.memory_required = multigpu_memory_required,
	.unload_all = unload_all,
	.soft_empty = multigpu_soft_empty,
};
