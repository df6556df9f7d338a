/* distribute.h - blocks put where an allocation string says. Private to core/manager.
 *
 * On failure blocks stay where they are by then; the caller takes them back. Errors: those of the plan and of moves.
 */
#ifndef RESIDENCY_MANAGER_DISTRIBUTE_H
#define RESIDENCY_MANAGER_DISTRIBUTE_H

#include "core/manager/state.h"

/* DisTorch2: every block over the compute device, where patches are put in, to its place. again: after the model was unpatched.
 * Loaded bytes, the partial flag and the reported device are left alone, as upstream's are: so the model counts as offloaded
 * whole, and is always unloaded whole. Its blocks may be cast from now on, whatever they are. */
bool place_distribute(struct patcher *patcher, const char *allocation, bool again, struct error *e);

/* DisTorch V1: layers that are loaded go by slices to where the allocation wants them; nothing else changes. */
bool place_deal_layers(struct patcher *patcher, const char *allocation, struct error *e);

#endif
