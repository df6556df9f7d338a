/* place.h - blocks to rows of the device table. Private to core/plan. */
#ifndef RESIDENCY_PLAN_PLACE_H
#define RESIDENCY_PLAN_PLACE_H

#include "core/plan/plan.h"
#include "core/plan/string/trouble.h"

/* DisTorch2: blocks of the load list by bytes, from the tail, first fit in donor order. */
bool place_blocks(struct plan *plan, const struct plan_request *request, const struct trouble *t);

/* DisTorch V1: layers by count, from the front, in table order. */
bool place_slices(struct plan *plan, const struct plan_request *request, const struct trouble *t);

/* The steps that other ways of placing share: one block to a row (SIZE_MAX: to none), and a text encoder's embeddings to the
 * compute device, in list order and whatever their size; they take from its quota. */
void place_assign(struct plan *plan, const struct plan_request *request, size_t block, size_t row, enum plan_reason reason);
void place_heads(struct plan *plan, const struct plan_request *request);

static inline bool block_is_listed(const struct plan_block *block)
{
	return block->size_bytes != PLAN_NO_SIZE;
}

#endif
