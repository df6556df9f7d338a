/* anchors.c - upstream 07b429f (v2.5.0): as delegate, with the patchers that it keeps held in an anchor set.
 *
 * What it loses: the next unload with nothing flagged clears the anchors, and what only they held dies inside it. */
#include "core/manager/policies/multigpu.h"

static bool is_flagged(const struct listed_model *listed)
{
	return listed->patcher && listed->keep == KEEP_NO;
}

static bool is_not_flagged(const struct listed_model *listed)
{
	return !is_flagged(listed);
}

static bool unload_all(struct manager *m, struct error *e)
{
	struct manager_view view = manager_view(m);
	size_t flagged = multigpu_count(&view, is_flagged);

	if (flagged == 0)
		manager_clear_anchors(m);
	if (flagged == 0 || flagged == manager_listed_count(&view))
		return manager_core_unload_all(m, e);
	multigpu_anchor(m, is_not_flagged);
	return multigpu_unload_others(m, is_not_flagged, e);
}

const struct policy policy_anchors = {
	.name = "anchors",
	.aliases = { "07b429f" },
	.summary = "as delegate, and holds what it keeps in an anchor set, which the next unload may clear",
	.lived = "ComfyUI-MultiGPU 07b429f (v2.5.0)",
	.unflagged = "clears the anchors, then hands over to core",
	.anchored = "each model that an unload kept, until the next unload that finds nothing flagged",
	.delegated = "the unload, when no listed model is flagged as not kept, or all are",
	.wrong = "what was kept through one unload dies in the next, inside it; the next prompt reads kept models again beside "
		 "the "
		 "anchored ones; flags do not pass on to clones",
	.planner = "01df082",
	.legacy_planner = "V1",
	.keep_input = "keep_loaded",
	.facts = POLICY_STICKY_DEVICE | POLICY_ANCHORS,
	.loader_ran = multigpu_loader_ran,
	.memory_required = multigpu_memory_required,
	.unload_all = unload_all,
	.soft_empty = multigpu_soft_empty,
};
