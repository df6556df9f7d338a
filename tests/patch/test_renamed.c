/* LoRA files whose names no rule takes apart before they are brought to known ones. (What each means was read off upstream's own
 * loader, given the same names.) */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/patch.h"
#include "tests/harness/harness.h"
#include "tests/patch/small.h"

#define ROOT "diffusion_model."

static const struct key_target targets[] = {
	{ ROOT "img_in.weight", 2, SHAPE(4, 2) },
	{ ROOT "img_in.bias", 1, SHAPE(4) },
	{ ROOT "single_blocks.0.norm.key_norm.scale", 1, SHAPE(2) },
	{ ROOT "single_blocks.37.linear2.weight", 2, SHAPE(2, 2) },
	{ ROOT "double_blocks.18.txt_attn.qkv.weight", 2, SHAPE(2, 2) },
	{ ROOT "blocks.0.cross_attn.k.weight", 2, SHAPE(2, 2) },
};
enum { IMG_IN, IMG_IN_BIAS, KEY_NORM, SINGLE_37, DOUBLE_18, CROSS_K };

static const float values[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static struct small small;
static struct key_map *map;
static struct lora_match *match;

static void make(void)
{
	struct error e = ERROR_INIT;

	small_open(&small, &host_backend);
	map = key_map_new(targets, ARRAY_SIZE(targets), &e);
	ck_assert_ok(map, &e);
	match = NULL;
}

static void unmake(void)
{
	lora_match_end(match);
	key_map_free(map);
	small_close(&small);
}

static void take(const struct safetensors_entry *entries, size_t count)
{
	struct error e = ERROR_INIT;
	struct lora_file *lora = small_lora(&small, entries, count);

	match = lora_match_map(lora, map, &e);
	lora_close(lora);
	ck_assert_ok(match, &e);
}

static const struct adapter *only(size_t target)
{
	size_t count;
	const struct adapter *adapter = lora_match_of(match, target, &count);

	ck_assert_uint_eq(count, 1);
	return adapter;
}

#define CONTROL                                                                                                                \
	{ "img_in.lora_A.weight", DTYPE_F32, 2, SHAPE(1, 3), values },                                                         \
		{ "img_in.lora_B.weight", DTYPE_F32, 2, SHAPE(4, 1), values },                                                 \
		{ "img_in.lora_B.bias", DTYPE_F32, 1, SHAPE(4), values },                                                      \
	{                                                                                                                      \
		"single_blocks.0.norm.key_norm.scale", DTYPE_F32, 1, SHAPE(2), values                                          \
	}

START_TEST(a_control_lora_sets_norms_adds_to_biases_and_widens_the_input)
{
	const struct safetensors_entry entries[] = { CONTROL };
	struct patch_use use = { .match = NULL, .strength = 1, .strength_model = 1 };
	struct patch_list list = { .uses = &use, .use_count = 1, .rules = &patch_rules_upstream };
	struct weight_values weight = { .dtype = DTYPE_F32, .rank = 2, .shape = { 4, 2 } };
	struct error e = ERROR_INIT;

	take(entries, ARRAY_SIZE(entries));
	ck_assert_uint_eq(match->count, 3);
	ck_assert_uint_eq(match->unused_count, 0);
	ck_assert_str_eq(only(IMG_IN_BIAS)->kind->name, "diff_b");
	ck_assert_str_eq(only(KEY_NORM)->kind->name, "set");
	use.match = match;
	weight.values = calloc(12, sizeof(*weight.values));
	ck_assert_ok(patch_weight(&list, IMG_IN, &weight, DTYPE_F32, &e), &e);
	ck_assert_int_eq(weight.shape[1], 3);
	ck_assert_float_eq(weight.values[3 * 3 + 2], 4 * 3);
	free(weight.values);
}
END_TEST

START_TEST(without_its_norms_it_is_no_control_lora)
{
	const struct safetensors_entry entries[] = { CONTROL };

	take(entries, 3);
	ck_assert_uint_eq(match->count, 0);
	ck_assert_uint_eq(match->unused_count, 3);
}
END_TEST

START_TEST(a_wan_fun_lora_has_one_underscore_too_many)
{
	const struct safetensors_entry entries[] = {
		{ "lora_unet__blocks_0_cross_attn_k.lora_down.weight", DTYPE_F32, 2, SHAPE(1, 2), values },
		{ "lora_unet__blocks_0_cross_attn_k.lora_up.weight", DTYPE_F32, 2, SHAPE(2, 1), values },
		{ "other.lora_up.weight", DTYPE_F32, 2, SHAPE(2, 1), values },
	};

	take(entries, ARRAY_SIZE(entries));
	ck_assert_uint_eq(match->count, 1);
	ck_assert_str_eq(only(CROSS_K)->kind->name, "lora");
	ck_assert_uint_eq(match->unused_count, 1);
	ck_assert_str_eq(match->unused[0], "other.lora_up.weight");
}
END_TEST

START_TEST(an_uso_lora_names_the_processors_of_its_blocks)
{
	const struct safetensors_entry entries[] = {
		{ "single_blocks.37.processor.qkv_lora.up.weight", DTYPE_F32, 2, SHAPE(2, 1), values },
		{ "single_blocks.37.processor.proj_lora.up.weight", DTYPE_F32, 2, SHAPE(2, 1), values },
		{ "single_blocks.37.processor.proj_lora.down.weight", DTYPE_F32, 2, SHAPE(1, 2), values },
		{ "double_blocks.18.processor.qkv_lora2.up.weight", DTYPE_F32, 2, SHAPE(2, 1), values },
		{ "double_blocks.18.processor.qkv_lora2.down.weight", DTYPE_F32, 2, SHAPE(1, 2), values },
	};

	take(entries, ARRAY_SIZE(entries));
	ck_assert_uint_eq(match->count, 2);
	only(SINGLE_37);
	only(DOUBLE_18);
	ck_assert_uint_eq(match->unused_count, 1);
}
END_TEST

HARNESS_SUITE(renamed_suite)
{
	Suite *suite = suite_create("renamed");
	TCase *cases = tcase_create("names");

	tcase_add_checked_fixture(cases, make, unmake);
	tcase_add_test(cases, a_control_lora_sets_norms_adds_to_biases_and_widens_the_input);
	tcase_add_test(cases, without_its_norms_it_is_no_control_lora);
	tcase_add_test(cases, a_wan_fun_lora_has_one_underscore_too_many);
	tcase_add_test(cases, an_uso_lora_names_the_processors_of_its_blocks);
	suite_add_tcase(suite, cases);
	return suite;
}
