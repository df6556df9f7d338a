/* residency plan, through the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

#define FLUX "tests/data/loadlists/flux1_dev_transformer.bf16.tsv.gz"
#define QWEN "tests/data/loadlists/qwen_image_transformer.bf16.tsv.gz"

static const struct {
	int exit_code;
	const char *options;
} checked[] = {
	{ 0, "'#cuda:0;4.0;cpu'" },
	{ 0, "'#cuda:0;4.0;cpu' --loadlist " FLUX },
	{ 0, "''" },
	{ 1, "'cuda:0,50%;cpu,50%#'" },
	{ 1, "'cuda:0,50%;cpu,50%#' --planner 01df082" },
	{ 1, "'cuda:0,0.5;cpu,0.5#cuda:0'" },
	{ 1, "'mlu:0,50%;cuda:0,50%#cuda:0'" },
	{ 1, "'#cuda:0;4.0;cuda:3'" },
	{ 1, "'#cuda:0;4.0;cpu' --loadlist " QWEN },
	{ 1, "'#cuda:0;4.0;cpu' --loadlist " FLUX " --free cuda:0=12GB" },
	{ 7, "'#cuda:0;4gb;cpu'" },
	{ 7, "'cuda:0,4#cuda:0' --planner exact" },
	{ 2, "'#cuda:0;4.0;cpu' --planner newest" },
	{ 2, "'#cuda:0;4.0;cpu' --free cuda:0" },
	{ 2, "'#cuda:0;4.0;cpu' --free cuda:0=90TB" },
	{ 7, "'#cuda:0;4.0;cpu' --topology nowhere" },
};

START_TEST(a_check_ends_with_what_it_found)
{
	free(run_text(checked[_i].exit_code, "plan --check %s", checked[_i].options));
}
END_TEST

START_TEST(a_caret_stands_under_the_column)
{
	char *text = run_text(1, "plan --check 'cuda:0,2gb;cpu,5gb*#cuda:0'");

	ck_assert_msg(strstr(text, "cuda:0,2gb;cpu,5gb*#cuda:0\n"
				   "               ^~~~\n"
				   "  warning, column 16: a size beside '*'\n"
				   "  HEAD: the size is ignored"),
		      "%s", text);
	free(text);
}
END_TEST

START_TEST(advice_is_eighty_columns_wide_however_long_the_string)
{
	char allocation[600] = "";
	char *text;
	char *rest;

	for (unsigned i = 0; i < 30; i++)
		snprintf(allocation + strlen(allocation), sizeof(allocation) - strlen(allocation), "cuda:%u,1%%;", i);
	text = run_text(1, "plan --check '%s#'", allocation);
	rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		ck_assert_msg(strlen(line) <= 80, "%zu: %s", strlen(line), line);
	free(text);
}
END_TEST

START_TEST(a_check_in_json_has_kind_place_and_words)
{
	json_t *whole = run_json(1, "plan --check 'cuda:0,50%%;cpu,50%%#' --json");
	json_t *first = json_array_get(json_object_get(whole, "advice"), 0);

	ck_assert_str_eq(json_string_value(json_object_get(whole, "verdict")), "warning");
	for (size_t i = 0; i < json_array_size(json_object_get(whole, "advice")); i++) {
		json_t *advice = json_array_get(json_object_get(whole, "advice"), i);

		if (strcmp(json_string_value(json_object_get(advice, "kind")), "trailing_hash") == 0)
			first = advice;
	}
	ck_assert_str_eq(json_string_value(json_object_get(first, "kind")), "trailing_hash");
	ck_assert_int_eq(json_integer_value(json_object_get(first, "column")), 19);
	ck_assert(json_is_string(json_object_get(first, "found")) && json_is_string(json_object_get(first, "upstream")) &&
		  json_is_string(json_object_get(first, "instead")));
	json_decref(whole);
}
END_TEST

START_TEST(a_suggestion_passes_its_own_check)
{
	json_t *whole = run_json(0, "plan --suggest --loadlist " QWEN " --keep-free 3 --json");
	json_t *first = json_array_get(json_object_get(whole, "suggestions"), 0);
	const char *allocation = json_string_value(json_object_get(first, "allocation"));

	ck_assert_uint_gt(json_array_size(json_object_get(whole, "suggestions")), 1);
	ck_assert(json_is_number(json_object_get(first, "seconds_per_iteration")));
	free(run_text(0, "plan --check '%s' --loadlist " QWEN, allocation));
	json_decref(whole);
}
END_TEST

#define LISTS "tests/data/loadlists/"

static const char *const of_families[] = {
	LISTS "flux1_dev_transformer.bf16.tsv.gz --keep-free 6",
	LISTS "flux1_dev_transformer.scaled_f8_e4m3.tsv.gz --keep-free 18",
	LISTS "qwen_image_transformer.bf16.tsv.gz",
	LISTS "wan2.2_i2v_14b.f16.tsv.gz --resolution 1280x720",
	LISTS "wan2.2_ti2v_5b.f8_e4m3.tsv.gz --keep-free 20",
	LISTS "hunyuan_video_transformer.bf16.tsv.gz --frames 33 --resolution 960x544",
	LISTS "ltxv_2b_transformer.bf16.tsv.gz --keep-free 22",
	LISTS "mochi_transformer.bf16.tsv.gz --resolution 848x480",
	LISTS "sd15_unet.f8_e4m3.tsv.gz --resolution 512 --keep-free 25.3",
	LISTS "sdxl_base_unet.f16.tsv.gz --keep-free 22",
	LISTS "sdxl_clip.f16.tsv.gz --clip --keep-free 23",
	LISTS "wan_te.f16.tsv.gz --clip --keep-free 16",
	FLUX " --passes 2 --keep-free 6",
	FLUX " --resident 1.5 --keep-free 6",
};

START_TEST(a_model_of_any_family_is_suggested_by_running_it)
{
	json_t *whole = run_json(0, "plan --suggest --topology mixed --json --loadlist %s", of_families[_i]);
	json_t *list = json_object_get(whole, "suggestions");
	double last = 0;

	ck_assert_uint_gt(json_array_size(list), 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *one = json_array_get(list, i);
		double seconds = json_number_value(json_object_get(one, "seconds_per_iteration"));

		ck_assert_str_eq(json_string_value(json_object_get(one, "source")), "simulated");
		ck_assert_double_gt(seconds, 0);
		ck_assert_double_ge(seconds, last);
		last = seconds;
	}
	json_decref(whole);
}
END_TEST

START_TEST(a_plan_that_does_not_fit_says_what_it_lacks)
{
	char *text = run_text(0, "plan --alloc '#cuda:0;4.0;cpu' --loadlist " QWEN);
	json_t *whole = run_json(0, "plan --alloc '#cuda:0;4.0;cpu' --loadlist " QWEN " --json");
	json_t *prediction = json_object_get(whole, "prediction");
	json_t *lacking = json_object_get(prediction, "lacking");

	ck_assert_msg(strstr(text, "runs out of device memory: cuda:0 lacks 1"), "%s", text);
	ck_assert(json_is_false(json_object_get(prediction, "fits")));
	ck_assert(json_is_null(json_object_get(prediction, "seconds_per_iteration")));
	ck_assert_str_eq(json_string_value(json_object_get(lacking, "device")), "cuda:0");
	ck_assert_int_gt(json_integer_value(json_object_get(lacking, "bytes")), 10000000000);
	json_decref(whole);
	free(text);
}
END_TEST

START_TEST(a_text_encoder_takes_seconds_a_prompt_whatever_the_picture)
{
	char *small = run_text(0, "plan --alloc '#cuda:0;2.0;cpu' --clip --loadlist " LISTS "flux_clip.f16.tsv.gz");
	char *large =
		run_text(0, "plan --alloc '#cuda:0;2.0;cpu' --clip --resolution 2048 --loadlist " LISTS "flux_clip.f16.tsv.gz");

	ck_assert_msg(strstr(small, " s a prompt, simulated, of which copies "), "%s", small);
	ck_assert_str_eq(small, large);
	free(small);
	free(large);
}
END_TEST

/* Of an unknown family the copies alone can be told. */
START_TEST(what_no_family_has_is_told_by_its_copies)
{
	char *text = run_text(0, "plan --alloc '#cuda:0;0.1;cpu' --loadlist " LISTS "flux_ae_vae.f32.tsv.gz");
	json_t *whole = run_json(0, "plan --suggest --keep-free 25.6 --compute cuda:0 --json --loadlist " LISTS
				    "flux_ae_vae.f32.tsv.gz");
	json_t *first = json_array_get(json_object_get(whole, "suggestions"), 0);

	ck_assert_msg(strstr(text, "copies take ") && strstr(text, ", simulated\n"), "%s", text);
	ck_assert(json_is_null(json_object_get(first, "seconds_per_iteration")));
	ck_assert_double_gt(json_number_value(json_object_get(first, "copy_seconds")), 0);
	json_decref(whole);
	free(text);
}
END_TEST

START_TEST(what_cannot_fit_says_by_how_much)
{
	assert_complains(1, "10.9 GB too much", "plan --suggest --loadlist " QWEN " --keep-free 0 --free %s",
			 "cpu=10GB,cuda:0=10GB,cuda:1=10GB");
	assert_complains(1, "beside its weights does not",
			 "plan --suggest --loadlist " FLUX " --resolution 16384 --keep-free 0");
	assert_complains(2, "--model", "plan --suggest");
	assert_complains(3, "cuda:9", "plan --suggest --loadlist " FLUX " --compute cuda:9");
	assert_complains(2, "--resolution", "plan --suggest --loadlist " FLUX " --resolution huge");
	assert_complains(2, "--resolution", "plan --alloc '#cuda:0;4.0;cpu' --loadlist " FLUX " --resolution 0x0");
	assert_complains(2, "--frames", "plan --alloc '#cuda:0;4.0;cpu' --loadlist " FLUX " --frames 200000");
	assert_complains(2, "--passes", "plan --alloc '#cuda:0;4.0;cpu' --loadlist " FLUX " --passes=-2");
	assert_complains(2, "--resident", "plan --suggest --loadlist " FLUX " --resident=-2");
}
END_TEST

START_TEST(an_explanation_has_every_block_once_with_its_reason)
{
	char *text = run_text(0, "plan --alloc '#cuda:0;4.0;cpu' --planner exact --loadlist " FLUX " --explain");
	json_t *whole = run_json(0, "plan --alloc '#cuda:0;4.0;cpu' --planner exact --loadlist " FLUX " --json");
	json_t *blocks = json_object_get(whole, "blocks");

	ck_assert_uint_eq(json_array_size(blocks), 581);
	for (size_t i = 0; i < json_array_size(blocks); i++) {
		char wanted[200];

		snprintf(wanted, sizeof(wanted), "  %s (",
			 json_string_value(json_object_get(json_array_get(blocks, i), "name")));
		ck_assert_msg(strstr(text, wanted), "%s", wanted);
		ck_assert(json_is_string(json_object_get(json_array_get(blocks, i), "reason")));
	}
	ck_assert_ptr_nonnull(strstr(text, "s/it at 1024x1024, simulated"));
	json_decref(whole);
	free(text);
}
END_TEST

static const char requests[] =
	"{\"kind\":\"meta\"}\n"
	"{\"kind\":\"model\",\"id\":\"m\",\"types\":[\"Linear\"],\"blocks\":[[\"a\",0,1000,1000,1],[\"b\",0,1000,1000,1]]}\n"
	"{\"id\":1,\"kind\":\"place\",\"version\":\"exact\",\"input\":{\"model\":\"m\",\"alloc\":\"cuda:0,1kb;cpu,*#cuda:0\","
	"\"devices\":[[\"cpu\",9999],[\"cuda:0\",9999]]}}\n"
	"{\"id\":\"two\",\"kind\":\"place\",\"version\":\"01df082\",\"input\":{\"model\":\"m\",\"alloc\":\"none\","
	"\"devices\":[[\"cpu\",9999]]}}\n"
	"\n"
	"{\"id\":3,\"kind\":\"place\",\"version\":\"HEAD\",\"input\":{\"loadlist\":\"flux1_dev_transformer.bf16\","
	"\"alloc\":\"#cuda:0;4.0;cpu\",\"devices\":[[\"cpu\",68719476736],[\"cuda:0\",25769803776]]}}\n"
	"not json\n"
	"{\"id\":5,\"kind\":\"mem\",\"version\":\"HEAD\",\"input\":{\"text\":\"4.5gb\"}}\n";

static json_t *next_answer(char **rest)
{
	char *line = strsep(rest, "\n");
	json_t *answer = line ? json_loads(line, 0, NULL) : NULL;

	ck_assert_msg(answer, "no answer: %s", line ? line : "the end");
	return answer;
}

static const char *error_type(const json_t *answer)
{
	const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));

	ck_assert(message && message[0]);
	return json_string_value(json_object_get(json_object_get(answer, "error"), "type"));
}

START_TEST(requests_are_answered_in_order_one_a_line)
{
	char *folder = harness_make_folder();
	char *path = write_file(folder, "requests.jsonl", requests, sizeof(requests) - 1);
	char *text = run_text(0, "plan --requests - --loadlists tests/data/loadlists < '%s'", path);
	char *rest = text;
	json_t *answer = next_answer(&rest);

	ck_assert_int_eq(json_integer_value(json_object_get(answer, "id")), 1);
	ck_assert_str_eq(json_string_value(json_array_get(
				 json_array_get(json_object_get(json_object_get(answer, "output"), "assign"), 0), 0)),
			 "cuda:0");
	json_decref(answer);
	answer = next_answer(&rest);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "id")), "two");
	ck_assert_str_eq(error_type(answer), "ValueError");
	json_decref(answer);
	answer = next_answer(&rest);
	ck_assert_int_eq(json_integer_value(json_object_get(answer, "id")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(answer, "output"), "total")), 23802816640);
	json_decref(answer);
	answer = next_answer(&rest);
	ck_assert(json_is_null(json_object_get(answer, "id")));
	ck_assert_str_eq(error_type(answer), "InvalidRequest");
	json_decref(answer);
	answer = next_answer(&rest);
	ck_assert_double_eq(json_number_value(json_object_get(json_object_get(answer, "output"), "bytes")), 4.5 * 0x1p30);
	json_decref(answer);
	ck_assert_str_eq(rest, "");
	free(text);
	free(path);
	harness_remove_folder(folder);
}
END_TEST

HARNESS_SUITE(plan_suite)
{
	Suite *suite = suite_create("plan");
	TCase *check = tcase_create("check");
	TCase *others = tcase_create("suggest, explain, requests");

	tcase_set_timeout(others, 60);
	tcase_add_loop_test(check, a_check_ends_with_what_it_found, 0, ARRAY_SIZE(checked));
	tcase_add_test(check, a_caret_stands_under_the_column);
	tcase_add_test(check, advice_is_eighty_columns_wide_however_long_the_string);
	tcase_add_test(check, a_check_in_json_has_kind_place_and_words);
	suite_add_tcase(suite, check);
	tcase_add_test(others, a_suggestion_passes_its_own_check);
	tcase_add_loop_test(others, a_model_of_any_family_is_suggested_by_running_it, 0, ARRAY_SIZE(of_families));
	tcase_add_test(others, a_plan_that_does_not_fit_says_what_it_lacks);
	tcase_add_test(others, a_text_encoder_takes_seconds_a_prompt_whatever_the_picture);
	tcase_add_test(others, what_no_family_has_is_told_by_its_copies);
	tcase_add_test(others, what_cannot_fit_says_by_how_much);
	tcase_add_test(others, an_explanation_has_every_block_once_with_its_reason);
	tcase_add_test(others, requests_are_answered_in_order_one_a_line);
	suite_add_tcase(suite, others);
	return suite;
}
