/* A workflow made to fit a server. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/array.h"
#include "scenarios/subject/live_models.h"
#include "scenarios/subject/live_workflow.h"
#include "scenarios/models/matrix_workflow.h"
#include "tests/harness/harness.h"

/* A server that has these classes, what it answered, and the workflow made to fit it. */
static json_t *classes, *answers, *fitted;

static void set_up(void)
{
	answers = json_array();
}

static void tear_down(void)
{
	json_decref(classes);
	json_decref(answers);
	json_decref(fitted);
}

static const json_t *describe(void *context, const char *class_type, struct error *e)
{
	json_t *known = json_object_get(classes, class_type);
	json_t *answer = json_object();

	(void)context, (void)e;
	if (known)
		json_object_set(answer, class_type, known);
	json_array_append_new(answers, answer);
	return answer;
}

/* Node 1 of a matrix's workflow on that server. */
static const json_t *first_node(const char *classes_text, const char *matrix)
{
	const struct live_classes server = { .describe = describe };
	const struct matrix *m = matrix_find(matrix);
	struct error e = ERROR_INIT;
	json_t *workflow = matrix_workflow(m->models, m->model_count, "cpu", 1, &e);

	classes = json_loads(classes_text, 0, NULL);
	fitted = live_workflow(workflow, &server, &e);
	ck_assert_ok(fitted, &e);
	json_decref(workflow);
	return json_object_get(fitted, "1");
}

/* The node that an input is linked to. */
static const char *text_at(const json_t *workflow, const char *id, const char *input)
{
	const json_t *inputs = json_object_get(json_object_get(workflow, id), "inputs");

	return json_string_value(json_array_get(json_object_get(inputs, input), 0));
}

#define STOCK_UNET                                                                                                             \
	"{\"UNETLoader\":{\"input\":{\"required\":{\"unet_name\":[[\"A.safetensors\",\"D.safetensors\"]],"                     \
	"\"weight_dtype\":[[\"default\",\"fp8\"],{}]}}}}"

START_TEST(without_multigpu_the_stock_loader_stands_for_the_distorch_one)
{
	const json_t *node = first_node(STOCK_UNET, "de");

	ck_assert_str_eq(json_string_value(json_object_get(node, "class_type")), "UNETLoader");
	ck_assert_ptr_null(json_object_get(json_object_get(node, "inputs"), "keep_loaded"));
	ck_assert_ptr_null(json_object_get(json_object_get(node, "inputs"), "compute_device"));
}
END_TEST

START_TEST(a_models_name_gets_the_ending_of_the_servers_file)
{
	const json_t *inputs = json_object_get(first_node(STOCK_UNET, "de"), "inputs");

	ck_assert_str_eq(json_string_value(json_object_get(inputs, "unet_name")), "D.safetensors");
}
END_TEST

START_TEST(an_input_that_must_be_there_gets_its_first_choice)
{
	const json_t *inputs = json_object_get(first_node(STOCK_UNET, "de"), "inputs");

	ck_assert_str_eq(json_string_value(json_object_get(inputs, "weight_dtype")), "default");
}
END_TEST

START_TEST(a_request_to_keep_is_no_request_to_eject)
{
	const char *server = "{\"UNETLoaderDisTorch2MultiGPU\":{\"input\":{\"required\":{},"
			     "\"optional\":{\"eject_models\":[\"BOOLEAN\",{\"default\":true}]}}}}";
	const json_t *inputs = json_object_get(first_node(server, "de"), "inputs");

	ck_assert(json_is_false(json_object_get(inputs, "eject_models")));
	ck_assert_ptr_null(json_object_get(inputs, "keep_loaded"));
}
END_TEST

START_TEST(a_full_cleanup_node_gets_an_image_and_a_node_that_takes_it)
{
	const struct live_classes server = { .describe = describe };
	struct error e = ERROR_INIT;
	json_t *workflow = json_object();

	classes = json_loads("{\"FullCleanupMultiGPU\":{\"input\":{\"required\":{\"image\":[\"IMAGE\"],"
			     "\"reason\":[\"STRING\",{\"default\":\"inline\"}]}}}}",
			     0, NULL);
	ck_assert_ok(matrix_workflow_add_cleanup(workflow, 3, &e), &e);
	fitted = live_workflow(workflow, &server, &e);
	ck_assert_ok(fitted, &e);
	ck_assert_str_eq(text_at(fitted, "cleanup", "image"), "residency-image");
	ck_assert_str_eq(text_at(fitted, "residency-cleanup", "source"), "cleanup");
	ck_assert_ptr_null(json_object_get(json_object_get(json_object_get(fitted, "cleanup"), "inputs"), "any"));
	json_decref(workflow);
}
END_TEST

START_TEST(keep_requests_are_read_from_either_flag_and_hold_for_clones)
{
	json_t *workflow = json_loads("{\"1\":{\"inputs\":{\"unet_name\":\"sub/K.v1.safetensors\",\"keep_loaded\":true}},"
				      "\"2\":{\"inputs\":{\"clip_name\":\"T\",\"eject_models\":true}}}",
				      0, NULL);
	json_t *requests = json_object();
	struct error e = ERROR_INIT;
	enum keep_request keep = KEEP_NONE;

	ck_assert_ok(live_keep_read(workflow, NULL, NULL, requests, &e), &e);
	ck_assert(live_keep_find(requests, "K.v1+clone", &keep) && keep == KEEP_YES);
	ck_assert(live_keep_find(requests, "T", &keep) && keep == KEEP_NO);
	ck_assert(!live_keep_find(requests, "other", &keep));
	json_decref(requests);
	json_decref(workflow);
}
END_TEST

START_TEST(no_two_diffusion_models_are_of_one_size)
{
	static const char *const names[] = { "A", "B", "C", "D", "E", "K", "S" };
	char *folder = harness_make_folder();
	struct error e = ERROR_INIT;
	off_t sizes[ARRAY_SIZE(names)];

	ck_assert_ok(live_models_write(folder, &e), &e);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[512];
		struct stat status;

		snprintf(path, sizeof(path), "%s/models/diffusion_models/%s.safetensors", folder, names[i]);
		ck_assert_msg(stat(path, &status) == 0, "no %s", path);
		sizes[i] = status.st_size;
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(sizes[i] != sizes[j], "%s and %s", names[i], names[j]);
	}
	harness_remove_folder(folder);
}
END_TEST

START_TEST(where_no_loader_can_say_it_names_are_kept)
{
	json_t *workflow = json_loads("{\"1\":{\"inputs\":{\"unet_name\":\"sub/K.v1.safetensors\"}},"
				      "\"2\":{\"inputs\":{\"clip_name\":\"T\",\"keep_loaded\":true}}}",
				      0, NULL);
	json_t *names = json_loads("[\"K.v1.safetensors\", 7]", 0, NULL);
	json_t *requests = json_object();
	struct error e = ERROR_INIT;
	enum keep_request keep = KEEP_NONE;

	ck_assert_ok(live_keep_read(workflow, names, NULL, requests, &e), &e);
	ck_assert(live_keep_find(requests, "K.v1", &keep) && keep == KEEP_YES);
	ck_assert(live_keep_find(requests, "T", &keep) && keep == KEEP_NO);
	json_decref(requests);
	json_decref(names);
	json_decref(workflow);
}
END_TEST

START_TEST(requests_that_have_ended_keep_nothing)
{
	json_t *requests = json_pack("{sb sb}", "A", 1, "B", 0);
	struct error e = ERROR_INIT;
	enum keep_request keep = KEEP_NONE;

	ck_assert_ok(live_keep_end(requests, &e), &e);
	ck_assert(live_keep_find(requests, "A", &keep) && keep == KEEP_NO);
	ck_assert(live_keep_find(requests, "B", &keep) && keep == KEEP_NO);
	json_decref(requests);
}
END_TEST

HARNESS_SUITE(translation_suite)
{
	Suite *suite = suite_create("translation");
	TCase *cases = tcase_create("workflows");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, without_multigpu_the_stock_loader_stands_for_the_distorch_one);
	tcase_add_test(cases, a_models_name_gets_the_ending_of_the_servers_file);
	tcase_add_test(cases, an_input_that_must_be_there_gets_its_first_choice);
	tcase_add_test(cases, a_request_to_keep_is_no_request_to_eject);
	tcase_add_test(cases, a_full_cleanup_node_gets_an_image_and_a_node_that_takes_it);
	tcase_add_test(cases, keep_requests_are_read_from_either_flag_and_hold_for_clones);
	tcase_add_test(cases, no_two_diffusion_models_are_of_one_size);
	tcase_add_test(cases, where_no_loader_can_say_it_names_are_kept);
	tcase_add_test(cases, requests_that_have_ended_keep_nothing);
	suite_add_tcase(suite, cases);
	return suite;
}
