/* place.h - steps of putting weights in place, for the files of this room. */
#ifndef RESIDENCY_MANAGER_PLACE_H
#define RESIDENCY_MANAGER_PLACE_H

#include "core/manager/manager.h"

/* A block to a device, if there is room for it. Out of memory is traced. */
bool inner_move_block(struct inner *inner, size_t block, struct device *to, struct error *e);

/* Puts a patcher's patches into a block; what the parameters were is kept, once. The result lands on `to`, NULL where it is. */
bool patcher_patch_block(struct patcher *patcher, size_t block, struct device *to, struct error *e);
bool patcher_block_has_patches(const struct patcher *patcher, size_t block);

/* Keeps all parameters of a block as they are, patched or not; once. */
bool patcher_keep_block(struct patcher *patcher, size_t block, struct error *e);

#endif
