/* place.h - blocks to rows of the device table. Private to this room. */
#ifndef RESIDENCY_PLAN_PLACE_H
#define RESIDENCY_PLAN_PLACE_H

#include "core/plan/plan.h"
#include "core/plan/trouble.h"

/* DisTorch2: blocks of the load list by bytes, from the tail, first fit in donor order. */
bool place_blocks(struct plan *plan, const struct plan_request *request, const struct trouble *t);

/* DisTorch V1: layers by count, from the front, in table order. */
bool place_slices(struct plan *plan, const struct plan_request *request, const struct trouble *t);

#endif
