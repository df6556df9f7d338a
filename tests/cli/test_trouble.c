/* Broken inputs and broken machines: one line that names the place and the remedy, the right exit code, nothing half-written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static char *folder;

static void set_up(void)
{
	folder = harness_make_folder();
}

static void tear_down(void)
{
	harness_remove_folder(folder);
}

static void workflow(const char *text, const char *said)
{
	char *path = write_file(folder, "w.json", text, strlen(text));

	assert_complains(7, said, "replay '%s' --store none", path);
	free(path);
}

START_TEST(a_workflow_that_is_cut_off_names_the_line)
{
	workflow("{\"1\":{\"class_type\":", "line 1");
}
END_TEST

START_TEST(a_workflow_with_an_unknown_node_names_it)
{
	workflow("{\"1\":{\"class_type\":\"Nope\",\"inputs\":{}}}", "node 1: there is no node class \"Nope\"");
}
END_TEST

START_TEST(a_workflow_with_a_link_to_nowhere_names_both_ends)
{
	workflow("{\"1\":{\"class_type\":\"PreviewImage\",\"inputs\":{\"images\":[\"2\",0]}}}",
		 "input images is linked to node 2, which is not there");
}
END_TEST

START_TEST(a_workflow_with_a_cycle_names_it)
{
	workflow("{\"1\":{\"class_type\":\"LatentUpscale\",\"inputs\":{\"samples\":[\"1\",0]}}}", "node 1");
	workflow("{\"1\":{\"class_type\":\"LoraLoaderModelOnly\",\"inputs\":{\"model\":[\"2\",0],\"lora_name\":\"x\","
		 "\"strength_model\":1}},\"2\":{\"class_type\":\"LoraLoaderModelOnly\",\"inputs\":{\"model\":[\"1\",0],"
		 "\"lora_name\":\"x\",\"strength_model\":1}}}",
		 "closes a cycle through node");
}
END_TEST

START_TEST(a_workflow_that_is_not_there_names_those_that_are)
{
	assert_complains(7, "built in are flux-all-kept", "replay nowhere --store none");
}
END_TEST

/* One line for each list of names that a command searches. */
START_TEST(a_mistyped_name_brings_the_nearest)
{
	assert_complains(2, "did you mean `residency matrix`?", "mtrix");
	assert_complains(2, "did you mean --store?", "matrix --stroe none");
	assert_complains(2, "did you mean \"delegate\"?", "matrix --policies delgate --store none");
	assert_complains(2, "did you mean \"abc\"?", "matrix --matrices ab --store none");
	assert_complains(2, "did you mean \"both\"?", "matrix --flows bth --store none");
	assert_complains(7, "did you mean \"flux-all-kept\"?", "replay flux-al-kept --store none");
	assert_complains(2, "did you mean \"strict\"?", "replay flux-all-kept --subject engine:strickt --store none");
	assert_complains(7, "did you mean \"host-2gpu\"?", "matrix --topology host2gpu --store none");
	assert_complains(7, "did you mean \"flux-gguf\"?", "workflows flux-gguff");
	assert_complains(7, "did you mean \"clones-both\"?", "flows clone-both");
	assert_complains(2, "did you mean \"strict\"?", "triage --policy strictt");
	assert_complains(2, "did you mean \"exact\"?", "plan --planner exatc --alloc 'cuda:0,50%%' --loadlist x");
}
END_TEST

START_TEST(a_backend_that_is_not_in_the_build_says_what_to_pass_instead)
{
	static const char said[] =
		"there is no backend \"cuda\" in this build: pass one of host, sim; `residency devices` says";

	assert_complains(4, said, "matrix --backend cuda --store none");
	assert_complains(4, said, "explore --backend cuda --store none");
	assert_complains(4, said, "devices --backend cuda");
	assert_complains(4, "did you mean \"host\"?", "matrix --backend hots --store none");
}
END_TEST

START_TEST(a_malformed_allocation_string_names_the_column)
{
	static const char list[] = "name\tbytes\nblock.0\t1000\n";
	char *path = write_file(folder, "list.tsv", list, sizeof(list) - 1);

	assert_complains(7, "column", "plan --alloc 'cuda:0,x%%#cuda:0' --loadlist '%s'", path);
	free(path);
}
END_TEST

/* A header of 8 bytes of length and JSON, then so many bytes of data. */
static char *write_weights(const char *header, size_t data_bytes)
{
	uint64_t length = strlen(header);
	char bytes[1024] = { 0 };

	memcpy(bytes, &length, 8);
	memcpy(bytes + 8, header, length);
	return write_file(folder, "flux1-small.safetensors", bytes, 8 + length + data_bytes);
}

START_TEST(a_truncated_weights_file_names_the_tensor)
{
	char *path = write_weights("{\"w\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 12);

	assert_complains(7, "flux1-small.safetensors", "replay flux-three-loaders --models '%s' --store none", folder);
	assert_complains(7, "flux1-small.safetensors", "plan --alloc '#cuda:0;1.0;cpu' --model '%s'", path);
	free(path);
}
END_TEST

START_TEST(a_weights_file_that_lies_about_a_shape_is_refused)
{
	char *path = write_weights("{\"w\":{\"dtype\":\"F32\",\"shape\":[40000000000000],\"data_offsets\":[0,16]}}", 16);

	assert_complains(7, "flux1-small.safetensors", "replay flux-three-loaders --models '%s' --store none", folder);
	free(path);
}
END_TEST

START_TEST(a_store_that_cannot_be_made_names_the_remedy)
{
	assert_complains(6, "name a place that can be written to with --store", "matrix --store '%s/none/r.db'", folder);
}
END_TEST

START_TEST(a_file_that_is_no_store_is_left_as_it_is)
{
	char *path = write_file(folder, "notes.txt", "not a database, but somebody's notes\n", 37);

	assert_complains(6, "name another with --store", "matrix --store '%s'", path);
	ck_assert_int_eq(access(path, F_OK), 0);
	free(path);
}
END_TEST

/* The limit on a file's size stands for a full disk: both make a write fail in the middle. */
START_TEST(a_full_disk_leaves_no_store_behind)
{
	char path[256];
	int exit_code;
	char *errors;
	char arguments[1024];

	snprintf(path, sizeof(path), "%s/r.db", folder);
	snprintf(arguments, sizeof(arguments), "matrix --store '%s'", path);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit) { 250000, RLIM_INFINITY }), 0);
	exit_code = harness_residency(arguments, NULL, &errors);
	ck_assert_int_eq(exit_code, 6);
	ck_assert_msg(strstr(errors, "with --store"), "%s", errors);
	ck_assert_int_ne(access(path, F_OK), 0);
	free(errors);
}
END_TEST

START_TEST(a_killed_run_is_marked_unfinished_and_what_was_committed_is_there)
{
	char path[256];
	char arguments[1024];

	snprintf(path, sizeof(path), "%s/r.db", folder);
	snprintf(arguments, sizeof(arguments),
		 "matrix --caches classic,lru,none --device-modes all --node-flags all --store '%s' & p=$!; "
		 "while kill -0 $p && ! { [ -s '%s-wal' ] && [ \"$(stat -c %%s '%s-wal')\" -gt 3000000 ]; }; do sleep 0.02; "
		 "done; "
		 "kill -9 $p; wait $p 2>/dev/null; true",
		 path, path, path);
	ck_assert_int_eq(harness_residency(arguments, NULL, NULL), 0);
	ck_assert_int_eq(ask_store(path, "SELECT count(*) FROM v_runs WHERE state = 'unfinished'"), 1);
	ck_assert_int_gt(ask_store(path, "SELECT count(*) FROM v_cells WHERE verdict IN ('PASS', 'FAIL')"), 0);
	ck_assert_int_le(ask_store(path, "SELECT count(*) FROM v_cells WHERE verdict = 'UNTRUSTWORTHY'"), 1);
	ck_assert_int_eq(ask_store(path, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	free(run_text(0, "report --html '%s/page' --store '%s'", folder, path));
}
END_TEST

START_TEST(ctrl_c_ends_with_130_and_closes_the_run)
{
	char path[256];
	char arguments[1024];

	snprintf(path, sizeof(path), "%s/r.db", folder);
	snprintf(
		arguments, sizeof(arguments),
		"matrix --flows both --caches classic,lru,none --device-modes all --node-flags all --matrices abc,de --backend "
		"host --store '%s' & p=$!; while kill -0 $p && ! [ -s '%s-wal' ]; do sleep 0.02; done; kill -INT $p; wait $p",
		path, path);
	ck_assert_int_eq(harness_residency(arguments, NULL, NULL), 130);
	ck_assert_int_eq(ask_store(path, "SELECT exit_code FROM v_runs"), 130);
}
END_TEST

HARNESS_SUITE(trouble_suite)
{
	Suite *suite = suite_create("trouble");
	TCase *tests = tcase_create("trouble");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_workflow_that_is_cut_off_names_the_line);
	tcase_add_test(tests, a_workflow_with_an_unknown_node_names_it);
	tcase_add_test(tests, a_workflow_with_a_link_to_nowhere_names_both_ends);
	tcase_add_test(tests, a_workflow_with_a_cycle_names_it);
	tcase_add_test(tests, a_workflow_that_is_not_there_names_those_that_are);
	tcase_add_test(tests, a_mistyped_name_brings_the_nearest);
	tcase_add_test(tests, a_backend_that_is_not_in_the_build_says_what_to_pass_instead);
	tcase_add_test(tests, a_malformed_allocation_string_names_the_column);
	tcase_add_test(tests, a_truncated_weights_file_names_the_tensor);
	tcase_add_test(tests, a_weights_file_that_lies_about_a_shape_is_refused);
	tcase_add_test(tests, a_store_that_cannot_be_made_names_the_remedy);
	tcase_add_test(tests, a_file_that_is_no_store_is_left_as_it_is);
	tcase_add_test(tests, a_full_disk_leaves_no_store_behind);
	tcase_add_test(tests, a_killed_run_is_marked_unfinished_and_what_was_committed_is_there);
	tcase_add_test(tests, ctrl_c_ends_with_130_and_closes_the_run);
	suite_add_tcase(suite, tests);
	return suite;
}
