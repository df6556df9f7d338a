/* DisTorch2's placement. One pass sorts the blocks into heads, distributed and tiny ones; the distributed ones then walk from
 * the model's tail, each to the first device in name order that still has room. There is no going back, and nothing checks that
 * the quotas suffice. */
#include "core/plan/place/place.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/versions.h"

#define TINY_SHARE 0.0001

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool begins(const char *text, const char *word)
{
	for (; *word; text++, word++) {
		if (lower(*text) != *word)
			return false;
	}
	return true;
}

/* A text encoder's embeddings are known by their names. */
static bool is_head(const char *name)
{
	for (; *name; name++) {
		char c = lower(*name);

		if ((c == 'e' && begins(name, "embed")) || (c == 'w' && (begins(name, "wte") || begins(name, "wpe"))))
			return true;
	}
	return false;
}

void place_assign(struct plan *plan, const struct plan_request *request, size_t block, size_t row, enum plan_reason reason)
{
	plan->reason_of[block] = (uint8_t)reason;
	plan->order[plan->order_count++] = (uint32_t)block;
	if (row == SIZE_MAX)
		return;
	plan->share_of[block] = (uint32_t)row;
	plan->shares[row].block_count++;
	plan->shares[row].block_bytes += (double)request->blocks[block].size_bytes;
}

void place_charge_heads(struct plan *plan)
{
	if (plan->compute_share != SIZE_MAX) {
		struct plan_share *compute = &plan->shares[plan->compute_share];
		double left = compute->left_bytes - (double)plan->head_bytes;

		compute->left_bytes = left > 0 ? left : 0;
	}
}

void place_charge_heads_if_any(struct plan *plan)
{
	if (plan->head_bytes > 0)
		place_charge_heads(plan);
}

void place_heads(struct plan *plan, const struct plan_request *request)
{
	for (size_t i = 0; i < request->block_count; i++) {
		if (!place_is_listed(&request->blocks[i]) || !is_head(request->blocks[i].name))
			continue;
		plan->head_count++;
		plan->head_bytes += request->blocks[i].size_bytes;
		place_assign(plan, request, i, plan->compute_share, PLAN_REASON_HEAD);
	}
	plan->rules->charge_heads(plan);
}

/* The first row in donor order with room, or SIZE_MAX. A NaN quota has no room. */
static size_t first_fit(const struct plan *plan, double size)
{
	for (size_t i = 0; i < plan->share_count; i++) {
		if (plan->shares[plan->donor_order[i]].left_bytes >= size)
			return plan->donor_order[i];
	}
	return SIZE_MAX;
}

static void place_distributed(struct plan *plan, const struct plan_request *request)
{
	for (size_t i = request->block_count; i-- > 0;) {
		double size = (double)request->blocks[i].size_bytes;
		size_t row;

		if (plan->reason_of[i] != PLAN_REASON_FITTED)
			continue;
		row = first_fit(plan, size);
		if (row == SIZE_MAX) {
			place_assign(plan, request, i, plan->compute_share, PLAN_REASON_ORPHAN);
		} else {
			plan->shares[row].left_bytes -= size;
			place_assign(plan, request, i, row, PLAN_REASON_FITTED);
		}
	}
}

/* Inlined twice, so that the loop over a hundred thousand blocks asks for no bias where a version does not. */
static inline void note_kinds(struct plan *plan, const struct plan_request *request, bool wants_bias)
{
	for (size_t i = 0; i < request->block_count; i++) {
		const struct plan_block *block = &request->blocks[i];

		if (!place_is_listed(block) || plan->reason_of[i] == PLAN_REASON_HEAD)
			continue;
		if ((double)block->size_bytes < plan->threshold_bytes)
			plan->reason_of[i] = PLAN_REASON_TINY;
		else
			plan->reason_of[i] = wants_bias && !block->has_bias ? PLAN_REASON_NO_BIAS : PLAN_REASON_FITTED;
		if (plan->reason_of[i] == PLAN_REASON_FITTED)
			plan->distributed_count++;
		else
			plan->tiny_count++;
	}
}

void place_kinds_by_size(struct plan *plan, const struct plan_request *request)
{
	note_kinds(plan, request, false);
}

void place_kinds_by_size_and_bias(struct plan *plan, const struct plan_request *request)
{
	note_kinds(plan, request, true);
}

static bool compute_is_known(const struct plan *plan, const struct trouble *t)
{
	if (plan->compute_share != SIZE_MAX)
		return true;
	for (size_t i = 0; i < plan->order_count; i++) {
		if (plan->share_of[plan->order[i]] == PLAN_NO_DEVICE) {
			const char *hash = strchr(t->allocation, '#');

			return trouble_at(t, EXCEPTION_KEY, hash ? hash + 1 : NULL,
					  "the compute device \"%.80s\" is not in the device table, and blocks must go there",
					  plan->compute);
		}
	}
	return true;
}

bool place_blocks(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	plan->threshold_bytes = (double)plan->total_bytes * TINY_SHARE;
	if (request->is_clip)
		place_heads(plan, request);
	plan->rules->note_kinds(plan, request);
	place_distributed(plan, request);
	for (size_t i = 0; i < request->block_count; i++) {
		if (plan->reason_of[i] == PLAN_REASON_TINY || plan->reason_of[i] == PLAN_REASON_NO_BIAS)
			place_assign(plan, request, i, plan->compute_share, (enum plan_reason)plan->reason_of[i]);
	}
	return compute_is_known(plan, t);
}
