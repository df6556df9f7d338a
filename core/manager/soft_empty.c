/* soft_empty.c - soft_empty_cache(): what allocators hold back is given back, by core or by the policy.
 *
 * Core's gives back every device's cached memory. ComfyUI-MultiGPU's collects first, so that what garbage holds is given back as well.
 */
#include "core/manager/departures.h"
#include "core/manager/state.h"
#include "core/manager/policies/verbs.h"

static void empty_caches(struct manager *m)
{
	for (size_t i = 0; i < machine_device_count(m->machine); i++)
		device_empty_cache(machine_device(m->machine, i));
}

void manager_empty_all(struct manager *m)
{
	trace_tell(m, &(struct trace_event) { .kind = TRACE_SOFT_EMPTY_ALL });
	heap_collect(m->heap);
	empty_caches(m);
}

bool manager_core_soft_empty(struct manager *m)
{
	trace_tell(m, &(struct trace_event) { .kind = TRACE_SOFT_EMPTY });
	empty_caches(m);
	return true;
}

bool manager_soft_empty(struct manager *m, bool force, struct error *e)
{
	return m->policy->soft_empty ? m->policy->soft_empty(m, force, e) : manager_core_soft_empty(m);
}
