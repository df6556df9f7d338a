/* A model's blocks and a topology's devices are copied into the planner's own forms, planned, and the rows of the result
 * turned back into device indexes. A row may have a name that the topology does not list; PyTorch's rules say which device
 * it means.
 */
#include "core/plan/place/plan_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/plan/string/device_name.h"

static struct plan_device *list_devices(const struct topology *topology, struct error *e)
{
	struct plan_device *devices = array_new(topology->device_count, sizeof(*devices), e);

	for (size_t i = 0; devices && i < topology->device_count; i++)
		devices[i] = (struct plan_device) { topology->devices[i].name, topology->devices[i].capacity_bytes };
	return devices;
}

static struct plan_block *list_blocks(const struct model *model, struct error *e)
{
	struct plan_block *blocks = array_new(model->block_count ? model->block_count : 1, sizeof(*blocks), e);

	for (size_t i = 0; blocks && i < model->block_count; i++) {
		const struct block *block = &model->blocks[i];

		/* The layer type matters to V1's estimate of bytes alone, which is not read here: one type serves all. */
		blocks[i] = (struct plan_block) { .name = block->name,
						  .size_bytes = block->of_container ? PLAN_NO_SIZE : block->size_bytes,
						  .weight_size_bytes =
							  block->of_container ? PLAN_NO_SIZE : block->weight_size_bytes,
						  .has_bias = block->has_bias };
	}
	return blocks;
}

struct plan *plan_model_make(const struct model *model, const struct topology *topology, const char *allocation,
			     const struct plan_rules *rules, struct plan_failure *failure, struct error *e)
{
	struct plan_device *devices = list_devices(topology, e);
	struct plan_block *blocks = list_blocks(model, e);
	struct plan_request request = {
		.rules = rules,
		.allocation = allocation,
		.is_clip = model->kind == MODEL_CLIP,
		.blocks = blocks,
		.block_count = model->block_count,
		.devices = devices,
		.device_count = topology->device_count,
	};
	struct plan *plan = devices && blocks ? plan_make(&request, failure, e) : NULL;

	free(blocks);
	free(devices);
	return plan;
}

int plan_find_device(const struct topology *topology, const char *name)
{
	char canonical[DEVICE_NAME_MAX];
	enum device_kind kind;
	unsigned index;
	int found = topology_find(topology, name);

	if (found >= 0 || !device_name_parse(name, &kind, &index))
		return found;
	if (kind == DEVICE_CPU)
		return topology_find(topology, device_kind_name(kind));
	snprintf(canonical, sizeof(canonical), "%s:%d", device_kind_name(kind), device_name_meant_index(index));
	return topology_find(topology, canonical);
}

bool plan_devices(const struct plan *plan, const struct topology *topology, unsigned load_device, unsigned *device_of,
		  struct error *e)
{
	int *index_of = array_new(plan->share_count ? plan->share_count : 1, sizeof(*index_of), e);
	bool fine = index_of != NULL;

	for (size_t i = 0; fine && i < plan->share_count; i++) {
		index_of[i] = plan_find_device(topology, plan->shares[i].name);
		if (index_of[i] < 0 && plan->shares[i].block_count)
			fine = error_set(e, ERROR_ABSENT, "%zu blocks are planned on %.80s, which topology %.80s does not have",
					 (size_t)plan->shares[i].block_count, plan->shares[i].name, topology->name);
	}
	for (size_t i = 0; fine && i < plan->block_count; i++)
		device_of[i] = plan->share_of[i] == PLAN_NO_DEVICE ? load_device : (unsigned)index_of[plan->share_of[i]];
	free(index_of);
	return fine;
}

bool plan_model(const struct model *model, const struct topology *topology, const char *allocation,
		const struct plan_rules *rules, unsigned load_device, unsigned *device_of, struct error *e)
{
	struct plan *plan;
	bool fine;

	if (!allocation[0]) {
		for (size_t i = 0; i < model->block_count; i++)
			device_of[i] = load_device;
		return true;
	}
	plan = plan_model_make(model, topology, allocation, rules, NULL, e);
	fine = plan && plan_devices(plan, topology, load_device, device_of, e);
	plan_free(plan);
	return fine;
}
