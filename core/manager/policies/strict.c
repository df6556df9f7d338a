/* strict.c - ours: a kept model stays until its flag is taken back, and is found again by the next prompt.
 *
 * The manager takes a reference of its own, labelled `kept`, when the loader returns, before any consumer runs; it holds through
 * resets, collections, other workflows and caches that keep nothing. Only an unload, a free or pressure frees anything, and the
 * first two exactly the models not to be kept. Under pressure kept models go last, and among equals the one that is cheapest to
 * load again by the byte that it frees; they come back when they are next used. */
#include <math.h>
#include <string.h>

#include "core/manager/policies/verbs.h"

static bool loader_ran(struct manager *m, struct patcher *patcher, bool keep, struct error *e)
{
	(void)e;
	if (keep)
		manager_hold(m, patcher);
	else if (view_patcher_is_held(patcher))
		manager_drop_model(patcher);
	return true;
}

static struct patcher *adopt(const struct manager_view *view, const char *key)
{
	for (struct patcher *patcher = manager_next_patcher(view, NULL); patcher;
	     patcher = manager_next_patcher(view, patcher)) {
		if (view_patcher_is_held(patcher) && !view_patcher_is_clone(patcher) &&
		    strcmp(view_patcher_key(patcher), key) == 0)
			return patcher;
	}
	return NULL;
}

static struct patcher *adopt_clone(const struct manager_view *view, const struct patcher *parent, const char *key)
{
	if (!view_patcher_model_is_held(parent))
		return NULL;
	for (struct patcher *patcher = manager_next_patcher(view, NULL); patcher;
	     patcher = manager_next_patcher(view, patcher)) {
		if (view_patcher_is_clone_of(patcher, parent) && strcmp(view_patcher_key(patcher), key) == 0 &&
		    !view_patcher_is_dying(patcher))
			return patcher;
	}
	return NULL;
}

/* Of a base and its clones the base and the newest clone are kept. */
static void cloned(struct manager *m, struct patcher *clone)
{
	struct manager_view view = manager_view(m);

	if (!view_patcher_model_is_held(clone))
		return;
	manager_hold(m, clone);
	for (struct patcher *other = manager_next_patcher(&view, NULL); other; other = manager_next_patcher(&view, other)) {
		if (other == clone || !view_patcher_is_held(other) || !view_patcher_is_clone(other) ||
		    patcher_model(other) != patcher_model(clone))
			continue;
		manager_drop(other);
		return; /* there was one at most */
	}
}

static bool unload_all(struct manager *m, struct error *e)
{
	struct manager_view view = manager_view(m);
	struct reason_scope scope = manager_reason_begin(m, REASON_UNLOADED_BY_POLICY);
	bool fine = true;

	for (size_t i = manager_listed_count(&view); i-- > 0 && fine;) {
		struct listed_model listed = manager_listed(&view, i);

		if (listed.is_dead) {
			/* It leaves the list when its model dies, not before: what holds that is to be seen. */
			fine = manager_unload_dead(m, i, e);
		} else if (listed.patcher && !listed.is_held) {
			fine = manager_unload_listed(m, i, e);
			manager_pop(m, i);
		}
	}
	manager_reason_end(&scope);
	return manager_soft_empty(m, false, e) && fine;
}

static int evict_order(const struct listed_model *a, const struct listed_model *b)
{
	return (int)a->is_held - (int)b->is_held;
}

static double way_ns(const struct machine *machine, unsigned from, unsigned to, uint64_t size_bytes)
{
	const struct link_description *links[2];
	unsigned count = topology_route(machine_topology(machine), from, to, links);
	double ns = 0;

	for (unsigned i = 0; i < count; i++)
		ns += (double)topology_link_copy_ns(links[i], size_bytes);
	return ns;
}

/* Whatever leaves goes back whole: each block from where it is stored over the compute device, where patches are put in, to its
 * place. A model that has little on the device and much on donors is dear by the byte that it frees. */
static double reload_cost(const struct listed_model *listed, const struct device *device)
{
	const struct machine *machine = manager_machine(patcher_manager(listed->patcher));
	const struct model *model = patcher_model(listed->patcher);
	uint64_t freed_bytes = model->bytes_on[device_index(device)];
	unsigned offload = device_index(view_patcher_offload_device(listed->patcher));
	unsigned compute = device_index(listed->device);
	double ns = 0;

	for (size_t i = 0; i < model->block_count; i++) {
		const struct block *block = &model->blocks[i];

		if (!block->patched)
			continue;
		ns += way_ns(machine, offload, compute, block->size_bytes);
		ns += way_ns(machine, compute, block->device, block->size_bytes);
	}
	return freed_bytes ? ns / (double)freed_bytes : INFINITY;
}

const struct policy policy_strict = {
	.name = "strict",
	.summary = "keeps what is to be kept until the request ends, frees the rest, finds kept models again",
	.unflagged = "frees nothing where all are to be kept, everything where no flag was set",
	.anchored = "each kept model from its loader's return on, by the manager's own reference, until the request ends",
	.delegated = "nothing",
	.wrong = "kept models go from the device under pressure alone, last of all, and come back when they are next used",
	.planner = "exact",
	.facts = POLICY_OWN_ALLOCATIONS | POLICY_CATCHES_FOREIGN | POLICY_OWN_PATCHES,
	.loader_ran = loader_ran,
	.adopt = adopt,
	.adopt_clone = adopt_clone,
	.cloned = cloned,
	.unload_all = unload_all,
	.evict_order = evict_order,
	.reload_cost = reload_cost,
	.full_cleanup = manager_release_kept,
};
