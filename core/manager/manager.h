/* manager.h - which models are loaded: the list, loading under pressure, freeing, unloading.
 *
 * The loaded list holds entries, newest first. An entry refers weakly to a patcher and to its model: a dead one has lost its
 * patcher while the model lives on. What differs between upstream's versions and ours stands in policies (policy.h); what is
 * common is here, and is ComfyUI's. Sizes of memory wanted are doubles, as upstream's are: 1e30 is "all".
 *
 * A patcher leaves for a reason: unloads tell it immediately; deaths are told before the next stage, when it is known whether the
 * model died, too (manager_tell_departures). What the reason is, whoever causes it says with a scope (manager_reason_begin).
 *
 * The struct is private (state.h); view.h reads it. Functions that take an error set ERROR_MEMORY, ERROR_DEVICE_MEMORY, or
 * ERROR_NODE for what upstream would raise, text and all. One thread: the worker's.
 */
#ifndef RESIDENCY_MANAGER_MANAGER_H
#define RESIDENCY_MANAGER_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/base/log.h"
#include "core/device/device.h"
#include "core/manager/memory.h"
#include "core/manager/patcher.h"
#include "core/manager/policy.h"
#include "core/manager/trace.h"
#include "core/object/heap.h"

#define ALL_MEMORY 1e30

struct manager_options {
	struct heap *heap;
	struct machine *machine;
	const struct policy *policy;
	struct device *load_device, *offload_device;
	const struct observer *observer;
	const struct log_sink *log;
	const struct memory_rules *rules; /* copied; NULL: memory_rules_default() */
	const struct memory_view *view; /* copied; NULL: the machine's own memory */
	const struct manager_trace *trace; /* borrowed; may be NULL */
	void *flags_context; /* for set_flags: a node or soft_empty asks the worker to free */
	void (*set_flags)(void *context, bool unload_models, bool free_memory, const char *source);
};

/* The caller frees, after the heap: what dies tells the manager. */
struct manager *manager_new(const struct manager_options *options, struct error *e);
void manager_free(struct manager *manager);

struct load_request {
	double memory_required_bytes; /* what inference is thought to take */
	double minimum_bytes; /* what it cannot do without; NAN: the same */
	bool full; /* no budget */
	bool force_patch; /* patches are put into weights that are cast when used, too */
};

/* Loads the patchers and puts them on top of the list. On failure the one that failed is off the list. */
bool manager_load(struct manager *m, struct patcher *const *patchers, size_t count, const struct load_request *request,
		  struct error *e);

/* Unloads entries of a device until need_bytes are free, by core's order or the policy's. *unloaded counts entries that went;
 * may be NULL. */
bool manager_free_memory(struct manager *m, double need_bytes, struct device *device, size_t *unloaded, struct error *e);

/* The same, sparing entries of some patchers. */
bool manager_free_memory_sparing(struct manager *m, double need_bytes, struct device *device, struct patcher *const *spared,
				 size_t spared_count, size_t *unloaded, struct error *e);

/* Loads more of what a device's entries hold, newest first, until extra_bytes are taken. ERROR_NODE, as upstream raises, at a
 * dead entry. */
bool manager_use_more_memory(struct manager *m, double extra_bytes, struct device *device, struct error *e);

/* The patchers of the list, newest first; only those used by the last load if only_used. Fills at most capacity, returns how
 * many there are. */
size_t manager_loaded_patchers(const struct manager *m, bool only_used, struct patcher **patchers, size_t capacity);

/* What entries of a device have elsewhere. ERROR_NODE, as upstream raises, when one is dead. */
bool manager_offloaded_bytes(const struct manager *m, const struct device *device, uint64_t *offloaded_bytes, struct error *e);

/* A direct free_memory(1e30) of the load device. */
bool manager_free_everything(struct manager *m, struct error *e);

/* What the worker does on unload_models. ERROR_NODE when upstream's policy would raise: the text is the exception. */
bool manager_unload_all(struct manager *m, struct error *e);

/* The exception that the last manager_unload_all() caught and went on from; NULL if there was none. */
const char *manager_caught(const struct manager *m);

bool manager_soft_empty(struct manager *m, bool force, struct error *e);

/* How much of main memory is in use: as the system says, or by our own account where that is more. */
double manager_cpu_percent(const struct manager *m);

/* The leak check: if a dead entry is listed, collects. */
bool manager_cleanup_collecting(struct manager *m, struct error *e);

/* ---- prompts and nodes ---- */

/* Between the two a node is running: no policy asks for the caches to be dropped then. */
void manager_begin_prompt(struct manager *m);
void manager_end_prompt(struct manager *m);

/* What a running node holds is held from here. */
struct object *manager_running_node(const struct manager *m);

/* A loader ran: tells the observer, and the policy where the loader has a keep flag. */
bool manager_loader_ran(struct manager *m, struct patcher *patcher, enum keep_request keep, bool from_disk, struct error *e);

/* Where a stock loader puts a model of this kind. */
struct device *manager_device_for(const struct manager *m, enum model_kind kind);

/* A loader with a device of its own begins. */
void manager_set_device(struct manager *m, enum model_kind kind, struct device *device);

/* A kept patcher to use instead of loading, or NULL. */
struct patcher *manager_adopt(struct manager *m, const char *key);

/* A full cleanup node ran. */
void manager_full_cleanup(struct manager *m);

/* No model is to be kept any more. */
void manager_release_kept(struct manager *m);

/* ---- reasons ---- */

/* For which reason what leaves until manager_reason_end() leaves. Scopes nest: the end restores the reason that held before. */
struct reason_scope {
	struct manager *manager;
	enum reason reason, before;
};

/* A reason of unloads (UNLOADED_..., EVICTED_...) or of deaths by count (DIED_..., DROPPED_..., ANCHORS_CLEARED); each kind nests
 * by itself. */
struct reason_scope manager_reason_begin(struct manager *m, enum reason reason);
void manager_reason_end(const struct reason_scope *scope);

/* Deaths since the last call, oldest first, to the observer. */
void manager_tell_departures(struct manager *m);

/* ---- what is injected ---- */

/* Another pack has wrapped unload_all_models; its wrapper throws. */
void manager_inject_throwing_unload(struct manager *m, bool throws);

/* How much of main memory is in use, as the system says. */
void manager_inject_cpu_percent(struct manager *m, double percent);

/* Moves each block of a patcher's model to the other side, behind the manager's back: from the compute device to where it is
 * stored, and the other way round. Stops where a device has no space: ERROR_DEVICE_MEMORY. */
bool manager_inject_move(const struct patcher *patcher, struct error *e);

/* ---- what it was made with ---- */

struct heap *manager_heap(const struct manager *m);
struct machine *manager_machine(const struct manager *m);
struct device *manager_load_device(const struct manager *m);
struct device *manager_offload_device(const struct manager *m);
const struct memory_rules *manager_rules(const struct manager *m);
const struct policy *manager_policy(const struct manager *m);

#endif
