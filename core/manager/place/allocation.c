/* allocation.c - allocation strings: whose they are.
 *
 * A model keeps the string that its own loader set. Where the policy shares strings, a table by shape and generation of nodes holds
 * the last one set for any model of that shape, and that one counts.
 */
#include "core/manager/place/allocation.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/manager/place/place.h"
#include "core/model/families/family.h"

#define SHAPE_NAMES 3

/* Each generation of nodes has a store of its own. */
enum generation { GENERATION_DISTORCH2, GENERATION_V1 };

struct shared_allocation {
	struct shared_allocation *next;
	uint64_t shape; /* whose it is */
	enum generation generation;
	char *text; /* NULL: none */
};

void place_free_allocations(struct manager *m)
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
	if (!policy_is(inner->manager->policy, POLICY_OWN_ALLOCATIONS) && !share(inner, generation, wanted, e)) {
		free(copy);
		return false;
	}
	free(*own);
	*own = copy;
	return true;
}

bool place_set_allocation(struct inner *inner, const char *allocation, double virtual_vram_bytes, struct error *e)
{
	if (!set(inner, GENERATION_DISTORCH2, &inner->allocation, allocation, e))
		return false;
	inner->virtual_vram_bytes = inner->allocation ? virtual_vram_bytes : 0;
	return true;
}

bool place_set_legacy_allocation(struct inner *inner, const char *allocation, struct error *e)
{
	return set(inner, GENERATION_V1, &inner->legacy_allocation, allocation, e);
}

static const char *get(const struct inner *inner, enum generation generation, const char *own)
{
	const struct shared_allocation *shared;

	if (policy_is(inner->manager->policy, POLICY_OWN_ALLOCATIONS))
		return own;
	shared = find_shared(inner->manager, shape_of(inner->model), generation);
	return shared ? shared->text : NULL;
}

const char *place_allocation(const struct inner *inner)
{
	return get(inner, GENERATION_DISTORCH2, inner->allocation);
}

const char *place_legacy_allocation(const struct inner *inner)
{
	if (!inner->manager->policy->legacy_planner)
		return NULL;
	return get(inner, GENERATION_V1, inner->legacy_allocation);
}
