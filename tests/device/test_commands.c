#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/harness/harness.h"

/* Runs the program and gives what it printed as JSON. */
static json_t *run_json(const char *arguments, int wanted_exit_code)
{
	json_error_t fault;
	json_t *value;
	char *output;
	char *errors;
	int exit_code = harness_residency(arguments, &output, &errors);

	ck_assert_msg(exit_code == wanted_exit_code, "exit code %d: %s", exit_code, errors);
	value = json_loads(output, 0, &fault);
	ck_assert_msg(value, "%s: %s", fault.text, output);
	free(output);
	free(errors);
	return value;
}

/* Runs the program, which must end with this code and say this. */
static void assert_fails(const char *arguments, int wanted_exit_code, const char *said)
{
	char *output;
	char *errors;

	ck_assert_int_eq(harness_residency(arguments, &output, &errors), wanted_exit_code);
	ck_assert_msg(strstr(errors, said), "no \"%s\" in: %s", said, errors);
	free(output);
	free(errors);
}

START_TEST(devices_lists_every_backend_and_every_builtin_topology)
{
	json_t *value = run_json("devices --json", 0);

	ck_assert_int_eq(json_integer_value(json_object_get(value, "schema")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(value, "backends")), 2);
	ck_assert_uint_ge(json_array_size(json_object_get(value, "topologies")), 9);
	json_decref(value);
}
END_TEST

START_TEST(a_file_of_the_user_comes_before_what_is_built_in)
{
	static const char text[] = "{\"schema\":1,\"name\":\"mine\",\"devices\":[{\"name\":\"cpu\",\"capacity_bytes\":5}]}";
	char *folder = harness_make_folder();
	struct strbuf arguments = STRBUF_INIT;
	struct strbuf path = STRBUF_INIT;
	struct error e = ERROR_INIT;
	json_t *value;
	json_t *topology;

	strbuf_printf(&path, "%s/mixed", folder);
	ck_assert_ok(file_write_whole(strbuf_text(&path), text, sizeof(text) - 1, &e), &e);
	strbuf_printf(&arguments, "devices --json %s", strbuf_text(&path));
	value = run_json(strbuf_text(&arguments), 0);
	topology = json_array_get(json_object_get(value, "topologies"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(topology, "name")), "mine");
	json_decref(value);
	strbuf_free(&arguments);
	strbuf_free(&path);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(an_unknown_topology_is_answered_with_what_there_is)
{
	assert_fails("devices 3x3090", 7, "2x3090-nvlink");
}
END_TEST

START_TEST(a_backend_that_this_build_lacks_is_answered_with_what_there_is)
{
	assert_fails("devices --backend cuda", 4, "host, sim");
}
END_TEST

START_TEST(a_malformed_topology_file_is_refused_with_its_place)
{
	char *folder = harness_make_folder();
	struct strbuf arguments = STRBUF_INIT;
	struct strbuf path = STRBUF_INIT;
	struct error e = ERROR_INIT;

	strbuf_printf(&path, "%s/t.json", folder);
	ck_assert_ok(file_write_whole(strbuf_text(&path), "{\"schema\":1,\n\"name\":", 20, &e), &e);
	strbuf_printf(&arguments, "devices %s", strbuf_text(&path));
	assert_fails(strbuf_text(&arguments), 7, "line 2");
	strbuf_free(&arguments);
	strbuf_free(&path);
	harness_remove_folder(folder);
}
END_TEST

static const char *doctor_state(const json_t *report, const char *name)
{
	json_t *checks = json_object_get(report, "checks");

	for (size_t i = 0; i < json_array_size(checks); i++) {
		const json_t *check = json_array_get(checks, i);

		if (strcmp(json_string_value(json_object_get(check, "name")), name) == 0)
			return json_string_value(json_object_get(check, "state"));
	}
	return "not looked at";
}

START_TEST(doctor_says_fine_where_all_is_there)
{
	json_t *report = run_json("doctor --json --store none", 0);

	ck_assert_str_eq(doctor_state(report, "OpenBLAS"), "fine");
	ck_assert_str_eq(doctor_state(report, "SQLite"), "fine");
	json_decref(report);
}
END_TEST

START_TEST(doctor_tells_of_a_store_that_cannot_be_written_and_still_ends_well)
{
	json_t *report = run_json("doctor --json --store /proc/no/such/folder/x.db", 0);

	ck_assert_str_eq(doctor_state(report, "store"), "missing");
	json_decref(report);
}
END_TEST

START_TEST(bench_links_of_sim_prints_what_the_topology_says)
{
	json_t *value = run_json("bench links --json --store none --topology mixed --repeats 1", 0);
	json_t *bench = json_array_get(json_object_get(value, "benches"), 0);
	json_t *link = json_array_get(json_object_get(bench, "links"), 0);

	ck_assert_str_eq(json_string_value(json_object_get(bench, "topology")), "mixed");
	ck_assert_double_eq_tol(json_real_value(json_object_get(link, "bandwidth_bytes_per_s")), 27.2e9 * 0.64, 1e8);
	json_decref(value);
}
END_TEST

START_TEST(bench_without_a_name_says_what_there_is)
{
	assert_fails("bench", 2, "links");
	assert_fails("bench lynx", 2, "links");
}
END_TEST

HARNESS_SUITE(commands_suite)
{
	Suite *suite = suite_create("devices and doctor");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, devices_lists_every_backend_and_every_builtin_topology);
	tcase_add_test(tests, a_file_of_the_user_comes_before_what_is_built_in);
	tcase_add_test(tests, an_unknown_topology_is_answered_with_what_there_is);
	tcase_add_test(tests, a_backend_that_this_build_lacks_is_answered_with_what_there_is);
	tcase_add_test(tests, a_malformed_topology_file_is_refused_with_its_place);
	tcase_add_test(tests, doctor_says_fine_where_all_is_there);
	tcase_add_test(tests, doctor_tells_of_a_store_that_cannot_be_written_and_still_ends_well);
	tcase_add_test(tests, bench_links_of_sim_prints_what_the_topology_says);
	tcase_add_test(tests, bench_without_a_name_says_what_there_is);
	suite_add_tcase(suite, tests);
	return suite;
}
