/* ComfyUI-MultiGPU's checkpoint loaders in which each model has a device, or an allocation, to itself. */
#include <string.h>

#include "core/base/array.h"
#include "core/manager/manager.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "core/manager/policy.h"
#include "core/workflow/engine.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

static struct machine *machine;
static struct engine *engine;

/* Any file holds one block of any kind; of different sizes, since upstream tells models apart by what they weigh. */
static struct model *open_any(void *context, const struct model_source *source, struct machine *on, struct device *device,
			      struct error *e)
{
	const struct block_description block = { .name = "m",
						 .type = "Linear",
						 .parameter_count = 1,
						 .weight_size_bytes = 4096 * (1 + (uint64_t)source->kind),
						 .has_bias = true,
						 .castable = true };
	const struct parameter_description parameter = {
		.name = "m.weight", .dtype = DTYPE_F32, .rank = 1, .shape = { 1024 * (1 + (int64_t)source->kind) }
	};

	(void)context;
	return model_new(on, device, source->files[0], source->kind, &block, 1, &parameter, 1, e);
}

static const struct catalog any = { .open = open_any };

static void make(void)
{
	struct error e = ERROR_INIT;

	machine = fixture_machine(&sim_backend, "2x3090-nvlink.json", &e);
	ck_assert_ok(machine, &e);
	engine = engine_open(
		&(struct engine_options) { .machine = machine, .catalog = &any, .policy = policy_find("delegate") }, &e);
	ck_assert_ok(engine, &e);
}

static void unmake(void)
{
	engine_close(engine);
	machine_close(machine);
}

/* The loader and somebody who wants each of its outputs. */
static bool run(json_t *loader, struct error *e)
{
	json_t *workflow = json_pack("{so}", "1", loader);
	bool fine;

	for (int i = 0; i < 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%d", i + 2);
		json_object_set_new(workflow, id,
				    json_pack("{ss s{s[si]}}", "class_type", "PreviewAny", "inputs", "source", "1", i));
	}
	fine = engine_submit(engine, workflow, "test", e) && engine_run_until_idle(engine, e);
	json_decref(workflow);
	return fine;
}

static const struct patcher *of_kind(enum model_kind kind)
{
	const struct patcher *patcher = engine_manager(engine)->first;

	while (patcher && patcher_model(patcher)->kind != kind)
		patcher = patcher->next;
	ck_assert_ptr_nonnull(patcher);
	return patcher;
}

static void runs_on(enum model_kind kind, const char *device)
{
	ck_assert_str_eq(device_name(of_kind(kind)->load_device), device);
}

START_TEST(each_model_of_a_checkpoint_has_its_device)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(
		run(json_pack("{ss s{ss ss ss ss}}", "class_type", "CheckpointLoaderAdvancedMultiGPU", "inputs", "ckpt_name",
			      "xl.safetensors", "unet_device", "cuda:1", "clip_device", "cpu", "vae_device", "cuda:0"),
		    &e),
		&e);
	runs_on(MODEL_UNET, "cuda:1");
	runs_on(MODEL_CLIP, "cpu");
	runs_on(MODEL_VAE, "cuda:0");
	ck_assert_ptr_null(place_allocation(patcher_inner(of_kind(MODEL_UNET))));
}
END_TEST

static json_t *distorch(double clip_gb, const char *donor, bool high_precision)
{
	return json_pack("{ss s{ss ss sf ss ss sf ss ss ss sb}}", "class_type", "CheckpointLoaderAdvancedDisTorch2MultiGPU",
			 "inputs", "ckpt_name", "xl.safetensors", "unet_compute_device", "cuda:0", "unet_virtual_vram_gb", 1.1,
			 "unet_donor_device", donor, "clip_compute_device", "cuda:1", "clip_virtual_vram_gb", clip_gb,
			 "clip_donor_device", "cpu", "vae_device", "cuda:1", "clip_expert_mode_allocations", "cpu,50%",
			 "high_precision_loras", high_precision);
}

START_TEST(two_models_of_a_checkpoint_have_allocations_and_none_is_wished_to_stay)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(run(distorch(0, "cuda:1", false), &e), &e);
	ck_assert_str_eq(place_allocation(patcher_inner(of_kind(MODEL_UNET))), "#cuda:0;1.1;cuda:1");
	ck_assert_str_eq(place_allocation(patcher_inner(of_kind(MODEL_CLIP))), "cpu,50%#cuda:1;0.0;cpu");
	ck_assert_ptr_null(place_allocation(patcher_inner(of_kind(MODEL_VAE))));
	ck_assert(patcher_inner(of_kind(MODEL_UNET))->low_precision_loras);
	ck_assert(!patcher_inner(of_kind(MODEL_VAE))->low_precision_loras);
	ck_assert_int_eq(patcher_inner(of_kind(MODEL_UNET))->keep, KEEP_NONE);
	runs_on(MODEL_VAE, "cuda:1");
}
END_TEST

START_TEST(loras_are_precise_unless_it_says_otherwise)
{
	struct error e = ERROR_INIT;
	json_t *loader = distorch(2, "cpu", true);

	json_object_del(json_object_get(loader, "inputs"), "high_precision_loras");
	ck_assert_ok(run(loader, &e), &e);
	ck_assert(!patcher_inner(of_kind(MODEL_UNET))->low_precision_loras);
}
END_TEST

START_TEST(a_device_that_is_not_there_is_named)
{
	struct error e = ERROR_INIT;
	json_t *loader = distorch(2, "cpu", true);

	json_object_set_new(json_object_get(loader, "inputs"), "clip_compute_device", json_string("cuda:7"));
	ck_assert(!run(loader, &e));
	ck_assert_msg(strstr(e.text, "clip_compute_device \"cuda:7\" is not a device"), "%s", e.text);
}
END_TEST

HARNESS_SUITE(advanced_suite)
{
	Suite *suite = suite_create("advanced");
	TCase *tests = tcase_create("checkpoints");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_add_test(tests, each_model_of_a_checkpoint_has_its_device);
	tcase_add_test(tests, two_models_of_a_checkpoint_have_allocations_and_none_is_wished_to_stay);
	tcase_add_test(tests, loras_are_precise_unless_it_says_otherwise);
	tcase_add_test(tests, a_device_that_is_not_there_is_named);
	suite_add_tcase(suite, tests);
	return suite;
}
