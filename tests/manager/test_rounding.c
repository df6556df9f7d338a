/* An fp8 model with a LoRA, distributed to the cpu with high_precision_loras off: upstream rounds its weights twice, we once. */
#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/manager.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "tests/fixtures/machine.h"
#include "tests/fixtures/manager.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

#define SIDE 32

static struct managed scene;
static struct reference hold_base, hold_clone;
static struct patcher *patcher;
static uint8_t first[SIDE * SIDE];

static struct model *make_model(struct error *e)
{
	const struct block_description block = {
		.name = "double_blocks.0.lin", .type = "Linear", .parameter_count = 1, .has_bias = true, .castable = true
	};
	const struct parameter_description parameter = {
		.name = "double_blocks.0.lin.weight", .dtype = DTYPE_F8_E5M2, .rank = 2, .shape = { SIDE, SIDE }, .bytes = first
	};

	for (size_t i = 0; i < sizeof(first); i++)
		first[i] = (uint8_t)(0x30 + i % 16);
	return model_new(scene.machine, machine_device(scene.machine, 0), "m", MODEL_UNET, &block, 1, &parameter, 1, e);
}

static void make(void)
{
	const struct manager_options options = { .policy = &policy_eject_donor };
	struct patcher_change change = { .key = "lora", .lora_strength = 0.8, .sampling_shift = NAN };
	struct error e = ERROR_INIT;
	struct patcher *base;

	ck_assert_ok(managed_open(&scene, fixture_machine(harness_backend, "host-1gpu.json", &e), &options, &e), &e);
	base = patcher_new(scene.manager, make_model(&e), machine_device(scene.machine, 1), "base", &e);
	ck_assert_ok(base, &e);
	reference_set(&hold_base, scene.root, &base->object, "base");
	change.lora = lora_open(NULL, "flux-lora-small.safetensors", &e);
	patcher = patcher_clone(base, &change, &e);
	lora_close(change.lora);
	ck_assert_ok(patcher, &e);
	reference_set(&hold_clone, scene.root, &patcher->object, "clone");
}

static void unmake(void)
{
	managed_close(&scene);
	hold_base = hold_clone = (struct reference) { .label = NULL };
}

static const struct parameter *weight(void)
{
	return &patcher_model(patcher)->parameters[0];
}

/* Distributes to the cpu by a policy, and keeps the bytes that come of it. */
static void distribute(const struct policy *policy, bool high_precision, uint8_t bytes[SIDE * SIDE])
{
	struct error e = ERROR_INIT;

	scene.manager->policy = policy;
	patcher_inner(patcher)->low_precision_loras = !high_precision;
	ck_assert_ok(place_set_allocation(patcher_inner(patcher), "cpu,1.0#cuda:0", 0, &e), &e);
	ck_assert_ok(place_partially_load(patcher, ALL_MEMORY, false, NULL, &e), &e);
	ck_assert_uint_eq(patcher_model(patcher)->blocks[0].device, 0);
	memcpy(bytes, harness_bytes(&weight()->resting), SIDE * SIDE);
}

static void take_out(void)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(place_detach(patcher, &e), &e);
	ck_assert_int_eq(weight()->dtype, DTYPE_F8_E5M2);
	ck_assert_mem_eq(harness_bytes(&weight()->resting), first, sizeof(first));
}

START_TEST(upstream_rounds_again_and_to_another_type)
{
	uint8_t once[SIDE * SIDE];
	uint8_t twice[SIDE * SIDE];

	distribute(&policy_eject_donor, true, once);
	ck_assert_int_eq(weight()->dtype, DTYPE_F8_E5M2);
	take_out();
	distribute(&policy_eject_donor, false, twice);
	ck_assert_int_eq(weight()->dtype, DTYPE_F8_E4M3);
	take_out();
	ck_assert(memcmp(once, twice, sizeof(once)) != 0);
}
END_TEST

START_TEST(strict_rounds_once_whatever_the_precision)
{
	uint8_t once[SIDE * SIDE];
	uint8_t ours[SIDE * SIDE];

	distribute(&policy_eject_donor, true, once);
	take_out();
	distribute(&policy_strict, false, ours);
	ck_assert_int_eq(weight()->dtype, DTYPE_F8_E5M2);
	ck_assert_mem_eq(ours, once, sizeof(ours));
	take_out();
}
END_TEST

HARNESS_SUITE(rounding_suite)
{
	const TTest *const claims[] = {
		upstream_rounds_again_and_to_another_type,
		strict_rounds_once_whatever_the_precision,
	};
	Suite *suite = suite_create("rounding");

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	return suite;
}
