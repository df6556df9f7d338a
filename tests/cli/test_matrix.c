/* `residency matrix` as CI would use it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text, "no %s", key);
	return text;
}

START_TEST(the_default_matrix_has_every_policy_four_matrices_and_three_flows)
{
	json_t *result = run_json(1, "matrix --store none --json");
	json_t *policies = run_json(0, "policies --json");
	size_t count = json_array_size(json_object_get(policies, "policies"));

	ck_assert_uint_gt(count, 0);
	ck_assert_uint_eq(json_array_size(json_object_get(result, "cells")), count * 4 * 3);
	json_decref(policies);
	json_decref(result);
}
END_TEST

START_TEST(a_cell_says_all_that_is_promised)
{
	static const char *const of_cell[] = { "subject", "policy",	 "matrix",     "flow",
					       "cache",	  "device_mode", "node_flags", "verdict" };
	static const char *const of_model[] = { "name", "object", "outcome", "first_lost_stage", "reason" };
	json_t *result = run_json(1, "matrix --policies delegate --matrices abc --flows both --store none --json");
	json_t *cell = json_array_get(json_object_get(result, "cells"), 0);
	json_t *models = json_object_get(cell, "models");

	ck_assert_int_eq(json_integer_value(json_object_get(result, "schema")), 1);
	for (size_t i = 0; i < ARRAY_SIZE(of_cell); i++)
		text_of(cell, of_cell[i]);
	ck_assert_str_eq(text_of(cell, "device_mode"), "split");
	ck_assert_str_eq(text_of(cell, "node_flags"), "real");
	ck_assert_uint_eq(json_array_size(models), 3);
	for (size_t i = 0; i < 3; i++) {
		json_t *model = json_array_get(models, i);

		for (size_t j = 0; j < ARRAY_SIZE(of_model); j++)
			text_of(model, of_model[j]);
		ck_assert(json_is_boolean(json_object_get(model, "keep")));
		ck_assert(json_is_array(json_object_get(model, "holders_before")));
		ck_assert(json_is_array(json_object_get(model, "holders_after")));
	}
	json_decref(result);
}
END_TEST

START_TEST(two_objects_of_one_name_are_told_apart_in_json_as_in_the_table)
{
	static const char cell[] = "matrix --policies stock --matrices none-kept --flows held-and-dropped --store none";
	json_t *result = run_json(1, "%s --json", cell);
	json_t *models = json_object_get(json_array_get(json_object_get(result, "cells"), 0), "models");
	char *table = run_text(1, "%s", cell);
	json_t *model;
	size_t i;

	ck_assert_uint_eq(json_array_size(models), 4);
	ck_assert_str_eq(text_of(json_array_get(models, 2), "name"), "C");
	ck_assert_str_eq(text_of(json_array_get(models, 2), "object"), "C");
	ck_assert_str_eq(text_of(json_array_get(models, 3), "name"), "C");
	ck_assert_str_eq(text_of(json_array_get(models, 3), "object"), "C#2");
	json_array_foreach(models, i, model)
	{
		char row[64];

		snprintf(row, sizeof(row), " %s %s", text_of(model, "object"), text_of(model, "outcome"));
		ck_assert_ptr_nonnull(strstr(table, row));
	}
	free(table);
	json_decref(result);
}
END_TEST

START_TEST(delegate_loses_kept_models_and_ends_with_one)
{
	char *table = run_text(1, "matrix --policies delegate --matrices de --flows both --store none");

	ck_assert_ptr_nonnull(strstr(table, "unloaded_by_core"));
	ck_assert_ptr_nonnull(strstr(table, "FAIL"));
	free(table);
}
END_TEST

START_TEST(strict_passes_every_cell_and_ends_with_zero)
{
	json_t *result = run_json(0, "matrix --policies strict --caches classic,lru,none --device-modes all --node-flags all "
				     "--store none --json");
	json_t *cell;
	size_t i;

	json_array_foreach(json_object_get(result, "cells"), i, cell) ck_assert_str_eq(text_of(cell, "verdict"), "PASS");
	ck_assert_uint_eq(i, 4 * 3 * 3 * 2 * 2);
	json_decref(result);
}
END_TEST

START_TEST(host_and_sim_give_the_same_cells)
{
	json_t *sim = run_json(1, "matrix --backend sim --store none --json");
	json_t *host = run_json(1, "matrix --backend host --store none --json");

	ck_assert(json_equal(sim, host));
	json_decref(sim);
	json_decref(host);
}
END_TEST

START_TEST(what_is_printed_is_what_is_stored)
{
	char *folder = harness_make_folder();
	char *path = write_file(folder, "none", "", 0);
	json_t *result;

	strcpy(strrchr(path, '/'), "/r.db"); /* shorter than what was there */
	result = run_json(1, "matrix --store '%s' --json", path);
	ck_assert_uint_eq((size_t)ask_store(path, "SELECT count(*) FROM v_cells WHERE verdict IN ('PASS', 'FAIL')"),
			  json_array_size(json_object_get(result, "cells")));
	ck_assert_int_eq(ask_store(path, "SELECT sum(dropped) FROM v_runs"), 0);
	ck_assert_int_eq(ask_store(path, "SELECT count(*) FROM v_runs WHERE state = 'finished' AND exit_code = 1"), 1);
	json_decref(result);
	free(path);
	harness_remove_folder(folder);
}
END_TEST

START_TEST(an_unknown_policy_names_those_that_there_are)
{
	assert_complains(2, "\"levity\" must be one of: stock, delegate", "matrix --policies levity --store none");
}
END_TEST

START_TEST(a_policy_is_known_by_its_upstream_commit)
{
	json_t *result = run_json(1, "matrix --policies 01df082 --matrices M2 --flows F1 --store none --json");
	json_t *cell = json_array_get(json_object_get(result, "cells"), 0);

	ck_assert_str_eq(text_of(cell, "policy"), "delegate");
	ck_assert_str_eq(text_of(cell, "matrix"), "de");
	json_decref(result);
}
END_TEST

HARNESS_SUITE(matrix_suite)
{
	Suite *suite = suite_create("matrix");
	TCase *tests = tcase_create("matrix");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_default_matrix_has_every_policy_four_matrices_and_three_flows);
	tcase_add_test(tests, a_cell_says_all_that_is_promised);
	tcase_add_test(tests, two_objects_of_one_name_are_told_apart_in_json_as_in_the_table);
	tcase_add_test(tests, delegate_loses_kept_models_and_ends_with_one);
	tcase_add_test(tests, strict_passes_every_cell_and_ends_with_zero);
	tcase_add_test(tests, host_and_sim_give_the_same_cells);
	tcase_add_test(tests, what_is_printed_is_what_is_stored);
	tcase_add_test(tests, an_unknown_policy_names_those_that_there_are);
	tcase_add_test(tests, a_policy_is_known_by_its_upstream_commit);
	suite_add_tcase(suite, tests);
	return suite;
}
