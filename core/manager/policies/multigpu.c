/* multigpu.c - what several versions of ComfyUI-MultiGPU share: soft_empty_cache, what a load is said to need, a selective unload.
 *
 * Each is upstream's function of that purpose, side effects included: flags set while a prompt runs, entries that leave the list though
 * their weights stay.
 */
#include "core/manager/policies/multigpu.h"

#include <math.h>

size_t multigpu_count(const struct manager_view *view, multigpu_test *passes)
{
	size_t count = 0;

	for (size_t i = 0; i < manager_listed_count(view); i++) {
		struct listed_model listed = manager_listed(view, i);

		count += passes(&listed);
	}
	return count;
}

void multigpu_anchor(struct manager *m, multigpu_test *passes)
{
	struct manager_view view = manager_view(m);

	for (size_t i = 0; i < manager_listed_count(&view); i++) {
		struct listed_model listed = manager_listed(&view, i);

		if (listed.patcher && passes(&listed))
			manager_anchor(m, listed.patcher);
	}
}

static bool has_allocation(const struct listed_model *listed)
{
	return listed->patcher && view_patcher_allocation(listed->patcher);
}

#define CPU_THRESHOLD_PERCENT 85.0
#define CPU_HYSTERESIS_PERCENT 5.0

/* check_cpu_memory_threshold, the same at every version: never while a prompt runs; not again before usage has risen by five
 * points over what it was at the last reset. In the worker's own thread the flag wakes no thread. */
static void check_cpu_threshold(struct manager *m)
{
	struct manager_view view = manager_view(m);
	double percent = manager_system_cpu_percent(&view);

	if (manager_runs_prompt(&view) || percent <= CPU_THRESHOLD_PERCENT ||
	    percent <= manager_reset_cpu_percent(&view) + CPU_HYSTERESIS_PERCENT)
		return;
	manager_request_reset(m);
}

bool multigpu_soft_empty(struct manager *m, bool force, struct error *e)
{
	struct manager_view view = manager_view(m);
	bool is_active = multigpu_count(&view, has_allocation) > 0;

	(void)e;
	check_cpu_threshold(m);
	if (is_active)
		manager_empty_all(m);
	else
		manager_core_soft_empty(m);
	if (force)
		manager_request_reset(m);
	return true;
}

bool multigpu_loader_ran(struct manager *m, struct patcher *patcher, bool keep, struct error *e)
{
	(void)patcher;
	(void)e;
	if (!keep)
		manager_set_flags(m, true, true, "node");
	return true;
}

double multigpu_memory_required(const struct manager_view *view, const struct patcher *patcher, const struct device *device)
{
	switch (view_patcher_keep(patcher)) {
	case KEEP_NO:
		return memory_total_bytes(view->manager, device);
	case KEEP_YES:
		return 0;
	case KEEP_NONE:
		break;
	}
	return manager_core_memory_required(patcher, device);
}

double multigpu_memory_required_less(const struct manager_view *view, const struct patcher *patcher,
				     const struct device *device, bool ejects)
{
	if (ejects)
		return memory_total_bytes(view->manager, device);
	return fmax(0, manager_core_memory_required(patcher, device) - view_patcher_virtual_vram_bytes(patcher));
}

bool multigpu_unload_others(struct manager *m, multigpu_test *wanted, struct error *e)
{
	struct manager_view view = manager_view(m);
	struct reason_scope scope = manager_reason_begin(m, REASON_UNLOADED_BY_POLICY);
	bool fine = true;

	for (size_t i = 0; i < manager_listed_count(&view) && fine; i++) {
		struct listed_model listed = manager_listed(&view, i);

		if (!wanted(&listed) && listed.patcher)
			fine = manager_unload_listed(m, i, e);
	}
	manager_reason_end(&scope);
	manager_list_filter(m, wanted);
	return fine;
}
