#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/model/detect/detect.h"
#include "core/model/synthesis/synthesis.h"
#include "core/model/synthesis/synthesis_file.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/harness/harness.h"

static struct error e;
static char *folder;
static char path[512];
static struct recipe recipe;
static struct synthesis_order order;
static struct synthesis_result result;

static void set_up(void)
{
	e = (struct error)ERROR_INIT;
	folder = harness_make_folder();
	snprintf(path, sizeof(path), "%s/m.safetensors", folder);
	ck_assert(recipe_find("flux_ae", &recipe));
	order = (struct synthesis_order) { .recipe = &recipe, .small = true, .dtype = DTYPE_F16 };
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static void write_it(void)
{
	ck_assert_ok(synthesis_write_file(&order, path, &result, &e), &e);
}

static size_t files_in_folder(void)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

START_TEST(values_are_the_same_however_they_are_cut)
{
	struct parameter_description parameter = { .name = "q.weight", .dtype = DTYPE_F32, .rank = 2, .shape = { 4, 4 } };
	float whole[16];
	float parts[16];

	synthesis_values(&parameter, "Linear", 3, 0, 16, whole);
	synthesis_values(&parameter, "Linear", 3, 0, 5, parts);
	synthesis_values(&parameter, "Linear", 3, 5, 11, parts + 5);
	ck_assert_mem_eq(whole, parts, sizeof(whole));
}
END_TEST

START_TEST(one_seed_gives_the_same_bytes_and_another_others)
{
	char *bytes[3];
	size_t lengths[3];

	for (uint64_t i = 0; i < 3; i++) {
		order.seed = i / 2;
		write_it();
		bytes[i] = file_read_whole(path, &lengths[i], &e);
		ck_assert_ptr_nonnull(bytes[i]);
	}
	ck_assert_uint_eq(lengths[0], lengths[1]);
	ck_assert_mem_eq(bytes[0], bytes[1], lengths[0]);
	ck_assert(memcmp(bytes[0], bytes[2], lengths[0]) != 0);
	for (int i = 0; i < 3; i++)
		free(bytes[i]);
}
END_TEST

START_TEST(a_small_file_says_what_it_is_and_is_whole)
{
	struct detection found;
	struct detected_match match;
	struct tensor_table table;
	struct safetensors *file;

	write_it();
	file = safetensors_open(path, &e);
	ck_assert_ok(file != NULL, &e);
	ck_assert_ptr_nonnull(safetensors_metadata(file, FAMILY_METADATA));
	ck_assert_ok(tensor_table_of_safetensors(&table, file, &e), &e);
	ck_assert_ok(detect_file(&found, &table, safetensors_metadata(file, FAMILY_METADATA), path, &e), &e);
	ck_assert_ptr_eq(found.parts[0].family, &family_flux_ae);
	ck_assert_ok(detect_check(&found.parts[0], &table, &match, &e), &e);
	ck_assert_ok(detect_match_ok(&found.parts[0], &match, path, &e), &e);
	detect_free(&found);
	tensor_table_free(&table);
	safetensors_close(file);
}
END_TEST

START_TEST(zeros_are_holes)
{
	struct stat st;

	order.small = false;
	order.zeros = true;
	order.dtype = DTYPE_F32;
	write_it();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(result.written_bytes, 0);
	ck_assert_uint_eq(result.data_bytes, 335278732);
	ck_assert_int_gt(st.st_size, 335278732);
	ck_assert_int_lt(st.st_blocks * 512, 1 << 20);
}
END_TEST

static bool stop_soon(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	(void)context;
	return done_bytes < total_bytes / 2;
}

START_TEST(an_interrupted_file_leaves_nothing)
{
	order.told = stop_soon;
	ck_assert(!synthesis_write_file(&order, path, &result, &e));
	ck_assert_int_eq(e.kind, ERROR_INTERRUPTED);
	ck_assert_uint_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_named)
{
	snprintf(path, sizeof(path), "%s/nowhere/m.safetensors", folder);
	ck_assert(!synthesis_write_file(&order, path, &result, &e));
	ck_assert_int_eq(e.kind, ERROR_IO);
	ck_assert_ptr_nonnull(strstr(e.text, "nowhere/m.safetensors"));
}
END_TEST

/* What a name stands for: the family, or "" for nothing. */
static const char *stands_for(enum model_kind kind, const char *file, const char *second)
{
	struct synthesis found;

	if (!synthesis_find(kind, file, second, &found, &e))
		return "";
	free(found.config);
	return found.family->name;
}

START_TEST(a_name_stands_for_the_family_whose_row_says_so)
{
	ck_assert_str_eq(stands_for(MODEL_UNET, "models/flux1-kontext-fp8.safetensors", NULL), "flux");
	ck_assert_str_eq(stands_for(MODEL_CLIP, "clip_l.safetensors", NULL), "clip_l");
	ck_assert_str_eq(stands_for(MODEL_VAE, "ae.safetensors", NULL), "flux_ae");
	ck_assert_str_eq(stands_for(MODEL_UNET, "clip_l.safetensors", NULL), "");
	ck_assert_str_eq(stands_for(MODEL_UNET, "unknown.safetensors", NULL), "");
	ck_assert(!error_is_set(&e));
}
END_TEST

START_TEST(a_checkpoint_stands_for_each_kind_of_model_in_it)
{
	ck_assert_str_eq(stands_for(MODEL_UNET, "flux1-dev.safetensors", NULL), "flux");
	ck_assert_str_eq(stands_for(MODEL_CLIP, "flux1-dev.safetensors", NULL), "flux_text");
	ck_assert_str_eq(stands_for(MODEL_VAE, "flux1-dev.safetensors", NULL), "flux_ae");
}
END_TEST

START_TEST(two_text_encoders_are_a_pair_in_either_order)
{
	ck_assert_str_eq(stands_for(MODEL_CLIP, "clip_l.safetensors", "t5xxl.safetensors"), "flux_text");
	ck_assert_str_eq(stands_for(MODEL_CLIP, "t5xxl.safetensors", "clip_l.safetensors"), "flux_text");
	ck_assert_str_eq(stands_for(MODEL_CLIP, "flux1-dev.safetensors", "t5xxl.safetensors"), "flux_text");
	ck_assert_str_eq(stands_for(MODEL_CLIP, "clip_l.safetensors", "clip_l-small.safetensors"), "");
	ck_assert(!error_is_set(&e));
}
END_TEST

START_TEST(the_longest_beginning_counts)
{
	struct synthesis small, whole;

	ck_assert(synthesis_find(MODEL_CLIP, "clip_l-small.safetensors", NULL, &small, &e));
	ck_assert(synthesis_find(MODEL_CLIP, "clip_l.safetensors", NULL, &whole, &e));
	ck_assert_mem_ne(small.config, whole.config, small.family->config_size_bytes);
	free(small.config);
	free(whole.config);
}
END_TEST

START_TEST(the_names_of_all_families_fit_a_message)
{
	char text[160];

	for (unsigned kind = MODEL_UNET; kind <= MODEL_VAE; kind++) {
		synthesis_known((enum model_kind)kind, text, sizeof(text));
		ck_assert_uint_lt(strlen(text), sizeof(text) - 1);
	}
	ck_assert_str_eq(text, "ae-small*, ae.*, flux1-small*, flux1-dev*");
}
END_TEST

START_TEST(positions_count_up)
{
	const struct safetensors_tensor *tensor;
	struct safetensors *file;
	int64_t last;

	ck_assert(recipe_find("sd15_checkpoint", &recipe));
	recipe.parts[0].family = &family_clip_l; /* the whole one would be 4 GB */
	recipe.parts[0].prefix = "cond_stage_model.transformer.";
	recipe.parts[1].family = NULL;
	order.small = false;
	order.dtype = DTYPE_F8_E4M3;
	write_it();
	file = safetensors_open(path, &e);
	tensor = safetensors_find(file, "cond_stage_model.transformer.text_model.embeddings.position_ids");
	ck_assert_ptr_nonnull(tensor);
	memcpy(&last, tensor->bytes + 76 * 8, 8);
	ck_assert_int_eq(last, 76);
	safetensors_close(file);
}
END_TEST

HARNESS_SUITE(synthesis_suite)
{
	Suite *suite = suite_create("synthesis");
	TCase *tcase = tcase_create("synthesis");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, values_are_the_same_however_they_are_cut);
	tcase_add_test(tcase, one_seed_gives_the_same_bytes_and_another_others);
	tcase_add_test(tcase, a_small_file_says_what_it_is_and_is_whole);
	tcase_add_test(tcase, zeros_are_holes);
	tcase_add_test(tcase, an_interrupted_file_leaves_nothing);
	tcase_add_test(tcase, a_file_that_cannot_be_written_is_named);
	tcase_add_test(tcase, positions_count_up);
	tcase_add_test(tcase, a_name_stands_for_the_family_whose_row_says_so);
	tcase_add_test(tcase, a_checkpoint_stands_for_each_kind_of_model_in_it);
	tcase_add_test(tcase, two_text_encoders_are_a_pair_in_either_order);
	tcase_add_test(tcase, the_longest_beginning_counts);
	tcase_add_test(tcase, the_names_of_all_families_fit_a_message);
	suite_add_tcase(suite, tcase);
	return suite;
}
