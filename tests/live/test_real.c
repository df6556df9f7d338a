/* What was measured on a real ComfyUI (evidence/, with its commands) against the engine; and a real ComfyUI itself, where
 * RESIDENCY_COMFYUI names its folder (RESIDENCY_COMFYUI_PYTHON its Python, RESIDENCY_MULTIGPU a ComfyUI-MultiGPU at 01df082). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/harness/harness.h"
#include "tests/live/suites.h"

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "abc both split B lost c0.after_gc died_in_gc" for each judged model of a `matrix --json`, sorted; the caller frees. */
static char *run_outcomes(const char *arguments)
{
	char *lines[512];
	size_t count = 0;
	char *errors;
	char *output;
	struct strbuf text = STRBUF_INIT;
	int exit_code = harness_residency(arguments, &output, &errors);
	json_t *value = json_loads(output, 0, NULL);
	const json_t *cells = json_object_get(value, "cells");

	ck_assert_msg(exit_code == 1 && json_array_size(cells) > 0, "exit code %d: %s", exit_code, errors);
	for (size_t c = 0; c < json_array_size(cells); c++) {
		const json_t *cell = json_array_get(cells, c);
		const json_t *models = json_object_get(cell, "models");

		for (size_t i = 0; i < json_array_size(models); i++) {
			const json_t *model = json_array_get(models, i);
			char line[256];

			snprintf(line, sizeof(line), "%s %s %s %s %s %s %s\n",
				 json_string_value(json_object_get(cell, "matrix")),
				 json_string_value(json_object_get(cell, "flow")),
				 json_string_value(json_object_get(cell, "device_mode")),
				 json_string_value(json_object_get(model, "name")),
				 json_string_value(json_object_get(model, "outcome")),
				 json_string_value(json_object_get(model, "first_lost_stage")),
				 json_string_value(json_object_get(model, "reason")));
			ck_assert_uint_lt(count, 512);
			lines[count++] = strdup(line);
		}
	}
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (size_t i = 0; i < count; i++) {
		strbuf_append(&text, lines[i]);
		free(lines[i]);
	}
	json_decref(value);
	free(output);
	free(errors);
	return strbuf_finish(&text, NULL);
}

static void same_as_evidence(const char *file, const char *arguments)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *wanted = file_read_whole(file, &length, &e);
	char *found = run_outcomes(arguments);

	ck_assert_ok(wanted, &e);
	ck_assert_str_eq(found, wanted);
	free(wanted);
	free(found);
}

#define CELLS "--matrices abc,de --flows both,unload,free --device-modes all --store none --json"

START_TEST(the_engine_under_delegate_says_what_the_real_01df082_did)
{
	same_as_evidence("tests/live/evidence/multigpu-01df082.txt", "matrix --policies delegate " CELLS);
}
END_TEST

START_TEST(the_engine_under_stock_says_what_the_real_comfyui_did)
{
	same_as_evidence("tests/live/evidence/stock.txt", "matrix --policies stock " CELLS);
}
END_TEST

static void real(const char *file, const char *nodes)
{
	const char *comfyui = getenv("RESIDENCY_COMFYUI");
	const char *python = getenv("RESIDENCY_COMFYUI_PYTHON");
	char arguments[2048];

	snprintf(arguments, sizeof(arguments), "live run --comfyui '%.500s' --python '%.500s' %s%s -- matrix " CELLS, comfyui,
		 python ? python : "python3", nodes ? "--nodes " : "", nodes ? nodes : "");
	same_as_evidence(file, arguments);
}

START_TEST(a_real_comfyui_does_what_it_did)
{
	real("tests/live/evidence/stock.txt", NULL);
}
END_TEST

START_TEST(a_real_multigpu_does_what_it_did)
{
	real("tests/live/evidence/multigpu-01df082.txt", getenv("RESIDENCY_MULTIGPU"));
}
END_TEST

Suite *real_suite(void)
{
	Suite *suite = suite_create("real");
	TCase *cases = tcase_create("evidence");
	TCase *servers = tcase_create("servers");

	tcase_add_test(cases, the_engine_under_delegate_says_what_the_real_01df082_did);
	tcase_add_test(cases, the_engine_under_stock_says_what_the_real_comfyui_did);
	suite_add_tcase(suite, cases);
	if (getenv("RESIDENCY_COMFYUI"))
		tcase_add_test(servers, a_real_comfyui_does_what_it_did);
	if (getenv("RESIDENCY_COMFYUI") && getenv("RESIDENCY_MULTIGPU"))
		tcase_add_test(servers, a_real_multigpu_does_what_it_did);
	tcase_set_timeout(servers, 900);
	suite_add_tcase(suite, servers);
	return suite;
}
