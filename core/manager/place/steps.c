/* steps.c - one block at a time: moved, patched, kept, restored; and the model taken back as a whole.
 *
 * What a parameter was is kept before the first patch goes in, and at most once, so that restoring is exact however often a model is
 * patched. A move asks first whether the device admits the bytes; a refusal is traced and moves nothing.
 */
#include "core/manager/place/steps.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/departures.h"
#include "core/manager/place/place.h"

uint64_t place_bytes_on_compute(const struct inner *inner)
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

	return model_load_order_compare(left->size_bytes, left->name, right->size_bytes, right->name);
}

/* What containers own is in no list. */
bool place_order_blocks(struct inner *inner, struct error *e)
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

bool place_move_block(struct inner *inner, size_t block, struct device *to, struct error *e)
{
	return may_move(inner, model_bytes_to_move(inner->model, block, to), to, e) &&
	       model_move_block(inner->model, block, to, e);
}

bool place_move_all(struct inner *inner, struct device *to, struct error *e)
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

bool place_keep_block(struct patcher *patcher, size_t index, struct error *e)
{
	const struct block *block = &patcher_model(patcher)->blocks[index];

	for (size_t i = block->first_parameter; i < block->first_parameter + block->parameter_count; i++) {
		if (!patcher_model(patcher)->parameters[i].quantised && !keep(patcher_inner(patcher), i, e))
			return false;
	}
	return true;
}

bool place_block_has_patches(const struct patcher *patcher, size_t index)
{
	const struct block *block = &patcher_model(patcher)->blocks[index];

	for (size_t i = 0; i < block->parameter_count; i++) {
		if (is_patched(patcher, block->first_parameter + i))
			return true;
	}
	return false;
}

bool place_patch_block(struct patcher *patcher, size_t index, struct device *to, struct error *e)
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

bool place_block_has_backup(const struct inner *inner, const struct block *block)
{
	for (size_t i = 0; i < block->parameter_count; i++) {
		if (inner->backed_up[block->first_parameter + i])
			return true;
	}
	return false;
}

bool place_restore_block(struct inner *inner, const struct block *block, struct error *e)
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
bool place_unpatch(struct inner *inner, struct error *e)
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
		if (!place_restore_block(inner, &model->blocks[i], e))
			return false;
		model->blocks[i].patched = false;
	}
	return place_move_all(inner, inner->offload_device, e);
}

bool place_detach(struct patcher *patcher, struct error *e)
{
	trace_tell(patcher->manager, &(struct trace_event) { .kind = TRACE_DETACH, .patcher = patcher, .yes = true });
	return place_unpatch(patcher_inner(patcher), e);
}
