/* Names in LoRA files: what they mean to a model. (What upstream's tables hold is compared whole in part lorakeys.) */
#include <string.h>

#include "core/base/array.h"
#include "core/patch/keys/key_map.h"
#include "tests/harness/harness.h"
#include "tests/patch/small.h"

#define FLUX "diffusion_model.double_blocks.0."

static const struct key_target flux[] = {
	{ FLUX "img_attn.qkv.weight", 2, SHAPE(96, 32) },
	{ FLUX "img_attn.qkv.bias", 1, SHAPE(96) },
	{ "diffusion_model.single_blocks.0.linear1.weight", 2, SHAPE(224, 32) },
	{ "diffusion_model.final_layer.adaLN_modulation.1.weight", 2, SHAPE(64, 32) },
};

static struct key_map *map;

static void make(void)
{
	struct error e = ERROR_INIT;

	map = key_map_new(flux, ARRAY_SIZE(flux), &e);
	ck_assert_ok(map, &e);
}

static void unmake(void)
{
	key_map_free(map);
}

static const struct key_entry *find(const char *name)
{
	const struct key_entry *entry = key_map_find(map, name, strlen(name));

	ck_assert_msg(entry, "%s means nothing", name);
	return entry;
}

START_TEST(a_module_answers_to_its_own_name_and_to_kohyas)
{
	ck_assert_str_eq(find(FLUX "img_attn.qkv")->key, FLUX "img_attn.qkv.weight");
	ck_assert_str_eq(find("lora_unet_double_blocks_0_img_attn_qkv")->key, FLUX "img_attn.qkv.weight");
	ck_assert_uint_eq(find("lora_unet_double_blocks_0_img_attn_qkv")->target, 0);
}
END_TEST

START_TEST(what_has_no_weight_in_its_name_answers_to_the_whole_of_it)
{
	ck_assert_uint_eq(find(FLUX "img_attn.qkv.bias")->target, 1);
	ck_assert_ptr_null(key_map_find(map, FLUX "img_attn.qkv.weight", strlen(FLUX "img_attn.qkv.weight")));
}
END_TEST

START_TEST(diffusers_names_of_q_k_and_v_are_rows_of_the_fused_product)
{
	const struct key_entry *v = find("transformer.transformer_blocks.0.attn.to_v");

	ck_assert_uint_eq(v->target, 0);
	ck_assert_int_eq(v->slice.first, 64);
	ck_assert_int_eq(v->slice.count, 32);
}
END_TEST

START_TEST(the_mlp_of_a_single_block_is_what_is_left_of_the_fused_product)
{
	const struct key_entry *mlp = find("lycoris_single_transformer_blocks_0_proj_mlp");

	ck_assert_int_eq(mlp->slice.first, 96);
	ck_assert_int_eq(mlp->slice.count, 128);
}
END_TEST

START_TEST(the_last_modulation_of_flux_has_its_halves_the_other_way_round)
{
	ck_assert(find("transformer.norm_out.linear")->swaps_halves);
	ck_assert(!find("diffusion_model.final_layer.adaLN_modulation.1")->swaps_halves);
}
END_TEST

START_TEST(a_name_may_stand_for_a_parameter_that_this_model_has_not_got)
{
	const struct key_entry *entry = find("transformer.controlnet_x_embedder");

	ck_assert_str_eq(entry->key, "diffusion_model.pos_embed_input.weight");
	ck_assert(entry->target == KEY_ABSENT);
}
END_TEST

START_TEST(a_part_of_a_name_is_not_that_name)
{
	ck_assert_ptr_null(key_map_find(map, "lora_unet_double_blocks_0_img_attn_qkv", 10));
	ck_assert_ptr_null(key_map_find(map, "", 0));
}
END_TEST

START_TEST(a_name_too_long_to_be_one_is_cut_and_means_nothing)
{
	static char key[2000];
	const struct key_target target = { key, 1, SHAPE(1) };
	struct error e = ERROR_INIT;
	struct key_map *long_map;

	memset(key, 'a', sizeof(key) - 1);
	memcpy(key, "diffusion_model.", strlen("diffusion_model."));
	memcpy(key + sizeof(key) - 8, ".weight", 8);
	long_map = key_map_new(&target, 1, &e);
	ck_assert_ok(long_map, &e);
	ck_assert_ptr_null(key_map_find(long_map, "lora_unet_a", strlen("lora_unet_a")));
	key_map_free(long_map);
}
END_TEST

HARNESS_SUITE(keys_suite)
{
	Suite *suite = suite_create("keys");
	TCase *tests = tcase_create("keys");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_add_test(tests, a_module_answers_to_its_own_name_and_to_kohyas);
	tcase_add_test(tests, what_has_no_weight_in_its_name_answers_to_the_whole_of_it);
	tcase_add_test(tests, diffusers_names_of_q_k_and_v_are_rows_of_the_fused_product);
	tcase_add_test(tests, the_mlp_of_a_single_block_is_what_is_left_of_the_fused_product);
	tcase_add_test(tests, the_last_modulation_of_flux_has_its_halves_the_other_way_round);
	tcase_add_test(tests, a_name_may_stand_for_a_parameter_that_this_model_has_not_got);
	tcase_add_test(tests, a_part_of_a_name_is_not_that_name);
	tcase_add_test(tests, a_name_too_long_to_be_one_is_cut_and_means_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}
