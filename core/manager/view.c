/* view.c - the manager read by others.
 *
 * A patcher that has died is found again by its id: an entry of the list remembers the last patcher that it had, and a watch keeps a
 * weak reference to the model, which may outlive all of its patchers.
 */
#include "core/manager/view.h"

#include "core/manager/place/place.h"
#include "core/manager/policies/verbs.h"
#include "core/manager/state.h"

/* ---- the loaded list ---- */

size_t manager_listed_count(const struct manager_view *view)
{
	return view->manager->list_count;
}

struct listed_model manager_entry_listed(const struct entry *entry)
{
	struct patcher *patcher = entry_patcher(entry);

	return (struct listed_model) { .patcher = patcher,
				       .device = entry->device,
				       .keep = patcher ? view_patcher_keep(patcher) : KEEP_NONE,
				       .is_dead = entry_is_dead(entry),
				       .is_held = patcher && view_patcher_model_is_held(patcher) };
}

struct listed_model manager_listed(const struct manager_view *view, size_t index)
{
	return manager_entry_listed(view->manager->list[index]);
}

/* ---- patchers ---- */

struct patcher *manager_next_patcher(const struct manager_view *view, const struct patcher *after)
{
	return after ? after->next : view->manager->first;
}

const char *view_patcher_key(const struct patcher *patcher)
{
	return patcher->key;
}

enum keep_request view_patcher_keep(const struct patcher *patcher)
{
	return patcher_inner(patcher)->keep;
}

bool view_patcher_is_clone(const struct patcher *patcher)
{
	return patcher->parent.target != NULL;
}

bool view_patcher_is_clone_of(const struct patcher *patcher, const struct patcher *parent)
{
	return patcher->parent.target == &parent->object;
}

bool view_patcher_is_dying(const struct patcher *patcher)
{
	return patcher->object.dying;
}

bool view_patcher_is_held(const struct patcher *patcher)
{
	return patcher->kept.target != NULL;
}

bool view_patcher_model_is_held(const struct patcher *patcher)
{
	for (const struct reference *in = patcher->inner.target->in; in; in = in->in_next) {
		if (in->owner->class == &patcher_class && view_patcher_is_held((const struct patcher *)in->owner))
			return true;
	}
	return false;
}

bool view_patcher_ejects(const struct patcher *patcher)
{
	return patcher_inner(patcher)->eject;
}

const char *view_patcher_allocation(const struct patcher *patcher)
{
	return place_allocation(patcher_inner(patcher));
}

double view_patcher_virtual_vram_bytes(const struct patcher *patcher)
{
	return patcher_inner(patcher)->virtual_vram_bytes;
}

struct device *view_patcher_offload_device(const struct patcher *patcher)
{
	return patcher_inner(patcher)->offload_device;
}

/* ---- the manager ---- */

double manager_system_cpu_percent(const struct manager_view *view)
{
	return view->manager->cpu_memory_percent;
}

double manager_reset_cpu_percent(const struct manager_view *view)
{
	return view->manager->cpu_percent_at_reset;
}

bool manager_runs_prompt(const struct manager_view *view)
{
	return view->manager->prompt_running;
}

int32_t manager_anchor_count(const struct manager_view *view)
{
	const struct manager *m = view->manager;

	return policy_is(m->policy, POLICY_ANCHORS) ? (int32_t)m->anchor_count : -1;
}

struct device *manager_current_device(const struct manager_view *view)
{
	return view->manager->current_device;
}

/* ---- objects ---- */

void view_watch_begin(struct object_watch *watch, const struct manager_view *view, uint64_t id)
{
	watch->id = id;
	for (struct patcher *patcher = view->manager->last; patcher; patcher = patcher->previous) {
		if (patcher->object.id != id)
			continue;
		weak_set(&watch->patcher, NULL, &patcher->object, "probe", NULL);
		weak_set(&watch->model, NULL, patcher->inner.target, "probe", NULL);
		return;
	}
}

void view_watch_end(struct object_watch *watch)
{
	weak_clear(&watch->patcher);
	weak_clear(&watch->model);
}

static int32_t listed_at(const struct manager *m, const struct patcher *patcher, uint64_t id)
{
	for (size_t i = 0; i < m->list_count; i++) {
		const struct patcher *listed = entry_patcher(m->list[i]);

		if (patcher ? listed == patcher : !listed && m->list[i]->patcher_id == id)
			return (int32_t)i;
	}
	return -1;
}

static void look_at_model(struct managed_object *object, const struct inner *inner)
{
	object->model = inner->model;
	object->is_loaded = inner_is_patched(inner);
	object->bytes_on_compute = place_bytes_on_compute(inner);
	object->bytes_elsewhere = inner_size_bytes(inner) - object->bytes_on_compute;
	object->compute_device = inner->compute_device;
	object->planned_device = inner->device_of;
}

static struct managed_object look(const struct manager *m, uint64_t id, struct object *patcher_target,
				  struct object *model_target)
{
	const struct patcher *patcher = (const struct patcher *)patcher_target;
	const struct inner *inner = (const struct inner *)model_target;
	struct managed_object object = { .id = id,
					 .patcher = patcher,
					 .holders_of = patcher ? patcher_target : model_target,
					 .listed_at = listed_at(m, patcher, id),
					 .is_anchored = patcher && patcher->anchor.target };

	if (inner)
		look_at_model(&object, inner);
	object.has_foreign_patches = patcher && object.is_loaded && inner->patches_id != patcher->patches_id;
	return object;
}

const struct model *view_watch_model(const struct object_watch *watch)
{
	const struct inner *inner = (const struct inner *)watch->model.target;

	return inner ? inner->model : NULL;
}

struct managed_object manager_watched(const struct manager_view *view, const struct object_watch *watch)
{
	return look(view->manager, watch->id, watch->patcher.target, watch->model.target);
}

void manager_each_object(const struct manager_view *view, void (*visit)(void *context, const struct managed_object *object),
			 void *context)
{
	for (struct patcher *patcher = view->manager->first; patcher; patcher = patcher->next) {
		struct managed_object object = look(view->manager, patcher->object.id, &patcher->object, patcher->inner.target);

		visit(context, &object);
	}
}

struct managed_allocation view_allocation(const struct managed_object *object)
{
	const struct inner *inner = object->model ? (const struct inner *)object->holders_of : NULL;
	struct managed_allocation allocation = { .own = NULL };

	if (object->patcher)
		inner = patcher_inner(object->patcher);
	if (!inner)
		return allocation;
	allocation.used = inner_is_patched(inner) ? place_allocation(inner) : NULL;
	allocation.own = inner->allocation;
	if (inner_is_patched(inner) && !allocation.used) {
		allocation.used = place_legacy_allocation(inner);
		allocation.own = inner->legacy_allocation;
	}
	return allocation;
}
