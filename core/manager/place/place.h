/* place.h - putting weights in place and taking them back. Private to core/manager.
 *
 * place.c loads within a budget, distribute.c by an allocation string, both by the steps of steps.h; allocation.c knows whose a
 * string is. Sizes are bytes. Errors are those of moves: ERROR_MEMORY, ERROR_DEVICE_MEMORY. One thread, the worker's.
 */
#ifndef RESIDENCY_MANAGER_PLACE_H
#define RESIDENCY_MANAGER_PLACE_H

#include "core/manager/state.h"

/* What loading put on the compute device; 0 for a model that is not patched. */
uint64_t place_bytes_on_compute(const struct inner *inner);

/* A new allocation string; the next load places again. NULL or "" for none. Where the policy shares allocations, for every model
 * of this shape. */
bool place_set_allocation(struct inner *inner, const char *allocation, double virtual_vram_bytes, struct error *e);

/* The allocation that counts; NULL for none. */
const char *place_allocation(const struct inner *inner);

/* The same for a node of DisTorch V1: the next load puts the model in place as any other, then deals its layers out. NULL where
 * the policy has no such planner. */
bool place_set_legacy_allocation(struct inner *inner, const char *allocation, struct error *e);
const char *place_legacy_allocation(const struct inner *inner);

/* Puts weights in place for a patcher: extra_bytes more than are loaded, or by the allocation. *gained_bytes, which may be NULL,
 * says how many more are. force_patch puts patches in again, and into what is cast when used. On failure the model is back on
 * its offload device, as far as that can be. */
bool place_partially_load(struct patcher *patcher, double extra_bytes, bool force_patch, uint64_t *gained_bytes,
			  struct error *e);

/* Moves patched blocks off, smallest first, until more than need_bytes are free; *freed_bytes says how many became so. */
bool place_partially_unload(struct patcher *patcher, double need_bytes, uint64_t *freed_bytes, struct error *e);

/* Takes weights back to the offload device. */
bool place_detach(struct patcher *patcher, struct error *e);

/* The same, of a model whose patcher may be dead. */
bool place_unpatch(struct inner *inner, struct error *e);

#endif
