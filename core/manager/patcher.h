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
 * (DisTorch V1) is loaded, and its layers are dealt out then. Both structs are private: state.h. Functions that take an error set
 * ERROR_MEMORY, ERROR_DEVICE_MEMORY, or what the allocation string is rejected with. One thread, the worker's.
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
struct patcher;
struct wrapper; /* what a CLIP or VAE output is */

/* Takes the model over, also on failure. Nothing holds the patcher yet. Its patches_id is its own. */
struct patcher *patcher_new(struct manager *manager, struct model *model, struct device *load_device, const char *key,
			    struct error *e);

/* What a node changes in a clone. */
struct patcher_change {
	const char *key; /* the node's class and every input that matters */
	struct lora_file *lora; /* NULL: none; the clone becomes one more owner */
	double lora_strength;
	double sampling_shift; /* NAN: as before */
};

/* A clone of parent, or the living one that a policy lets it be. Nothing may hold it yet. */
struct patcher *patcher_clone(struct patcher *parent, const struct patcher_change *change, struct error *e);

struct wrapper *patcher_wrapper_new(struct patcher *patcher, struct error *e);

/* The patcher that an object is or wraps; NULL for any other object. */
struct patcher *patcher_of(struct object *object);

/* The objects of the heap that they are. */
struct object *patcher_object(const struct patcher *patcher);
struct object *patcher_wrapper_object(const struct wrapper *wrapper);

/* The object of a patcher's model, which its clones share. */
struct object *patcher_model_object(const struct patcher *patcher);

/* Borrowed: lives as long as the patcher. */
struct model *patcher_model(const struct patcher *patcher);
struct manager *patcher_manager(const struct patcher *patcher);
const char *patcher_name(const struct patcher *patcher);

/* Where the model runs. */
struct device *patcher_device(const struct patcher *patcher);

/* What a sampling node set; NAN: the model's own. */
double patcher_sampling_shift(const struct patcher *patcher);

/* Where a loader wants a model. */
struct patcher_placing {
	struct device *device;
	const char *
		allocation; /* NULL: as it is; "" for none. Where the policy shares allocations, for every model of this shape */
	double virtual_vram_bytes; /* that the allocation takes off the compute device */
	bool is_legacy; /* the allocation is of a node of DisTorch V1 */
	bool low_precision_loras; /* high_precision_loras is off */
};

/* The next load places the model again. */
bool patcher_place(struct patcher *patcher, const struct patcher_placing *placing, struct error *e);

/* More patches: parameters (indexes of the model's) that they change. The patcher's patches are other ones from now on. */
bool patcher_add_patches(struct patcher *patcher, const size_t *parameters, size_t count, struct error *e);

/* A patcher's LoRAs, by the policy's rules. Borrowed. */
struct patch_list patcher_patches(const struct patcher *patcher);

/* Patches that are wanted and not in the weights, for those who use them. Lives until the patcher is loaded again. */
struct patch_pending patcher_pending(const struct patcher *patcher);

/* Whose patches are in the weights: false if no patches id is set (nothing is loaded). *applied is NULL where that patcher has died. */
bool patcher_applied(const struct patcher *patcher, const struct patcher **applied);

#endif
