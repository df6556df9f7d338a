/* The house's one rule of direction, read from the includes themselves: everyone core/base; core only itself; db
 * nothing more; probes core and db; scenarios core, db and probes; reports db; cli all. */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/harness.h"

static const struct {
	const char *room;
	const char *may_include[8]; /* prefixes, besides its own and core/base/ */
} rules[] = {
	{ "core/base/", { NULL } },
	{ "core/", { NULL } },
	{ "db/", { "core/", NULL } },
	{ "probes/", { "core/", "db/", NULL } },
	{ "scenarios/", { "core/", "db/", "probes/", NULL } },
	{ "reports/", { "db/", NULL } },
	{ "cli/", { "core/", "db/", "probes/", "scenarios/", "reports/", NULL } },
};

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *room_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (starts_with(path, rules[i].room))
			return rules[i].room;
	}
	return NULL;
}

/* NULL if `path` may include `included`, else why not. */
static const char *objection(const char *path, const char *included)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!starts_with(path, rules[i].room))
			continue;
		if (!room_of(included))
			return "an include is written from the root of the tree";
		if (starts_with(included, rules[i].room) || starts_with(included, "core/base/"))
			return NULL;
		for (size_t j = 0; rules[i].may_include[j]; j++) {
			if (starts_with(included, rules[i].may_include[j]))
				return NULL;
		}
		return "this room may not know that one";
	}
	return NULL;
}

static size_t objections_in_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[1024];
	char included[512];
	size_t count = 0;

	ck_assert_msg(file, "cannot open %s", path);
	while (fgets(line, sizeof(line), file)) {
		const char *why;

		if (sscanf(line, " # include \"%511[^\"]\"", included) != 1)
			continue;
		why = objection(path, included);
		if (why) {
			fprintf(stderr, "%s includes %s: %s\n", path, included, why);
			count++;
		}
	}
	fclose(file);
	return count;
}

START_TEST(no_include_points_the_wrong_way)
{
	char *const roots[] = { "core", "db", "probes", "scenarios", "reports", "cli", NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	size_t files = 0;
	size_t wrong = 0;

	ck_assert_ptr_nonnull(tree);
	for (FTSENT *entry = fts_read(tree); entry; entry = fts_read(tree)) {
		const char *dot = strrchr(entry->fts_name, '.');

		if (entry->fts_info != FTS_F || !dot || (strcmp(dot, ".c") != 0 && strcmp(dot, ".h") != 0))
			continue;
		files++;
		wrong += objections_in_file(entry->fts_path);
	}
	fts_close(tree);
	ck_assert_msg(files > 20, "only %zu files seen: run the test from the root of the tree", files);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(the_rule_refuses_what_it_is_there_to_refuse)
{
	ck_assert_ptr_nonnull(objection("core/plan/planner.c", "db/store.h"));
	ck_assert_ptr_nonnull(objection("core/base/array.c", "core/device/device.h"));
	ck_assert_ptr_nonnull(objection("reports/render/html.c", "probes/judge/judge.h"));
	ck_assert_ptr_nonnull(objection("probes/snapshot/snapshot.c", "scenarios/subject/subject.h"));
	ck_assert_ptr_nonnull(objection("db/store.c", "store.h"));
	ck_assert_ptr_null(objection("scenarios/matrix/matrix.c", "probes/judge/judge.h"));
	ck_assert_ptr_null(objection("reports/render/html.c", "core/base/strbuf.h"));
}
END_TEST

HARNESS_SUITE(includes_suite)
{
	Suite *suite = suite_create("includes");
	TCase *tests = tcase_create("direction");

	tcase_add_test(tests, no_include_points_the_wrong_way);
	tcase_add_test(tests, the_rule_refuses_what_it_is_there_to_refuse);
	suite_add_tcase(suite, tests);
	return suite;
}
