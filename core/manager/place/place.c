/* place.c - a model loaded whole, or as many of its blocks as a budget allows, and unloaded in part.
 *
 * Loading selects blocks first, largest first, strictly below the budget, then patches all that were selected, then moves them; what is
 * left out is cast when it is used. Unloading goes backwards through the same order. The order of steps is upstream's, and so is
 * what stays behind when one of them fails.
 */
#include "core/manager/place/place.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/manager/departures.h"
#include "core/manager/place/distribute.h"
#include "core/manager/place/steps.h"

/* ---- loading within a budget ---- */

/* How many patches of a block would be applied when it is used. */
static size_t count_patches(const struct patcher *patcher, const struct block *block)
{
	size_t count = 0;

	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++)
		count += patcher->patches && patcher->patches[i];
	return count;
}

struct loading {
	struct patcher *patcher;
	struct inner *inner;
	struct device *device;
	double budget_bytes;
	bool full, force_patch;
	bool *selected; /* by place in the load order */
	uint64_t taken_bytes;
	uint64_t function_count; /* added */
	bool any_cast;
};

/* A block that does not fit is cast when it is used, with its patches, where it is; it is not moved. */
static bool leave_block(struct loading *loading, size_t index, struct error *e)
{
	struct inner *inner = loading->inner;

	loading->any_cast = true;
	if (inner->cast[index])
		return true;
	inner->cast[index] = true;
	if (loading->force_patch)
		return place_patch_block(loading->patcher, index, NULL, e);
	loading->function_count += count_patches(loading->patcher, &inner->model->blocks[index]);
	return true;
}

/* Which blocks a budget takes: largest first, strictly below it. What may not be cast and does not fit is left out. The scan
 * never stops: smaller ones may still fit. */
static bool select_blocks(struct loading *loading, struct error *e)
{
	struct inner *inner = loading->inner;

	for (size_t i = 0; i < inner->order_count; i++) {
		size_t index = inner->order[i];
		const struct block *block = &inner->model->blocks[index];
		bool fits = loading->full || (double)(loading->taken_bytes + block->size_bytes) < loading->budget_bytes;

		if (!fits && block->castable) {
			if (!leave_block(loading, index, e))
				return false;
			continue;
		}
		if (block->castable)
			inner->cast[index] = false;
		loading->selected[i] = fits;
		loading->taken_bytes += fits ? block->size_bytes : 0;
	}
	return true;
}

/* First every patch is put in, then every block is moved. */
static bool move_selected(struct loading *loading, struct error *e)
{
	struct inner *inner = loading->inner;

	for (size_t i = 0; i < inner->order_count; i++) {
		struct block *block = &inner->model->blocks[inner->order[i]];

		if (!loading->selected[i] || block->patched)
			continue;
		if (!place_patch_block(loading->patcher, inner->order[i], loading->device, e))
			return false;
		block->patched = true;
	}
	for (size_t i = 0; i < inner->order_count; i++) {
		if (loading->selected[i] && !place_move_block(inner, inner->order[i], loading->device, e))
			return false;
	}
	return true;
}

static bool finish_loading(struct loading *loading, struct error *e)
{
	struct inner *inner = loading->inner;

	trace_tell(inner->manager, &(struct trace_event) { .kind = loading->any_cast ? TRACE_LOADED_PART : TRACE_LOADED_WHOLE,
							   .patcher = loading->patcher,
							   .wanted_bytes = loading->budget_bytes,
							   .bytes = (double)loading->taken_bytes,
							   .count = loading->function_count,
							   .whole = loading->full });
	inner->is_partial = loading->any_cast;
	if (!loading->any_cast && loading->full) {
		if (!place_move_all(inner, loading->device, e))
			return false;
		loading->taken_bytes = inner_size_bytes(inner);
	}
	inner->function_count += loading->function_count;
	inner->reported_device = loading->device;
	inner->loaded_bytes = loading->taken_bytes;
	inner->patches_id = loading->patcher->patches_id;
	return true;
}

static bool load_within(struct patcher *patcher, double budget_bytes, bool force_patch, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct loading loading = { .patcher = patcher,
				   .inner = inner,
				   .device = patcher->load_device,
				   .budget_bytes = budget_bytes,
				   .full = budget_bytes > (double)inner_size_bytes(inner),
				   .force_patch = force_patch || inner->model->quantised };
	bool fine;

	trace_tell(patcher->manager,
		   &(struct trace_event) {
			   .kind = TRACE_LOAD, .patcher = patcher, .wanted_bytes = budget_bytes, .whole = loading.full });
	loading.selected = array_new(inner->order_count, sizeof(*loading.selected), e);
	fine = loading.selected && select_blocks(&loading, e) && move_selected(&loading, e) && finish_loading(&loading, e);
	free(loading.selected);
	return fine;
}

/* The model as other patches left it is taken back first; the bytes that this frees may be taken again. */
static bool load_more(struct patcher *patcher, double extra_bytes, bool force_patch, uint64_t *gained_bytes, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	const char *allocation = place_allocation(inner);
	const char *legacy = place_legacy_allocation(inner);
	bool again = inner_is_patched(inner) && (inner->patches_id != patcher->patches_id || force_patch);
	uint64_t before_bytes;

	trace_tell(patcher->manager,
		   &(struct trace_event) {
			   .kind = TRACE_LOAD_PART, .patcher = patcher, .whole = allocation != NULL, .yes = force_patch });
	if (again) {
		extra_bytes += (double)inner->loaded_bytes;
		if (!place_unpatch(inner, e))
			return false;
	}
	if (allocation)
		return place_distribute(patcher, allocation, again, e);
	if (!inner->is_partial && inner->loaded_bytes > 0)
		return true;
	before_bytes = inner->loaded_bytes;
	if (!load_within(patcher, (double)before_bytes + extra_bytes, force_patch, e) ||
	    (legacy && !place_deal_layers(patcher, legacy, e)))
		return false;
	*gained_bytes = inner->loaded_bytes - before_bytes;
	return true;
}

bool place_partially_load(struct patcher *patcher, double extra_bytes, bool force_patch, uint64_t *gained_bytes,
			  struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	uint64_t ignored;
	uint64_t *gained = gained_bytes ? gained_bytes : &ignored;

	*gained = 0;
	if (!place_order_blocks(inner, e))
		return false;
	if (!load_more(patcher, extra_bytes, force_patch, gained, e)) {
		place_detach(patcher, NULL);
		return false;
	}
	inner->compute_device = patcher->load_device;
	return true;
}

/* ---- unloading in part ---- */

/* A block that goes. One that holds patches and may not be cast has to stay. */
static bool unload_block(struct patcher *patcher, size_t index, uint64_t *freed_bytes, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct block *block = &inner->model->blocks[index];

	if (place_block_has_backup(inner, block) && !block->castable)
		return true;
	if (!place_restore_block(inner, block, e) || !place_move_block(inner, index, inner->offload_device, e))
		return false;
	if (block->castable) {
		inner->function_count += count_patches(patcher, block);
		inner->cast[index] = true;
	}
	block->patched = false;
	*freed_bytes += block->size_bytes;
	return true;
}

bool place_partially_unload(struct patcher *patcher, double need_bytes, uint64_t *freed_bytes, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);

	*freed_bytes = 0;
	if (!place_order_blocks(inner, e))
		return false;
	for (size_t i = inner->order_count; i-- > 0 && need_bytes >= (double)*freed_bytes;) {
		if (inner->model->blocks[inner->order[i]].patched && !unload_block(patcher, inner->order[i], freed_bytes, e))
			return false;
	}
	inner->is_partial = true;
	inner->loaded_bytes -= *freed_bytes < inner->loaded_bytes ? *freed_bytes : inner->loaded_bytes;
	trace_tell(patcher->manager, &(struct trace_event) { .kind = TRACE_UNLOAD_PART,
							     .patcher = patcher,
							     .wanted_bytes = need_bytes,
							     .bytes = (double)*freed_bytes });
	return true;
}
