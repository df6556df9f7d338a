/* allocation.h - which allocation string counts for a model. Private to core/manager.
 *
 * Upstream keeps one string for all models of one shape (class, size, first names); ours gives each model its own. The strings
 * themselves are set and read through place.h.
 */
#ifndef RESIDENCY_MANAGER_ALLOCATION_H
#define RESIDENCY_MANAGER_ALLOCATION_H

#include "core/manager/state.h"

/* Frees what models of one shape share. */
void place_free_allocations(struct manager *m);

#endif
