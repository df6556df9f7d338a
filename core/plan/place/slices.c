/* DisTorch V1's placement: devices with a quota get consecutive slices of the layers from the front, in proportion to their
 * quotas and by count: bytes play no part. What it reports as a device's bytes is an estimate from each layer type's mean. */
#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/place/place.h"

/* What a count or a percentage in whole numbers becomes, or why it is not one. */
static bool whole_number(double value, const char *what, size_t *out, const struct trouble *t)
{
	if (isnan(value))
		return trouble_at(t, EXCEPTION_VALUE, NULL, "%s is not a number", what);
	if (isinf(value))
		return trouble_at(t, EXCEPTION_OVERFLOW, NULL, "%s is infinite", what);
	*out = value > 0 ? (size_t)(value < 0x1p53 ? value : 0x1p53) : 0;
	return true;
}

/* Upstream logs every fraction in whole percent, and raises when it has none. */
static bool percents_are_numbers(const struct plan *plan, const struct trouble *t)
{
	size_t percent;

	for (size_t i = 0; i < plan->share_count; i++) {
		if (!whole_number(plan->shares[plan->donor_order[i]].fraction * 100, "a device's percentage", &percent, t))
			return false;
	}
	return true;
}

static bool is_layer(const struct plan_block *block)
{
	return block->weight_size_bytes != PLAN_NO_SIZE;
}

/* The next `count` layers from *block on. */
static void give_slice(struct plan *plan, const struct plan_request *request, size_t *block, size_t row, size_t count)
{
	for (; *block < request->block_count && count; (*block)++) {
		if (!is_layer(&request->blocks[*block]))
			continue;
		plan->share_of[*block] = (uint32_t)row;
		plan->reason_of[*block] = PLAN_REASON_SLICE;
		plan->order[plan->order_count++] = (uint32_t)*block;
		plan->shares[row].block_count++;
		count--;
	}
}

static bool deal_slices(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	size_t layer_count = plan->distributed_count;
	size_t last = SIZE_MAX;
	size_t block = 0;
	double sum = 0;

	for (size_t i = 0; i < plan->share_count; i++) {
		if (plan->shares[i].quota_bytes > 0) {
			sum += plan->shares[i].quota_bytes / GIB;
			last = i;
		}
	}
	if (last == SIZE_MAX)
		return true;
	for (size_t i = 0; i < last; i++) {
		size_t count;

		if (!(plan->shares[i].quota_bytes > 0))
			continue;
		if (!whole_number(plan->shares[i].quota_bytes / GIB / sum * (double)layer_count, "a device's count of layers",
				  &count, t))
			return false;
		give_slice(plan, request, &block, i, count);
	}
	give_slice(plan, request, &block, last, layer_count);
	return true;
}

struct layer_type {
	size_t count;
	double bytes;
	size_t here; /* layers on the device that is being summed up */
};

/* Types in first-seen order: the sum below is of floating point numbers, and its order shows. *position_of[type] is 1 + the
 * place in `seen`. */
static void estimate_bytes(struct plan *plan, const struct plan_request *request, struct layer_type *types, size_t *seen)
{
	size_t seen_count = 0;

	for (size_t i = 0; i < request->block_count; i++) {
		const struct plan_block *block = &request->blocks[i];

		if (!is_layer(block))
			continue;
		if (types[block->type].count++ == 0)
			seen[seen_count++] = block->type;
		types[block->type].bytes += (double)block->weight_size_bytes;
	}
	for (size_t row = 0; row < plan->share_count; row++) {
		struct plan_share *share = &plan->shares[row];

		if (share->block_count == 0)
			continue;
		for (size_t i = 0; i < request->block_count; i++)
			types[request->blocks[i].type].here += plan->share_of[i] == row;
		for (size_t i = 0; i < seen_count; i++) {
			struct layer_type *type = &types[seen[i]];

			share->block_bytes += type->bytes / (double)type->count * (double)type->here;
			type->here = 0;
		}
	}
}

bool place_slices(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	struct layer_type *types;
	size_t *seen;
	size_t type_count = 0;

	plan->total_bytes = plan->model_size_bytes;
	for (size_t i = 0; i < request->block_count; i++) {
		plan->distributed_count += is_layer(&request->blocks[i]);
		plan->reason_of[i] = is_layer(&request->blocks[i]) ? PLAN_REASON_UNPLACED : PLAN_REASON_UNLISTED;
		if (request->blocks[i].type >= type_count)
			type_count = request->blocks[i].type + 1;
	}
	if (!percents_are_numbers(plan, t) || !deal_slices(plan, request, t))
		return false;
	types = array_new(type_count ? type_count : 1, sizeof(*types), NULL);
	seen = array_new(type_count ? type_count : 1, sizeof(*seen), NULL);
	if (types && seen)
		estimate_bytes(plan, request, types, seen);
	else
		trouble_no_memory(t);
	free(seen);
	free(types);
	return types && seen;
}
