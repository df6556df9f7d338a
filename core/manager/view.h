/* view.h - a manager as probes and policies see it: everything can be read, nothing changed.
 *
 *	struct manager_view view = manager_view(m);
 *
 *	for (size_t i = 0; i < manager_listed_count(&view); i++)
 *		look(manager_listed(&view, i));
 *
 * A view is a handle and not a copy: each call says what is so at that moment. A patcher that a view gives is borrowed, and lives
 * as long as what holds it. Sizes are bytes; nothing fails. One thread: the worker's.
 */
#ifndef RESIDENCY_MANAGER_VIEW_H
#define RESIDENCY_MANAGER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/event.h"
#include "core/manager/patcher.h"

struct manager_view {
	const struct manager *manager;
};

static inline struct manager_view manager_view(const struct manager *m)
{
	return (struct manager_view) { .manager = m };
}

/* ---- the loaded list ---- */

struct listed_model {
	struct patcher *patcher; /* NULL: it has died */
	const struct device *device;
	enum keep_request keep; /* KEEP_NONE, too, where the patcher has died */
	bool is_dead; /* the patcher has died, its model lives */
	bool is_held; /* by the manager itself, through any patcher of the model */
};

size_t manager_listed_count(const struct manager_view *view);

/* From 0, the newest. */
struct listed_model manager_listed(const struct manager_view *view, size_t index);

/* ---- patchers ---- */

/* The living patcher made after another; the oldest for NULL. NULL after the newest. */
struct patcher *manager_next_patcher(const struct manager_view *view, const struct patcher *after);

const char *view_patcher_key(const struct patcher *patcher);
enum keep_request view_patcher_keep(const struct patcher *patcher);

/* Whether it is a clone of another, living or dead, and whether of this one. */
bool view_patcher_is_clone(const struct patcher *patcher);
bool view_patcher_is_clone_of(const struct patcher *patcher, const struct patcher *parent);

/* Its last reference has gone. */
bool view_patcher_is_dying(const struct patcher *patcher);

/* The manager itself holds this patcher; it holds any patcher of the model. */
bool view_patcher_is_held(const struct patcher *patcher);
bool view_patcher_model_is_held(const struct patcher *patcher);

/* A policy has marked it: loading it asks for all of the device. */
bool view_patcher_ejects(const struct patcher *patcher);

/* The allocation string that counts; NULL for none. */
const char *view_patcher_allocation(const struct patcher *patcher);
double view_patcher_virtual_vram_bytes(const struct patcher *patcher);

/* Where its blocks are stored while they are not loaded. */
struct device *view_patcher_offload_device(const struct patcher *patcher);

/* ---- the manager ---- */

/* Percent of main memory in use, as the system says; the same when a policy last asked for the caches to be dropped. */
double manager_system_cpu_percent(const struct manager_view *view);
double manager_reset_cpu_percent(const struct manager_view *view);
bool manager_runs_prompt(const struct manager_view *view);

/* -1 where the policy has no anchors. */
int32_t manager_anchor_count(const struct manager_view *view);

/* What unload_all frees; loaders with a device of their own change it. */
struct device *manager_current_device(const struct manager_view *view);

/* ---- objects ---- */

/* A patcher and its model, as a snapshot wants them. */
struct managed_object {
	uint64_t id; /* the patcher's, also when it has died */
	const struct patcher *patcher; /* NULL: it has died */
	const struct model *model; /* bytes_on by device, blocks; NULL: it has died */
	struct object *holders_of; /* the patcher's object or else the model's, for heap_holders(); NULL: both have died */
	int32_t listed_at; /* -1: not listed */
	bool is_loaded; /* weights are in place for a patcher */
	bool has_foreign_patches; /* and their patches are another patcher's */
	bool is_anchored;
	const struct device *compute_device; /* where it was last loaded to run; NULL: nowhere yet */
	uint64_t bytes_on_compute, bytes_elsewhere; /* 0, 0 for a dead model */
	const unsigned *planned_device; /* by block, where the last plan wants it; NULL: no plan */
};

/* A weak eye on an object. Zero-initialised; it must not be moved between begin and end. */
struct object_watch {
	uint64_t id;
	struct weak patcher, model;
};

/* Of the living object with this id; does nothing if it has died. */
void view_watch_begin(struct object_watch *watch, const struct manager_view *view, uint64_t id);
void view_watch_end(struct object_watch *watch);

/* Its model; NULL once that has died. */
const struct model *view_watch_model(const struct object_watch *watch);

/* What has become of it. */
struct managed_object manager_watched(const struct manager_view *view, const struct object_watch *watch);

/* Every object with a living patcher, oldest first. */
void manager_each_object(const struct manager_view *view, void (*visit)(void *context, const struct managed_object *object),
			 void *context);

/* The allocation string that an object's own loader set, and the one it is placed by; each NULL for none. */
struct managed_allocation {
	const char *own, *used;
};
struct managed_allocation view_allocation(const struct managed_object *object);

#endif
