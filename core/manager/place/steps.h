/* steps.h - single steps of putting weights in place: moving, patching, keeping, restoring. Private to core/manager.
 *
 * A step that fails leaves the block as it was, or partly patched with what it was kept: place_unpatch() takes all of it back.
 */
#ifndef RESIDENCY_MANAGER_STEPS_H
#define RESIDENCY_MANAGER_STEPS_H

#include "core/manager/state.h"

/* The load order of a model's blocks, made once. Blocks of containers are in no list. */
bool place_order_blocks(struct inner *inner, struct error *e);

/* A block to a device, if there is room for it. Out of memory is traced. */
bool place_move_block(struct inner *inner, size_t block, struct device *to, struct error *e);

/* All blocks in one move. */
bool place_move_all(struct inner *inner, struct device *to, struct error *e);

/* Puts a patcher's patches into a block; what the parameters were is kept, once. The result lands on `to`, NULL where it is. */
bool place_patch_block(struct patcher *patcher, size_t block, struct device *to, struct error *e);
bool place_block_has_patches(const struct patcher *patcher, size_t block);

/* Keeps all parameters of a block as they are, patched or not; once. */
bool place_keep_block(struct patcher *patcher, size_t block, struct error *e);

/* Parameters of a block that were patched become what they were. */
bool place_restore_block(struct inner *inner, const struct block *block, struct error *e);
bool place_block_has_backup(const struct inner *inner, const struct block *block);

#endif
