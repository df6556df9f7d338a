/* free.c - making room: entries go in core's order, or the policy's, until enough is free. */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/manager/list.h"

struct candidate {
	struct entry *entry;
	uint64_t offloaded_bytes, size_bytes;
	uint32_t references; /* where upstream asks Python for its count */
	size_t index;
	bool gone;
};

/* Most offloaded first, then fewest references, then smallest, then newest. */
static int core_order(const struct candidate *a, const struct candidate *b)
{
	if (a->offloaded_bytes != b->offloaded_bytes)
		return a->offloaded_bytes > b->offloaded_bytes ? -1 : 1;
	if (a->references != b->references)
		return a->references < b->references ? -1 : 1;
	if (a->size_bytes != b->size_bytes)
		return a->size_bytes < b->size_bytes ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static int compare_candidates(const void *left, const void *right, void *context)
{
	const struct candidate *a = left;
	const struct candidate *b = right;
	const struct policy *policy = context;
	int order = policy->evict_order ? policy->evict_order(a->entry, b->entry) : 0;

	return order ? order : core_order(a, b);
}

static size_t collect_candidates(struct manager *m, const struct device *device, struct candidate *candidates)
{
	size_t count = 0;

	for (size_t i = m->list_count; i-- > 0;) {
		struct entry *entry = m->list[i];
		const struct patcher *patcher = entry_patcher(entry);

		if (entry->device != device || !patcher)
			continue;
		entry->currently_used = false;
		candidates[count++] = (struct candidate) { .entry = entry,
							   .offloaded_bytes = inner_offloaded_bytes(patcher_inner(patcher)),
							   .size_bytes = inner_size_bytes(patcher_inner(patcher)),
							   .references = object_strong_count(&patcher->object),
							   .index = i };
	}
	return count;
}

/* The cache is emptied when something went, and where it holds more than a quarter of what is free. On a cpu upstream counts
 * all that is free as cached. */
static bool empty_cache_after(struct manager *m, struct device *device, size_t gone, struct error *e)
{
	struct memory_use use = device_memory_use(device);
	uint64_t cached_bytes = use.reserved_bytes - use.allocated_bytes;

	if (gone || device_is_cpu(device) || (double)cached_bytes > 0.25 * (double)device_free_bytes(device))
		return manager_soft_empty(m, false, e);
	return true;
}

static void hold(struct manager *m, struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		reference_set(&candidates[i].entry->busy, m->running, &candidates[i].entry->object, "being unloaded");
}

/* Pops those that are gone, whatever became of the list meanwhile, and lets go of all. */
static size_t settle(struct manager *m, struct candidate *candidates, size_t count)
{
	size_t gone = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = m->list_count; candidates[i].gone && j-- > 0;) {
			if (m->list[j] == candidates[i].entry)
				manager_pop(m, j);
		}
		gone += candidates[i].gone;
		reference_drop(&candidates[i].entry->busy);
	}
	return gone;
}

bool manager_free_memory(struct manager *m, double need_bytes, struct device *device, size_t *unloaded, struct error *e)
{
	struct candidate *candidates;
	size_t count;
	size_t gone;
	bool fine;

	if (!manager_cleanup_collecting(m, e))
		return false;
	candidates = array_new(m->list_count, sizeof(*candidates), e);
	if (!candidates)
		return false;
	count = collect_candidates(m, device, candidates);
	qsort_r(candidates, count, sizeof(*candidates), compare_candidates, (void *)(uintptr_t)m->policy);
	hold(m, candidates, count);
	fine = true;
	for (size_t i = 0; fine && i < count; i++) {
		double free_bytes = (double)device_free_bytes(device);

		if (free_bytes > need_bytes)
			break;
		fine = entry_unload(candidates[i].entry, need_bytes - free_bytes, &candidates[i].gone, e);
	}
	gone = settle(m, candidates, count);
	free(candidates);
	if (unloaded)
		*unloaded = gone;
	return fine && empty_cache_after(m, device, gone, e);
}

bool manager_free_everything(struct manager *m, struct error *e)
{
	m->unload_reason = REASON_EVICTED_BY_PRESSURE;
	return manager_free_memory(m, ALL_MEMORY, m->load_device, NULL, e);
}

bool manager_core_unload_all(struct manager *m, struct error *e)
{
	enum reason before = m->unload_reason;
	bool fine;

	m->unload_reason = REASON_UNLOADED_BY_CORE;
	fine = manager_free_memory(m, ALL_MEMORY, m->current_device, NULL, e);
	m->unload_reason = before;
	return fine;
}

bool manager_unload_all(struct manager *m, struct error *e)
{
	return m->policy->unload_all ? m->policy->unload_all(m, e) : manager_core_unload_all(m, e);
}

bool manager_core_soft_empty(struct manager *m, bool force, struct error *e)
{
	(void)force;
	(void)e;
	for (size_t i = 0; i < machine_device_count(m->machine); i++)
		device_empty_cache(machine_device(m->machine, i));
	return true;
}

bool manager_soft_empty(struct manager *m, bool force, struct error *e)
{
	return m->policy->soft_empty ? m->policy->soft_empty(m, force, e) : manager_core_soft_empty(m, force, e);
}
