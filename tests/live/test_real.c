/* What was measured on real ComfyUIs (evidence/, with its commands) against the engine; and a real ComfyUI itself, where
 * RESIDENCY_COMFYUI names its folder (RESIDENCY_COMFYUI_PYTHON its Python, RESIDENCY_MULTIGPU a ComfyUI-MultiGPU at any version of which
 * there is evidence; RESIDENCY_MULTIGPU_EVIDENCE the file of it where that is not told by the commit). */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/harness/harness.h"

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "abc both split B lost c0.after_gc died_in_gc" for each judged model of a `matrix --json`, sorted; the caller frees both. */
static char *run_outcomes(const char *arguments, char **said)
{
	char *lines[512];
	size_t count = 0;
	char *errors;
	char *output;
	struct strbuf text = STRBUF_INIT;
	int exit_code = harness_residency(arguments, &output, &errors);
	json_t *value = json_loads(output, 0, NULL);
	const json_t *cells = json_object_get(value, "cells");

	ck_assert_msg(exit_code >= 0 && exit_code <= 1 && json_array_size(cells) > 0, "exit code %d: %s", exit_code, errors);
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
	*said = errors;
	return strbuf_finish(&text, NULL);
}

static void same_as_evidence(const char *found, const char *file)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *wanted = file_read_whole(file, &length, &e);

	ck_assert_ok(wanted, &e);
	ck_assert_msg(strcmp(found, wanted) == 0, "%s: found\n%s", file, found);
	free(wanted);
}

#define CELLS "--matrices abc,de --flows both,unload,free --device-modes all --store none --json"
#define EVIDENCE "tests/live/evidence/"

/* Each file with the policy that the engine has for it; a version's commit is in its name. */
static const struct {
	const char *file, *policy;
} evidence[] = {
	{ EVIDENCE "stock.txt", "stock" },
	{ EVIDENCE "multigpu-01df082.txt", "delegate" },
	{ EVIDENCE "multigpu-ae8bb7c.txt", "selective" },
	{ EVIDENCE "multigpu-07b429f.txt", "anchors" },
	{ EVIDENCE "multigpu-dde3480.txt", "eject" },
	{ EVIDENCE "multigpu-62f98ed.txt", "eject-donor" },
	{ EVIDENCE "multigpu-a38cbda.txt", "eject-donor" },
};

START_TEST(the_engine_says_what_the_real_one_did)
{
	char arguments[256];
	char *said;
	char *found;

	snprintf(arguments, sizeof(arguments), "matrix --policies %s " CELLS, evidence[_i].policy);
	found = run_outcomes(arguments, &said);
	same_as_evidence(found, evidence[_i].file);
	free(found);
	free(said);
}
END_TEST

static bool is_of_the_matrix(const char *name)
{
	return strstr(name, ".txt") && (strncmp(name, "multigpu-", strlen("multigpu-")) == 0 || strcmp(name, "stock.txt") == 0);
}

START_TEST(every_file_of_evidence_is_compared)
{
	DIR *folder = opendir(EVIDENCE);
	const struct dirent *entry;
	size_t files = 0;

	ck_assert_ptr_nonnull(folder);
	while ((entry = readdir(folder)))
		files += is_of_the_matrix(entry->d_name);
	closedir(folder);
	ck_assert_uint_eq(files, ARRAY_SIZE(evidence));
}
END_TEST

/* The file of the version that a server said it is: "..., ComfyUI-MultiGPU 2.4.7 01df0826, policy ..."; NULL for none. */
static const char *evidence_of(const char *said)
{
	if (!strstr(said, "ComfyUI-MultiGPU "))
		return evidence[0].file;
	for (size_t i = 1; i < ARRAY_SIZE(evidence); i++) {
		char commit[16];

		snprintf(commit, sizeof(commit), " %.7s", strstr(evidence[i].file, "-") + 1);
		if (strstr(strstr(said, "ComfyUI-MultiGPU "), commit))
			return evidence[i].file;
	}
	return NULL;
}

static void real(const char *nodes, const char *file)
{
	const char *comfyui = getenv("RESIDENCY_COMFYUI");
	const char *python = getenv("RESIDENCY_COMFYUI_PYTHON");
	char arguments[2048];
	char *found;
	char *said;

	snprintf(arguments, sizeof(arguments),
		 "live run --comfyui '%.500s' --python '%.500s' --nodes tests/live/nodes/newer_comfyui %s%.600s -- "
		 "matrix " CELLS,
		 comfyui, python ? python : "python3", nodes ? "--nodes " : "", nodes ? nodes : "");
	found = run_outcomes(arguments, &said);
	if (!file)
		file = evidence_of(said);
	ck_assert_msg(file, "there is no evidence of this version; RESIDENCY_MULTIGPU_EVIDENCE may name a file: %s", said);
	same_as_evidence(found, file);
	free(found);
	free(said);
}

START_TEST(a_real_comfyui_does_what_it_did)
{
	real(NULL, evidence[0].file);
}
END_TEST

START_TEST(a_real_multigpu_does_what_it_did)
{
	real(getenv("RESIDENCY_MULTIGPU"), getenv("RESIDENCY_MULTIGPU_EVIDENCE"));
}
END_TEST

HARNESS_SUITE(real_suite)
{
	Suite *suite = suite_create("real");
	TCase *cases = tcase_create("evidence");
	TCase *servers = tcase_create("servers");

	tcase_add_loop_test(cases, the_engine_says_what_the_real_one_did, 0, ARRAY_SIZE(evidence));
	tcase_add_test(cases, every_file_of_evidence_is_compared);
	suite_add_tcase(suite, cases);
	if (getenv("RESIDENCY_COMFYUI"))
		tcase_add_test(servers, a_real_comfyui_does_what_it_did);
	if (getenv("RESIDENCY_COMFYUI") && getenv("RESIDENCY_MULTIGPU"))
		tcase_add_test(servers, a_real_multigpu_does_what_it_did);
	tcase_set_timeout(servers, 900);
	suite_add_tcase(suite, servers);
	return suite;
}
