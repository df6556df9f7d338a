#include "core/manager/policies/multigpu.h"

#include <math.h>

static bool is_active(const struct manager *m)
{
	for (size_t i = 0; i < m->list_count; i++) {
		const struct patcher *patcher = entry_patcher(m->list[i]);

		if (patcher && inner_allocation(patcher_inner(patcher)))
			return true;
	}
	return false;
}

#define CPU_THRESHOLD_PERCENT 85.0
#define CPU_HYSTERESIS_PERCENT 5.0

/* check_cpu_memory_threshold, the same at every version: never while a prompt runs; not again before usage has risen by five
 * points over what it was at the last reset. In the worker's own thread the flag wakes nobody. */
static void check_cpu_threshold(struct manager *m)
{
	if (m->prompt_running || m->cpu_memory_percent <= CPU_THRESHOLD_PERCENT ||
	    m->cpu_memory_percent <= m->cpu_percent_at_reset + CPU_HYSTERESIS_PERCENT)
		return;
	manager_set_flags(m, false, true, "soft_empty");
	m->cpu_percent_at_reset = m->cpu_memory_percent;
}

bool multigpu_soft_empty(struct manager *m, bool force, struct error *e)
{
	bool active = is_active(m);

	check_cpu_threshold(m);
	if (active) {
		trace_tell(m, &(struct trace_event) { .kind = TRACE_SOFT_EMPTY_ALL });
		heap_collect(m->heap);
		manager_empty_caches(m);
	} else if (!manager_core_soft_empty(m, force, e)) {
		return false;
	}
	if (force) {
		manager_set_flags(m, false, true, "soft_empty");
		m->cpu_percent_at_reset = m->cpu_memory_percent;
	}
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

double multigpu_memory_required(const struct manager *m, const struct patcher *patcher, const struct device *device)
{
	switch (patcher_inner(patcher)->wish) {
	case KEEP_NO:
		return memory_total_bytes(m, device);
	case KEEP_YES:
		return 0;
	case KEEP_NONE:
		break;
	}
	return manager_core_memory_required(m, patcher, device);
}

double multigpu_memory_required_less(const struct manager *m, const struct patcher *patcher, const struct device *device,
				     bool ejects)
{
	if (ejects)
		return memory_total_bytes(m, device);
	return fmax(0, manager_core_memory_required(m, patcher, device) - patcher_inner(patcher)->virtual_vram_bytes);
}

bool multigpu_unload_others(struct manager *m, bool (*wanted)(const struct entry *entry), struct error *e)
{
	bool fine = true;
	bool gone;

	m->unload_reason = REASON_UNLOADED_BY_POLICY;
	for (size_t i = 0; i < m->list_count && fine; i++) {
		struct entry *entry = m->list[i];

		if (!wanted(entry) && entry_patcher(entry))
			fine = entry_unload(entry, -1, &gone, e);
	}
	m->unload_reason = REASON_EVICTED_BY_PRESSURE;
	manager_list_filter(m, wanted);
	return fine;
}
