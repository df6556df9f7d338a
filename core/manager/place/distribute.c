/* distribute.c - blocks go where the plan of an allocation string says.
 *
 * The plan is made for each load: devices and strings change between loads. DisTorch2 takes every block, in load order, to the compute
 * device, patches it there and moves it to its place; DisTorch V1 deals out blocks that are loaded already.
 */
#include "core/manager/place/distribute.h"

#include "core/base/array.h"
#include "core/manager/departures.h"
#include "core/manager/place/steps.h"
#include "core/plan/place/plan_model.h"

/* The machine's devices, as large as they are believed to be. */
static struct topology *believed_topology(const struct manager *m, struct error *e)
{
	struct topology *topology = topology_copy(machine_topology(m->machine), e);

	for (size_t i = 0; topology && i < topology->device_count; i++)
		topology->devices[i].capacity_bytes = (uint64_t)memory_total_bytes(m, machine_device(m->machine, i));
	return topology;
}

/* Where each block waits, by the allocation: made for each load, since devices and strings change. */
static bool plan_blocks(struct patcher *patcher, const char *allocation, const char *planner, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct manager *m = inner->manager;
	struct topology *topology = believed_topology(m, e);
	struct plan *plan = NULL;
	bool fine = false;

	if (!inner->device_of)
		inner->device_of = array_new(inner->model->block_count, sizeof(*inner->device_of), e);
	if (topology && inner->device_of)
		plan = plan_model_make(inner->model, topology, allocation, plan_rules_find(planner), NULL, e);
	if (plan)
		fine = plan_devices(plan, topology, device_index(patcher->load_device), inner->device_of, e);
	if (fine && plan->converted)
		trace_tell(m, &(struct trace_event) { .kind = TRACE_FRACTIONS, .patcher = patcher, .text = plan->converted });
	plan_free(plan);
	topology_free(topology);
	if (!fine)
		return error_context(e, "%s", inner->model->name);
	trace_tell(m, &(struct trace_event) {
			      .kind = TRACE_PLACED, .patcher = patcher, .text = allocation, .device_of = inner->device_of });
	return true;
}

/* Upstream rounds a patched block of an fp8 model that goes to the cpu again, where high_precision_loras is off: weights change a
 * second time, and those in F8_E5M2 become F8_E4M3. What they were is kept, so that they can be brought back. */
static bool round_again(struct patcher *patcher, size_t index, const struct device *place, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	const struct patch_list list = patcher_patches(patcher);

	if (!list.rules->rounds_again || !inner->low_precision_loras || device_index(place) != 0 ||
	    !place_block_has_patches(patcher, index) || !patch_is_mostly_fp8(inner->model))
		return true;
	return patch_round_again(inner->model, index, e);
}

/* What will be rounded again is kept before it is patched. */
static bool keep_for_rounding(struct patcher *patcher, size_t index, const struct device *place, struct error *e)
{
	const struct patch_list list = patcher_patches(patcher);

	if (!list.rules->rounds_again || !patcher_inner(patcher)->low_precision_loras || device_index(place) != 0 ||
	    !place_block_has_patches(patcher, index))
		return true;
	return place_keep_block(patcher, index, e);
}

bool place_distribute(struct patcher *patcher, const char *allocation, bool again, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct machine *machine = inner->manager->machine;

	if (!plan_blocks(patcher, allocation, inner->manager->policy->planner, e))
		return false;
	for (size_t i = 0; i < inner->order_count; i++) {
		size_t index = inner->order[i];
		struct block *block = &inner->model->blocks[index];
		struct device *place = machine_device(machine, inner->device_of[index]);

		if ((again || !block->patched) &&
		    (!place_move_block(inner, index, patcher->load_device, e) || !keep_for_rounding(patcher, index, place, e) ||
		     !place_patch_block(patcher, index, patcher->load_device, e) || !round_again(patcher, index, place, e)))
			return false;
		if (!place_move_block(inner, index, place, e))
			return false;
		block->castable = block->castable || again || !block->patched;
		block->patched = true;
	}
	inner->patches_id = patcher->patches_id;
	return true;
}

bool place_deal_layers(struct patcher *patcher, const char *allocation, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);

	if (!plan_blocks(patcher, allocation, inner->manager->policy->legacy_planner, e))
		return false;
	for (size_t i = 0; i < inner->order_count; i++) {
		size_t index = inner->order[i];

		if (!place_move_block(inner, index, machine_device(inner->manager->machine, inner->device_of[index]), e))
			return false;
	}
	return true;
}
