#include <stdlib.h>
#include <string.h>

#include "core/model/families/family.h"
#include "core/plan/place/blocks.h"
#include "tests/harness/harness.h"

static struct error e;
static struct architecture a;

static void set_up(void)
{
	e = (struct error)ERROR_INIT;
	architecture_begin(&a, DTYPE_BF16, &e);
}

static void tear_down(void)
{
	architecture_end(&a);
}

static void describe(const struct family *family, const char *text)
{
	void *config = family_config_new(family, text, &e);

	ck_assert_ok(config != NULL, &e);
	family->describe(config, &a);
	free(config);
	ck_assert_ok(architecture_ok(&a), &e);
}

START_TEST(names_nest_and_are_left_again)
{
	size_t outside = architecture_enter(&a, "blocks.%d.", 7);

	architecture_linear(&a, 2, 3, false, "attn.%s", "q");
	architecture_leave(&a, outside);
	architecture_linear(&a, 4, 5, true, "out");
	ck_assert_str_eq(a.blocks[0].name, "blocks.7.attn.q");
	ck_assert_str_eq(a.parameters[0].name, "blocks.7.attn.q.weight");
	ck_assert_str_eq(a.parameters[2].name, "out.bias");
}
END_TEST

START_TEST(a_name_too_long_fails_and_does_not_cut_it_off)
{
	char name[300];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	architecture_linear(&a, 2, 3, false, "%s", name);
	ck_assert(!architecture_ok(&a));
	ck_assert_int_eq(e.kind, ERROR_BUG);
}
END_TEST

START_TEST(a_containers_own_parameter_is_in_no_load_list)
{
	struct block_list list = { .blocks = NULL };
	size_t outside = architecture_enter(&a, "blocks.0.");

	architecture_loose(&a, "", "modulation", SHAPE(1, 6, 8));
	architecture_linear(&a, 8, 8, true, "ffn.0");
	architecture_leave(&a, outside);
	ck_assert_str_eq(a.parameters[0].name, "blocks.0.modulation");
	ck_assert_ok(block_list_from_architecture(&list, &a, "diffusion_model.", &e), &e);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.blocks[0].name, "diffusion_model.blocks.0.ffn.0");
	block_list_free(&list);
}
END_TEST

START_TEST(a_norm_without_weights_is_a_block_of_no_bytes_with_a_bias_attribute)
{
	architecture_bare_norm(&a, "norm");
	ck_assert_uint_eq(a.blocks[0].parameter_count, 0);
	ck_assert_uint_eq(a.blocks[0].weight_size_bytes, 0);
	ck_assert(a.blocks[0].has_bias);
}
END_TEST

START_TEST(scales_are_four_bytes_a_linear_and_no_part_of_its_weight)
{
	a.scaled = true;
	architecture_linear(&a, 16, 8, true, "q");
	ck_assert_uint_eq(architecture_size_bytes(&a), 16 * 8 + 16 + 4);
	ck_assert_uint_eq(a.blocks[0].weight_size_bytes, 16 * 8 + 16);
	ck_assert_uint_eq(a.parameters[2].rank, 0);
}
END_TEST

START_TEST(only_as_a_module_are_wans_patches_float32)
{
	describe(&family_wan, family_wan.small);
	ck_assert_int_eq(a.parameters[0].dtype, DTYPE_BF16);
	architecture_end(&a);
	architecture_begin(&a, DTYPE_F8_E4M3, &e);
	a.as_module = true;
	describe(&family_wan, family_wan.small);
	ck_assert_int_eq(a.parameters[0].dtype, DTYPE_F32);
	ck_assert_int_eq(a.parameters[2].dtype, DTYPE_F8_E4M3);
}
END_TEST

START_TEST(every_family_has_a_small_configuration_of_at_most_64_mb)
{
	for (const struct family *const *family = families; *family; family++) {
		if (!(*family)->small)
			continue;
		architecture_end(&a);
		architecture_begin(&a, DTYPE_F32, &e);
		describe(*family, (*family)->small);
		ck_assert_uint_gt(a.block_count, 0);
		ck_assert_msg(architecture_size_bytes(&a) <= 64u << 20, "%s takes %llu bytes", (*family)->name,
			      (unsigned long long)architecture_size_bytes(&a));
	}
}
END_TEST

START_TEST(a_configuration_written_is_read_as_the_same)
{
	for (const struct family *const *family = families; *family; family++) {
		void *config;
		void *again;
		json_t *written;

		if (!(*family)->small)
			continue;
		config = family_config_new(*family, (*family)->small, &e);
		ck_assert_ok(config != NULL, &e);
		written = family_write_config(*family, config, &e);
		again = calloc(1, (*family)->config_size_bytes);
		ck_assert_ok(family_read_config(*family, again, written, "again", &e), &e);
		ck_assert_msg(memcmp(config, again, (*family)->config_size_bytes) == 0, "%s", (*family)->name);
		json_decref(written);
		free(again);
		free(config);
	}
}
END_TEST

static void refuse(const struct family *family, const char *text, const char *said)
{
	struct error why = ERROR_INIT;
	void *config = family_config_new(family, text, &why);

	ck_assert_ptr_null(config);
	ck_assert_int_eq(why.kind, ERROR_FORMAT);
	ck_assert_msg(strstr(why.text, said) != NULL, "\"%s\" does not say \"%s\"", why.text, said);
}

START_TEST(a_configuration_that_makes_no_model_names_the_member)
{
	refuse(&family_wan, "{\"dim\":0,\"ffn_dim\":8,\"num_heads\":1,\"num_layers\":1}", "\"dim\" is 0");
	refuse(&family_wan, "{\"dim\":100,\"ffn_dim\":8,\"num_heads\":3,\"num_layers\":1}", "multiple of \"num_heads\"");
	refuse(&family_mochi, "{\"depth\":2.5,\"num_heads\":1,\"hidden_size_x\":8,\"hidden_size_y\":8}", "whole number");
	refuse(&family_flux_ae, "{\"ch\":33,\"z_channels\":4,\"num_res_blocks\":1,\"ch_mult\":[1]}", "multiple of 32");
	refuse(&family_unet_sd15,
	       "{\"model_channels\":32,\"context_dim\":8,\"channel_mult\":[1,2],\"num_res_blocks\":[1,1],"
	       "\"transformer_depth\":[1],\"transformer_depth_output\":[1,1,1,1],\"transformer_depth_middle\":1}",
	       "\"transformer_depth\" must have 2 numbers");
}
END_TEST

HARNESS_SUITE(architecture_suite)
{
	Suite *suite = suite_create("architecture");
	TCase *tcase = tcase_create("architecture");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, names_nest_and_are_left_again);
	tcase_add_test(tcase, a_name_too_long_fails_and_does_not_cut_it_off);
	tcase_add_test(tcase, a_containers_own_parameter_is_in_no_load_list);
	tcase_add_test(tcase, a_norm_without_weights_is_a_block_of_no_bytes_with_a_bias_attribute);
	tcase_add_test(tcase, scales_are_four_bytes_a_linear_and_no_part_of_its_weight);
	tcase_add_test(tcase, only_as_a_module_are_wans_patches_float32);
	tcase_add_test(tcase, every_family_has_a_small_configuration_of_at_most_64_mb);
	tcase_add_test(tcase, a_configuration_written_is_read_as_the_same);
	tcase_add_test(tcase, a_configuration_that_makes_no_model_names_the_member);
	suite_add_tcase(suite, tcase);
	return suite;
}
