/* card.c - the view of memory answers from the struct, so that a test sets what the manager believes. */
#include "tests/manager/card.h"

#include <math.h>
#include <stdio.h>

#include "core/base/units.h"
#include "core/manager/state.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

struct card card;

static double view_free(void *context, const struct device *device)
{
	(void)context;
	return device_is_cpu(device) ? (double)GIB : card.free_bytes;
}

static bool view_admit(void *context, const struct device *device, uint64_t size_bytes, struct error *e)
{
	(void)context;
	(void)size_bytes;
	if (card.is_full && !device_is_cpu(device))
		return error_set(e, ERROR_DEVICE_MEMORY, "full");
	return true;
}

void card_open(const struct policy *policy)
{
	static const struct memory_rules rules = { .state = VRAM_NORMAL, .is_smart = true };
	static const struct memory_view view = { .free_bytes = view_free, .admit = view_admit };
	const struct manager_options options = { .policy = policy, .rules = &rules, .view = &view };
	struct error e = ERROR_INIT;

	card = (struct card) { .free_bytes = 4.0 * (double)GIB };
	ck_assert_ok(managed_open(&card.scene, fixture_card(&sim_backend, GIB, 100 * MIB, &e), &options, &e), &e);
	card.cpu = machine_device(card.scene.machine, 0);
	card.device = machine_device(card.scene.machine, 1);
}

void card_open_stock(void)
{
	card_open(&policy_stock);
}

void card_close(void)
{
	managed_close(&card.scene);
}

void card_hold(struct patcher *patcher)
{
	ck_assert_uint_lt(card.hold_count, CARD_MODELS_MAX);
	reference_set(&card.holds[card.hold_count++], card.scene.root, &patcher->object, "test");
}

struct patcher *card_model(const char *name)
{
	static char names[BLOCKS][8];
	struct block_description blocks[BLOCKS];
	struct parameter_description parameters[BLOCKS];
	struct patcher *patcher;
	struct model *model;

	for (size_t i = 0; i < BLOCKS; i++) {
		snprintf(names[i], sizeof(names[i]), "b%zu", i);
		blocks[i] = (struct block_description) { .name = names[i],
							 .type = "Linear",
							 .parameter_count = 1,
							 .weight_size_bytes = MIB,
							 .has_bias = true,
							 .castable = true };
		parameters[i] = (struct parameter_description) {
			.name = names[i], .dtype = DTYPE_F16, .rank = 2, .shape = { 1024, 512 }
		};
	}
	model = model_new(card.scene.machine, card.cpu, name, MODEL_UNET, blocks, BLOCKS, parameters, BLOCKS, &card.e);
	ck_assert_ok(model, &card.e);
	patcher = patcher_new(card.scene.manager, model, card.device, name, &card.e);
	ck_assert_ok(patcher, &card.e);
	card_hold(patcher);
	return patcher;
}

void card_load(struct patcher *const *patchers, size_t count)
{
	const struct load_request request = { .minimum_bytes = NAN };

	ck_assert_ok(manager_load(card.scene.manager, patchers, count, &request, &card.e), &card.e);
}

uint64_t card_bytes(const struct patcher *patcher)
{
	return patcher_model(patcher)->bytes_on[1];
}
