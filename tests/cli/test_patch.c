/* residency patch: LoRAs into a weights file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

#define SHAPE(...)                                                                                                             \
	(const int64_t[])                                                                                                      \
	{                                                                                                                      \
		__VA_ARGS__                                                                                                    \
	}

static char *folder;

static const float model_values[6] = { 1, 2, 3, 4, 5, 6 };
static const float up[2] = { 1, 2 };
static const float down[4] = { 1, 10, 100, 1000 };

static void write_tensors(const char *name, const struct safetensors_entry *entries, size_t count)
{
	struct error e = ERROR_INIT;
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_ok(safetensors_write(path, entries, count, (const char *const[]) { "made", "here", NULL }, &e), &e);
}

static void set_up(void)
{
	const struct safetensors_entry model[] = { { "a.weight", DTYPE_F32, 2, SHAPE(2, 3), model_values },
						   { "a.bias", DTYPE_F32, 1, SHAPE(2), model_values } };
	const struct safetensors_entry lora[] = { { "diffusion_model.a.lora_up.weight", DTYPE_F32, 2, SHAPE(2, 1), up },
						  { "diffusion_model.a.lora_down.weight", DTYPE_F32, 2, SHAPE(1, 3), down },
						  { "diffusion_model.z.lora_up.weight", DTYPE_F32, 2, SHAPE(2, 1), up } };
	const struct safetensors_entry wide[] = { { "diffusion_model.a.lora_up.weight", DTYPE_F32, 2, SHAPE(2, 1), up },
						  { "diffusion_model.a.lora_down.weight", DTYPE_F32, 2, SHAPE(1, 4), down } };

	folder = harness_make_folder();
	write_tensors("model.safetensors", model, ARRAY_SIZE(model));
	write_tensors("lora.safetensors", lora, ARRAY_SIZE(lora));
	write_tensors("wide.safetensors", wide, ARRAY_SIZE(wide));
	write_tensors("other.safetensors", lora + 2, 1);
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

/* The folder holds the four files that were made, and `more`. */
static void assert_left(size_t more)
{
	char command[400];
	FILE *pipe;
	int count;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", folder);
	pipe = popen(command, "r");
	ck_assert_int_eq(fscanf(pipe, "%d", &count), 1);
	pclose(pipe);
	ck_assert_int_eq(count, 4 + (int)more);
}

static struct safetensors *open_out(void)
{
	struct error e = ERROR_INIT;
	struct safetensors *file;
	char path[300];

	snprintf(path, sizeof(path), "%s/out.safetensors", folder);
	file = safetensors_open(path, &e);
	ck_assert_ok(file, &e);
	return file;
}

START_TEST(a_lora_is_put_in_and_the_rest_goes_along)
{
	static const float expected[6] = { 1.5F, 7, 53, 5, 15, 106 };
	json_t *told =
		run_json(0, "patch '%s/model.safetensors' --lora '%s/lora.safetensors:0.5' --out '%s/out.safetensors' --json",
			 folder, folder, folder);
	struct safetensors *out = open_out();

	ck_assert_int_eq(json_integer_value(json_object_get(told, "patched")), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(told, "tensors")), 2);
	ck_assert_mem_eq(safetensors_find(out, "a.weight")->bytes, expected, sizeof(expected));
	ck_assert_mem_eq(safetensors_find(out, "a.bias")->bytes, model_values, 2 * sizeof(float));
	ck_assert_str_eq(safetensors_metadata(out, "made"), "here");
	safetensors_close(out);
	json_decref(told);
	assert_left(1);
}
END_TEST

START_TEST(tensors_of_a_lora_that_mean_nothing_are_told)
{
	json_t *told =
		run_json(0, "patch '%s/model.safetensors' --lora '%s/lora.safetensors' --out '%s/out.safetensors' --json",
			 folder, folder, folder);
	json_t *unused = json_object_get(json_array_get(json_object_get(told, "loras"), 0), "unused");

	ck_assert_uint_eq(json_array_size(unused), 1);
	ck_assert_str_eq(json_string_value(json_array_get(unused, 0)), "diffusion_model.z.lora_up.weight");
	json_decref(told);
}
END_TEST

START_TEST(loras_are_applied_in_their_order_each_with_its_strength)
{
	static const float expected[6] = { 1.5F, 7, 53, 5, 15, 106 };
	char *text =
		run_text(0,
			 "patch '%s/model.safetensors' --lora '%s/lora.safetensors:2' --lora '%s/lora.safetensors:-1.5' --out "
			 "'%s/out.safetensors'",
			 folder, folder, folder, folder);
	struct safetensors *out = open_out();

	ck_assert_mem_eq(safetensors_find(out, "a.weight")->bytes, expected, sizeof(expected));
	safetensors_close(out);
	free(text);
}
END_TEST

START_TEST(weights_become_the_type_that_is_asked_for_before_they_are_patched)
{
	char *text =
		run_text(0, "patch '%s/model.safetensors' --lora '%s/lora.safetensors' --dtype BF16 --out '%s/out.safetensors'",
			 folder, folder, folder);
	struct safetensors *out = open_out();
	const struct safetensors_tensor *weight = safetensors_find(out, "a.weight");
	float values[6];

	ck_assert_int_eq(weight->dtype, DTYPE_BF16);
	ck_assert_int_eq(safetensors_find(out, "a.bias")->dtype, DTYPE_BF16);
	ck_assert(convert_to_f32(DTYPE_BF16, weight->bytes, values, 6, NULL));
	ck_assert_float_eq(values[2], 103);
	safetensors_close(out);
	free(text);
}
END_TEST

/* a.weight and a.bias in a file each, and their index, as diffusers lays them down. */
static void make_shards(void)
{
	static const char index[] = "{\"weight_map\":{\"a.weight\":\"1.safetensors\",\"a.bias\":\"2.safetensors\"}}";
	const struct safetensors_entry weight = { "a.weight", DTYPE_F32, 2, SHAPE(2, 3), model_values };
	const struct safetensors_entry bias = { "a.bias", DTYPE_F32, 1, SHAPE(2), model_values };

	write_tensors("1.safetensors", &weight, 1);
	write_tensors("2.safetensors", &bias, 1);
	free(write_file(folder, "diffusion_pytorch_model.safetensors.index.json", index, sizeof(index) - 1));
}

/* By its index, or by its folder. */
START_TEST(a_model_of_shards_becomes_one_file)
{
	static const float expected[6] = { 1.5F, 7, 53, 5, 15, 106 };
	struct safetensors *out;

	make_shards();
	free(run_text(0, "patch '%s%s' --lora '%s/lora.safetensors:0.5' --out '%s/out.safetensors'", folder,
		      _i ? "/diffusion_pytorch_model.safetensors.index.json" : "", folder, folder));
	out = open_out();
	ck_assert_uint_eq(safetensors_count(out), 2);
	ck_assert_mem_eq(safetensors_find(out, "a.weight")->bytes, expected, sizeof(expected));
	ck_assert_mem_eq(safetensors_find(out, "a.bias")->bytes, model_values, 2 * sizeof(float));
	ck_assert_str_eq(safetensors_metadata(out, "made"), "here");
	safetensors_close(out);
}
END_TEST

START_TEST(a_shard_that_is_missing_is_named)
{
	char path[300];

	make_shards();
	snprintf(path, sizeof(path), "%s/2.safetensors", folder);
	unlink(path);
	assert_complains(7, "2.safetensors: No such file", "patch '%s' --lora '%s/lora.safetensors' --out '%s/out.safetensors'",
			 folder, folder, folder);
}
END_TEST

START_TEST(a_lora_that_does_not_fit_is_refused_with_its_place_and_nothing_is_left)
{
	assert_complains(7, "wide.safetensors: diffusion_model.a.lora_up.weight, at byte ",
			 "patch '%s/model.safetensors' --lora '%s/wide.safetensors' --out '%s/out.safetensors'", folder, folder,
			 folder);
	assert_left(0);
}
END_TEST

START_TEST(a_lora_for_another_model_is_refused)
{
	assert_complains(7, "none of its tensors means anything to",
			 "patch '%s/model.safetensors' --lora '%s/other.safetensors' --out '%s/out.safetensors'", folder,
			 folder, folder);
	assert_left(0);
}
END_TEST

START_TEST(what_is_missing_on_the_command_line_is_asked_for)
{
	char *said;

	ck_assert_int_eq(harness_residency("patch", NULL, &said), 2);
	ck_assert_ptr_nonnull(strstr(said, "say what to patch"));
	free(said);
	ck_assert_int_eq(harness_residency("patch m.safetensors", NULL, &said), 2);
	ck_assert_ptr_nonnull(strstr(said, "--lora FILE:STRENGTH"));
	free(said);
	ck_assert_int_eq(harness_residency("patch m.safetensors --lora l.safetensors", NULL, &said), 2);
	ck_assert_ptr_nonnull(strstr(said, "--out FILE"));
	free(said);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error_of_output)
{
	char *text = run_text(6, "patch '%s/model.safetensors' --lora '%s/lora.safetensors' --out '%s/nowhere/out.safetensors'",
			      folder, folder, folder);

	free(text);
	assert_left(0);
}
END_TEST

START_TEST(what_cannot_be_patched_is_told_from_what_is_no_file)
{
	free(run_text(0, "synth flux --small --out '%s/a.safetensors'", folder));
	free(run_text(0, "convert '%s/a.safetensors' --dtype Q8_0 --architecture flux --out '%s/a.gguf'", folder, folder));
	assert_complains(4, "blocks are never patched",
			 "patch '%s/a.gguf' --lora '%s/lora.safetensors:1' --out '%s/out.safetensors'", folder, folder, folder);
}
END_TEST

HARNESS_SUITE(patch_command_suite)
{
	Suite *suite = suite_create("patch");
	TCase *tests = tcase_create("patch");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_lora_is_put_in_and_the_rest_goes_along);
	tcase_add_test(tests, tensors_of_a_lora_that_mean_nothing_are_told);
	tcase_add_test(tests, loras_are_applied_in_their_order_each_with_its_strength);
	tcase_add_test(tests, weights_become_the_type_that_is_asked_for_before_they_are_patched);
	tcase_add_loop_test(tests, a_model_of_shards_becomes_one_file, 0, 2);
	tcase_add_test(tests, a_shard_that_is_missing_is_named);
	tcase_add_test(tests, a_lora_that_does_not_fit_is_refused_with_its_place_and_nothing_is_left);
	tcase_add_test(tests, a_lora_for_another_model_is_refused);
	tcase_add_test(tests, what_is_missing_on_the_command_line_is_asked_for);
	tcase_add_test(tests, a_folder_that_is_not_there_is_an_error_of_output);
	tcase_add_test(tests, what_cannot_be_patched_is_told_from_what_is_no_file);
	suite_add_tcase(suite, tests);
	return suite;
}
