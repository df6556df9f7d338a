/* strict.c - ours: a kept model stays until the wish ends, and is found again by the next prompt.
 *
 * The manager takes a reference of its own, labelled `kept`, when the loader returns, before any consumer runs; it holds through
 * resets, collections, other workflows and caches that keep nothing. Only an unload, a free or pressure frees anything, and the
 * first two exactly the models not wished to stay. Under pressure kept models go last, and among equals the one that is cheapest to
 * bring back by the byte that it frees; they come back when they are next used. */
#include <math.h>
#include <string.h>

#include "core/manager/manager.h"

static void keep(struct manager *m, struct patcher *patcher)
{
	if (!patcher->kept.target)
		reference_set(&patcher->kept, m->keeper, &patcher->object, "kept");
}

/* The caller holds patcher, or does not need it any more. */
static void let_go(struct patcher *patcher)
{
	struct reference *in = patcher->inner.target->in;

	while (in) {
		struct patcher *sibling = (struct patcher *)in->owner;

		if (in->owner->class == &patcher_class && sibling != patcher && sibling->kept.target) {
			reference_drop(&sibling->kept);
			in = patcher->inner.target->in; /* the sibling, and others with it, may be gone */
			continue;
		}
		in = in->in_next;
	}
	reference_drop(&patcher->kept);
}

static bool loader_ran(struct manager *m, struct patcher *patcher, bool wished, struct error *e)
{
	(void)e;
	if (wished)
		keep(m, patcher);
	else if (patcher->kept.target)
		let_go(patcher);
	return true;
}

static struct patcher *adopt(struct manager *m, const char *key)
{
	for (struct patcher *patcher = m->first; patcher; patcher = patcher->next) {
		if (patcher->kept.target && !patcher->parent.target && strcmp(patcher->key, key) == 0)
			return patcher;
	}
	return NULL;
}

static struct patcher *adopt_clone(struct manager *m, const struct patcher *parent, const char *key)
{
	if (!manager_keeps_model(patcher_inner(parent)))
		return NULL;
	for (struct patcher *patcher = m->first; patcher; patcher = patcher->next) {
		if (patcher->parent.target == &parent->object && strcmp(patcher->key, key) == 0 && !patcher->object.dying)
			return patcher;
	}
	return NULL;
}

/* Of a base and its clones the base and the newest clone are kept. */
static void cloned(struct manager *m, struct patcher *clone)
{
	if (!manager_keeps_model(patcher_inner(clone)))
		return;
	keep(m, clone);
	for (struct patcher *other = m->first; other; other = other->next) {
		if (other == clone || !other->kept.target || !other->parent.target ||
		    other->inner.target != clone->inner.target)
			continue;
		reference_drop(&other->kept);
		return; /* there was one at most */
	}
}

static bool stays(const struct entry *entry)
{
	const struct patcher *patcher = entry_patcher(entry);

	/* A dead entry leaves the list when its model dies, not before: whoever holds that is to be seen. */
	return patcher ? manager_keeps_model(patcher_inner(patcher)) : true;
}

static bool unload_all(struct manager *m, struct error *e)
{
	bool fine = true;
	bool gone;

	m->unload_reason = REASON_UNLOADED_BY_POLICY;
	for (size_t i = m->list_count; i-- > 0 && fine;) {
		struct entry *entry = m->list[i];

		if (entry_is_dead(entry)) {
			fine = inner_unpatch(entry_model(entry), e);
		} else if (!stays(entry)) {
			fine = entry_unload(entry, -1, &gone, e);
			manager_pop(m, i);
		}
	}
	m->unload_reason = REASON_EVICTED_BY_PRESSURE;
	return manager_soft_empty(m, false, e) && fine;
}

static int evict_order(const struct entry *a, const struct entry *b)
{
	return (int)manager_keeps_model(patcher_inner(entry_patcher(a))) -
	       (int)manager_keeps_model(patcher_inner(entry_patcher(b)));
}

static double way_ns(const struct machine *machine, unsigned from, unsigned to, uint64_t size_bytes)
{
	const struct link_description *links[2];
	unsigned count = topology_route(machine_topology(machine), from, to, links);
	double ns = 0;

	for (unsigned i = 0; i < count; i++)
		ns += (double)link_copy_ns(links[i], size_bytes);
	return ns;
}

/* Whatever leaves goes back whole: each block from where models wait over the compute device, where patches are put in, to its
 * place. A model that has little on the device and much on donors is dear by the byte that it frees. */
static double reload_cost(const struct entry *entry, const struct device *device)
{
	const struct inner *inner = patcher_inner(entry_patcher(entry));
	const struct model *model = inner->model;
	uint64_t freed_bytes = model->bytes_on[device_index(device)];
	unsigned compute = device_index(entry->device);
	double ns = 0;

	for (size_t i = 0; i < model->block_count; i++) {
		const struct block *block = &model->blocks[i];

		if (!block->patched)
			continue;
		ns += way_ns(inner->manager->machine, device_index(inner->offload_device), compute, block->size_bytes);
		ns += way_ns(inner->manager->machine, compute, block->device, block->size_bytes);
	}
	return freed_bytes ? ns / (double)freed_bytes : INFINITY;
}

const struct policy policy_strict = {
	.name = "strict",
	.summary = "keeps what is wished until the wish ends, frees the rest, finds kept models again",
	.unflagged = "frees nothing where all are to be kept, everything where no wish was told",
	.anchored = "each kept model from its loader's return on, by the manager's own reference, until the wish ends",
	.delegated = "nothing",
	.wrong = "kept models go from the device under pressure alone, last of all, and come back when they are next used",
	.planner = "exact",
	.own_allocations = true,
	.catches_foreign = true,
	.own_patches = true,
	.loader_ran = loader_ran,
	.adopt = adopt,
	.adopt_clone = adopt_clone,
	.cloned = cloned,
	.unload_all = unload_all,
	.evict_order = evict_order,
	.reload_cost = reload_cost,
	.full_cleanup = manager_release_kept,
};
