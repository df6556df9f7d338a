#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/device/topology/topology.h"
#include "tests/device/fixture.h"
#include "tests/harness/harness.h"

static struct topology *parse(const char *text, struct error *e)
{
	char *json = fixture_json(text);
	struct topology *topology = topology_parse(json, strlen(json), "x.json", e);

	free(json);
	return topology;
}

/* The text is refused, as malformed, in words that say these two things. */
static void assert_refused(const char *text, const char *place, const char *what)
{
	struct error e = ERROR_INIT;
	struct topology *topology = parse(text, &e);

	ck_assert_ptr_null(topology);
	ck_assert_int_eq(e.kind, ERROR_FORMAT);
	ck_assert_msg(strstr(e.text, place), "no \"%s\" in: %s", place, e.text);
	ck_assert_msg(strstr(e.text, what), "no \"%s\" in: %s", what, e.text);
}

#define CPU "{'name':'cpu','capacity_bytes':1000}"
#define GPU "{'name':'cuda:0','capacity_bytes':1000}"
#define HEAD "{'schema':1,'name':'x','devices':[" CPU "," GPU "]"

START_TEST(every_kind_of_device_has_a_name_that_is_understood)
{
	static const char *const names[] = { "cpu", "cuda:0", "xpu:1", "npu:12", "mlu:3", "mps", "directml:0", "corex:7" };
	static const unsigned indexes[] = { 0, 0, 1, 12, 3, 0, 0, 7 };

	for (unsigned i = 0; i < DEVICE_KIND_COUNT; i++) {
		enum device_kind kind;
		unsigned index;

		ck_assert(device_name_parse(names[i], &kind, &index));
		ck_assert_uint_eq(kind, i);
		ck_assert_uint_eq(index, indexes[i]);
		ck_assert_int_eq(strncmp(names[i], device_kind_name(kind), strlen(device_kind_name(kind))), 0);
	}
}
END_TEST

START_TEST(what_is_no_device_name_is_not_taken_for_one)
{
	static const char *const names[] = { "",      "cuda",  "cuda:",	 "cuda:01", "cuda:-1",		"cuda:1x",
					     "cpu:0", "mps:0", "CUDA:0", "tpu:0",   "cuda:99999999999", "cuda: 1" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum device_kind kind;
		unsigned index;

		ck_assert_msg(!device_name_parse(names[i], &kind, &index), "%s", names[i]);
	}
}
END_TEST

START_TEST(devices_stand_in_the_order_of_ComfyUI_MultiGPU_whatever_the_file_says)
{
	struct error e = ERROR_INIT;
	struct topology *topology = parse("{'schema':1,'name':'x','devices':[{'name':'mps','capacity_bytes':1},"
					  "{'name':'cuda:10','capacity_bytes':1},{'name':'cuda:9','capacity_bytes':1},"
					  "{'name':'cpu','capacity_bytes':1},{'name':'xpu:0','capacity_bytes':1}]}",
					  &e);

	ck_assert_ok(topology, &e);
	ck_assert_str_eq(topology->devices[0].name, "cpu");
	ck_assert_str_eq(topology->devices[1].name, "cuda:9");
	ck_assert_str_eq(topology->devices[2].name, "cuda:10");
	ck_assert_str_eq(topology->devices[3].name, "xpu:0");
	ck_assert_str_eq(topology->devices[4].name, "mps");
	topology_free(topology);
}
END_TEST

START_TEST(a_link_may_be_fast_there_and_slow_back)
{
	struct error e = ERROR_INIT;
	struct topology *topology = parse(HEAD ",'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':2e9},"
					       "{'from':'cuda:0','to':'cpu','bandwidth_bytes_per_s':1e9}]}",
					  &e);

	ck_assert_ok(topology, &e);
	ck_assert_double_eq(topology_link(topology, 0, 1)->bandwidth_bytes_per_s, 2e9);
	ck_assert_double_eq(topology_link(topology, 1, 0)->bandwidth_bytes_per_s, 1e9);
	topology_free(topology);
}
END_TEST

START_TEST(what_a_file_does_not_say_is_unknown_and_not_zero)
{
	struct error e = ERROR_INIT;
	struct topology *topology = parse(HEAD ",'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':2e9}]}", &e);

	ck_assert_ok(topology, &e);
	ck_assert(isnan(topology->devices[0].flops_per_s));
	ck_assert(isnan(topology->devices[0].memory_bytes_per_s));
	ck_assert(isnan(topology->links[0].efficiency));
	ck_assert_int_eq(topology->links[0].group, -1);
	topology_free(topology);
}
END_TEST

START_TEST(a_copy_of_nothing_still_costs_the_latency)
{
	struct link_description link = { .bandwidth_bytes_per_s = 1e9, .efficiency = NAN, .latency_ns = 700 };

	ck_assert_uint_eq(topology_link_copy_ns(&link, 0), 700);
}
END_TEST

START_TEST(efficiency_is_what_a_caller_gets_of_the_bandwidth)
{
	struct link_description link = { .bandwidth_bytes_per_s = 2e9, .efficiency = 0.5, .latency_ns = 10 };

	ck_assert_uint_eq(topology_link_copy_ns(&link, 1000), 1010);
}
END_TEST

START_TEST(a_part_of_a_nanosecond_counts_as_one)
{
	struct link_description link = { .bandwidth_bytes_per_s = 3e9, .efficiency = NAN, .latency_ns = 0 };

	ck_assert_uint_eq(topology_link_copy_ns(&link, 1), 1);
	ck_assert_uint_eq(topology_link_copy_ns(&link, 4), 2);
}
END_TEST

START_TEST(the_largest_copy_on_the_slowest_link_takes_long_and_does_not_wrap)
{
	struct link_description link = { .bandwidth_bytes_per_s = 1e-300, .efficiency = NAN, .latency_ns = UINT64_MAX };

	ck_assert_uint_gt(topology_link_copy_ns(&link, UINT64_MAX), 100 * 365 * UINT64_C(86400) * NS_PER_S);
}
END_TEST

START_TEST(a_topology_written_and_read_again_is_the_same)
{
	static const char text[] = "{'schema':1,'name':'x','title':'t','devices':[" CPU ",{'name':'cuda:0','capacity_bytes':7,"
				   "'flops_per_s':5.5e12,'memory_bytes_per_s':1e11}],'links':[{'from':'cpu','to':'cuda:0',"
				   "'bandwidth_bytes_per_s':2.72e10,'efficiency':0.64,'latency_ns':9000,'group':'root'}],"
				   "'groups':[{'name':'root','bandwidth_bytes_per_s':2.5e10}]}";
	struct error e = ERROR_INIT;
	struct topology *topology = parse(text, &e);
	char *quoted = fixture_json(text);
	json_t *written;
	json_t *wanted;

	ck_assert_ok(topology, &e);
	written = topology_to_json(topology);
	wanted = json_loads(quoted, 0, NULL);
	ck_assert_ptr_nonnull(wanted);
	ck_assert(json_equal(written, wanted));
	json_decref(wanted);
	json_decref(written);
	free(quoted);
	topology_free(topology);
}
END_TEST

START_TEST(cards_without_a_link_of_their_own_reach_each_other_through_cpu)
{
	struct error e = ERROR_INIT;
	struct topology *topology =
		parse("{'schema':1,'name':'x','devices':[" CPU "," GPU ",{'name':'cuda:1','capacity_bytes':1}],'links':["
		      "{'from':'cuda:0','to':'cpu','bandwidth_bytes_per_s':1e9},"
		      "{'from':'cpu','to':'cuda:1','bandwidth_bytes_per_s':1e9}]}",
		      &e);
	const struct link_description *route[2];

	ck_assert_ok(topology, &e);
	ck_assert_uint_eq(topology_route(topology, 1, 2, route), 2);
	ck_assert_ptr_eq(route[0], &topology->links[0]);
	ck_assert_ptr_eq(route[1], &topology->links[1]);
	ck_assert_uint_eq(topology_route(topology, 2, 1, route), 0);
	topology_free(topology);
}
END_TEST

static const struct {
	const char *text, *place, *what;
} malformed[] = {
	{ "[]", "x.json", "a list" },
	{ "{'schema':2,'name':'x','devices':[" CPU "]}", "x.json", "schema 2" },
	{ "{'schema':1,'devices':[" CPU "]}", "x.json", "\"name\" is missing" },
	{ "{'schema':1,'name':'x','devices':[]}", "x.json", "no device \"cpu\"" },
	{ "{'schema':1,'name':'x','devices':[" GPU "]}", "x.json", "no device \"cpu\"" },
	{ "{'schema':1,'name':'x','devices':[" CPU "," CPU "]}", "devices[1]", "there twice" },
	{ "{'schema':1,'name':'x','devices':[" CPU ",{'name':'gpu:0','capacity_bytes':1}]}", "devices[1]", "no device name" },
	{ "{'schema':1,'name':'x','devices':[" CPU ",{'name':'','capacity_bytes':1}]}", "devices[1]", "1 to 31 characters" },
	{ "{'schema':1,'name':'x','devices':[" CPU ",7]}", "devices[1]", "\"name\" is missing" },
	{ "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':-5}]}", "devices[0]", "-5" },
	{ "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':1.5}]}", "devices[0]", "an integer" },
	{ "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_bytes':5,'flops_per_s':0}]}", "devices[0]",
	  "greater than 0" },
	{ "{'schema':1,'name':'x','devices':[{'name':'cpu','capacity_byte':5}]}", "devices[0]", "no \"capacity_byte\" here" },
	{ HEAD ",'links':[{'from':'cpu','to':'cuda:7','bandwidth_bytes_per_s':1e9}]}", "links[0]", "\"cuda:7\"" },
	{ HEAD ",'links':[{'from':'cpu','to':'cpu','bandwidth_bytes_per_s':1e9}]}", "links[0]", "both \"cpu\"" },
	{ HEAD ",'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':-1}]}", "links[0]", "greater than 0" },
	{ HEAD ",'links':[{'from':'cpu','to':'cuda:0'}]}", "links[0]", "\"bandwidth_bytes_per_s\" is missing" },
	{ HEAD ",'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1,'efficiency':1.5}]}", "links[0]", "at most 1" },
	{ HEAD ",'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1,'latency_ns':-1}]}", "links[0]", "negative" },
	{ HEAD ",'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1,'group':'root'}]}", "links[0]", "\"root\"" },
	{ HEAD ",'links':[{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1},"
	       "{'from':'cpu','to':'cuda:0','bandwidth_bytes_per_s':1}]}",
	  "links[1]", "there twice" },
	{ HEAD ",'links':{}}", "x.json", "an object" },
	{ HEAD ",'groups':[{'name':'a','bandwidth_bytes_per_s':1},{'name':'a','bandwidth_bytes_per_s':1}]}", "groups[1]",
	  "there twice" },
	{ HEAD ",'groups':[{'name':'a','bandwidth_bytes_per_s':0}]}", "groups[0]", "greater than 0" },
};

START_TEST(a_malformed_topology_is_refused_with_the_place_and_the_reason)
{
	assert_refused(malformed[_i].text, malformed[_i].place, malformed[_i].what);
}
END_TEST

START_TEST(a_topology_of_more_devices_than_the_limit_is_refused)
{
	char text[4096] = "{'schema':1,'name':'x','devices':[" CPU;

	for (int i = 0; i < DEVICE_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",{'name':'cuda:%d','capacity_bytes':1}", i);
	strcat(text, "]}");
	assert_refused(text, "x.json", "at most 32");
}
END_TEST

HARNESS_SUITE(topology_suite)
{
	Suite *suite = suite_create("topology");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, every_kind_of_device_has_a_name_that_is_understood);
	tcase_add_test(tests, what_is_no_device_name_is_not_taken_for_one);
	tcase_add_test(tests, devices_stand_in_the_order_of_ComfyUI_MultiGPU_whatever_the_file_says);
	tcase_add_test(tests, a_link_may_be_fast_there_and_slow_back);
	tcase_add_test(tests, what_a_file_does_not_say_is_unknown_and_not_zero);
	tcase_add_test(tests, a_copy_of_nothing_still_costs_the_latency);
	tcase_add_test(tests, efficiency_is_what_a_caller_gets_of_the_bandwidth);
	tcase_add_test(tests, a_part_of_a_nanosecond_counts_as_one);
	tcase_add_test(tests, the_largest_copy_on_the_slowest_link_takes_long_and_does_not_wrap);
	tcase_add_test(tests, a_topology_written_and_read_again_is_the_same);
	tcase_add_test(tests, cards_without_a_link_of_their_own_reach_each_other_through_cpu);
	tcase_add_loop_test(tests, a_malformed_topology_is_refused_with_the_place_and_the_reason, 0,
			    (int)(sizeof(malformed) / sizeof(malformed[0])));
	tcase_add_test(tests, a_topology_of_more_devices_than_the_limit_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}
