/* place.h - blocks to rows of the device table. Private to core/plan. */
#ifndef RESIDENCY_PLAN_PLACE_H
#define RESIDENCY_PLAN_PLACE_H

#include "core/plan/plan.h"
#include "core/plan/string/trouble.h"

/* DisTorch2: blocks of the load list by bytes, from the tail, first fit in donor order. */
bool place_blocks(struct plan *plan, const struct plan_request *request, const struct trouble *t);

/* The kinds of block that it knows, and how it charges heads to the compute device's quota: always, or only where there are some, so
 * that without heads a negative quota stays negative. Slots of versions.h. */
void place_kinds_by_size(struct plan *plan, const struct plan_request *request);
void place_kinds_by_size_and_bias(struct plan *plan, const struct plan_request *request);
void place_charge_heads(struct plan *plan);
void place_charge_heads_if_any(struct plan *plan);

/* DisTorch V1: layers by count, from the front, in table order. */
bool place_slices(struct plan *plan, const struct plan_request *request, const struct trouble *t);

/* The steps that other ways of placing share: one block to a row (SIZE_MAX: to none), and a text encoder's embeddings to the
 * compute device, in list order and whatever their size; they take from its quota. */
void place_assign(struct plan *plan, const struct plan_request *request, size_t block, size_t row, enum plan_reason reason);
void place_heads(struct plan *plan, const struct plan_request *request);

static inline bool place_is_listed(const struct plan_block *block)
{
	return block->size_bytes != PLAN_NO_SIZE;
}

#endif
