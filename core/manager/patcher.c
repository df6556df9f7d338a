/* patcher.c - patchers, their models and wrappers: made, cloned, read, and their death recorded.
 *
 * A patcher is registered with its manager before anything of it can fail, so that destroying it always takes it out again; one that was
 * never whole has no death to tell. A clone copies its parent's list of patches and shares the model.
 */
#include "core/manager/patcher.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/manager/departures.h"
#include "core/manager/state.h"
#include "core/manager/place/place.h"
#include "core/manager/view.h"

static void inner_destroy(struct object *object)
{
	struct inner *inner = (struct inner *)object;

	for (size_t i = 0; inner->backups && i < inner->model->parameter_count; i++)
		free(inner->backups[i].bytes);
	free(inner->backups);
	model_free(inner->model);
	free(inner->allocation);
	free(inner->legacy_allocation);
	free(inner->cast);
	free(inner->backed_up);
	free(inner->order);
	free(inner->device_of);
}

/* __del__ is detach(unpatch_all=False): the weights stay as they are. */
static void patcher_finalize(struct object *object)
{
	struct patcher *patcher = (struct patcher *)object;

	if (patcher->death_record)
		trace_tell(patcher->manager, &(struct trace_event) { .kind = TRACE_DETACH, .patcher = patcher });
	manager_note_death(patcher->manager, patcher);
}

static void patcher_unregister(struct patcher *patcher)
{
	struct manager *m = patcher->manager;

	if (patcher->previous)
		patcher->previous->next = patcher->next;
	else
		m->first = patcher->next;
	if (patcher->next)
		patcher->next->previous = patcher->previous;
	else
		m->last = patcher->previous;
	m->patcher_count--;
}

static void patcher_destroy(struct object *object)
{
	struct patcher *patcher = (struct patcher *)object;

	patcher_unregister(patcher);
	for (size_t i = 0; i < patcher->lora_count; i++)
		lora_match_end(patcher->loras[i].match);
	free(patcher->loras);
	free(patcher->patches);
	free(patcher->key);
	free(patcher->name);
	free(patcher->death_record);
}

const struct object_class patcher_inner_class = { .name = "model", .destroy = inner_destroy };
const struct object_class patcher_class = {
	.name = "patcher", .transparent = true, .finalize = patcher_finalize, .destroy = patcher_destroy
};
const struct object_class patcher_clip_class = { .name = "clip", .transparent = true };
const struct object_class patcher_vae_class = { .name = "vae", .transparent = true };

/* Takes the model over, also on failure. */
static struct inner *inner_new(struct manager *m, struct model *model, struct error *e)
{
	struct inner *inner = object_new(m->heap, &patcher_inner_class, model->name, sizeof(*inner), e);

	if (!inner) {
		model_free(model);
		return NULL;
	}
	inner->manager = m;
	inner->model = model;
	inner->keep = KEEP_NONE;
	inner->offload_device = m->offload_device;
	inner->reported_device = m->offload_device;
	inner->cast = array_new(model->block_count, sizeof(*inner->cast), e);
	inner->backed_up = array_new(model->parameter_count, sizeof(*inner->backed_up), e);
	if (!inner->cast || !inner->backed_up) {
		object_discard(&inner->object);
		return NULL;
	}
	return inner;
}

/* Registered from the start, so that destroy can always take it out. */
static struct patcher *patcher_make(struct manager *m, struct inner *inner, struct device *load_device, const char *key,
				    struct error *e)
{
	struct patcher *patcher = object_new(m->heap, &patcher_class, "", sizeof(*patcher), e);

	if (!patcher)
		return NULL;
	patcher->manager = m;
	patcher->load_device = load_device;
	patcher->sampling_shift = NAN;
	patcher->previous = m->last;
	if (m->last)
		m->last->next = patcher;
	else
		m->first = patcher;
	m->last = patcher;
	m->patcher_count++;
	reference_set(&patcher->inner, &patcher->object, &inner->object, "model");
	patcher->key = string_copy(key, e);
	patcher->death_record = array_new(1, sizeof(*patcher->death_record), e);
	return patcher;
}

static bool patcher_is_whole(const struct patcher *patcher)
{
	return patcher->key && patcher->death_record && patcher->name;
}

/* One that never was has no death to tell. */
static struct patcher *patcher_give_up(struct patcher *patcher)
{
	free(patcher->death_record);
	patcher->death_record = NULL;
	object_discard(&patcher->object);
	return NULL;
}

struct patcher *patcher_new(struct manager *m, struct model *model, struct device *load_device, const char *key,
			    struct error *e)
{
	struct inner *inner = inner_new(m, model, e);
	struct patcher *patcher;

	if (!inner)
		return NULL;
	patcher = patcher_make(m, inner, load_device, key, e);
	if (!patcher) {
		object_discard(&inner->object);
		return NULL;
	}
	patcher->patches_id = ++m->next_patches_id;
	patcher->name = string_copy(model->name, e);
	if (!patcher_is_whole(patcher))
		return patcher_give_up(patcher);
	patcher->object.name = patcher->name;
	manager_tell_object(m, patcher);
	return patcher;
}

static char *clone_name(const struct patcher *parent, struct error *e)
{
	static const char suffix[] = "+clone";
	size_t length = strlen(parent->name);
	char *name;

	if (parent->parent.target)
		return string_copy(parent->name, e);
	name = array_new(length + sizeof(suffix), 1, e);
	if (name)
		snprintf(name, length + sizeof(suffix), "%s%s", parent->name, suffix);
	return name;
}

static bool make_patches(struct patcher *patcher, const bool *from, struct error *e)
{
	size_t count = patcher_model(patcher)->parameter_count;

	patcher->patches = array_new(count, sizeof(*patcher->patches), e);
	if (patcher->patches && from)
		memcpy(patcher->patches, from, count * sizeof(*from));
	return patcher->patches != NULL;
}

bool patcher_add_patches(struct patcher *patcher, const size_t *parameters, size_t count, struct error *e)
{
	if (!patcher->patches && !make_patches(patcher, NULL, e))
		return false;
	for (size_t i = 0; i < count; i++)
		patcher->patches[parameters[i]] = true;
	patcher->patches_id = ++patcher->manager->next_patches_id;
	return true;
}

/* Which parameters the newest LoRA changes. */
static bool mark_patches(struct patcher *clone, struct error *e)
{
	const struct lora_match *match = clone->loras[clone->lora_count - 1].match;

	if (!clone->patches && !make_patches(clone, NULL, e))
		return false;
	for (size_t i = 0; i < match->count; i++)
		clone->patches[match->adapters[i].parameter] = true;
	return true;
}

static bool add_lora(struct patcher *clone, const struct patcher_change *change, struct error *e)
{
	struct lora_match *match = lora_match(change->lora, patcher_model(clone), e);

	if (!match)
		return false;
	clone->patches_id = ++clone->manager->next_patches_id;
	clone->loras[clone->lora_count++] =
		(struct patch_use) { .match = match, .strength = change->lora_strength, .strength_model = 1.0 };
	return mark_patches(clone, e);
}

static bool clone_patches(struct patcher *clone, const struct patcher *parent, const struct patcher_change *change,
			  struct error *e)
{
	clone->loras = array_new(parent->lora_count + 1, sizeof(*clone->loras), e);
	if (!clone->loras || (parent->patches && !make_patches(clone, parent->patches, e)))
		return false;
	for (size_t i = 0; i < parent->lora_count; i++) {
		clone->loras[clone->lora_count] = parent->loras[i];
		lora_match_share(clone->loras[clone->lora_count++].match);
	}
	clone->patches_id = parent->patches_id;
	return !change->lora || add_lora(clone, change, e);
}

struct patch_list patcher_patches(const struct patcher *patcher)
{
	const struct policy *policy = patcher->manager->policy;

	return (struct patch_list) { .uses = patcher->loras,
				     .use_count = patcher->lora_count,
				     .rules = policy_is(policy, POLICY_OWN_PATCHES) ? &patch_rules_ours
										    : &patch_rules_upstream };
}

struct patch_pending patcher_pending(const struct patcher *patcher)
{
	return (struct patch_pending) { .list = patcher_patches(patcher),
					.wanted = patcher->patches,
					.done = patcher_inner(patcher)->backed_up };
}

struct patcher *patcher_clone(struct patcher *parent, const struct patcher_change *change, struct error *e)
{
	struct manager *m = parent->manager;
	struct manager_view view = manager_view(m);
	struct patcher *clone = m->policy->adopt_clone ? m->policy->adopt_clone(&view, parent, change->key) : NULL;

	if (clone)
		return clone;
	clone = patcher_make(m, patcher_inner(parent), parent->load_device, change->key, e);
	if (!clone)
		return NULL;
	reference_set(&clone->parent, &clone->object, &parent->object, "parent");
	clone->sampling_shift = isnan(change->sampling_shift) ? parent->sampling_shift : change->sampling_shift;
	clone->name = clone_name(parent, e);
	if (!clone_patches(clone, parent, change, e) || !patcher_is_whole(clone))
		return patcher_give_up(clone);
	clone->object.name = clone->name;
	manager_tell_object(m, clone);
	if (m->policy->cloned)
		m->policy->cloned(m, clone);
	return clone;
}

struct wrapper *patcher_wrapper_new(struct patcher *patcher, struct error *e)
{
	const struct object_class *class = patcher_model(patcher)->kind == MODEL_VAE ? &patcher_vae_class : &patcher_clip_class;
	struct wrapper *wrapper = object_new(patcher->manager->heap, class, patcher->name, sizeof(*wrapper), e);

	if (!wrapper)
		return NULL;
	wrapper->object.name = "";
	reference_set(&wrapper->patcher, &wrapper->object, &patcher->object, "patcher");
	reference_set(&wrapper->inner, &wrapper->object, patcher->inner.target, "model");
	return wrapper;
}

struct patcher *patcher_of(struct object *object)
{
	if (!object)
		return NULL;
	if (object->class == &patcher_class)
		return (struct patcher *)object;
	if (object->class == &patcher_clip_class || object->class == &patcher_vae_class)
		return wrapper_patcher((struct wrapper *)object);
	return NULL;
}

/* ---- what they are ---- */

struct object *patcher_object(const struct patcher *patcher)
{
	return (struct object *)(uintptr_t)&patcher->object;
}

struct object *patcher_wrapper_object(const struct wrapper *wrapper)
{
	return (struct object *)(uintptr_t)&wrapper->object;
}

struct object *patcher_model_object(const struct patcher *patcher)
{
	return patcher->inner.target;
}

struct model *patcher_model(const struct patcher *patcher)
{
	return patcher_inner(patcher)->model;
}

struct manager *patcher_manager(const struct patcher *patcher)
{
	return patcher->manager;
}

const char *patcher_name(const struct patcher *patcher)
{
	return patcher->name;
}

struct device *patcher_device(const struct patcher *patcher)
{
	return patcher->load_device;
}

double patcher_sampling_shift(const struct patcher *patcher)
{
	return patcher->sampling_shift;
}

bool patcher_place(struct patcher *patcher, const struct patcher_placing *placing, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);

	patcher->load_device = placing->device;
	inner->low_precision_loras = placing->low_precision_loras;
	if (placing->allocation && placing->is_legacy)
		return place_set_legacy_allocation(inner, placing->allocation, e);
	return !placing->allocation || place_set_allocation(inner, placing->allocation, placing->virtual_vram_bytes, e);
}

bool patcher_applied(const struct patcher *patcher, const struct patcher **applied)
{
	const struct inner *inner = patcher_inner(patcher);

	*applied = NULL;
	if (!inner_is_patched(inner))
		return false;
	for (const struct patcher *other = inner->manager->first; other && !*applied; other = other->next) {
		if (other->inner.target == &inner->object && other->patches_id == inner->patches_id)
			*applied = other;
	}
	return true;
}
