/* `residency replay` and `residency report` over our own workflows. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

START_TEST(an_image_has_the_same_bits_wherever_weights_wait)
{
	char *text = run_text(0, "replay flux-three-loaders flux-lora --verify --store none");
	const char *same = ": the same bits";
	unsigned count = 0;

	for (const char *at = strstr(text, same); at; at = strstr(at + 1, same))
		count++;
	ck_assert_uint_eq(count, 4);
	free(text);
}
END_TEST

START_TEST(a_lora_changes_the_image)
{
	json_t *plain = run_json(0, "replay flux-all-kept --store none --json");
	json_t *with = run_json(0, "replay flux-lora --store none --json");
	char *left = json_dumps(plain, JSON_COMPACT);
	char *right = json_dumps(with, JSON_COMPACT);
	const char *a = strstr(left, "\"hash\":");
	const char *b = strstr(right, "\"hash\":");

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_int_ne(strncmp(a, b, 40), 0);
	free(left);
	free(right);
	json_decref(plain);
	json_decref(with);
}
END_TEST

START_TEST(delegate_loses_what_strict_keeps)
{
	char *lost = run_text(1, "replay flux-three-loaders --subject engine:delegate --store none");

	ck_assert_ptr_nonnull(strstr(lost, "ae-small.safetensors lost"));
	free(lost);
	free(run_text(0, "replay flux-three-loaders --subject engine:strict --store none"));
}
END_TEST

#define ABSENT_WORKFLOW                                                                                                        \
	"{\"1\":{\"class_type\":\"UNETLoader\",\"inputs\":{\"unet_name\":\"%s\",\"weight_dtype\":\"default\"}},"               \
	"\"2\":{\"class_type\":\"CLIPLoader\",\"inputs\":{\"clip_name\":\"qwen_3_4b.safetensors\",\"type\":\"lumina2\"}},"     \
	"\"3\":{\"class_type\":\"VAELoader\",\"inputs\":{\"vae_name\":\"ae.safetensors\"}},"                                   \
	"\"4\":{\"class_type\":\"CLIPTextEncode\",\"inputs\":{\"text\":\"a lighthouse\",\"clip\":[\"2\",0]}},"                 \
	"\"6\":{\"class_type\":\"EmptySD3LatentImage\",\"inputs\":{\"width\":1024,\"height\":1024,\"batch_size\":1}},"         \
	"\"8\":{\"class_type\":\"KSampler\",\"inputs\":{\"model\":[\"1\",0],\"positive\":[\"4\",0],\"negative\":[\"4\",0],"    \
	"\"latent_image\":[\"6\",0],\"seed\":5,\"steps\":4,\"cfg\":1,\"sampler_name\":\"res_multistep\","                      \
	"\"scheduler\":\"simple\",\"denoise\":1}},"                                                                            \
	"\"9\":{\"class_type\":\"VAEDecode\",\"inputs\":{\"samples\":[\"8\",0],\"vae\":[\"3\",0]}},"                           \
	"\"10\":{\"class_type\":\"SaveImage\",\"inputs\":{\"images\":[\"9\",0],\"filename_prefix\":\"x\"}}}"

/* Runs the workflow with this diffusion model; the caller frees. */
static char *replay_absent(const char *file, const char *more)
{
	struct strbuf text = STRBUF_INIT;
	char *folder = harness_make_folder();
	char *path, *output;

	strbuf_printf(&text, ABSENT_WORKFLOW, file);
	path = write_file(folder, "w.json", strbuf_text(&text), strlen(strbuf_text(&text)));
	output = run_text(0, "replay '%s' --store none %s", path, more);
	free(path);
	harness_remove_folder(folder);
	strbuf_free(&text);
	return output;
}

START_TEST(models_that_are_not_on_the_disk_are_simulated_by_name)
{
	char *text = replay_absent("z_image_turbo_bf16.safetensors", "");

	ck_assert_ptr_nonnull(strstr(text, "z_image_turbo_bf16.safetensors, 12.3 GB"));
	ck_assert_ptr_nonnull(strstr(text, "4 steps"));
	ck_assert_ptr_nonnull(strstr(text, "qwen_3_4b.safetensors: Qwen3 4B, BF16, 8.04 GB (table)"));
	ck_assert_ptr_null(strstr(text, "--models"));
	free(text);
}
END_TEST

START_TEST(a_guessed_size_is_said_to_be_one)
{
	char *text = replay_absent("mine_v3.safetensors", "");

	ck_assert_ptr_nonnull(strstr(text, "mine_v3.safetensors: diffusion model, F16, 24.0 GB (guess by name)"));
	ck_assert_ptr_nonnull(strstr(text, "--models"));
	free(text);
	text = replay_absent("mine_v3.safetensors", "--json");
	ck_assert_ptr_nonnull(strstr(text, "\"source\":\"guess by name\""));
	free(text);
}
END_TEST

START_TEST(a_full_size_model_replays_on_the_simulator)
{
	char *text = run_text(0, "replay flux-dev-1024 --backend sim --topology mixed --store none");

	ck_assert_ptr_nonnull(strstr(text, "flux1-dev.safetensors"));
	ck_assert_ptr_nonnull(strstr(text, "23.8 GB"));
	free(text);
}
END_TEST

START_TEST(a_report_is_one_page_without_network)
{
	char *folder = harness_make_folder();
	struct strbuf page_path = STRBUF_INIT;
	struct error e = ERROR_INIT;
	size_t length;
	char *page;

	free(run_text(1, "matrix --policies delegate,strict --store '%s/r.db'", folder));
	free(run_text(0, "bench offload --topology pcie4-x16 --store '%s/r.db'", folder));
	free(run_text(0, "report --html '%s/page' --store '%s/r.db'", folder, folder));
	strbuf_printf(&page_path, "%s/page/index.html", folder);
	page = file_read_whole(strbuf_text(&page_path), &length, &e);
	ck_assert_ok(page, &e);
	ck_assert_ptr_nonnull(strstr(page, "delegate"));
	ck_assert_ptr_nonnull(strstr(page, "c1.after_unload"));
	ck_assert_ptr_nonnull(strstr(page, "unloaded_by_core"));
	ck_assert_ptr_nonnull(strstr(page, "<svg"));
	ck_assert_ptr_null(strstr(page, "<script"));
	ck_assert_ptr_null(strstr(page, " src=\"http"));
	ck_assert_ptr_null(strstr(page, "@import"));
	free(page);
	strbuf_free(&page_path);
	harness_remove_folder(folder);
}
END_TEST

/* The hash of the only image that flux-three-loaders gives with this seed in its file and these options. */
static char *hash_with(const char *folder, const char *seed, const char *options)
{
	struct error e = ERROR_INIT;
	json_t *workflow = json_parse_file("scenarios/workflows/flux-three-loaders.json", &e);
	const char *id;
	json_t *node;
	json_t *answer;
	char *text;
	char *path;
	char *hash;

	ck_assert_ok(workflow, &e);
	json_object_foreach(workflow, id, node)
	{
		json_t *inputs = json_object_get(node, "inputs");

		if (json_object_get(inputs, "noise_seed"))
			json_object_set_new(inputs, "noise_seed", json_unsigned(strtoull(seed, NULL, 10)));
	}
	text = json_text(workflow, 0);
	ck_assert_ptr_nonnull(strstr(text, seed));
	path = write_file(folder, "w.json", text, strlen(text));
	answer = run_json(0, "replay '%s' --store none --json %s", path, options);
	hash = strdup(json_string_value(json_object_get(
		json_array_get(json_object_get(json_array_get(json_object_get(answer, "replays"), 0), "images"), 0), "hash")));
	json_decref(answer);
	json_decref(workflow);
	free(path);
	free(text);
	return hash;
}

START_TEST(a_seed_of_all_64_bits_makes_the_image_that_the_same_seed_on_the_command_line_makes)
{
	char *folder = harness_make_folder();
	char *in_file = hash_with(folder, "18446744073709551615", "");
	char *in_option = hash_with(folder, "1", "--seed 18446744073709551615");
	char *half =
		hash_with(folder, "9223372036854775808", ""); /* its low 32 bits, which are all that noise is made of, are 0 */
	char *none = hash_with(folder, "0", "");

	ck_assert_str_eq(in_file, in_option);
	ck_assert_str_eq(half, none);
	ck_assert_str_ne(in_file, half);
	free(in_file);
	free(in_option);
	free(half);
	free(none);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(images_past_the_sixteenth_are_compared_too)
{
	char *folder = harness_make_folder();
	struct error e = ERROR_INIT;
	json_t *workflow = json_parse_file("scenarios/workflows/flux-all-kept.json", &e);
	json_t *save = workflow ? json_object_get(workflow, "15") : NULL;
	struct strbuf expected = STRBUF_INIT;
	const json_t *images;
	json_t *answer;
	char *text;
	char *path;

	ck_assert_ok(save, &e);
	for (int i = 0; i < 16; i++) {
		json_t *other = json_deep_copy(save);
		char id[16];

		snprintf(id, sizeof(id), "10%d", i);
		json_object_set_new(json_object_get(other, "inputs"), "filename_prefix",
				    json_string(id)); /* else it is cached */
		json_object_set_new(workflow, id, other);
	}
	text = json_text(workflow, 0);
	path = write_file(folder, "w.json", text, strlen(text));
	answer = run_json(0, "replay '%s' --store none --json", path);
	images = json_object_get(json_array_get(json_object_get(answer, "replays"), 0), "images");
	ck_assert_uint_eq(json_array_size(images), 17);
	for (size_t i = 0; i < 16; i++)
		strbuf_printf(&expected, "%s,", json_string_value(json_object_get(json_array_get(images, i), "hash")));
	free(run_text(1, "replay '%s' --store none --expect %sother", path, strbuf_text(&expected)));
	json_decref(answer);
	json_decref(workflow);
	strbuf_free(&expected);
	free(path);
	free(text);
	harness_remove_folder(folder);
}
END_TEST

HARNESS_SUITE(replay_suite)
{
	Suite *suite = suite_create("replay");
	TCase *tests = tcase_create("replay");

	tcase_set_timeout(tests, 200);
	tcase_add_test(tests, an_image_has_the_same_bits_wherever_weights_wait);
	tcase_add_test(tests, a_lora_changes_the_image);
	tcase_add_test(tests, a_seed_of_all_64_bits_makes_the_image_that_the_same_seed_on_the_command_line_makes);
	tcase_add_test(tests, images_past_the_sixteenth_are_compared_too);
	tcase_add_test(tests, delegate_loses_what_strict_keeps);
	tcase_add_test(tests, a_full_size_model_replays_on_the_simulator);
	tcase_add_test(tests, models_that_are_not_on_the_disk_are_simulated_by_name);
	tcase_add_test(tests, a_guessed_size_is_said_to_be_one);
	tcase_add_test(tests, a_report_is_one_page_without_network);
	suite_add_tcase(suite, tests);
	return suite;
}
