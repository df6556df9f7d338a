/* What a prompt is refused for, and that the message names the node. */
#include <string.h>

#include "core/base/json.h"
#include "core/workflow/graph/graph.h"
#include "tests/harness/harness.h"

#define LATENT(id, width)                                                                                                      \
	"\"" id "\":{\"class_type\":\"EmptySD3LatentImage\",\"inputs\":{\"width\":" width ",\"height\":64,\"batch_size\":1}}"
#define VAE(id) "\"" id "\":{\"class_type\":\"VAELoader\",\"inputs\":{\"vae_name\":\"ae-small.safetensors\"}}"
#define DECODE(id, samples, vae)                                                                                               \
	"\"" id "\":{\"class_type\":\"VAEDecode\",\"inputs\":{\"samples\":" samples ",\"vae\":" vae "}}"
#define SAVE(id, images)                                                                                                       \
	"\"" id "\":{\"class_type\":\"SaveImage\",\"inputs\":{\"images\":" images ",\"filename_prefix\":\"x\"}}"
#define WHOLE "{" LATENT("1", "64") "," VAE("2") "," DECODE("3", "[\"1\",0]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}"

static struct graph *read_graph(const char *text, struct error *e)
{
	json_t *prompt = json_parse(text, strlen(text), "test", true, e);
	struct graph *graph = prompt ? graph_new(prompt, "test", e) : NULL;

	json_decref(prompt);
	return graph;
}

static void assert_refused(const char *text, const char *words)
{
	struct error e = ERROR_INIT;
	struct graph *graph = read_graph(text, &e);

	ck_assert_ptr_null(graph);
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_msg(strstr(e.text, words), "\"%s\" does not say \"%s\"", e.text, words);
}

START_TEST(a_whole_prompt_is_read_in_the_order_written)
{
	struct error e = ERROR_INIT;
	struct graph *graph = read_graph(WHOLE, &e);

	ck_assert_ok(graph, &e);
	ck_assert_uint_eq(graph->node_count, 4);
	ck_assert_str_eq(graph->nodes[2].id, "3");
	ck_assert_uint_eq(graph->output_count, 1);
	ck_assert_uint_eq(graph->link_count, 3);
	graph_free(graph);
}
END_TEST

START_TEST(slot_minus_one_is_the_last)
{
	struct error e = ERROR_INIT;
	struct graph *graph = read_graph(
		"{" LATENT("1", "64") "," VAE("2") "," DECODE("3", "[\"1\",-1]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		&e);

	ck_assert_ok(graph, &e);
	ck_assert_int_eq(graph_slot(graph, &graph->nodes[2].inputs[0]), 0);
	graph_free(graph);
}
END_TEST

START_TEST(a_slot_that_the_source_lacks_is_refused_with_both_nodes)
{
	assert_refused(
		"{" LATENT("1", "64") "," VAE("2") "," DECODE("3", "[\"1\",4]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		"node 3 (VAEDecode): input samples is linked to output 4 of node 1");
}
END_TEST

START_TEST(a_slot_that_no_integer_holds_is_refused)
{
	assert_refused(
		"{" LATENT("1", "64") "," VAE("2") "," DECODE("3", "[\"1\",1e28]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		"input samples is linked to output");
}
END_TEST

START_TEST(a_number_that_no_integer_holds_is_out_of_range)
{
	assert_refused(
		"{" LATENT("1", "1e300") "," VAE("2") "," DECODE("3", "[\"1\",0]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		"node 1 (EmptySD3LatentImage): input width is 1e+300; it may be");
}
END_TEST

START_TEST(an_unknown_class_is_named)
{
	assert_refused("{\"7\":{\"class_type\":\"FluxCapacitor\",\"inputs\":{}}}",
		       "node 7: there is no node class \"FluxCapacitor\"");
}
END_TEST

START_TEST(a_link_to_nowhere_names_both_ends)
{
	assert_refused("{" VAE("2") "," DECODE("3", "[\"9\",0]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		       "node 3 (VAEDecode): input samples is linked to node 9, which is not there");
}
END_TEST

START_TEST(a_link_of_the_wrong_type_is_refused)
{
	assert_refused(
		"{" LATENT("1", "64") "," VAE("2") "," DECODE("3", "[\"2\",0]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		"input samples takes LATENT; node 2 (VAELoader) gives VAE");
}
END_TEST

START_TEST(a_missing_input_is_named)
{
	assert_refused("{" LATENT("1", "64") ",\"3\":{\"class_type\":\"VAEDecode\",\"inputs\":{\"samples\":[\"1\",0]}}," SAVE(
			       "4", "[\"3\",0]") "}",
		       "node 3 (VAEDecode): input vae is missing");
}
END_TEST

START_TEST(a_cycle_names_a_node_on_it)
{
	assert_refused("{\"1\":{\"class_type\":\"ModelSamplingFlux\",\"inputs\":{\"model\":[\"2\",0],\"max_shift\":1.15,"
		       "\"base_shift\":0.5,\"width\":64,\"height\":64}},"
		       "\"2\":{\"class_type\":\"ModelSamplingFlux\",\"inputs\":{\"model\":[\"1\",0],\"max_shift\":1.15,"
		       "\"base_shift\":0.5,\"width\":64,\"height\":64}}}",
		       "closes a cycle through node");
}
END_TEST

START_TEST(a_prompt_without_an_output_would_run_nothing)
{
	assert_refused("{" LATENT("1", "64") "}", "no node is an output");
}
END_TEST

START_TEST(a_workflow_in_ui_format_is_told_apart)
{
	assert_refused("{\"nodes\":[],\"links\":[]}", "UI format");
}
END_TEST

START_TEST(what_is_no_object_is_no_prompt)
{
	assert_refused("[1,2]", "a workflow in API format is an object of nodes");
}
END_TEST

#define CONSTANT(seed)                                                                                                         \
	"{\"1\":{\"class_type\":\"ResidencyConstantLatent\",\"inputs\":{\"seed\":" seed                                        \
	"}}," VAE("2") "," DECODE("3", "[\"1\",0]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}"

static void assert_seed(const char *text, uint64_t wanted)
{
	struct error e = ERROR_INIT;
	struct graph *graph = read_graph(text, &e);
	const struct value *value;

	ck_assert_ok(graph, &e);
	value = &graph->nodes[0].inputs[0].value;
	ck_assert_int_eq(value->kind, VALUE_SEED);
	ck_assert_uint_eq(value->seed, wanted);
	graph_free(graph);
}

START_TEST(a_seed_is_any_unsigned_integer_of_64_bits)
{
	assert_seed(CONSTANT("0"), 0);
	assert_seed(CONSTANT("9223372036854775807"), INT64_MAX);
	assert_seed(CONSTANT("9223372036854775808"), UINT64_C(1) << 63);
	assert_seed(CONSTANT("18446744073709551615"), UINT64_MAX);
}
END_TEST

START_TEST(a_seed_that_is_a_real_is_cut_towards_zero)
{
	assert_seed(CONSTANT("5.7"), 5);
	assert_seed(CONSTANT("-0.5"), 0);
	assert_seed(CONSTANT("1e19"), UINT64_C(10000000000000000000));
	assert_seed(CONSTANT("true"), 1);
}
END_TEST

START_TEST(a_seed_outside_the_unsigned_range_is_refused)
{
	assert_refused(CONSTANT("18446744073709551616"),
		       "input seed is 1.8446744073709552e+19; a seed is 0 to 184467440737095516");
	assert_refused(CONSTANT("18446744073709552000"), "a seed is 0 to 18446744073709551615");
	assert_refused(CONSTANT("-1"), "input seed is -1; a seed is 0 to 18446744073709551615");
	assert_refused(CONSTANT("\"x\""), "input seed is a string, which cannot be used as a seed");
}
END_TEST

START_TEST(a_wide_integer_elsewhere_is_out_of_range_or_no_text)
{
	assert_refused("{" LATENT("1", "18446744073709551615") "," VAE("2") "," DECODE("3", "[\"1\",0]", "[\"2\",0]") "," SAVE(
			       "4", "[\"3\",0]") "}",
		       "input width is 1.84467e+19; it may be");
	assert_refused("{" LATENT("1", "64") "," VAE("2") "," DECODE("3", "[\"1\",18446744073709551615]",
								     "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		       "input samples is linked to output 9223372036854775807");
	assert_refused("{\"2\":{\"class_type\":\"VAELoader\",\"inputs\":{\"vae_name\":18446744073709551615}}," LATENT(
			       "1", "64") "," DECODE("3", "[\"1\",0]", "[\"2\",0]") "," SAVE("4", "[\"3\",0]") "}",
		       "input vae_name is an integer, which cannot be used as text");
}
END_TEST

HARNESS_SUITE(graph_suite)
{
	Suite *suite = suite_create("graph");
	TCase *tests = tcase_create("graph");

	tcase_add_test(tests, a_whole_prompt_is_read_in_the_order_written);
	tcase_add_test(tests, slot_minus_one_is_the_last);
	tcase_add_test(tests, a_slot_that_the_source_lacks_is_refused_with_both_nodes);
	tcase_add_test(tests, a_slot_that_no_integer_holds_is_refused);
	tcase_add_test(tests, a_number_that_no_integer_holds_is_out_of_range);
	tcase_add_test(tests, an_unknown_class_is_named);
	tcase_add_test(tests, a_link_to_nowhere_names_both_ends);
	tcase_add_test(tests, a_link_of_the_wrong_type_is_refused);
	tcase_add_test(tests, a_missing_input_is_named);
	tcase_add_test(tests, a_cycle_names_a_node_on_it);
	tcase_add_test(tests, a_prompt_without_an_output_would_run_nothing);
	tcase_add_test(tests, a_workflow_in_ui_format_is_told_apart);
	tcase_add_test(tests, what_is_no_object_is_no_prompt);
	tcase_add_test(tests, a_seed_is_any_unsigned_integer_of_64_bits);
	tcase_add_test(tests, a_seed_that_is_a_real_is_cut_towards_zero);
	tcase_add_test(tests, a_seed_outside_the_unsigned_range_is_refused);
	tcase_add_test(tests, a_wide_integer_elsewhere_is_out_of_range_or_no_text);
	suite_add_tcase(suite, tests);
	return suite;
}
