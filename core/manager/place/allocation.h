/* allocation.h - where models' blocks wait by an allocation string, for the files of this room. */
#ifndef RESIDENCY_MANAGER_ALLOCATION_H
#define RESIDENCY_MANAGER_ALLOCATION_H

#include "core/manager/manager.h"

/* Frees what models of one shape share. */
void allocations_free(struct manager *m);

/* DisTorch2: every block over the compute device, where patches are put in, to its place. anew: after the model was unpatched.
 * Loaded bytes, the partial flag and the reported device are left alone, as upstream's are: so the model counts as offloaded
 * whole, and is always unloaded whole. Its blocks may be cast from now on, whatever they are. */
bool patcher_distribute(struct patcher *patcher, const char *allocation, bool anew, struct error *e);

/* DisTorch V1: layers that are loaded go by slices to where the allocation wants them; nothing else changes. */
bool patcher_deal_layers(struct patcher *patcher, const char *allocation, struct error *e);

#endif
