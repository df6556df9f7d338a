#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/patch/patch.h"
#include "core/tensor/safetensors.h"
#include "tests/harness/harness.h"
#include "tests/patch/suites.h"

static const char machine_text[] =
	"{\"schema\":1,\"name\":\"m\",\"title\":\"\",\"devices\":[{\"name\":\"cpu\",\"capacity_bytes\":1073741824},"
	"{\"name\":\"cuda:0\",\"capacity_bytes\":1073741824}],\"links\":["
	"{\"from\":\"cpu\",\"to\":\"cuda:0\",\"bandwidth_bytes_per_s\":1e10,\"latency_ns\":1},"
	"{\"from\":\"cuda:0\",\"to\":\"cpu\",\"bandwidth_bytes_per_s\":1e10,\"latency_ns\":1}]}";

static struct topology *topology;
static struct machine *machine;
static struct model *model;
static char *folder;

static const float weight[6] = { 1, 2, 3, 4, 5, 6 };

static void make(void)
{
	static const struct block_description block = { .name = "double_blocks.0.img_mlp.0",
							.type = "Linear",
							.parameter_count = 1,
							.weight_size_bytes = 24,
							.has_bias = true,
							.castable = true };
	const struct parameter_description parameter = {
		.name = "double_blocks.0.img_mlp.0.weight", .dtype = DTYPE_F32, .rank = 2, .shape = { 2, 3 }, .bytes = weight
	};

	topology = topology_parse(machine_text, sizeof(machine_text) - 1, "m", NULL);
	machine = machine_open(topology, &backend_host, NULL);
	model = model_new(machine, machine_device(machine, 0), "m", MODEL_UNET, &block, 1, &parameter, 1, NULL);
	folder = harness_make_folder();
	ck_assert_ptr_nonnull(model);
}

static void unmake(void)
{
	model_free(model);
	machine_close(machine);
	topology_free(topology);
	harness_remove_folder(folder);
}

/* up [2, 1] = (1, 2), down [1, 3] = (1, 10, 100), alpha 0.5. */
static void write_lora(const char *file, int64_t down_width)
{
	static const float up[2] = { 1, 2 };
	static const float down[4] = { 1, 10, 100, 1000 };
	static const float alpha = 0.5F;
	const struct safetensors_entry entries[] = {
		{ "diffusion_model.double_blocks.0.img_mlp.0.lora_up.weight", DTYPE_F32, 2, (int64_t[]) { 2, 1 }, up },
		{ "diffusion_model.double_blocks.0.img_mlp.0.lora_down.weight", DTYPE_F32, 2, (int64_t[]) { 1, down_width },
		  down },
		{ "diffusion_model.double_blocks.0.img_mlp.0.alpha", DTYPE_F32, 0, NULL, &alpha },
	};
	char path[256];
	struct error e = ERROR_INIT;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	ck_assert_ok(safetensors_write(path, entries, ARRAY_SIZE(entries), NULL, &e), &e);
}

/* One LoRA on the model, and the list of it. Ended with drop(). */
struct one {
	struct patch_use use;
	struct patch_list list;
};

/* Takes the file over. */
static void take(struct one *one, struct lora_file *lora, double strength)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_nonnull(lora);
	*one = (struct one) { .use = { .match = lora_match(lora, model, &e), .strength = strength, .strength_model = 1 } };
	ck_assert_ok(one->use.match, &e);
	lora_close(lora);
	one->list = (struct patch_list) { .uses = &one->use, .use_count = 1 };
}

static void drop(struct one *one)
{
	lora_match_end(one->use.match);
}

START_TEST(a_patch_adds_strength_times_alpha_over_rank_of_the_product)
{
	static const float expected[6] = { 2, 12, 103, 6, 25, 206 };
	struct error e = ERROR_INIT;
	struct one one;

	write_lora("l.safetensors", 3);
	take(&one, lora_open(folder, "l.safetensors", &e), 2);
	ck_assert_ok(patch_parameter(model, 0, &one.list, &e), &e);
	ck_assert_mem_eq(model->parameters[0].resting.address, expected, sizeof(expected));
	drop(&one);
}
END_TEST

START_TEST(unpatching_brings_the_first_bytes_back_wherever_the_block_went)
{
	struct error e = ERROR_INIT;
	struct patch_backup kept;
	struct one one;

	take(&one, lora_open(NULL, "flux-lora-small.safetensors", &e), 1);
	ck_assert_ok(patch_keep(model, 0, &kept, &e), &e);
	for (int i = 0; i < 2; i++)
		ck_assert_ok(patch_parameter(model, 0, &one.list, &e), &e);
	ck_assert(memcmp(model->parameters[0].resting.address, weight, sizeof(weight)) != 0);
	ck_assert_ok(model_move_block(model, 0, machine_device(machine, 1), &e), &e);
	ck_assert_ok(patch_restore(model, 0, &kept, &e), &e);
	ck_assert_ptr_null(kept.bytes);
	ck_assert_mem_eq(model->parameters[0].resting.address, weight, sizeof(weight));
	drop(&one);
}
END_TEST

START_TEST(a_copy_is_patched_to_the_bits_of_the_weight_itself)
{
	struct error e = ERROR_INIT;
	struct one one;
	float copy[6];

	take(&one, lora_open(NULL, "flux-lora-small.safetensors", &e), 0.7);
	ck_assert_ok(patch_copy(model, 0, &one.list, DTYPE_BF16, weight, copy, &e), &e);
	ck_assert_ok(patch_parameter(model, 0, &one.list, &e), &e);
	ck_assert_mem_eq(model->parameters[0].resting.address, copy, sizeof(copy));
	drop(&one);
}
END_TEST

START_TEST(a_blank_lora_covers_nothing)
{
	struct error e = ERROR_INIT;
	struct lora_file *lora = lora_blank("flux-lora-small.safetensors", &e);
	struct one one;

	ck_assert_str_eq(lora_name(lora), "flux-lora-small.safetensors");
	take(&one, lora, 1);
	ck_assert(!patch_covers(&one.list, 0));
	drop(&one);
}
END_TEST

START_TEST(factors_that_do_not_fit_are_refused_and_change_nothing)
{
	struct error e = ERROR_INIT;
	struct one one;

	write_lora("wide.safetensors", 4);
	take(&one, lora_open(folder, "wide.safetensors", &e), 1);
	ck_assert(!patch_parameter(model, 0, &one.list, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "wide.safetensors"));
	ck_assert_mem_eq(model->parameters[0].resting.address, weight, sizeof(weight));
	drop(&one);
}
END_TEST

START_TEST(a_lora_that_is_nowhere_is_missing)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(lora_open(folder, "nowhere.safetensors", &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
}
END_TEST

Suite *patch_suite(void)
{
	Suite *suite = suite_create("patch");
	TCase *tests = tcase_create("patch");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_add_test(tests, a_patch_adds_strength_times_alpha_over_rank_of_the_product);
	tcase_add_test(tests, unpatching_brings_the_first_bytes_back_wherever_the_block_went);
	tcase_add_test(tests, a_copy_is_patched_to_the_bits_of_the_weight_itself);
	tcase_add_test(tests, a_blank_lora_covers_nothing);
	tcase_add_test(tests, factors_that_do_not_fit_are_refused_and_change_nothing);
	tcase_add_test(tests, a_lora_that_is_nowhere_is_missing);
	suite_add_tcase(suite, tests);
	return suite;
}
