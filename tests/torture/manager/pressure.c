/* pressure.c - two models are loaded onto a card with space for one, one of them distributed; then more memory is asked for.
 *
 * Loading, the eviction it causes, patches and allocation strings all allocate on the way. A load that fails must leave a list
 * and blocks that can be freed. */
#include <math.h>

#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "tests/fixtures/machine.h"
#include "tests/fixtures/manager.h"
#include "tests/torture/torture.h"

#define BLOCKS 6

static struct patcher *make_patcher(struct manager *m, const char *name, struct error *e)
{
	static const char *const names[BLOCKS] = { "a", "b", "c", "d", "e", "f" };
	struct block_description blocks[BLOCKS];
	struct parameter_description parameters[BLOCKS];
	struct model *model;

	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = (struct block_description) {
			.name = names[i], .type = "Linear", .parameter_count = 1, .weight_size_bytes = 1 << 20, .castable = true
		};
		parameters[i] = (struct parameter_description) {
			.name = names[i], .dtype = DTYPE_F16, .rank = 2, .shape = { 1024, 512 }
		};
	}
	model = model_new(m->machine, m->offload_device, name, MODEL_UNET, blocks, BLOCKS, parameters, BLOCKS, e);
	return model ? patcher_new(m, model, m->load_device, name, e) : NULL;
}

/* Two models that do not fit beside each other, one of them distributed; then room is made. */
static bool use_manager(struct manager *m, struct object *root, struct error *e)
{
	static struct reference holds[2];
	struct load_request request = { .minimum_bytes = NAN };
	struct patcher *patchers[2];
	static const size_t patched[] = { 0, 3 };

	for (size_t i = 0; i < 2; i++)
		holds[i] = (struct reference) { .label = NULL };
	for (size_t i = 0; i < 2; i++) {
		patchers[i] = make_patcher(m, i ? "second" : "first", e);
		if (!patchers[i])
			return false;
		reference_set(&holds[i], root, &patchers[i]->object, "torture");
	}
	if (!manager_load(m, patchers, 1, &request, e) || !manager_load(m, patchers + 1, 1, &request, e) ||
	    !patcher_add_patches(patchers[0], patched, 2, e))
		return false;
	if (!place_set_allocation(patcher_inner(patchers[0]), "#cuda:0;0.002;cpu", 0, e) ||
	    !manager_load(m, patchers, 2, &request, e))
		return false;
	return manager_use_more_memory(m, 1 << 20, m->load_device, e) && manager_free_everything(m, e);
}

TORTURE_PIECE(torture_manager, "loading under pressure")
{
	const struct manager_options options = { .policy = &policy_stock };
	struct managed scene;
	bool fine = managed_open(&scene, fixture_card(&sim_backend, 99999999, 15999999, e), &options, e) &&
		    use_manager(scene.manager, scene.root, e);

	managed_close(&scene);
	return fine;
}
