/* list.c - the loaded list and its entries: made, found, popped, cleaned up, unloaded.
 *
 * An entry whose patcher dies before its parent goes over to the parent; one whose model dies leaves the list in that moment; one whose
 * patcher alone dies stays, dead, and makes the next leak check collect. All three are upstream's.
 */
#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/list/list.h"

#include "core/manager/departures.h"
#include "core/manager/place/place.h"
#include "core/manager/policies/verbs.h"

static void entry_destroy(struct object *object)
{
	struct entry *entry = (struct entry *)object;

	weak_clear(&entry->patcher);
	weak_clear(&entry->parent);
	weak_clear(&entry->real_model);
}

static const struct object_class entry_class = { .name = "list", .destroy = entry_destroy };

static void switch_to_parent(struct weak *weak)
{
	struct entry *entry = (struct entry *)weak->owner;

	if (entry->parent.target)
		list_entry_set_patcher(entry, (struct patcher *)entry->parent.target);
}

void list_entry_set_patcher(struct entry *entry, struct patcher *patcher)
{
	struct object *parent = patcher->parent.target;

	entry->patcher_id = patcher->object.id;
	weak_set(&entry->parent, &entry->object, parent, "parent", NULL);
	weak_set(&entry->patcher, &entry->object, &patcher->object, "loaded list", parent ? switch_to_parent : NULL);
}

struct entry *list_entry_new(struct manager *m, struct patcher *patcher, struct error *e)
{
	struct entry *entry = object_new(m->heap, &entry_class, "loaded list", sizeof(*entry), e);

	if (!entry)
		return NULL;
	entry->manager = m;
	entry->device = patcher->load_device;
	entry->currently_used = true;
	list_entry_set_patcher(entry, patcher);
	return entry;
}

/* Upstream's cleanup_models. Its test is real_model() is None; of an entry that was never loaded it would raise, and the list has no
 * such entry. */
static void model_died(struct weak *weak)
{
	struct manager *m = ((struct entry *)weak->owner)->manager;

	for (size_t i = m->list_count; i-- > 0;) {
		if (i < m->list_count && !entry_model(m->list[i]))
			manager_pop(m, i);
	}
}

void list_entry_set_loaded(struct entry *entry, struct inner *inner)
{
	weak_set(&entry->real_model, &entry->object, &inner->object, "loaded list", model_died);
	entry->is_loaded = true;
}

void list_entry_forget_model(struct entry *entry)
{
	weak_clear(&entry->real_model);
	entry->is_loaded = false;
}

bool list_insert(struct manager *m, struct entry *entry, struct error *e)
{
	if (!array_reserve(&m->list, &m->list_capacity, m->list_count + 1, sizeof(*m->list), e))
		return false;
	memmove(m->list + 1, m->list, m->list_count * sizeof(*m->list));
	m->list[0] = entry;
	m->list_count++;
	reference_set(&entry->listed, m->list_root, &entry->object, "entry");
	return true;
}

struct entry *list_find(const struct manager *m, const struct patcher *patcher)
{
	for (size_t i = 0; i < m->list_count; i++) {
		if (entry_patcher(m->list[i]) == patcher)
			return m->list[i];
	}
	return NULL;
}

void manager_pop(struct manager *m, size_t index)
{
	struct entry *entry = m->list[index];

	m->list_count--;
	memmove(m->list + index, m->list + index + 1, (m->list_count - index) * sizeof(*m->list));
	reference_drop(&entry->listed);
}

void manager_list_filter(struct manager *m, bool (*wanted)(const struct listed_model *listed))
{
	for (size_t i = m->list_count; i-- > 0;) {
		struct listed_model listed = manager_entry_listed(m->list[i]);

		if (!wanted(&listed))
			manager_pop(m, i);
	}
}

static const struct entry *first_dead(const struct manager *m)
{
	for (size_t i = 0; i < m->list_count; i++) {
		if (entry_is_dead(m->list[i]))
			return m->list[i];
	}
	return NULL;
}

bool manager_cleanup_collecting(struct manager *m, struct error *e)
{
	const struct entry *dead = first_dead(m);

	if (!dead)
		return true;
	log_say(m->log, LOG_WARNING, "the patcher of %s is gone and its model is still there: collecting",
		entry_model(dead)->model->name);
	trace_tell(m, &(struct trace_event) { .kind = TRACE_LEAK, .inner = entry_model(dead) });
	heap_collect(m->heap);
	if (!manager_soft_empty(m, false, e))
		return false;
	for (size_t i = 0; i < m->list_count; i++) {
		if (!entry_is_dead(m->list[i]))
			continue;
		log_say(m->log, LOG_WARNING, "the model of %s is held by another component, and stays listed",
			entry_model(m->list[i])->model->name);
		trace_tell(m, &(struct trace_event) { .kind = TRACE_LEAK_STAYS, .inner = entry_model(m->list[i]) });
	}
	return true;
}

/* True in *enough if part of the model is enough. */
static bool unload_part(struct patcher *patcher, double need_bytes, bool *enough, struct error *e)
{
	uint64_t freed_bytes;

	*enough = false;
	if (!(need_bytes >= 0) || need_bytes >= (double)patcher_inner(patcher)->loaded_bytes)
		return true;
	if (!place_partially_unload(patcher, need_bytes, &freed_bytes, e))
		return false;
	*enough = (double)freed_bytes >= need_bytes;
	return true;
}

/* A dead entry has no patcher to detach; upstream raises there, and so do its policies before they come here. */
bool list_entry_unload(struct entry *entry, double need_bytes, bool *gone, struct error *e)
{
	struct manager *m = entry->manager;
	struct patcher *patcher = entry_patcher(entry);
	bool enough;

	*gone = false;
	if (!patcher)
		return error_set(e, ERROR_NODE, "AttributeError: 'NoneType' object has no attribute 'model'");
	trace_tell(m, &(struct trace_event) {
			      .kind = TRACE_UNLOAD, .patcher = patcher, .wanted_bytes = need_bytes < 0 ? NAN : need_bytes });
	if (!unload_part(patcher, need_bytes, &enough, e))
		return false;
	if (!enough) {
		if (!place_detach(patcher, e))
			return false;
		manager_tell_departure(m, patcher, m->unload_reason);
		list_entry_forget_model(entry);
		*gone = true;
	}
	trace_tell(m, &(struct trace_event) { .kind = TRACE_UNLOAD_DONE, .patcher = patcher, .yes = *gone });
	return true;
}

bool manager_unload_listed(struct manager *m, size_t index, struct error *e)
{
	bool gone;

	return list_entry_unload(m->list[index], -1, &gone, e);
}

bool manager_unload_dead(struct manager *m, size_t index, struct error *e)
{
	return place_unpatch(entry_model(m->list[index]), e);
}

/* ---- what the list has ---- */

size_t manager_loaded_patchers(const struct manager *m, bool only_used, struct patcher **patchers, size_t capacity)
{
	size_t count = 0;

	for (size_t i = 0; i < m->list_count; i++) {
		if (only_used && !m->list[i]->currently_used)
			continue;
		if (count < capacity)
			patchers[count] = entry_patcher(m->list[i]);
		count++;
	}
	return count;
}

static bool refuse_dead(struct error *e)
{
	return error_set(e, ERROR_NODE, "AttributeError: 'NoneType' object has no attribute 'model_size'");
}

bool manager_offloaded_bytes(const struct manager *m, const struct device *device, uint64_t *offloaded_bytes, struct error *e)
{
	*offloaded_bytes = 0;
	for (size_t i = 0; i < m->list_count; i++) {
		if (m->list[i]->device != device)
			continue;
		if (!entry_patcher(m->list[i]))
			return refuse_dead(e);
		*offloaded_bytes += inner_offloaded_bytes(patcher_inner(entry_patcher(m->list[i])));
	}
	return true;
}

bool manager_use_more_memory(struct manager *m, double extra_bytes, struct device *device, struct error *e)
{
	uint64_t gained_bytes;

	for (size_t i = 0; i < m->list_count; i++) {
		struct patcher *patcher = entry_patcher(m->list[i]);

		if (m->list[i]->device != device)
			continue;
		if (!patcher)
			return refuse_dead(e);
		if (!place_partially_load(patcher, extra_bytes, false, &gained_bytes, e))
			return false;
		extra_bytes -= (double)gained_bytes;
		if (extra_bytes <= 0)
			break;
	}
	return true;
}
