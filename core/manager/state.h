/* state.h - what a manager, its loaded list, its patchers and their models consist of. Private to core/manager.
 *
 * Everyone else has functions (manager.h, patcher.h) and a view that only reads (view.h). Sizes are bytes. One thread.
 */
#ifndef RESIDENCY_MANAGER_STATE_H
#define RESIDENCY_MANAGER_STATE_H

#include "core/manager/manager.h"

struct inner {
	struct object object;
	struct manager *manager;
	struct model *model; /* owned */
	struct device *offload_device;
	struct device *compute_device; /* where it was last loaded to run */
	struct device *reported_device; /* where upstream thinks that it is: untouched by a distributed load */
	enum keep_request keep; /* the flag that a loader set; of all its patchers */
	char *allocation; /* the last one set for it; NULL: none. place_allocation() is what counts */
	char *legacy_allocation; /* the same of a node of DisTorch V1; NULL: none */
	double virtual_vram_bytes; /* that the allocation takes off the compute device */
	bool eject; /* loading it asks for all of the device */
	bool low_precision_loras; /* high_precision_loras is off: by upstream's rules fp8 is rounded again */
	uint64_t loaded_bytes; /* that a whole or partial load put on the device */
	uint64_t patches_id; /* whose patches are in the weights; 0: nothing is loaded */
	bool is_partial; /* some blocks are cast when used: upstream's lowvram flag */
	uint64_t function_count; /* patches that are applied when a weight is used, not put into it */
	bool *cast; /* by block: not to be moved, cast when used */
	bool *backed_up; /* by parameter: what it was before patches is kept */
	struct patch_backup *backups; /* by parameter: what it was; NULL while there are none */
	size_t backup_count;
	size_t *order; /* blocks of the load list by (bytes, name), descending */
	size_t order_count;
	unsigned *device_of; /* by block: where the last plan wants it */
};

struct patcher {
	struct object object;
	struct manager *manager;
	struct reference inner;
	struct reference parent; /* empty for a base */
	struct reference kept; /* the manager's own, while a policy keeps it */
	struct reference anchor; /* of a policy's anchor set */
	struct patcher *next, *previous; /* the manager's living patchers, oldest first */
	struct device *load_device;
	uint64_t patches_id; /* new with each change of patches; inherited by a clone that changes none */
	struct patch_use *loras; /* owned, in the order in which they are added */
	size_t lora_count;
	bool *patches; /* by parameter: a patch changes it; NULL: none does */
	double sampling_shift; /* NAN: the model's own */
	char *key; /* what it was made from: loader class, files, inputs that change the weights */
	char *name; /* of the object: "B", "B+clone" */
	struct death_record *death_record; /* written in advance, so that dying cannot fail */
};

/* What a CLIP or VAE output is. */
struct wrapper {
	struct object object;
	struct reference patcher;
	struct reference inner;
};

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
struct death_record {
	struct death_record *next;
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
	const struct manager_trace *trace; /* may be NULL */
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
	struct death_record *deaths, *last_death; /* not told yet, oldest first */
	enum reason unload_reason; /* of what is unloaded now */
	enum reason death_reason; /* of what dies by count now */
	uint64_t next_patches_id;
	struct shared_allocation *shared; /* by shape; where the policy shares them */
	bool prompt_running;
	bool foreign_throws; /* another pack has wrapped unload_all_models, and the wrapper throws */
	const char *caught; /* what an unload met and went on from; NULL: nothing */
	double cpu_memory_percent; /* of main memory in use, as the system says */
	double cpu_percent_at_reset; /* when ComfyUI-MultiGPU last asked for the caches to be dropped */
	void *flags_context;
	void (*set_flags)(void *context, bool unload_models, bool free_memory, const char *source);
};

static inline struct inner *patcher_inner(const struct patcher *patcher)
{
	return (struct inner *)patcher->inner.target;
}

static inline struct patcher *wrapper_patcher(const struct wrapper *wrapper)
{
	return (struct patcher *)wrapper->patcher.target;
}

extern const struct object_class patcher_class, patcher_inner_class, patcher_clip_class, patcher_vae_class;

static inline uint64_t inner_size_bytes(const struct inner *inner)
{
	return inner->model->size_bytes;
}

static inline uint64_t inner_offloaded_bytes(const struct inner *inner)
{
	return inner->model->size_bytes - inner->loaded_bytes;
}

/* Weights were put in place, and not taken back. */
static inline bool inner_is_patched(const struct inner *inner)
{
	return inner->patches_id != 0;
}

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

#endif
