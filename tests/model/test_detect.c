#include <stdlib.h>
#include <string.h>

#include "core/model/detect/detect.h"
#include "core/model/families/family_autoencoder.h"
#include "core/model/families/family_clip.h"
#include "core/model/families/family_flux.h"
#include "core/model/recipe.h"
#include "core/plan/place/blocks.h"
#include "tests/harness/harness.h"

static struct error e;
static struct architecture a;
static struct tensor_table table;
static struct detection found;

static void set_up(void)
{
	e = (struct error)ERROR_INIT;
	found.count = 0;
}

static void tear_down(void)
{
	detect_free(&found);
	tensor_table_free(&table);
	architecture_end(&a);
}

/* The tensors of a published file. */
static void make(const char *name, bool small)
{
	struct recipe recipe;

	ck_assert(recipe_find(name, &recipe));
	ck_assert_ok(recipe_describe(&recipe, small, recipe.dtype, false, &a, &e), &e);
	ck_assert_ok(tensor_table_of_architecture(&table, &a, &e), &e);
}

static void detect(void)
{
	ck_assert_ok(detect_models(&found, &table, &e), &e);
}

/* The row of a tensor, to spoil it. */
static struct tensor_row *row_of(const char *name)
{
	for (size_t i = 0; i < table.count; i++) {
		if (strcmp(table.rows[i].name, name) == 0)
			return &table.rows[i];
	}
	ck_abort_msg("%s is not there", name);
	return NULL;
}

static void remove_row(const char *name)
{
	struct tensor_row *row = row_of(name);

	memmove(row, row + 1, (size_t)(table.rows + table.count - row - 1) * sizeof(*row));
	table.count--;
}

START_TEST(a_file_of_any_recipe_is_what_the_recipe_says)
{
	for (size_t i = 0; recipe_name(i); i++) {
		struct recipe recipe;

		set_up();
		recipe_find(recipe_name(i), &recipe);
		make(recipe_name(i), false);
		detect();
		for (size_t j = 0; j < RECIPE_PARTS_MAX && recipe.parts[j].family; j++) {
			bool there = false;

			for (size_t k = 0; k < found.count; k++)
				there = there || (found.parts[k].family == recipe.parts[j].family &&
						  found.parts[k].layout == recipe.parts[j].layout &&
						  strcmp(found.parts[k].prefix, recipe.parts[j].prefix) == 0);
			ck_assert_msg(there, "%s: %s is not found", recipe.name, recipe.parts[j].family->name);
			ck_assert_uint_le(found.count, RECIPE_PARTS_MAX);
		}
		tear_down();
	}
	set_up();
}
END_TEST

START_TEST(a_small_file_is_of_the_same_family_and_whole)
{
	for (size_t i = 0; recipe_name(i); i++) {
		struct detected_match match;

		set_up();
		make(recipe_name(i), true);
		detect();
		for (size_t j = 0; j < found.count; j++) {
			if (!found.parts[j].config)
				continue; /* heads are not in the weights: some small ones need the file's own word */
			ck_assert_ok(detect_check(&found.parts[j], &table, &match, &e), &e);
			ck_assert_msg(match.missing == 0, "%s: %s", recipe_name(i), match.first_missing);
		}
		ck_assert_msg(found.count > 0, "%s", recipe_name(i));
		tear_down();
	}
	set_up();
}
END_TEST

START_TEST(a_missing_tensor_is_named)
{
	struct detected_match match;

	make("flux", true);
	remove_row("single_blocks.1.linear2.bias");
	detect();
	ck_assert_ok(detect_check(&found.parts[0], &table, &match, &e), &e);
	ck_assert_uint_eq(match.missing, 1);
	ck_assert(!detect_match_ok(&found.parts[0], &match, "x.safetensors", &e));
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_ptr_nonnull(strstr(e.text, "the first is single_blocks.1.linear2.bias"));
}
END_TEST

START_TEST(a_tensor_of_another_shape_is_named_with_both_shapes)
{
	struct detected_match match;

	make("flux", true);
	row_of("txt_in.bias")->shape[0] = 7;
	detect();
	ck_assert_ok(detect_check(&found.parts[0], &table, &match, &e), &e);
	ck_assert(!detect_match_ok(&found.parts[0], &match, "x.safetensors", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "txt_in.bias"));
	ck_assert_ptr_nonnull(strstr(e.text, "it is 7, its family's 128"));
}
END_TEST

START_TEST(tensors_that_make_no_configuration_say_why)
{
	make("wan", true);
	remove_row("blocks.0.ffn.0.weight");
	detect();
	ck_assert_uint_eq(found.count, 1);
	ck_assert_ptr_null(found.parts[0].config);
	ck_assert_ptr_nonnull(strstr(found.parts[0].fault.text, "\"ffn_dim\" is 0"));
}
END_TEST

START_TEST(depths_and_widths_come_from_the_tensors)
{
	const struct flux_config *config;

	make("flux", true);
	detect();
	ck_assert_uint_eq(found.count, 1);
	config = found.parts[0].config;
	ck_assert_int_eq(config->depth, 2);
	ck_assert_int_eq(config->single_depth, 4);
	ck_assert_int_eq(config->hidden, 128);
	ck_assert_int_eq(config->heads, 4);
	ck_assert(config->guidance);
}
END_TEST

START_TEST(without_guidance_flux_is_schnell)
{
	make("flux", true);
	for (size_t i = 0; i < table.count;) {
		if (strncmp(table.rows[i].name, "guidance_in.", 12) == 0)
			remove_row(table.rows[i].name);
		else
			i++;
	}
	detect();
	ck_assert_str_eq(family_flux.upstream(found.parts[0].config), "FluxSchnell");
}
END_TEST

START_TEST(the_type_is_that_of_most_elements)
{
	make("clip_l", false);
	for (size_t i = 0; i < table.count; i++) {
		if (table.rows[i].rank == 1) { /* most tensors, but few elements */
			table.rows[i].dtype = DTYPE_F32;
			table.rows[i].size_bytes *= 2;
		}
	}
	detect();
	ck_assert_int_eq(found.parts[0].dtype, DTYPE_F16);
}
END_TEST

START_TEST(scales_beside_weights_make_a_scaled_model_whose_type_is_the_others)
{
	struct recipe recipe;

	ck_assert(recipe_find("qwen_image", &recipe));
	ck_assert_ok(recipe_describe(&recipe, true, DTYPE_F16, true, &a, &e), &e);
	ck_assert_ok(tensor_table_of_architecture(&table, &a, &e), &e);
	detect();
	ck_assert(found.parts[0].scaled);
	ck_assert_int_eq(found.parts[0].dtype, DTYPE_F16);
}
END_TEST

START_TEST(a_scaled_model_may_lack_a_scale_or_have_a_list_of_one)
{
	struct detected_match match;
	struct recipe recipe;

	ck_assert(recipe_find("qwen_image", &recipe));
	ck_assert_ok(recipe_describe(&recipe, true, DTYPE_F16, true, &a, &e), &e);
	ck_assert_ok(tensor_table_of_architecture(&table, &a, &e), &e);
	remove_row("img_in.scale_weight");
	row_of("txt_in.scale_weight")->rank = 1;
	row_of("txt_in.scale_weight")->shape[0] = 1;
	detect();
	ck_assert_ok(detect_check(&found.parts[0], &table, &match, &e), &e);
	ck_assert_ok(detect_match_ok(&found.parts[0], &match, "x", &e), &e);
}
END_TEST

START_TEST(a_prefix_that_files_use_is_seen_through)
{
	static const char *const prefixes[] = { "model.diffusion_model.", "diffusion_model.", "" };

	for (size_t i = 0; i < 3; i++) {
		struct recipe recipe;

		set_up();
		ck_assert(recipe_find("wan", &recipe));
		recipe.parts[0].prefix = prefixes[i];
		ck_assert_ok(recipe_describe(&recipe, true, DTYPE_F16, false, &a, &e), &e);
		ck_assert_ok(tensor_table_of_architecture(&table, &a, &e), &e);
		detect();
		ck_assert_uint_eq(found.count, 1);
		ck_assert_str_eq(found.parts[0].prefix, prefixes[i]);
		ck_assert_ptr_nonnull(found.parts[0].config);
		tear_down();
	}
	set_up();
}
END_TEST

START_TEST(an_sdxl_checkpoint_decides_its_autoencoders_latent_format)
{
	make("sdxl_base_checkpoint", false);
	detect();
	for (size_t i = 0; i < found.count; i++) {
		if (found.parts[i].family == &family_sd_vae)
			ck_assert_double_eq(((struct autoencoder_config *)found.parts[i].config)->scale, 0.13025);
	}
	ck_assert_uint_eq(found.count, 4);
}
END_TEST

START_TEST(what_belongs_to_nothing_is_counted_and_what_upstream_ignores_is_not)
{
	const char *first;
	size_t count;

	make("t5xxl_file_with_embed_tokens", false);
	ck_assert_ok(tensor_table_add(&table, &(struct tensor_row) { .name = "zzz.weight", .dtype = DTYPE_F16 }, &e), &e);
	tensor_table_sort(&table);
	detect();
	ck_assert_ok(detect_count_unknown(&found, &table, &count, &first, &e), &e);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(first, "zzz.weight");
}
END_TEST

START_TEST(the_files_own_word_is_believed_over_its_shapes)
{
	make("clip_l", true);
	ck_assert_ok(detect_file(&found, &table,
				 "{\"family\":\"clip_l\",\"config\":{\"num_hidden_layers\":2,\"hidden_size\":32,"
				 "\"num_attention_heads\":4,\"intermediate_size\":64,\"vocab_size\":1000}}",
				 "x", &e),
		     &e);
	ck_assert_int_eq(((struct clip_config *)found.parts[0].config)->heads, 4);
}
END_TEST

START_TEST(a_word_that_names_no_family_is_refused)
{
	make("clip_l", true);
	ck_assert(!detect_file(&found, &table, "{\"family\":\"nope\",\"config\":{}}", "x.safetensors", &e));
	ck_assert_int_eq(e.kind, ERROR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(e.text, "x.safetensors: family \"nope\""));
}
END_TEST

/* A GGUF file of a recipe's small tensors, as llama.cpp names T5's; matrices are Q8_0. */
static struct gguf *write_gguf(const char *path)
{
	struct gguf_metadata metadata = { .count = 0 };
	struct gguf_entry entries[64];
	struct gguf *file;

	gguf_metadata_text(&metadata, "general.architecture", "t5");
	ck_assert_uint_le(a.parameter_count, 64);
	for (size_t i = 0; i < a.parameter_count; i++) {
		bool fits = a.parameters[i].rank == 2 && a.parameters[i].shape[1] % 32 == 0;

		entries[i] = (struct gguf_entry) {
			.name = a.parameters[i].name,
			.type = fits ? QUANT_Q8_0 : QUANT_F32,
			.rank = a.parameters[i].rank,
			.shape = a.parameters[i].shape,
			.bytes = calloc(1, (size_t)architecture_parameter_size_bytes(&a.parameters[i]) * 4)
		};
	}
	ck_assert_ok(gguf_write(path, entries, a.parameter_count, &metadata, &e), &e);
	for (size_t i = 0; i < a.parameter_count; i++)
		free((void *)(uintptr_t)entries[i].bytes);
	gguf_metadata_free(&metadata);
	file = gguf_open(path, &e);
	ck_assert_ok(file != NULL, &e);
	return file;
}

static void rename_parameter(const char *from, const char *to)
{
	for (size_t i = 0; i < a.parameter_count; i++) {
		if (strcmp(a.parameters[i].name, from) == 0) {
			free((char *)(uintptr_t)a.parameters[i].name);
			a.parameters[i].name = strdup(to);
			return;
		}
	}
	ck_abort_msg("%s is not there", from);
}

START_TEST(a_quantised_file_is_detected_by_llama_cpps_names_and_weighs_what_it_holds)
{
	struct block_list list = { .blocks = NULL };
	char *folder = harness_make_folder();
	char path[512];
	struct gguf *file;
	struct recipe recipe;

	snprintf(path, sizeof(path), "%s/t5.gguf", folder);
	recipe_find("t5", &recipe);
	ck_assert_ok(recipe_describe(&recipe, true, DTYPE_F32, false, &a, &e), &e);
	rename_parameter("shared.weight", "token_embd.weight");
	rename_parameter("encoder.final_layer_norm.weight", "enc.output_norm.weight");
	rename_parameter("encoder.block.1.layer.1.DenseReluDense.wo.weight", "enc.blk.1.ffn_down.weight");
	rename_parameter("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "enc.blk.0.attn_rel_b.weight");
	file = write_gguf(path);
	ck_assert_ok(tensor_table_of_gguf(&table, file, &e), &e);
	detect();
	ck_assert_uint_eq(found.count, 1);
	ck_assert_ptr_eq(found.parts[0].family, &family_t5);
	ck_assert(found.parts[0].quantised);
	ck_assert_ok(block_list_from_detected(&list, &found.parts[0], &table, &e), &e);
	ck_assert_str_eq(list.blocks[0].name, "t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q");
	ck_assert_uint_eq(list.blocks[0].size_bytes, 64 * 64 / 32 * 34);
	block_list_free(&list);
	gguf_close(file);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(no_tensors_are_no_model)
{
	ck_assert_ok(detect_models(&found, &table, &e), &e);
	ck_assert_uint_eq(found.count, 0);
}
END_TEST

HARNESS_SUITE(detect_suite)
{
	Suite *suite = suite_create("detect");
	TCase *tcase = tcase_create("detect");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_file_of_any_recipe_is_what_the_recipe_says);
	tcase_add_test(tcase, a_small_file_is_of_the_same_family_and_whole);
	tcase_add_test(tcase, a_missing_tensor_is_named);
	tcase_add_test(tcase, a_tensor_of_another_shape_is_named_with_both_shapes);
	tcase_add_test(tcase, tensors_that_make_no_configuration_say_why);
	tcase_add_test(tcase, depths_and_widths_come_from_the_tensors);
	tcase_add_test(tcase, without_guidance_flux_is_schnell);
	tcase_add_test(tcase, the_type_is_that_of_most_elements);
	tcase_add_test(tcase, scales_beside_weights_make_a_scaled_model_whose_type_is_the_others);
	tcase_add_test(tcase, a_scaled_model_may_lack_a_scale_or_have_a_list_of_one);
	tcase_add_test(tcase, a_prefix_that_files_use_is_seen_through);
	tcase_add_test(tcase, an_sdxl_checkpoint_decides_its_autoencoders_latent_format);
	tcase_add_test(tcase, what_belongs_to_nothing_is_counted_and_what_upstream_ignores_is_not);
	tcase_add_test(tcase, the_files_own_word_is_believed_over_its_shapes);
	tcase_add_test(tcase, a_word_that_names_no_family_is_refused);
	tcase_add_test(tcase, a_quantised_file_is_detected_by_llama_cpps_names_and_weighs_what_it_holds);
	tcase_add_test(tcase, no_tensors_are_no_model);
	suite_add_tcase(suite, tcase);
	return suite;
}
