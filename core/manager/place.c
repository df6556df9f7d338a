/* place.c - putting weights in place and taking them back: whole, in part, or by an allocation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/manager.h"
#include "core/manager/patcher.h"
#include "core/plan/plan_model.h"

uint64_t inner_bytes_on_compute(const struct inner *inner)
{
	if (!inner->patched || !inner->compute_device)
		return 0;
	return inner->model->bytes_on[device_index(inner->compute_device)];
}

bool inner_set_allocation(struct inner *inner, const char *allocation, double virtual_vram_bytes, struct error *e)
{
	char *copy = NULL;

	if (allocation && allocation[0]) {
		copy = string_copy(allocation, e);
		if (!copy)
			return false;
	}
	free(inner->allocation);
	inner->allocation = copy;
	inner->planned_for = NULL;
	inner->virtual_vram_bytes = copy ? virtual_vram_bytes : 0;
	return true;
}

static int compare_blocks(const void *a, const void *b, void *context)
{
	const struct block *blocks = context;
	const struct block *left = &blocks[*(const size_t *)a];
	const struct block *right = &blocks[*(const size_t *)b];

	if (left->size_bytes != right->size_bytes)
		return left->size_bytes > right->size_bytes ? -1 : 1;
	return -strcmp(left->name, right->name);
}

/* Upstream's load order: (bytes, full name) descending, names compared as texts. */
static bool order_blocks(struct inner *inner, struct error *e)
{
	struct model *model = inner->model;

	if (inner->order)
		return true;
	inner->order = array_new(model->block_count, sizeof(*inner->order), e);
	if (!inner->order)
		return false;
	for (size_t i = 0; i < model->block_count; i++)
		inner->order[i] = i;
	qsort_r(inner->order, model->block_count, sizeof(*inner->order), compare_blocks, model->blocks);
	return true;
}

bool inner_unpatch(struct inner *inner, struct error *e)
{
	struct model *model = inner->model;

	memset(inner->cast, 0, model->block_count * sizeof(*inner->cast));
	inner->is_partial = false;
	inner->patches_id = 0;
	inner->patched = false;
	inner->loaded_bytes = 0;
	inner->reported_device = inner->offload_device;
	for (size_t i = 0; i < model->block_count; i++)
		model->blocks[i].patched = false;
	return model_move(model, inner->offload_device, e);
}

/* Which blocks a budget takes: largest first, strictly below it; what may be cast stays where it is, what may not is left out.
 * The scan never stops: smaller ones may still fit. */
static bool load_within(struct inner *inner, struct device *device, double budget_bytes, bool full, struct error *e)
{
	struct model *model = inner->model;
	uint64_t taken_bytes = 0;
	bool any_cast = false;

	for (size_t i = 0; i < model->block_count; i++) {
		struct block *block = &model->blocks[inner->order[i]];
		double with_bytes = (double)(taken_bytes + block->size_bytes);

		if (!full && block->castable && with_bytes >= budget_bytes) {
			inner->cast[inner->order[i]] = true;
			any_cast = true;
			continue;
		}
		inner->cast[inner->order[i]] = false;
		if (!full && with_bytes >= budget_bytes)
			continue;
		if (!model_move_block(model, inner->order[i], device, e))
			return false;
		taken_bytes += block->size_bytes;
		block->patched = true;
	}
	inner->is_partial = any_cast;
	inner->loaded_bytes = any_cast || !full ? taken_bytes : model->size_bytes;
	inner->reported_device = device;
	return true;
}

/* Where each block waits, by the allocation; made anew when that or the device has changed. */
static bool plan_blocks(struct patcher *patcher, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	const struct topology *topology = machine_topology(inner->manager->machine);
	const struct plan_rules *rules = plan_rules_find(inner->manager->policy->planner);

	if (inner->planned_for == patcher->load_device)
		return true;
	if (!inner->device_of)
		inner->device_of = array_new(inner->model->block_count, sizeof(*inner->device_of), e);
	if (!inner->device_of)
		return false;
	if (!plan_model(inner->model, topology, inner->allocation, rules, device_index(patcher->load_device), inner->device_of,
			e))
		return error_context(e, "%s", inner->model->name);
	inner->planned_for = patcher->load_device;
	return true;
}

/* DisTorch2: every block over the compute device, where patches are put in, to its place. As upstream, loaded bytes and the
 * reported device are left alone: so the model counts as offloaded whole, and is always unloaded whole. */
static bool load_distributed(struct patcher *patcher, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct machine *machine = inner->manager->machine;
	struct model *model = inner->model;

	if (!plan_blocks(patcher, e))
		return false;
	for (size_t i = 0; i < model->block_count; i++) {
		size_t index = inner->order[i];
		struct device *place = machine_device(machine, inner->device_of[index]);

		if (!model->blocks[index].patched && !model_move_block(model, index, patcher->load_device, e))
			return false;
		if (!model_move_block(model, index, place, e))
			return false;
		inner->cast[index] = place != patcher->load_device;
		model->blocks[index].patched = true;
	}
	return true;
}

static bool load_more(struct patcher *patcher, double extra_bytes, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	bool other_patches = inner->patched && inner->patches_id != patcher->patches_id;
	double wanted_bytes;
	bool full;

	if (other_patches) {
		extra_bytes += (double)inner->loaded_bytes;
		if (!inner_unpatch(inner, e))
			return false;
	}
	if (inner->allocation)
		return load_distributed(patcher, e);
	if (inner->patched && !inner->is_partial && inner->loaded_bytes > 0)
		return true;
	wanted_bytes = (double)inner->loaded_bytes + extra_bytes;
	full = wanted_bytes > (double)inner_size_bytes(inner);
	return load_within(inner, patcher->load_device, wanted_bytes, full, e);
}

bool patcher_partially_load(struct patcher *patcher, double extra_bytes, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);

	if (!order_blocks(inner, e))
		return false;
	if (!load_more(patcher, extra_bytes, e)) {
		inner_unpatch(inner, NULL);
		return false;
	}
	inner->patched = true;
	inner->compute_device = patcher->load_device;
	inner->patches_id = patcher->patches_id;
	return true;
}

bool inner_partially_unload(struct inner *inner, double need_bytes, uint64_t *freed_bytes, struct error *e)
{
	struct model *model = inner->model;

	*freed_bytes = 0;
	if (!order_blocks(inner, e))
		return false;
	for (size_t i = model->block_count; i-- > 0 && need_bytes >= (double)*freed_bytes;) {
		size_t index = inner->order[i];
		struct block *block = &model->blocks[index];

		if (!block->patched)
			continue;
		if (!model_move_block(model, index, inner->offload_device, e))
			return false;
		block->patched = false;
		inner->cast[index] = block->castable;
		*freed_bytes += block->size_bytes;
	}
	inner->is_partial = true;
	inner->loaded_bytes -= *freed_bytes < inner->loaded_bytes ? *freed_bytes : inner->loaded_bytes;
	return true;
}
