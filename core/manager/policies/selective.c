/* selective.c - upstream ae8bb7c: keeps every model that is not flagged, in the list and by an anchor that nothing takes back.
 *
 * What it loses: nothing, but the next prompt does not find what was kept, reads it again, and list and anchors grow. A model
 * of any loader is kept, also one without the flag; every distributed load asks for memory to be freed. */
#include "core/manager/policies/multigpu.h"

static bool is_kept(const struct listed_model *listed)
{
	return listed->patcher && listed->keep != KEEP_NO;
}

static bool unload_all(struct manager *m, struct error *e)
{
	struct manager_view view = manager_view(m);
	size_t kept = multigpu_count(&view, is_kept);

	if (kept == 0)
		return manager_core_unload_all(m, e);
	multigpu_anchor(m, is_kept);
	return multigpu_unload_others(m, is_kept, e);
}

/* Upstream asks whether a quarter of any device of the allocation is cached; on the cpu, always a donor, all that is free counts
 * as cached. */
static bool distributed(struct manager *m, const struct patcher *patcher, struct error *e)
{
	(void)patcher;
	return manager_soft_empty(m, true, e);
}

const struct policy policy_selective = {
	.name = "selective",
	.aliases = { "ae8bb7c" },
	.summary = "unloads only models flagged as not kept; anchors every other one for good",
	.lived = "ComfyUI-MultiGPU ae8bb7c",
	.unflagged = "keeps every model, also those that no flag asks to keep",
	.anchored = "every model that it keeps, for good",
	.delegated = "the unload, when no listed model is to be kept",
	.wrong = "the next prompt does not find what was kept and reads it again, so list and anchors grow with every round; "
		 "each "
		 "distributed load asks for the caches to be dropped",
	.planner = "01df082",
	.legacy_planner = "V1",
	.keep_input = "keep_loaded",
	.facts = POLICY_STICKY_DEVICE | POLICY_ANCHORS,
	.distributed = distributed,
	.unload_all = unload_all,
	.soft_empty = multigpu_soft_empty,
};
