/* patcher.h - models as objects of the heap, and the handles that nodes pass around.
 *
 *	patcher --"model"--> inner --> struct model (weights)
 *	clone   --"model"--> the same inner, --"parent"--> the patcher it was made from
 *	wrapper (what a CLIP or VAE output is) --"patcher"--> patcher, --"model"--> inner
 *
 * A patcher owns patches (LoRAs, as data) and says where the model runs and where its weights wait. Clones share one inner, its
 * placement and the mark of whose patches are in the weights. A dying patcher leaves the weights as they are.
 *
 * Loading follows ComfyUI: whole, or as many blocks as a budget allows, largest first, the others being cast when they are used.
 * A model with an allocation is distributed block by block instead (DisTorch2), whatever the budget; one with a legacy allocation
 * (DisTorch V1) is loaded, and its layers are dealt out then.
 */
#ifndef RESIDENCY_MANAGER_PATCHER_H
#define RESIDENCY_MANAGER_PATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "core/object/heap.h"
#include "core/patch/patch.h"

struct manager;
struct obituary;

struct inner {
	struct object object;
	struct manager *manager;
	struct model *model; /* owned */
	struct device *offload_device;
	struct device *compute_device; /* where it was last loaded to run */
	struct device *reported_device; /* where upstream thinks that it is: untouched by a distributed load */
	enum keep_wish wish; /* the flag that a loader set */
	char *allocation; /* the last one set for it; NULL: none. inner_allocation() is what counts */
	char *legacy_allocation; /* the same of a node of DisTorch V1; NULL: none */
	double virtual_vram_bytes; /* that the allocation takes off the compute device */
	bool eject; /* loading it asks for all of the device */
	bool low_precision_loras; /* high_precision_loras is off: by upstream's rules fp8 is rounded again */
	uint64_t loaded_bytes; /* that a whole or partial load put on the device */
	uint64_t patches_id; /* whose patches are in the weights; 0: nobody's, nothing is in place */
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
	enum keep_wish wish;
	uint64_t patches_id; /* new with each change of patches; inherited by a clone that changes none */
	struct patch_use *loras; /* owned, in the order in which they are added */
	size_t lora_count;
	bool *patches; /* by parameter: a patch changes it; NULL: none does */
	double sampling_shift; /* NAN: the model's own */
	char *key; /* what it was made from: loader class, files, inputs that change the weights */
	char *name; /* of the object: "B", "B+clone" */
	struct obituary *obituary; /* written in advance, so that dying cannot fail */
};

/* What a CLIP or VAE output is. */
struct wrapper {
	struct object object;
	struct reference patcher;
	struct reference inner;
};

/* Takes the model over, also on failure. Nobody holds the patcher yet. Its patches_id is its own. */
struct patcher *patcher_new(struct manager *manager, struct model *model, struct device *load_device, const char *key,
			    struct error *e);

/* What a node changes in a clone. */
struct patcher_change {
	const char *key; /* the node's class and every input that matters */
	struct lora_file *lora; /* NULL: none; the clone becomes one more owner */
	double lora_strength;
	double sampling_shift; /* NAN: as before */
};

/* A clone of parent, or the living one that a policy lets it be. Nobody may hold it yet. */
struct patcher *patcher_clone(struct patcher *parent, const struct patcher_change *change, struct error *e);

struct wrapper *wrapper_new(struct patcher *patcher, struct error *e);

static inline struct inner *patcher_inner(const struct patcher *patcher)
{
	return (struct inner *)patcher->inner.target;
}

static inline struct model *patcher_model(const struct patcher *patcher)
{
	return patcher_inner(patcher)->model;
}

static inline struct patcher *wrapper_patcher(const struct wrapper *wrapper)
{
	return (struct patcher *)wrapper->patcher.target;
}

/* The patcher that an object is or wraps. */
struct patcher *patcher_of(struct object *object);

extern const struct object_class patcher_class, inner_class, clip_class, vae_class;

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

/* What loading put on the compute device; 0 for a model that is not patched. */
uint64_t inner_bytes_on_compute(const struct inner *inner);

/* A new allocation string; the next load places anew. NULL or "" for none. Where the policy shares allocations, for every model
 * of this shape. */
bool inner_set_allocation(struct inner *inner, const char *allocation, double virtual_vram_bytes, struct error *e);

/* The allocation that counts; NULL for none. */
const char *inner_allocation(const struct inner *inner);

/* The same for a node of DisTorch V1: the next load puts the model in place as any other, then deals its layers out. NULL where
 * the policy has no such planner. */
bool inner_set_legacy_allocation(struct inner *inner, const char *allocation, struct error *e);
const char *inner_legacy_allocation(const struct inner *inner);

/* More patches: parameters (indexes of the model's) that they change. The patcher's patches are other ones from now on. */
bool patcher_add_patches(struct patcher *patcher, const size_t *parameters, size_t count, struct error *e);

/* A patcher's LoRAs, by the policy's rules. Borrowed. */
struct patch_list patcher_patches(const struct patcher *patcher);

/* Patches that are wanted and not in the weights, for those who use them. Lives as long as the patcher is not loaded anew. */
struct patch_pending patcher_pending(const struct patcher *patcher);

/* Puts weights in place for a patcher: extra_bytes more than are loaded, or by the allocation. *gained_bytes, which may be NULL,
 * says how many more are. force_patch puts patches in anew, and into what is cast when used. On failure the model is back on
 * its offload device, as far as that can be. */
bool patcher_partially_load(struct patcher *patcher, double extra_bytes, bool force_patch, uint64_t *gained_bytes,
			    struct error *e);

/* Moves patched blocks off, smallest first, until more than need_bytes are free; *freed_bytes says how many became so. */
bool patcher_partially_unload(struct patcher *patcher, double need_bytes, uint64_t *freed_bytes, struct error *e);

/* Takes weights back to the offload device. */
bool patcher_detach(struct patcher *patcher, struct error *e);
bool inner_unpatch(struct inner *inner, struct error *e);

#endif
