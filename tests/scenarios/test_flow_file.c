/* Flows as files: what is read, what is refused and with which words, and that the built-in ones are those that were measured. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/manager/policy.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/flow/flows.h"
#include "scenarios/models/matrix_workflow.h"
#include "tests/harness/harness.h"

static struct flow *parse(const char *text)
{
	struct error e = ERROR_INIT;
	struct flow *flow = flow_parse(text, strlen(text), "folder/mine.json", &e);

	ck_assert_ok(flow != NULL, &e);
	return flow;
}

static void refused_with(const char *text, const char *words)
{
	struct error e = ERROR_INIT;
	struct flow *flow = flow_parse(text, strlen(text), "mine.json", &e);

	ck_assert_ptr_null(flow);
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_msg(strstr(e.text, words) != NULL, "\"%s\" does not say \"%s\"", e.text, words);
}

START_TEST(a_flow_without_a_name_is_called_as_its_file)
{
	struct flow *flow = parse("{\"actions\": [[\"prompt\"]]}");

	ck_assert_str_eq(flow->name, "mine");
	ck_assert_uint_eq(flow->step_count, 1);
	flow_free(flow);
	flow = parse("{\"name\": \"\", \"actions\": [[\"prompt\"]]}");
	ck_assert_str_eq(flow->name, "mine");
	flow_free(flow);
}
END_TEST

START_TEST(a_scenario_says_where_it_runs)
{
	struct flow *flow = parse("{\"policy\": \"07b429f\", \"cache\": \"lru\", \"device_mode\": \"same\","
				  "\"node_flags\": \"suppressed\", \"seed\": 7,"
				  "\"models\": [{\"name\": \"A\", \"kind\": \"vae\"}], \"actions\": [[\"hold_inner\", 1]]}");

	ck_assert_ptr_eq(flow->setting.policy, &policy_anchors);
	ck_assert_int_eq(flow->setting.cache, CACHE_LRU);
	ck_assert_int_eq(flow->setting.device_mode, DEVICE_MODE_SAME);
	ck_assert_int_eq(flow->setting.node_flags, NODE_FLAGS_SUPPRESSED);
	ck_assert_uint_eq(flow->setting.seed, 7);
	ck_assert_int_eq(flow->models[0].kind, MODEL_VAE);
	ck_assert_int_eq(flow->models[0].keep, KEEP_NONE);
	flow_free(flow);
}
END_TEST

START_TEST(what_is_wrong_is_named_with_its_place)
{
	refused_with("[]", "it must be an object");
	refused_with("{}", "\"actions\" is missing");
	refused_with("{\"actions\": []}", "0 actions; 1 to 10000");
	refused_with("{\"actions\": [[\"prompt\"], [\"promt\"]]}", "action 2: \"promt\" is no action; there are prompt, ");
	refused_with("{\"actions\": [\"prompt\"]}", "action 1 is a string; it must be a list");
	refused_with("{\"actions\": [[\"post\", true]]}", "\"post\" wants the request's body, an object, not a boolean");
	refused_with("{\"actions\": [[\"post\", {\"unload\": true}]]}",
		     "\"unload\" is no member here; known are unload_models");
	refused_with("{\"actions\": [[\"post\", {\"free_memory\": 1}]]}",
		     "\"free_memory\" is an integer; it must be a boolean");
	refused_with("{\"actions\": [[\"settle\", 1, 2]]}", "arguments at most");
	refused_with("{\"actions\": [[\"hold_inner\", 0]]}", "takes model 1 to 64, not 0");
	refused_with("{\"actions\": [[\"promptseed\", -1]]}", "takes a seed of 0 to 18446744073709551615, not -1");
	refused_with("{\"actions\": [[\"promptseed\", 18446744073709551616]]}",
		     "takes a seed of 0 to 18446744073709551615, not 1.8446744073709552e+19");
	refused_with("{\"actions\": [[\"promptseed\", 1.5]]}", "\"promptseed\" wants a seed, not a number");
	refused_with("{\"seed\": 18446744073709551616, \"actions\": [[\"prompt\"]]}", "it can be 0 to 18446744073709551615");
	refused_with("{\"actions\": [[\"promptm\", [{\"name\": \"A\", \"kind\": \"lora\"}]]]}",
		     "action 1, model 1: \"kind\" is \"lora\"; it must be unet, clip or vae");
	refused_with("{\"modles\": [], \"actions\": [[\"prompt\"]]}", "\"modles\" is no member here");
	refused_with("{\"seed\": -1, \"actions\": [[\"prompt\"]]}", "\"seed\" is -1; it must not be negative");
	refused_with("{\"actions\": [[\"foreign_unload\", \"catch\"]]}", "wants \"throw\" or \"none\"");
	refused_with("{\"actions\": [[\"outside\", \"cpu\"]]}", "\"outside\" wants bytes, not nothing");
	refused_with("{\"actions\": [[\"cpu_memory\", 101]]}", "takes per cent of 0 to 100, not 101");
	refused_with("{\"policy\": \"kind\", \"actions\": [[\"prompt\"]]}", "there is no policy \"kind\"");
	refused_with("{\"models\": [{\"name\": \"\\u0007\", \"kind\": \"vae\"}], \"actions\": [[\"prompt\"]]}",
		     "control character");
	refused_with("{\"models\": [{\"name\": \"A\", \"kind\": \"vae\"}], \"actions\": [[\"hold_inner\", 2]]}",
		     "action 1 holds model number 2, and there are 1");
}
END_TEST

static void same_models(const struct matrix_model *a, size_t a_count, const struct matrix_model *b, size_t b_count)
{
	ck_assert_uint_le(a_count, b_count); /* a measured case may run a model of its matrix beside what the flow names */
	for (size_t i = 0; i < a_count; i++) {
		ck_assert_str_eq(a[i].name, b[i].name);
		ck_assert_int_eq(a[i].kind, b[i].kind);
		ck_assert_int_eq(a[i].keep, b[i].keep);
		ck_assert_int_eq(a[i].lora, b[i].lora);
		ck_assert_double_eq(a[i].strength, b[i].strength);
		ck_assert_int_eq(a[i].preview, b[i].preview);
	}
}

static const char *target_of(const struct flow_step *step, const struct flow *flow)
{
	if (step->action.name)
		return step->action.name;
	return step->index < flow->model_count ? flow->models[step->index].name : "";
}

/* Tags tell prompts apart for people only. A model may be named, or numbered: by the models of `among`. */
static void same_steps(const struct flow *a, const struct flow *b, const struct flow *among)
{
	ck_assert_uint_eq(a->step_count, b->step_count);
	for (size_t i = 0; i < a->step_count; i++) {
		const struct flow_step *left = &a->steps[i];
		const struct flow_step *right = &b->steps[i];

		ck_assert_int_eq(left->action.kind, right->action.kind);
		ck_assert_int_eq(left->unload_models, right->unload_models);
		ck_assert_int_eq(left->free_memory, right->free_memory);
		ck_assert_int_eq(left->release_kept, right->release_kept);
		ck_assert_uint_eq(left->action.number, right->action.number);
		ck_assert_str_eq(target_of(left, among), target_of(right, among));
		same_models(left->models, left->model_count, right->models, right->model_count);
	}
}

START_TEST(what_is_written_is_read_again_the_same)
{
	struct flow_set set = { .flows = NULL };
	struct error e = ERROR_INIT;

	ck_assert_ok(flow_set_add_builtin(&set, &e), &e);
	for (size_t i = 0; i < set.count; i++) {
		char *text = flow_to_text(set.flows[i], &e);
		struct flow *again;
		char *twice;

		ck_assert_ok(text != NULL, &e);
		again = parse(text);
		same_steps(set.flows[i], again, set.flows[i]);
		same_models(set.flows[i]->models, set.flows[i]->model_count, again->models, again->model_count);
		twice = flow_to_text(again, &e);
		ck_assert_str_eq(text, twice);
		free(twice);
		free(text);
		flow_free(again);
	}
	flow_set_free(&set);
}
END_TEST

START_TEST(seeds_of_all_64_bits_are_written_and_read_again)
{
	static const uint64_t seeds[] = { INT64_MAX, UINT64_C(1) << 63, UINT64_MAX };
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		const struct flow_step step = { .action = { .kind = ACTION_PROMPT_CHANGED, .number = seeds[i] } };
		const struct flow flow = {
			.name = "s", .setting = { .has_seed = true, .seed = seeds[i] }, .steps = &step, .step_count = 1
		};
		char *text = flow_to_text(&flow, &e);
		struct flow *again;

		ck_assert_ok(text != NULL, &e);
		again = parse(text);
		ck_assert_uint_eq(again->setting.seed, seeds[i]);
		ck_assert_uint_eq(again->steps[0].action.number, seeds[i]);
		flow_free(again);
		free(text);
	}
}
END_TEST

START_TEST(a_matrix_workflow_carries_the_whole_seed)
{
	const struct matrix_model model = { .name = "A", .kind = MODEL_UNET };
	json_t *workflow = matrix_workflow(&model, 1, "cpu", UINT64_MAX, NULL);
	char *text = workflow ? json_text(workflow, JSON_COMPACT) : NULL;

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strstr(text, "\"seed\":18446744073709551615,"));
	free(text);
	json_decref(workflow);
}
END_TEST

START_TEST(every_measured_case_is_a_built_in_flow_on_a_built_in_matrix)
{
	struct flow_set set = { .flows = NULL };
	struct error e = ERROR_INIT;
	json_t *specs = json_parse_file("tests/data/retention/specs.json", &e);

	ck_assert_ok(specs != NULL, &e);
	ck_assert_ok(flow_set_add_builtin(&set, &e), &e);
	for (size_t i = 0; i < json_array_size(specs); i++) {
		struct flow *spec = flow_from_json(json_array_get(specs, i), "specs.json", &e);
		const struct flow *flow;
		const struct matrix *matrix;

		ck_assert_ok(spec != NULL, &e);
		flow = flow_set_find(&set, spec->name);
		matrix = matrix_find(spec->matrix);
		ck_assert_msg(flow && matrix, "case %zu", i + 1);
		same_steps(flow, spec, spec);
		ck_assert_uint_eq(matrix->model_count, spec->model_count);
		flow_free(spec);
	}
	json_decref(specs);
	flow_set_free(&set);
}
END_TEST

START_TEST(every_built_in_flow_says_what_it_shows)
{
	struct flow_set set = { .flows = NULL };
	struct error e = ERROR_INIT;

	ck_assert_ok(flow_set_add_builtin(&set, &e), &e);
	for (size_t i = 0; i < set.count; i++) {
		ck_assert_msg(set.flows[i]->summary[0] && set.flows[i]->help[0], "%s", set.flows[i]->name);
		ck_assert_ptr_eq(flow_set_find(&set, set.flows[i]->name), set.flows[i]);
	}
	for (size_t i = 0; flows_by_default[i]; i++)
		ck_assert_ptr_nonnull(flow_set_find(&set, flows_by_default[i]));
	flow_set_free(&set);
}
END_TEST

START_TEST(a_saved_scenario_replays_and_a_lost_model_is_exit_code_1)
{
	char *out;

	ck_assert_int_eq(
		harness_residency("replay other-workflow --matrix abc --subject engine:stock --store none", &out, NULL), 1);
	ck_assert_ptr_nonnull(strstr(out, "B lost"));
	free(out);
	ck_assert_int_eq(harness_residency("replay other-workflow --matrix abc --store none", &out, NULL), 0);
	ck_assert_ptr_nonnull(strstr(out, "B kept"));
	free(out);
}
END_TEST

START_TEST(every_action_is_shown_by_a_built_in_flow)
{
	struct flow_set set = { .flows = NULL };
	bool used[ACTION_KIND_COUNT] = { false };
	struct error e = ERROR_INIT;

	ck_assert_ok(flow_set_add_builtin(&set, &e), &e);
	for (size_t i = 0; i < set.count; i++) {
		for (size_t j = 0; j < set.flows[i]->step_count; j++)
			used[set.flows[i]->steps[j].action.kind] = true;
	}
	for (unsigned action = 0; action < ACTION_KIND_COUNT; action++)
		ck_assert_msg(used[action], "%s", action_word((enum action_kind)action));
	flow_set_free(&set);
}
END_TEST

START_TEST(a_file_that_says_all_needs_no_option)
{
	static const char text[] = "{\"policy\": \"delegate\", \"cache\": \"none\", \"device_mode\": \"same\","
				   "\"models\": [{\"name\": \"B\", \"kind\": \"clip\", \"keep\": true}],"
				   "\"actions\": [[\"prompt\"]]}";
	char *folder = harness_make_folder();
	char arguments[512];
	struct error e = ERROR_INIT;
	char *out;

	snprintf(arguments, sizeof(arguments), "%s/saved.json", folder);
	ck_assert_ok(file_write_whole(arguments, text, sizeof(text) - 1, &e), &e);
	snprintf(arguments, sizeof(arguments), "replay %s/saved.json --store none", folder);
	ck_assert_int_eq(harness_residency(arguments, &out, NULL), 1);
	ck_assert_ptr_nonnull(strstr(out, "saved on engine:delegate, matrix own, cache none, device mode same"));
	free(out);
	snprintf(arguments, sizeof(arguments), "replay %s/saved.json --store none --subject engine:strict", folder);
	ck_assert_int_eq(harness_residency(arguments, &out, NULL), 0);
	free(out);
	snprintf(arguments, sizeof(arguments), "matrix --flows %s/saved.json --policies strict --store none", folder);
	ck_assert_int_eq(harness_residency(arguments, &out, NULL), 0);
	ck_assert_ptr_nonnull(strstr(out, "1 cells: 1 passed"));
	free(out);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(pairs_that_cannot_be_are_left_out_and_said_once)
{
	char *out;
	char *err;

	ck_assert_int_eq(
		harness_residency("matrix --policies strict --matrices clone,de --flows second-model-held --store none", &out,
				  &err),
		0);
	ck_assert_ptr_nonnull(strstr(out, "1 cells"));
	ck_assert_ptr_nonnull(strstr(err, "flow second-model-held on matrix clone"));
	free(out);
	free(err);
}
END_TEST

START_TEST(a_file_of_several_flows_runs_each_with_its_own_models_and_node_flags)
{
	static const char text[] =
		"[{\"flow\":\"F1\",\"matrix\":\"M2\",\"models\":[{\"name\":\"D\",\"kind\":\"unet\",\"keep\":true}],"
		"\"actions\":[[\"prompt\"]]},"
		"{\"flow\":\"F2\",\"matrix\":\"M2\",\"models\":[{\"name\":\"D\",\"kind\":\"unet\",\"keep\":true}],"
		"\"actions\":[[\"prompt\"]],\"suppress_node_flags\":true}]";
	char *folder = harness_make_folder();
	struct error e = ERROR_INIT;
	char arguments[512];
	char *out;

	snprintf(arguments, sizeof(arguments), "%s/list.json", folder);
	ck_assert_ok(file_write_whole(arguments, text, sizeof(text) - 1, &e), &e);
	snprintf(arguments, sizeof(arguments), "matrix --flows %s/list.json --policies strict --store none --json", folder);
	ck_assert_int_eq(harness_residency(arguments, &out, NULL), 0);
	ck_assert_ptr_nonnull(strstr(out, "\"matrix\":\"de\",\"flow\":\"F1\",\"cache\":\"classic\",\"device_mode\":"
					  "\"split\",\"node_flags\":\"real\""));
	ck_assert_ptr_nonnull(strstr(out, "\"matrix\":\"de\",\"flow\":\"F2\",\"cache\":\"classic\",\"device_mode\":"
					  "\"split\",\"node_flags\":\"suppressed\""));
	free(out);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(what_is_wrong_in_a_list_of_flows_is_named_with_its_number)
{
	struct flow_set set = { .flows = NULL };
	struct error e = ERROR_INIT;
	static const char text[] = " [{\"name\":\"x\",\"actions\":[[\"prompt\"]]},{\"name\":\"y\"}]";

	ck_assert(!flow_set_read(&set, text, sizeof(text) - 1, "two.json", &e));
	ck_assert_msg(strstr(e.text, "two.json: flow 2"), "%s", e.text);
	flow_set_free(&set);
	error_clear(&e);
	ck_assert(!flow_set_read(&set, "[]", 2, "none.json", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "none.json: the list of flows is empty"));
	flow_set_free(&set);
}
END_TEST

HARNESS_SUITE(flow_file_suite)
{
	Suite *suite = suite_create("flow files");
	TCase *tests = tcase_create("flow files");

	tcase_add_test(tests, a_flow_without_a_name_is_called_as_its_file);
	tcase_add_test(tests, a_scenario_says_where_it_runs);
	tcase_add_test(tests, what_is_wrong_is_named_with_its_place);
	tcase_add_test(tests, what_is_written_is_read_again_the_same);
	tcase_add_test(tests, seeds_of_all_64_bits_are_written_and_read_again);
	tcase_add_test(tests, a_matrix_workflow_carries_the_whole_seed);
	tcase_add_test(tests, every_measured_case_is_a_built_in_flow_on_a_built_in_matrix);
	tcase_add_test(tests, every_built_in_flow_says_what_it_shows);
	tcase_add_test(tests, a_saved_scenario_replays_and_a_lost_model_is_exit_code_1);
	tcase_add_test(tests, every_action_is_shown_by_a_built_in_flow);
	tcase_add_test(tests, a_file_that_says_all_needs_no_option);
	tcase_add_test(tests, pairs_that_cannot_be_are_left_out_and_said_once);
	tcase_add_test(tests, a_file_of_several_flows_runs_each_with_its_own_models_and_node_flags);
	tcase_add_test(tests, what_is_wrong_in_a_list_of_flows_is_named_with_its_number);
	suite_add_tcase(suite, tests);
	return suite;
}
