/* allocation.c - allocation strings: whose they are, and blocks put where the plan says. */
#include "core/manager/place/allocation.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/manager/place/place.h"
#include "core/model/families/family.h"
#include "core/plan/place/plan_model.h"

#define SHAPE_NAMES 3

/* ---- whose they are ---- */

/* Each generation of nodes has a store of its own. */
enum generation { GENERATION_DISTORCH2, GENERATION_V1 };

struct shared_allocation {
	struct shared_allocation *next;
	uint64_t shape; /* whose it is */
	enum generation generation;
	char *text; /* NULL: none */
};

void allocations_free(struct manager *m)
{
	while (m->shared) {
		struct shared_allocation *first = m->shared;

		m->shared = first->next;
		free(first->text);
		free(first);
	}
}

static const char *class_of(const struct model *model)
{
	if (model->class_name)
		return model->class_name;
	return model->family ? model->family->name : model->name;
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	return XXH3_64bits_withSeed(text, strlen(text), hash);
}

/* Upstream's key: a hash of the class, the size and the first three names. Two models that have these in common share an
 * allocation. */
static uint64_t shape_of(const struct model *model)
{
	uint64_t hash = add_text(model->size_bytes, class_of(model));

	for (size_t i = 0; i < model->parameter_count && i < SHAPE_NAMES; i++)
		hash = add_text(hash, model->parameters[i].name);
	return hash;
}

static struct shared_allocation *find_shared(const struct manager *m, uint64_t shape, enum generation generation)
{
	struct shared_allocation *shared = m->shared;

	while (shared && (shared->shape != shape || shared->generation != generation))
		shared = shared->next;
	return shared;
}

static bool share(const struct inner *inner, enum generation generation, const char *allocation, struct error *e)
{
	struct manager *m = inner->manager;
	uint64_t shape = shape_of(inner->model);
	struct shared_allocation *shared = find_shared(m, shape, generation);
	char *copy = NULL;

	if (allocation && !(copy = string_copy(allocation, e)))
		return false;
	if (!shared) {
		shared = array_new(1, sizeof(*shared), e);
		if (!shared) {
			free(copy);
			return false;
		}
		*shared = (struct shared_allocation) { .next = m->shared, .shape = shape, .generation = generation };
		m->shared = shared;
	}
	free(shared->text);
	shared->text = copy;
	return true;
}

static bool set(const struct inner *inner, enum generation generation, char **own, const char *allocation, struct error *e)
{
	const char *wanted = allocation && allocation[0] ? allocation : NULL;
	char *copy = NULL;

	if (wanted && !(copy = string_copy(wanted, e)))
		return false;
	if (!inner->manager->policy->own_allocations && !share(inner, generation, wanted, e)) {
		free(copy);
		return false;
	}
	free(*own);
	*own = copy;
	return true;
}

bool inner_set_allocation(struct inner *inner, const char *allocation, double virtual_vram_bytes, struct error *e)
{
	if (!set(inner, GENERATION_DISTORCH2, &inner->allocation, allocation, e))
		return false;
	inner->virtual_vram_bytes = inner->allocation ? virtual_vram_bytes : 0;
	return true;
}

bool inner_set_legacy_allocation(struct inner *inner, const char *allocation, struct error *e)
{
	return set(inner, GENERATION_V1, &inner->legacy_allocation, allocation, e);
}

static const char *get(const struct inner *inner, enum generation generation, const char *own)
{
	const struct shared_allocation *shared;

	if (inner->manager->policy->own_allocations)
		return own;
	shared = find_shared(inner->manager, shape_of(inner->model), generation);
	return shared ? shared->text : NULL;
}

const char *inner_allocation(const struct inner *inner)
{
	return get(inner, GENERATION_DISTORCH2, inner->allocation);
}

const char *inner_legacy_allocation(const struct inner *inner)
{
	if (!inner->manager->policy->legacy_planner)
		return NULL;
	return get(inner, GENERATION_V1, inner->legacy_allocation);
}

/* ---- blocks to their places ---- */

/* The machine's devices, as large as they are believed to be. */
static struct topology *believed_topology(const struct manager *m, struct error *e)
{
	struct topology *topology = topology_copy(machine_topology(m->machine), e);

	for (size_t i = 0; topology && i < topology->device_count; i++)
		topology->devices[i].capacity_bytes = (uint64_t)memory_total_bytes(m, machine_device(m->machine, i));
	return topology;
}

/* Where each block waits, by the allocation: made anew for each load, since devices and strings change. */
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
	    !patcher_block_has_patches(patcher, index) || !patch_is_mostly_fp8(inner->model))
		return true;
	return patch_round_again(inner->model, index, e);
}

/* What will be rounded again is kept before it is patched. */
static bool keep_for_rounding(struct patcher *patcher, size_t index, const struct device *place, struct error *e)
{
	const struct patch_list list = patcher_patches(patcher);

	if (!list.rules->rounds_again || !patcher_inner(patcher)->low_precision_loras || device_index(place) != 0 ||
	    !patcher_block_has_patches(patcher, index))
		return true;
	return patcher_keep_block(patcher, index, e);
}

bool patcher_distribute(struct patcher *patcher, const char *allocation, bool anew, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct machine *machine = inner->manager->machine;

	if (!plan_blocks(patcher, allocation, inner->manager->policy->planner, e))
		return false;
	for (size_t i = 0; i < inner->order_count; i++) {
		size_t index = inner->order[i];
		struct block *block = &inner->model->blocks[index];
		struct device *place = machine_device(machine, inner->device_of[index]);

		if ((anew || !block->patched) &&
		    (!inner_move_block(inner, index, patcher->load_device, e) || !keep_for_rounding(patcher, index, place, e) ||
		     !patcher_patch_block(patcher, index, patcher->load_device, e) || !round_again(patcher, index, place, e)))
			return false;
		if (!inner_move_block(inner, index, place, e))
			return false;
		block->castable = block->castable || anew || !block->patched;
		block->patched = true;
	}
	inner->patches_id = patcher->patches_id;
	return true;
}

bool patcher_deal_layers(struct patcher *patcher, const char *allocation, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);

	if (!plan_blocks(patcher, allocation, inner->manager->policy->legacy_planner, e))
		return false;
	for (size_t i = 0; i < inner->order_count; i++) {
		size_t index = inner->order[i];

		if (!inner_move_block(inner, index, machine_device(inner->manager->machine, inner->device_of[index]), e))
			return false;
	}
	return true;
}
