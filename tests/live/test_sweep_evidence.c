/* What a sweep over the real ComfyUI-MultiGPU found (evidence/), against the engine under the policies that its commits are. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/harness/harness.h"

#define EVIDENCE "tests/live/evidence/sweep-multigpu.txt"

/* The evidence's lines of one commit, without it. The caller frees. */
static char *lines_of(const char *commit)
{
	struct strbuf lines = STRBUF_INIT;
	struct error e = ERROR_INIT;
	size_t length;
	char *text = file_read_whole(EVIDENCE, &length, &e);
	char *rest = text;
	char *line;

	ck_assert_ok(text, &e);
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, commit, strlen(commit)) == 0 && line[strlen(commit)] == ' ')
			strbuf_printf(&lines, "%s\n", line + strlen(commit) + 1);
	}
	free(text);
	return strbuf_finish(&lines, NULL);
}

/* The same of the engine under a policy. */
static char *lines_under(const char *policy)
{
	static const char sql[] =
		"SELECT matrix || ' ' || flow || ' ' || name || ' ' || outcome || ' ' || first_lost_stage || ' ' ||"
		" reason FROM v_models WHERE judged = 1 ORDER BY 1";
	char *folder = harness_make_folder();
	struct strbuf lines = STRBUF_INIT;
	sqlite3_stmt *statement;
	char arguments[512];
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/s.db", folder);
	snprintf(arguments, sizeof(arguments), "matrix --policies %s --matrices abc,de --flows both,unload,free --store '%s'",
		 policy, path);
	ck_assert_int_le(harness_residency(arguments, NULL, NULL), 1);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	while (sqlite3_step(statement) == SQLITE_ROW)
		strbuf_printf(&lines, "%s\n", (const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	harness_remove_folder(folder);
	return strbuf_finish(&lines, NULL);
}

static void behaves_as(const char *commit, const char *policy)
{
	char *found = lines_of(commit);
	char *wanted = lines_under(policy);

	ck_assert_uint_gt(strlen(wanted), 0);
	ck_assert_str_eq(found, wanted);
	free(found);
	free(wanted);
}

START_TEST(the_engine_under_selective_does_what_the_sweep_saw_at_ae8bb7c)
{
	behaves_as("ae8bb7c", "selective");
}
END_TEST

START_TEST(the_engine_under_delegate_does_what_the_sweep_saw_at_1ca3daf)
{
	behaves_as("1ca3daf", "delegate");
}
END_TEST

START_TEST(the_engine_under_anchors_does_what_the_sweep_saw_at_07b429f)
{
	behaves_as("07b429f", "anchors");
}
END_TEST

HARNESS_SUITE(sweep_evidence_suite)
{
	Suite *suite = suite_create("sweep evidence");
	TCase *cases = tcase_create("commits");

	tcase_add_test(cases, the_engine_under_selective_does_what_the_sweep_saw_at_ae8bb7c);
	tcase_add_test(cases, the_engine_under_delegate_does_what_the_sweep_saw_at_1ca3daf);
	tcase_add_test(cases, the_engine_under_anchors_does_what_the_sweep_saw_at_07b429f);
	suite_add_tcase(suite, cases);
	return suite;
}
