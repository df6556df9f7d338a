/* manager.h - which models are loaded: the list, loading under pressure, freeing, unloading.
 *
 * The loaded list holds entries, newest first. An entry refers weakly to a patcher and to its model: a dead one has lost its
 * patcher while the model lives on. What differs between upstream's versions and ours stands in policies (policy.h); what is
 * common is here, and is ComfyUI's. Sizes of memory wanted are doubles, as upstream's are: 1e30 is "all".
 *
 * A patcher leaves for a reason: unloads tell it at once; deaths are told before the next stage, when it is known whether the
 * model died, too (manager_tell_departures).
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

struct entry {
	struct object object;
	struct manager *manager;
	struct weak patcher;
	struct weak parent; /* of a clone: takes its place if it dies first */
	struct weak real_model; /* empty until loaded, and again once unloaded */
	struct reference listed; /* the loaded list's */
	struct reference busy; /* of a load that is under way */
	struct device *device;
	uint64_t patcher_id; /* of the last patcher, also when that is dead */
	bool currently_used;
	bool is_loaded; /* real_model was set and not taken back */
};

/* That a patcher died, until it is told. */
struct obituary {
	struct obituary *next;
	uint64_t object;
	char *name; /* owned */
	enum reason reason;
	uint64_t time_ns;
	struct weak inner; /* still there: only the patcher died */
};

/* An allocation that models of one shape share. */
struct shared_allocation;

struct manager {
	struct heap *heap;
	struct machine *machine;
	const struct policy *policy;
	const struct observer *observer;
	const struct log_sink *log;
	const struct trace *trace; /* may be NULL */
	struct memory_rules rules; /* may be changed between loads */
	struct memory_view view;
	struct device *load_device; /* where models run whose loader names no device */
	struct device *offload_device;
	struct device *current_text_device; /* the same for text encoders */
	struct device *current_device; /* upstream's torch device: what unload_all frees; loaders with a device change it */
	struct object *list_root, *keeper, *anchors, *running; /* roots */
	struct entry **list; /* newest first */
	size_t list_count, list_capacity;
	struct patcher *first, *last; /* living patchers, oldest first */
	size_t patcher_count, anchor_count;
	struct obituary *deaths, *last_death; /* not told yet, oldest first */
	enum reason unload_reason; /* of what is unloaded now */
	enum reason death_reason; /* of what dies by count now */
	uint64_t next_patches_id;
	struct shared_allocation *shared; /* by shape; where the policy shares them */
	bool prompt_running;
	bool foreign_throws; /* somebody has wrapped unload_all_models, and the wrapper throws */
	const char *caught; /* what an unload met and went on from; NULL: nothing */
	double cpu_memory_percent; /* of main memory in use, as the system says */
	double cpu_percent_at_reset; /* when ComfyUI-MultiGPU last asked for the caches to be dropped */
	void *flags_context;
	void (*set_flags)(void *context, bool unload_models, bool free_memory, const char *source);
};

struct manager_options {
	struct heap *heap;
	struct machine *machine;
	const struct policy *policy;
	struct device *load_device, *offload_device;
	const struct observer *observer;
	const struct log_sink *log;
	const struct memory_rules *rules; /* copied; NULL: memory_rules_default() */
	const struct memory_view *view; /* copied; NULL: the machine's own memory */
	const struct trace *trace; /* borrowed; NULL: nobody looks */
	void *flags_context; /* for set_flags: a node's or soft_empty's wish that the worker frees */
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

bool manager_soft_empty(struct manager *m, bool force, struct error *e);

/* How much of main memory is in use: as the system says, or by our own account where that is more. */
double manager_cpu_percent(const struct manager *m);

/* ComfyUI's own, without the policy: for policies. */
bool manager_core_unload_all(struct manager *m, struct error *e);
bool manager_core_soft_empty(struct manager *m, bool force, struct error *e);
/* Every device gives back what its allocator holds. */
void manager_empty_caches(struct manager *m);
double manager_core_memory_required(const struct manager *m, const struct patcher *patcher, const struct device *device);

/* Pops every entry whose model is gone. */
void manager_cleanup(struct manager *m);

/* The leak check: if a dead entry is listed, collects. */
bool manager_cleanup_collecting(struct manager *m, struct error *e);

/* entry.model_unload(memory): true in *gone if the entry is to leave the list. need_bytes < 0: all of it. */
bool entry_unload(struct entry *entry, double need_bytes, bool *gone, struct error *e);

static inline struct patcher *entry_patcher(const struct entry *entry)
{
	return (struct patcher *)entry->patcher.target;
}

static inline struct inner *entry_model(const struct entry *entry)
{
	return (struct inner *)entry->real_model.target;
}

static inline bool entry_is_dead(const struct entry *entry)
{
	return entry_model(entry) && !entry_patcher(entry);
}

/* Takes the entry at an index off the list. */
void manager_pop(struct manager *m, size_t index);

/* Keeps the entries for which wanted says so; the others leave the list as they are. */
void manager_list_filter(struct manager *m, bool (*wanted)(const struct entry *entry));

/* A loader ran: tells the observer, and the policy where the loader has a keep flag. */
bool manager_loader_ran(struct manager *m, struct patcher *patcher, enum keep_wish keep, bool from_disk, struct error *e);

/* Where a stock loader puts a model of this kind. */
struct device *manager_device_for(const struct manager *m, enum model_kind kind);

/* A loader with a device of its own begins. */
void manager_set_device(struct manager *m, enum model_kind kind, struct device *device);

/* A kept patcher to use instead of loading, or NULL. */
struct patcher *manager_adopt(struct manager *m, const char *key);

/* A full cleanup node ran. */
void manager_full_cleanup(struct manager *m);

/* The wish to keep anything has ended. */
void manager_release_kept(struct manager *m);

void manager_anchor(struct manager *m, struct patcher *patcher);
void manager_clear_anchors(struct manager *m);

void manager_set_flags(struct manager *m, bool unload_models, bool free_memory, const char *source);

/* The wish for a patcher's model; tells the observer. */
void manager_set_wish(struct manager *m, struct patcher *patcher, enum keep_wish wish);

/* Whether the model is kept through any of its patchers. */
bool manager_keeps_model(const struct inner *inner);

void manager_tell_departure(struct manager *m, const struct patcher *patcher, enum reason reason);
void manager_tell_departures(struct manager *m);
void manager_tell_object(struct manager *m, const struct patcher *patcher);

/* Of a patcher that dies: its obituary waits to be told. */
void manager_note_death(struct manager *m, struct patcher *patcher);

static inline bool device_is_cpu(const struct device *device)
{
	return device_description(device)->kind == DEVICE_CPU;
}

#endif
