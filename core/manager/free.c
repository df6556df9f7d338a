/* free.c - making room: entries go in core's order, or the policy's, until enough is free.
 *
 * Candidates are the living entries of the device, in the order: the policy's own, then what bringing one back costs, then core's
 * (most offloaded, fewest references, smallest, newest). Each is unloaded in part or whole until enough is free; those that went whole
 * leave the list at the end, last first, as upstream pops them.
 */
#include <stdlib.h>

#include "core/base/array.h"
#include "core/manager/departures.h"
#include "core/manager/state.h"
#include "core/manager/list/list.h"
#include "core/manager/policies/verbs.h"

struct candidate {
	struct entry *entry;
	struct listed_model listed; /* as the policy sees it */
	struct trace_row row;
	double reload_cost; /* 0 where the policy does not weigh it */
	bool gone;
};

/* Who is not to go. */
struct spared {
	struct patcher *const *patchers;
	size_t count;
};

/* Most offloaded first, then fewest references, then smallest, then newest. */
static int core_order(const struct trace_row *a, const struct trace_row *b)
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
	int order = policy->evict_order ? policy->evict_order(&a->listed, &b->listed) : 0;

	if (order)
		return order;
	if (a->reload_cost != b->reload_cost)
		return a->reload_cost < b->reload_cost ? -1 : 1;
	return core_order(&a->row, &b->row);
}

static int compare_indexes(const void *left, const void *right)
{
	const struct candidate *a = left;
	const struct candidate *b = right;

	return a->row.index > b->row.index ? -1 : 1;
}

static bool is_spared(const struct spared *spared, const struct patcher *patcher)
{
	for (size_t i = 0; i < spared->count; i++) {
		if (spared->patchers[i] == patcher)
			return true;
	}
	return false;
}

/* In the list's order. The references of a patcher stand where upstream asks Python for its count. */
static size_t collect_candidates(const struct manager *m, const struct device *device, const struct spared *spared,
				 struct candidate *candidates)
{
	size_t count = 0;

	for (size_t i = 0; i < m->list_count; i++) {
		const struct patcher *patcher = entry_patcher(m->list[i]);
		struct inner *inner = patcher ? patcher_inner(patcher) : NULL;

		if (m->list[i]->device != device || !patcher || is_spared(spared, patcher))
			continue;
		candidates[count++] = (struct candidate) { .entry = m->list[i],
							   .listed = manager_entry_listed(m->list[i]),
							   .row = { .patcher = patcher,
								    .offloaded_bytes = inner_offloaded_bytes(inner),
								    .size_bytes = inner_size_bytes(inner),
								    .references = object_strong_count(&patcher->object),
								    .index = i } };
	}
	return count;
}

static bool tell_rows(const struct manager *m, struct trace_event *event, const struct candidate *candidates, size_t count,
		      bool only_gone, struct error *e)
{
	struct trace_row *rows = array_new(count, sizeof(*rows), e);

	if (!rows)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!only_gone || candidates[i].gone)
			rows[event->row_count++] = candidates[i].row;
	}
	event->rows = rows;
	trace_tell(m, event);
	free(rows);
	return true;
}

static bool tell_start(const struct manager *m, double need_bytes, const struct device *device, const struct spared *spared,
		       struct error *e)
{
	struct trace_event event = {
		.kind = TRACE_FREE, .device = device, .wanted_bytes = need_bytes, .bytes = memory_free_bytes(m, device)
	};
	struct candidate *candidates;
	bool fine;

	if (!m->trace)
		return true;
	candidates = array_new(m->list_count, sizeof(*candidates), e);
	fine = candidates && tell_rows(m, &event, candidates, collect_candidates(m, device, spared, candidates), false, e);
	free(candidates);
	return fine;
}

/* The cache is emptied when something went, and where it holds more than a quarter of what is free. */
static bool empty_cache_after(struct manager *m, struct device *device, size_t gone, struct error *e)
{
	if (gone || (m->rules.state != VRAM_HIGH && memory_cached_bytes(m, device) > 0.25 * memory_free_bytes(m, device)))
		return manager_soft_empty(m, false, e);
	return true;
}

/* None of them is used any more, whether it goes or not. */
static void hold(struct manager *m, struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		candidates[i].entry->currently_used = false;
		reference_set(&candidates[i].entry->busy, m->running, &candidates[i].entry->object, "being unloaded");
	}
}

/* Pops those that are gone, last in the list first, whatever became of the list meanwhile, and releases all. */
static size_t settle(struct manager *m, struct candidate *candidates, size_t count)
{
	size_t gone = 0;

	qsort(candidates, count, sizeof(*candidates), compare_indexes);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = m->list_count; candidates[i].gone && j-- > 0;) {
			if (m->list[j] == candidates[i].entry)
				manager_pop(m, j);
		}
		gone += candidates[i].gone;
	}
	return gone;
}

/* Until enough is free. A manager that is not smart lets all of them go. */
static bool unload_candidates(struct manager *m, double need_bytes, struct device *device, struct candidate *candidates,
			      size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		double wanted_bytes = -1;

		if (m->rules.is_smart) {
			double free_bytes = memory_free_bytes(m, device);

			if (free_bytes > need_bytes)
				break;
			wanted_bytes = need_bytes - free_bytes;
		}
		if (!list_entry_unload(candidates[i].entry, wanted_bytes, &candidates[i].gone, e))
			return false;
	}
	return true;
}

/* Weighed only where an entry has to go. */
static void weigh_candidates(const struct manager *m, double need_bytes, const struct device *device,
			     struct candidate *candidates, size_t count)
{
	if (!m->policy->reload_cost || memory_free_bytes(m, device) > need_bytes)
		return;
	for (size_t i = 0; i < count; i++)
		candidates[i].reload_cost = m->policy->reload_cost(&candidates[i].listed, device);
}

static bool free_candidates(struct manager *m, double need_bytes, struct device *device, const struct spared *spared,
			    size_t *unloaded, struct error *e)
{
	struct trace_event done = { .kind = TRACE_FREE_DONE, .device = device };
	struct candidate *candidates = array_new(m->list_count, sizeof(*candidates), e);
	size_t count;
	bool fine;

	if (!candidates)
		return false;
	count = collect_candidates(m, device, spared, candidates);
	weigh_candidates(m, need_bytes, device, candidates, count);
	qsort_r(candidates, count, sizeof(*candidates), compare_candidates, (void *)(uintptr_t)m->policy);
	hold(m, candidates, count);
	fine = unload_candidates(m, need_bytes, device, candidates, count, e);
	*unloaded = settle(m, candidates, count);
	fine = fine && empty_cache_after(m, device, *unloaded, e);
	if (fine && m->trace)
		fine = tell_rows(m, &done, candidates, count, true, e);
	for (size_t i = 0; i < count; i++)
		reference_drop(&candidates[i].entry->busy);
	free(candidates);
	return fine;
}

bool manager_free_memory_sparing(struct manager *m, double need_bytes, struct device *device, struct patcher *const *patchers,
				 size_t patcher_count, size_t *unloaded, struct error *e)
{
	struct spared spared = { .patchers = patchers, .count = patcher_count };
	size_t ignored;

	return tell_start(m, need_bytes, device, &spared, e) && manager_cleanup_collecting(m, e) &&
	       free_candidates(m, need_bytes, device, &spared, unloaded ? unloaded : &ignored, e);
}

bool manager_free_memory(struct manager *m, double need_bytes, struct device *device, size_t *unloaded, struct error *e)
{
	return manager_free_memory_sparing(m, need_bytes, device, NULL, 0, unloaded, e);
}

bool manager_free_everything(struct manager *m, struct error *e)
{
	struct reason_scope scope = manager_reason_begin(m, REASON_EVICTED_BY_PRESSURE);
	bool fine = manager_free_memory(m, ALL_MEMORY, m->load_device, NULL, e);

	manager_reason_end(&scope);
	return fine;
}

bool manager_core_unload_all(struct manager *m, struct error *e)
{
	struct reason_scope scope = manager_reason_begin(m, REASON_UNLOADED_BY_CORE);
	bool fine = manager_free_memory(m, ALL_MEMORY, m->current_device, NULL, e);

	manager_reason_end(&scope);
	return fine;
}

bool manager_unload_all(struct manager *m, struct error *e)
{
	static const char thrown[] = "RuntimeError: a foreign patch of unload_all_models failed";

	m->caught = NULL;
	if (m->foreign_throws && !policy_is(m->policy, POLICY_CATCHES_FOREIGN))
		return error_set(e, ERROR_NODE, "%s", thrown);
	if (m->foreign_throws)
		m->caught = thrown;
	return m->policy->unload_all ? m->policy->unload_all(m, e) : manager_core_unload_all(m, e);
}

const char *manager_caught(const struct manager *m)
{
	return m->caught;
}
