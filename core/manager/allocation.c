/* allocation.c - allocation strings: whose they are, and blocks put where the plan says. */
#include "core/manager/allocation.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/manager/place.h"
#include "core/model/family.h"
#include "core/plan/plan_model.h"

#define SHAPE_NAMES 3

/* ---- whose they are ---- */

struct shared_allocation {
	struct shared_allocation *next;
	char *shape;
	char *text; /* NULL: none */
};

void allocations_free(struct manager *m)
{
	while (m->shared) {
		struct shared_allocation *first = m->shared;

		m->shared = first->next;
		free(first->shape);
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

/* Upstream's key: the class, the size and the first three names. Two models that have these in common share an allocation. */
static void put_shape(struct strbuf *shape, const struct model *model)
{
	strbuf_printf(shape, "%s %llu", class_of(model), (unsigned long long)model->size_bytes);
	for (size_t i = 0; i < model->parameter_count && i < SHAPE_NAMES; i++)
		strbuf_printf(shape, " %s", model->parameters[i].name);
}

static struct shared_allocation *find_shared(const struct manager *m, const char *shape)
{
	struct shared_allocation *shared = m->shared;

	while (shared && strcmp(shared->shape, shape) != 0)
		shared = shared->next;
	return shared;
}

static struct shared_allocation *add_shared(struct manager *m, const char *shape, struct error *e)
{
	struct shared_allocation *shared = array_new(1, sizeof(*shared), e);

	if (!shared)
		return NULL;
	shared->shape = string_copy(shape, e);
	if (!shared->shape) {
		free(shared);
		return NULL;
	}
	shared->next = m->shared;
	m->shared = shared;
	return shared;
}

static bool share(const struct inner *inner, const char *allocation, struct error *e)
{
	struct manager *m = inner->manager;
	struct strbuf shape = STRBUF_INIT;
	struct shared_allocation *shared = NULL;
	char *copy = NULL;
	bool fine;

	put_shape(&shape, inner->model);
	fine = strbuf_ok(&shape) || error_no_memory(e);
	if (fine && allocation)
		fine = (copy = string_copy(allocation, e)) != NULL;
	if (fine)
		shared = find_shared(m, strbuf_text(&shape));
	if (fine && !shared)
		shared = add_shared(m, strbuf_text(&shape), e);
	strbuf_free(&shape);
	if (!shared) {
		free(copy);
		return false;
	}
	free(shared->text);
	shared->text = copy;
	return true;
}

bool inner_set_allocation(struct inner *inner, const char *allocation, double virtual_vram_bytes, struct error *e)
{
	const char *wanted = allocation && allocation[0] ? allocation : NULL;
	char *copy = NULL;

	if (wanted && !(copy = string_copy(wanted, e)))
		return false;
	if (!inner->manager->policy->own_allocations && !share(inner, wanted, e)) {
		free(copy);
		return false;
	}
	free(inner->allocation);
	inner->allocation = copy;
	inner->virtual_vram_bytes = copy ? virtual_vram_bytes : 0;
	return true;
}

const char *inner_allocation(const struct inner *inner)
{
	struct strbuf shape = STRBUF_INIT;
	const struct shared_allocation *shared = NULL;

	if (inner->manager->policy->own_allocations || !inner->manager->shared)
		return inner->allocation;
	put_shape(&shape, inner->model);
	if (strbuf_ok(&shape))
		shared = find_shared(inner->manager, strbuf_text(&shape));
	strbuf_free(&shape);
	return shared ? shared->text : NULL;
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
static bool plan_blocks(struct patcher *patcher, const char *allocation, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct manager *m = inner->manager;
	struct topology *topology = believed_topology(m, e);
	struct plan *plan = NULL;
	bool fine = false;

	if (!inner->device_of)
		inner->device_of = array_new(inner->model->block_count, sizeof(*inner->device_of), e);
	if (topology && inner->device_of)
		plan = plan_model_make(inner->model, topology, allocation, plan_rules_find(m->policy->planner), NULL, e);
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

bool patcher_distribute(struct patcher *patcher, const char *allocation, bool anew, struct error *e)
{
	struct inner *inner = patcher_inner(patcher);
	struct machine *machine = inner->manager->machine;

	if (!plan_blocks(patcher, allocation, e))
		return false;
	for (size_t i = 0; i < inner->order_count; i++) {
		size_t index = inner->order[i];
		struct block *block = &inner->model->blocks[index];
		struct device *place = machine_device(machine, inner->device_of[index]);

		if ((anew || !block->patched) && (!inner_move_block(inner, index, patcher->load_device, e) ||
						  !patcher_patch_block(patcher, index, patcher->load_device, e)))
			return false;
		if (!inner_move_block(inner, index, place, e))
			return false;
		block->castable = block->castable || anew || !block->patched;
		block->patched = true;
	}
	inner->patches_id = patcher->patches_id;
	return true;
}
