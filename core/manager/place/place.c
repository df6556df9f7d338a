/* place.c - putting weights in place and taking them back: whole, or as many blocks as a budget allows. */
#include "core/manager/place/place.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/place/allocation.h"

uint64_t inner_bytes_on_compute(const struct inner *inner)
{
	if (!inner_is_patched(inner) || !inner->compute_device)
		return 0;
	return inner->model->bytes_on[device_index(inner->compute_device)];
}

/* ---- the load list ---- */

static int compare_blocks(const void *a, const void *b, void *context)
{
	const struct block *blocks = context;
	const struct block *left = &blocks[*(const size_t *)a];
	const struct block *right = &blocks[*(const size_t *)b];

	return load_order_compare(left->size_bytes, left->name, right->size_bytes, right->name);
}

/* What containers own is in no list. */
static bool order_blocks(struct inner *inner, struct error *e)
{
	struct model *model = inner->model;

	if (inner->order)
		return true;
	inner->order = array_new(model->block_count, sizeof(*inner->order), e);
	if (!inner->order)
		return false;
	for (size_t i = 0; i < model->block_count; i++) {
		if (!model->blocks[i].of_container)
			inner->order[inner->order_count++] = i;
	}
	qsort_r(inner->order, inner->order_count, sizeof(*inner->order), compare_blocks, model->blocks);
	return true;
}

/* ---- moving ---- */

static bool may_move(const struct inner *inner, uint64_t size_bytes, const struct device *to, struct error *e)
{
	struct manager *m = inner->manager;

	if (memory_admits(m, to, size_bytes, e))
		return true;
	trace_tell(m, &(struct trace_event) { .kind = TRACE_OUT_OF_MEMORY,
					      .inner = inner,
					      .device = to,
					      .wanted_bytes = (double)size_bytes,
					      .bytes = memory_free_bytes(m, to) });
	return false;
}

bool inner_move_block(struct inner *inner, size_t block, struct device *to, struct error *e)
{
	return may_move(inner, model_bytes_to_move(inner->model, block, to), to, e) &&
	       model_move_block(inner->model, block, to, e);
}

static bool move_all(struct inner *inner, struct device *to, struct error *e)
{
	struct model *model = inner->model;
	uint64_t size_bytes = model->size_bytes - model->bytes_on[device_index(to)];

	return may_move(inner, size_bytes, to, e) && model_move(model, to, e);
}

/* ---- patches ---- */

/* Whether a patch goes into a parameter. What is quantised keeps its bytes: its patches wait until it is used. */
static bool is_patched(const struct patcher *patcher, size_t parameter)
{
	return patcher->patches && patcher->patches[parameter] && !patcher_model(patcher)->parameters[parameter].quantised;
}

static bool keep(struct inner *inner, size_t parameter, struct error *e)
{
	if (inner->backed_up[parameter])
		return true;
	if (!inner->backups)
		inner->backups = array_new(inner->model->parameter_count, sizeof(*inner->backups), e);
	if (!inner->backups || !patch_keep(inner->model, parameter, &inner->backups[parameter], e))
		return false;
	inner->backed_up[parameter] = true;
	inner->backup_count++;
	return true;
}

bool patcher_keep_block(struct patcher *patcher, size_t index, struct error *e)
{
	const struct block *block = &patcher_model(patcher)->blocks[index];

	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++) {
		if (!patcher_model(patcher)->parameters[i].quantised && !keep(patcher_inner(patcher), i, e))
			return false;
	}
	return true;
}

bool patcher_block_has_patches(const struct patcher *patcher, size_t index)
{
	const struct block *block = &patcher_model(patcher)->blocks[index];

	for (size_t i = 0; i < block->parameter_count; i++) {
		if (is_patched(patcher, block->first_parameter + i))
			return true;
	}
	return false;
}

bool patcher_patch_block(struct patcher *patcher, size_t index, struct device *to, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	const struct block *block = &inner->model->blocks[index];
	struct patch_list list = patcher_patches(patcher);

	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++) {
		if (!is_patched(patcher, i))
			continue;
		if (!keep(inner, i, e) || (to && !model_move_parameter(inner->model, i, to, e)) ||
		    !patch_parameter(inner->model, i, &list, e))
			return false;
	}
	return true;
}

/* How many patches of a block would be applied when it is used. */
static size_t count_patches(const struct patcher *patcher, const struct block *block)
{
	size_t count = 0;

	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++)
		count += patcher->patches && patcher->patches[i];
	return count;
}

static bool has_backup(const struct inner *inner, const struct block *block)
{
	for (size_t i = 0; i < block->parameter_count; i++) {
		if (inner->backed_up[block->first_parameter + i])
			return true;
	}
	return false;
}

static bool restore_block(struct inner *inner, const struct block *block, struct error *e)
{
	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++) {
		if (!inner->backed_up[i])
			continue;
		if (!patch_restore(inner->model, i, &inner->backups[i], e))
			return false;
		inner->backup_count--;
		inner->backed_up[i] = false;
	}
	return true;
}

/* ---- unpatching ---- */

/* Cast marks and patches applied on use stay unless the model was loaded in part: upstream looks at that flag alone. */
bool inner_unpatch(struct inner *inner, struct error *e)
{
	struct model *model = inner->model;

	if (inner->is_partial) {
		memset(inner->cast, 0, model->block_count * sizeof(*inner->cast));
		inner->is_partial = false;
		inner->function_count = 0;
	}
	inner->patches_id = 0;
	inner->loaded_bytes = 0;
	inner->reported_device = inner->offload_device;
	for (size_t i = 0; i < model->block_count; i++) {
		if (!restore_block(inner, &model->blocks[i], e))
			return false;
		model->blocks[i].patched = false;
	}
	return move_all(inner, inner->offload_device, e);
}

bool patcher_detach(struct patcher *patcher, struct error *e)
{
	trace_tell(patcher->manager, &(struct trace_event) { .kind = TRACE_DETACH, .patcher = patcher, .yes = true });
	return inner_unpatch(patcher_inner(patcher), e);
}

/* ---- loading within a budget ---- */

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
		return patcher_patch_block(loading->patcher, index, NULL, e);
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
		if (!patcher_patch_block(loading->patcher, inner->order[i], loading->device, e))
			return false;
		block->patched = true;
	}
	for (size_t i = 0; i < inner->order_count; i++) {
		if (loading->selected[i] && !inner_move_block(inner, inner->order[i], loading->device, e))
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
		if (!move_all(inner, loading->device, e))
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
	const char *allocation = inner_allocation(inner);
	const char *legacy = inner_legacy_allocation(inner);
	bool anew = inner_is_patched(inner) && (inner->patches_id != patcher->patches_id || force_patch);
	uint64_t before_bytes;

	trace_tell(patcher->manager,
		   &(struct trace_event) {
			   .kind = TRACE_LOAD_PART, .patcher = patcher, .whole = allocation != NULL, .yes = force_patch });
	if (anew) {
		extra_bytes += (double)inner->loaded_bytes;
		if (!inner_unpatch(inner, e))
			return false;
	}
	if (allocation)
		return patcher_distribute(patcher, allocation, anew, e);
	if (!inner->is_partial && inner->loaded_bytes > 0)
		return true;
	before_bytes = inner->loaded_bytes;
	if (!load_within(patcher, (double)before_bytes + extra_bytes, force_patch, e) ||
	    (legacy && !patcher_deal_layers(patcher, legacy, e)))
		return false;
	*gained_bytes = inner->loaded_bytes - before_bytes;
	return true;
}

bool patcher_partially_load(struct patcher *patcher, double extra_bytes, bool force_patch, uint64_t *gained_bytes,
			    struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	uint64_t ignored;
	uint64_t *gained = gained_bytes ? gained_bytes : &ignored;

	*gained = 0;
	if (!order_blocks(inner, e))
		return false;
	if (!load_more(patcher, extra_bytes, force_patch, gained, e)) {
		patcher_detach(patcher, NULL);
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

	if (has_backup(inner, block) && !block->castable)
		return true;
	if (!restore_block(inner, block, e) || !inner_move_block(inner, index, inner->offload_device, e))
		return false;
	if (block->castable) {
		inner->function_count += count_patches(patcher, block);
		inner->cast[index] = true;
	}
	block->patched = false;
	*freed_bytes += block->size_bytes;
	return true;
}

bool patcher_partially_unload(struct patcher *patcher, double need_bytes, uint64_t *freed_bytes, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);

	*freed_bytes = 0;
	if (!order_blocks(inner, e))
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
