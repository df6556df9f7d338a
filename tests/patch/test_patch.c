#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/backends.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"
#include "tests/patch/small.h"

static struct small small;
static struct model *model;

static const float weight[6] = { 1, 2, 3, 4, 5, 6 };

static void make(void)
{
	const struct parameter_description parameter = {
		.name = "double_blocks.0.img_mlp.0.weight", .dtype = DTYPE_F32, .rank = 2, .shape = { 2, 3 }, .bytes = weight
	};

	small_open(&small, harness_backend);
	model = small_model(&small, &parameter, 1);
}

static void unmake(void)
{
	model_free(model);
	small_close(&small);
}

/* up [2, 1] = (1, 2), down [1, 3] = (1, 10, 100), alpha 0.5. */
static struct lora_file *pair(int64_t down_width)
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

	return small_lora(&small, entries, ARRAY_SIZE(entries));
}

START_TEST(a_patch_adds_strength_times_alpha_over_rank_of_the_product)
{
	static const float expected[6] = { 2, 12, 103, 6, 25, 206 };
	struct error e = ERROR_INIT;
	struct one one;

	one_begin(&one, model, pair(3), 2);
	ck_assert_ok(patch_parameter(model, 0, &one.list, &e), &e);
	ck_assert_mem_eq(harness_bytes(&model->parameters[0].resting), expected, sizeof(expected));
	one_end(&one);
}
END_TEST

START_TEST(unpatching_brings_the_first_bytes_back_wherever_the_block_went)
{
	struct error e = ERROR_INIT;
	struct patch_backup kept;
	struct one one;

	one_begin(&one, model, lora_open(NULL, "flux-lora-small.safetensors", &e), 1);
	ck_assert_ok(patch_keep(model, 0, &kept, &e), &e);
	for (int i = 0; i < 2; i++)
		ck_assert_ok(patch_parameter(model, 0, &one.list, &e), &e);
	ck_assert(memcmp(harness_bytes(&model->parameters[0].resting), weight, sizeof(weight)) != 0);
	ck_assert_ok(model_move_block(model, 0, machine_device(small.machine, 1), &e), &e);
	ck_assert_ok(patch_restore(model, 0, &kept, &e), &e);
	ck_assert_ptr_null(kept.bytes);
	ck_assert_mem_eq(harness_bytes(&model->parameters[0].resting), weight, sizeof(weight));
	one_end(&one);
}
END_TEST

START_TEST(a_copy_is_patched_to_the_bits_of_the_weight_itself)
{
	struct error e = ERROR_INIT;
	struct one one;
	float copy[6];

	one_begin(&one, model, lora_open(NULL, "flux-lora-small.safetensors", &e), 0.7);
	ck_assert_ok(patch_copy(model, 0, &one.list, DTYPE_BF16, weight, copy, &e), &e);
	ck_assert_ok(patch_parameter(model, 0, &one.list, &e), &e);
	ck_assert_mem_eq(harness_bytes(&model->parameters[0].resting), copy, sizeof(copy));
	one_end(&one);
}
END_TEST

START_TEST(a_blank_lora_covers_nothing)
{
	struct error e = ERROR_INIT;
	struct lora_file *lora = lora_blank("flux-lora-small.safetensors", &e);
	struct one one;

	ck_assert_str_eq(lora_name(lora), "flux-lora-small.safetensors");
	one_begin(&one, model, lora, 1);
	ck_assert(!patch_covers(&one.list, 0));
	one_end(&one);
}
END_TEST

START_TEST(factors_that_do_not_fit_are_refused_and_change_nothing)
{
	struct error e = ERROR_INIT;
	struct one one;

	one_begin(&one, model, pair(4), 1);
	ck_assert(!patch_parameter(model, 0, &one.list, &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "lora.safetensors"));
	ck_assert_mem_eq(harness_bytes(&model->parameters[0].resting), weight, sizeof(weight));
	one_end(&one);
}
END_TEST

START_TEST(a_lora_that_is_nowhere_is_missing)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_null(lora_open(small.folder, "nowhere.safetensors", &e));
	ck_assert_int_eq(e.kind, ERROR_MISSING);
}
END_TEST

HARNESS_SUITE(patch_suite)
{
	const TTest *const claims[] = {
		a_patch_adds_strength_times_alpha_over_rank_of_the_product,
		unpatching_brings_the_first_bytes_back_wherever_the_block_went,
		a_copy_is_patched_to_the_bits_of_the_weight_itself,
		a_blank_lora_covers_nothing,
		factors_that_do_not_fit_are_refused_and_change_nothing,
		a_lora_that_is_nowhere_is_missing,
	};
	Suite *suite = suite_create("patch");

	harness_add_on_backends(suite, make, unmake, claims, ARRAY_SIZE(claims));
	return suite;
}
