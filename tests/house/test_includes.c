/* The house's rules of includes, read from the includes themselves. Direction: everyone core/base; the folders of core only what
 * stands below them, a row each; db core; probes core and db; scenarios core, db and probes; reports db; cli all. Privacy: a
 * header whose opening comment says "Private to FOLDER", or "Private to this room" (its folder of core, or its whole room), is
 * not included from outside that folder. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/harness.h"
#include "tests/house/source.h"

static const struct {
	const char *room;
	const char *may_include[10]; /* prefixes, besides its own and core/base/ */
} rules[] = {
	{ .room = "core/base/", .may_include = { NULL } },
	{ .room = "core/tensor/", .may_include = { NULL } },
	{ .room = "core/device/", .may_include = { NULL } },
	{ .room = "core/object/", .may_include = { NULL } },
	{ .room = "core/model/", .may_include = { "core/tensor/", "core/device/", NULL } },
	{ .room = "core/patch/", .may_include = { "core/tensor/", "core/device/", "core/model/", NULL } },
	{ .room = "core/plan/", .may_include = { "core/device/", "core/model/", NULL } },
	{ .room = "core/compute/", .may_include = { "core/tensor/", "core/device/", "core/model/", "core/patch/", NULL } },
	{ .room = "core/manager/",
	  .may_include = { "core/device/", "core/object/", "core/model/", "core/patch/", "core/plan/", NULL } },
	{ .room = "core/workflow/",
	  .may_include = { "core/tensor/", "core/device/", "core/object/", "core/model/", "core/patch/", "core/plan/",
			   "core/compute/", "core/manager/", NULL } },
	{ .room = "db/", .may_include = { "core/", NULL } },
	{ .room = "probes/", .may_include = { "core/", "db/", NULL } },
	{ .room = "scenarios/", .may_include = { "core/", "db/", "probes/", NULL } },
	{ .room = "reports/", .may_include = { "db/", NULL } },
	{ .room = "cli/", .may_include = { "core/", "db/", "probes/", "scenarios/", "reports/", NULL } },
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

/* The folder, with its slash, that a header of this path and opening text is private to; false where it is not private. */
static bool private_to(const char *header, const char *text, char folder[512])
{
	static const char says[] = "Private to";
	const char *end = strstr(text, "*/");
	const char *at = strstr(text, says);
	size_t length;

	if (!at || !end || at > end)
		return false;
	at += strlen(says);
	at += strspn(at, " *\n");
	if (starts_with(at, "this room")) {
		const char *room = room_of(header);

		snprintf(folder, 512, "%s", room ? room : "");
		return room;
	}
	length = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_/");
	if (!memchr(at, '/', length))
		return false; /* a file, or a word: for readers */
	snprintf(folder, 512, "%.*s/", (int)length, at);
	return true;
}

static const char *privacy_objection(const char *path, const char *included, const char *text)
{
	char folder[512];

	if (!private_to(included, text, folder) || starts_with(path, folder))
		return NULL;
	return "that header is private to another folder";
}

/* The same of an include in the tree, whose header is read. */
static const char *privacy_objection_in_tree(const char *path, const char *included)
{
	char text[4096];
	FILE *header = fopen(included, "r");
	const char *why;

	if (!header)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, header)] = '\0';
	fclose(header);
	why = privacy_objection(path, included, text);
	return why;
}

static void count_objection(void *context, const char *path, const char *included)
{
	size_t *count = context;
	const char *why = objection(path, included);

	if (!why)
		why = privacy_objection_in_tree(path, included);
	if (why) {
		fprintf(stderr, "%s includes %s: %s\n", path, included, why);
		++*count;
	}
}

START_TEST(no_include_points_the_wrong_way)
{
	size_t wrong = 0;

	source_each_include(count_objection, &wrong);
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(every_folder_of_core_has_a_row)
{
	DIR *core = opendir("core");
	size_t folders = 0;

	ck_assert_ptr_nonnull(core);
	for (struct dirent *entry = readdir(core); entry; entry = readdir(core)) {
		char path[512];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "core/%s/", entry->d_name);
		ck_assert_msg(room_of(path), "%s has no row", path);
		folders++;
	}
	closedir(core);
	ck_assert_uint_gt(folders, 5);
	ck_assert_ptr_null(room_of("core/elsewhere/"));
}
END_TEST

START_TEST(a_private_header_is_refused_from_outside)
{
	const char *named = "/* state.h - what a manager is. Private to\n * core/manager. */\nint x;\n";
	const char *room = "/* stored.h - a weight as stored. Private to this room. */\n";
	const char *later = "/* open.h - for all. */\n/* Private to core/manager. */\n";

	ck_assert_ptr_nonnull(privacy_objection("probes/judge/judge.c", "core/manager/state.h", named));
	ck_assert_ptr_nonnull(privacy_objection("core/managers/other.c", "core/manager/state.h", named));
	ck_assert_ptr_null(privacy_objection("core/manager/policies/stock.c", "core/manager/state.h", named));
	ck_assert_ptr_nonnull(privacy_objection("core/compute/ops_host.c", "core/patch/apply/stored.h", room));
	ck_assert_ptr_null(privacy_objection("core/patch/patch.c", "core/patch/apply/stored.h", room));
	ck_assert_ptr_null(privacy_objection("probes/judge/judge.c", "core/manager/open.h", later));
}
END_TEST

START_TEST(the_rule_refuses_what_it_is_there_to_refuse)
{
	ck_assert_ptr_nonnull(objection("core/plan/planner.c", "db/store.h"));
	ck_assert_ptr_nonnull(objection("core/base/array.c", "core/device/device.h"));
	ck_assert_ptr_nonnull(objection("core/tensor/convert/convert.c", "core/model/model.h"));
	ck_assert_ptr_nonnull(objection("core/plan/plan.c", "core/manager/manager.h"));
	ck_assert_ptr_nonnull(objection("core/manager/manager.c", "core/compute/compute.h"));
	ck_assert_ptr_null(objection("core/workflow/engine.c", "core/manager/manager.h"));
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
	tcase_add_test(tests, every_folder_of_core_has_a_row);
	tcase_add_test(tests, a_private_header_is_refused_from_outside);
	tcase_add_test(tests, the_rule_refuses_what_it_is_there_to_refuse);
	suite_add_tcase(suite, tests);
	return suite;
}
