/* load.c - loading models: siblings popped, room made, weights put in place, on top of the list.
 *
 * ComfyUI's load_models_gpu, step by step: the leak check; entries found or made; other entries of the same models popped, weights
 * untouched; space freed on each device, first for weights and then for what inference cannot do without; then one model after the
 * other. What leaves on the way was evicted by the load.
 */
#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/manager/departures.h"
#include "core/manager/state.h"
#include "core/manager/list/list.h"
#include "core/manager/place/place.h"
#include "core/manager/policies/verbs.h"
#include "core/model/memory/memory_estimate.h"

#define NO_BUDGET 1e32 /* upstream's word for all of it */

struct load {
	struct manager *m;
	struct entry **entries;
	size_t count;
	double extra_bytes, minimum_bytes;
	bool full, force_patch;
};

double manager_core_memory_required(const struct patcher *patcher, const struct device *device)
{
	const struct inner *inner = patcher_inner(patcher);

	return (double)(inner->reported_device == device ? inner_offloaded_bytes(inner) : inner_size_bytes(inner));
}

static double memory_required(const struct manager *m, const struct patcher *patcher, const struct device *device)
{
	struct manager_view view = manager_view(m);

	if (m->policy->memory_required)
		return m->policy->memory_required(&view, patcher, device);
	return manager_core_memory_required(patcher, device);
}

static bool is_asked_for(const struct load *load, const struct patcher *patcher)
{
	for (size_t i = 0; i < load->count; i++) {
		if (entry_patcher(load->entries[i]) == patcher)
			return true;
	}
	return false;
}

/* Each patcher once; its own entry where it is listed, else a new one. Held until the load is done. */
static bool find_entries(struct load *load, struct patcher *const *patchers, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		struct entry *entry;

		if (is_asked_for(load, patchers[i]))
			continue;
		entry = list_find(load->m, patchers[i]);
		if (!entry)
			entry = list_entry_new(load->m, patchers[i], e);
		if (!entry)
			return false;
		entry->currently_used = true;
		entry->device = patchers[i]->load_device; /* ours may have been placed again */
		reference_set(&entry->busy, load->m->running, &entry->object, "being loaded");
		load->entries[load->count++] = entry;
	}
	return true;
}

/* Every other patcher of the model that is loaded now: its weights are, under another's name. */
static void tell_superseded(struct manager *m, const struct patcher *patcher)
{
	for (const struct reference *in = patcher->inner.target->in; in; in = in->in_next) {
		const struct patcher *sibling = (const struct patcher *)in->owner;

		if (in->owner->class == &patcher_class && sibling != patcher && !in->owner->dying)
			manager_tell_departure(m, sibling, REASON_SUPERSEDED);
	}
}

/* Entries of the same model leave the list, weights untouched; the one that is loaded comes back on top. */
static void pop_siblings(struct manager *m, const struct entry *loading)
{
	const struct patcher *patcher = entry_patcher(loading);

	for (size_t i = m->list_count; i-- > 0;) {
		struct entry *entry = m->list[i];
		const struct patcher *listed = entry_patcher(entry);

		if (!listed || listed->inner.target != patcher->inner.target)
			continue;
		trace_tell(m, &(struct trace_event) { .kind = TRACE_DETACH, .patcher = listed });
		list_entry_forget_model(entry);
		manager_pop(m, i);
	}
}

static bool is_first_of_device(const struct load *load, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (load->entries[i]->device == load->entries[index]->device)
			return false;
	}
	return true;
}

static double needed_on(const struct load *load, const struct device *device)
{
	double need = 0;

	for (size_t i = 0; i < load->count; i++) {
		if (load->entries[i]->device == device)
			need += memory_required(load->m, entry_patcher(load->entries[i]), device);
	}
	return need;
}

/* By core's order or the policy's, and then, for the least that inference cannot do without, once more. */
static bool make_room_for_weights(struct load *load, struct device *device, struct error *e)
{
	return manager_free_memory(load->m, memory_load_room_bytes(needed_on(load, device), load->extra_bytes), device, NULL,
				   e);
}

static bool make_room_for_inference(struct load *load, struct device *device, struct error *e)
{
	size_t unloaded;

	if (memory_free_bytes(load->m, device) >= load->minimum_bytes)
		return true;
	if (!manager_free_memory(load->m, load->minimum_bytes, device, &unloaded, e))
		return false;
	trace_tell(load->m, &(struct trace_event) { .kind = TRACE_UNLOADED, .device = device, .count = unloaded });
	return true;
}

/* One step for every device of the load that is not a cpu, in the order in which they are first named. */
static bool on_each_device(struct load *load, bool (*step)(struct load *load, struct device *device, struct error *e),
			   struct error *e)
{
	for (size_t i = 0; i < load->count; i++) {
		struct device *device = load->entries[i]->device;

		if (!device_is_cpu(device) && is_first_of_device(load, i) && !step(load, device, e))
			return false;
	}
	return true;
}

static bool make_room(struct load *load, struct error *e)
{
	const struct policy *policy = load->m->policy;

	for (size_t i = 0; i < load->count; i++) {
		struct entry *entry = load->entries[i];

		if (policy->before_load && !policy->before_load(load->m, entry_patcher(entry), entry->device, e))
			return false;
	}
	return on_each_device(load, make_room_for_weights, e) && on_each_device(load, make_room_for_inference, e);
}

static bool load_entry(struct load *load, struct entry *entry, struct error *e)
{
	struct manager *m = load->m;
	struct patcher *patcher = entry_patcher(entry);
	double loaded_bytes = (double)patcher_inner(patcher)->loaded_bytes;
	double budget_bytes = memory_budget_bytes(m, entry->device, loaded_bytes, load->minimum_bytes, load->full);

	trace_tell(m, &(struct trace_event) { .kind = TRACE_LOAD_ENTRY, .patcher = patcher, .wanted_bytes = budget_bytes });
	if (!place_partially_load(patcher, budget_bytes > 0 ? budget_bytes : NO_BUDGET, load->force_patch, NULL, e)) {
		manager_tell_departure(m, patcher, m->unload_reason);
		return false;
	}
	list_entry_set_loaded(entry, patcher_inner(patcher));
	tell_superseded(m, patcher);
	if (!list_insert(m, entry, e))
		return false;
	if (m->policy->distributed && place_allocation(patcher_inner(patcher)))
		return m->policy->distributed(m, patcher, e);
	return true;
}

static bool load_all(struct load *load, struct patcher *const *patchers, size_t count, struct error *e)
{
	if (!manager_cleanup_collecting(load->m, e) || !find_entries(load, patchers, count, e))
		return false;
	for (size_t i = 0; i < load->count; i++)
		pop_siblings(load->m, load->entries[i]);
	if (!make_room(load, e))
		return false;
	for (size_t i = 0; i < load->count; i++) {
		if (!load_entry(load, load->entries[i], e))
			return false;
	}
	return true;
}

bool manager_load(struct manager *m, struct patcher *const *patchers, size_t count, const struct load_request *request,
		  struct error *e)
{
	double inference_bytes = memory_inference_bytes(m, patchers[0]->load_device);
	double reserved_bytes = memory_reserved_bytes(m, patchers[0]->load_device);
	double extra_bytes = fmax(inference_bytes, request->memory_required_bytes + reserved_bytes);
	struct load load = { .m = m,
			     .extra_bytes = extra_bytes,
			     .minimum_bytes = extra_bytes,
			     .full = request->full,
			     .force_patch = request->force_patch };
	struct reason_scope scope;
	bool fine;

	if (!isnan(request->minimum_bytes))
		load.minimum_bytes = fmax(inference_bytes, request->minimum_bytes + reserved_bytes);
	load.entries = array_new(count, sizeof(struct entry *), e);
	if (!load.entries)
		return false;
	scope = manager_reason_begin(m, REASON_EVICTED_BY_LOAD);
	fine = load_all(&load, patchers, count, e);
	manager_reason_end(&scope);
	for (size_t i = 0; i < load.count; i++)
		reference_drop(&load.entries[i]->busy);
	free(load.entries);
	return fine;
}
