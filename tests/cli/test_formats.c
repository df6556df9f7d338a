/* `residency replay` over the files that users have: GGUF, other programs' layouts, fp8 with scales. The same weights draw the same
 * image, whatever file they came in. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static char *folder;

static void make(void)
{
	folder = harness_make_folder();
}

static void unmake(void)
{
	harness_remove_folder(folder);
}

static void synthesise(const char *dtype, const char *file)
{
	free(run_text(0, "synth flux --small --seed 5 --dtype %s --out '%s/%s'", dtype, folder, file));
}

/* flux-gguf, its UNet loaded by another node from another file, with or without its LoRA; the caller frees the path. */
static char *write_workflow(const char *class_type, const char *file, bool with_lora)
{
	json_t *workflow = json_load_file("scenarios/workflows/flux-gguf.json", 0, NULL);
	json_t *loader = json_object_get(workflow, "1");
	json_t *inputs = json_object_get(loader, "inputs");
	char *text;
	char *path;

	ck_assert_ptr_nonnull(workflow);
	json_object_set_new(loader, "class_type", json_string(class_type));
	json_object_set_new(inputs, "unet_name", json_string(file));
	json_object_set_new(inputs, "donor_device", json_string("cpu"));
	if (strstr(class_type, "Advanced"))
		json_object_set_new(inputs, "dequant_dtype", json_string("float32"));
	if (!with_lora) {
		json_object_set_new(json_object_get(json_object_get(workflow, "8"), "inputs"), "model",
				    json_pack("[si]", "1", 0));
		json_object_del(workflow, "4");
	}
	text = json_dumps(workflow, JSON_COMPACT);
	path = write_file(folder, "workflow.json", text, strlen(text));
	free(text);
	json_decref(workflow);
	return path;
}

/* The image's hash, into hash. */
static void draw(const char *class_type, const char *file, bool with_lora, const char *more, char hash[80])
{
	char *path = write_workflow(class_type, file, with_lora);
	json_t *result = run_json(0, "replay '%s' --models '%s' --store none --json %s", path, folder, more);
	char *text = json_dumps(result, JSON_COMPACT);
	const char *at = strstr(text, "\"hash\":\"");

	ck_assert_msg(at && strlen(at) > 40, "%s", text);
	memcpy(hash, at + 8, 32);
	hash[32] = '\0';
	free(text);
	json_decref(result);
	free(path);
}

#define PLAIN "UNETLoaderDisTorch2MultiGPU"
#define BLOCKS "UnetLoaderGGUFDisTorch2MultiGPU"
#define LEGACY "UnetLoaderGGUFDisTorchMultiGPU"
#define EXACT "UnetLoaderGGUFAdvancedDisTorch2MultiGPU"

static void make_gguf(const char *quant)
{
	synthesise("bf16", "mine.safetensors");
	free(run_text(0, "convert '%s/mine.safetensors' --dtype %s --architecture flux --out '%s/mine.gguf'", folder, quant,
		      folder));
	free(run_text(0, "convert '%s/mine.gguf' --dtype BF16 --half --out '%s/half.safetensors'", folder, folder));
	free(run_text(0, "convert '%s/mine.gguf' --dtype BF16 --out '%s/exact.safetensors'", folder, folder));
}

START_TEST(a_gguf_file_draws_what_its_dequantised_weights_draw)
{
	static const char *const quants[] = { "Q8_0", "Q4_0", "Q5_1" };
	char blocks[80];
	char plain[80];

	make_gguf(quants[_i]);
	draw(BLOCKS, "mine.gguf", false, "", blocks);
	draw(PLAIN, "half.safetensors", false, "", plain);
	ck_assert_str_eq(blocks, plain);
	draw("UnetLoaderGGUF", "mine.gguf", false, "", plain);
	ck_assert_str_eq(blocks, plain);
}
END_TEST

START_TEST(the_advanced_loader_dequantises_exactly_where_it_is_told_to)
{
	char blocks[80];
	char plain[80];
	char half[80];

	make_gguf("Q8_0");
	draw(EXACT, "mine.gguf", false, "", blocks);
	draw(PLAIN, "exact.safetensors", false, "", plain);
	draw(PLAIN, "half.safetensors", false, "", half);
	ck_assert_str_eq(blocks, plain);
	ck_assert_str_ne(blocks, half);
}
END_TEST

START_TEST(a_lora_on_blocks_draws_the_same_on_one_device_and_two_by_either_generation)
{
	char plain[80];
	char first[80];
	char other[80];

	make_gguf("Q8_0");
	draw(BLOCKS, "mine.gguf", false, "", plain);
	draw(BLOCKS, "mine.gguf", true, "", first);
	ck_assert_str_ne(plain, first);
	draw(BLOCKS, "mine.gguf", true, "--topology host-1gpu", other);
	ck_assert_str_eq(first, other);
	draw(LEGACY, "mine.gguf", true, "", other);
	ck_assert_str_eq(first, other);
}
END_TEST

START_TEST(both_generations_are_verified_under_the_policies_that_have_them)
{
	static const char *const said[] = { "all on the compute device: the same bits",
					    "as much as possible waiting on cpu: the same bits" };
	char *texts[] = { run_text(0, "replay flux-gguf --verify --store none"),
			  run_text(0, "replay flux-gguf-legacy --verify --store none"),
			  run_text(1, "replay flux-gguf-legacy --verify --store none --subject engine:delegate") };

	for (size_t i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(strstr(texts[i], said[0]));
		ck_assert_ptr_nonnull(strstr(texts[i], said[1]));
		free(texts[i]);
	}
}
END_TEST

/* The text with one piece in place of another; frees the old one. */
static char *replaced(char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	struct strbuf b = STRBUF_INIT;

	ck_assert_ptr_nonnull(at);
	strbuf_append_n(&b, text, (size_t)(at - text));
	strbuf_append(&b, to);
	strbuf_append(&b, at + strlen(from));
	free(text);
	return strbuf_finish(&b, NULL);
}

START_TEST(a_gguf_model_of_full_size_replays_on_the_simulator_in_its_own_bytes)
{
	static const char *const full[][2] = { { "t5-small-Q8_0.gguf", "t5-v1_1-xxl-encoder-Q4_K_S.gguf" },
					       { "clip_l-small.safetensors", "clip_l.safetensors" },
					       { "ae-small.safetensors", "ae.safetensors" } };
	char *path = write_workflow(BLOCKS, "flux1-dev-Q4_K_S.gguf", false);
	struct error e = ERROR_INIT;
	size_t length;
	char *text = file_read_whole(path, &length, &e);

	ck_assert_ok(text, &e);
	for (size_t i = 0; i < 3; i++)
		text = replaced(text, full[i][0], full[i][1]);
	free(path);
	path = write_file(folder, "full.json", text, strlen(text));
	free(text);
	text = run_text(0, "replay '%s' --backend sim --store none", path);
	ck_assert_ptr_nonnull(strstr(text, "flux1-dev-Q4_K_S.gguf, 6.71 GB"));
	ck_assert_ptr_nonnull(strstr(text, "t5-v1_1-xxl-encoder-Q4_K_S.gguf, 2.93 GB"));
	free(text);
	free(path);
}
END_TEST

START_TEST(loaders_take_the_files_that_upstream_lists_for_them)
{
	char *path;

	make_gguf("Q8_0");
	path = write_workflow(PLAIN, "mine.gguf", false);
	assert_complains(1, "lists no GGUF files", "replay '%s' --models '%s' --store none", path, folder);
	free(path);
	path = write_workflow(BLOCKS, "mine.safetensors", false);
	assert_complains(1, "lists .gguf files only", "replay '%s' --models '%s' --store none", path, folder);
	free(path);
}
END_TEST

START_TEST(fp8_with_scales_draws_what_its_products_draw)
{
	char scaled[80];
	char plain[80];

	synthesise("fp8_scaled", "made.safetensors");
	harness_relayout(folder, "scales", "made.safetensors", "scaled.safetensors");
	harness_relayout(folder, "unscaled", "scaled.safetensors", "plain.safetensors");
	draw(PLAIN, "scaled.safetensors", false, "", scaled);
	draw(PLAIN, "plain.safetensors", false, "", plain);
	ck_assert_str_eq(scaled, plain);
}
END_TEST

START_TEST(a_file_of_diffusers_draws_what_upstreams_layout_draws)
{
	char own[80];
	char theirs[80];

	synthesise("bf16", "mine.safetensors");
	harness_relayout(folder, "plain", "mine.safetensors", "own.safetensors");
	harness_relayout(folder, "flux-diffusers", "mine.safetensors", "theirs.safetensors");
	harness_relayout(folder, "shards", "theirs.safetensors", "transformer");
	draw(PLAIN, "own.safetensors", true, "", own);
	draw(PLAIN, "theirs.safetensors", true, "", theirs);
	ck_assert_str_eq(own, theirs);
	draw(PLAIN, "transformer", true, "", theirs);
	ck_assert_str_eq(own, theirs);
}
END_TEST

HARNESS_SUITE(formats_suite)
{
	Suite *suite = suite_create("formats");
	TCase *tests = tcase_create("formats");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, a_gguf_file_draws_what_its_dequantised_weights_draw, 0, 3);
	tcase_add_test(tests, the_advanced_loader_dequantises_exactly_where_it_is_told_to);
	tcase_add_test(tests, a_lora_on_blocks_draws_the_same_on_one_device_and_two_by_either_generation);
	tcase_add_test(tests, both_generations_are_verified_under_the_policies_that_have_them);
	tcase_add_test(tests, a_gguf_model_of_full_size_replays_on_the_simulator_in_its_own_bytes);
	tcase_add_test(tests, loaders_take_the_files_that_upstream_lists_for_them);
	tcase_add_test(tests, fp8_with_scales_draws_what_its_products_draw);
	tcase_add_test(tests, a_file_of_diffusers_draws_what_upstreams_layout_draws);
	suite_add_tcase(suite, tests);
	return suite;
}
