/* Every room has a torture program. The rooms are the folders of core and the other top folders with C in them; the build makes
 * a program of each folder of tests/torture that has a .c file. A tree without one of them shows that the check notices. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/harness.h"

static const char *const top_rooms[] = { "db", "probes", "scenarios", "reports", "cli" };

/* Whether a folder holds a .c file. */
static bool has_source(const char *folder)
{
	DIR *directory = opendir(folder);
	bool found = false;

	if (!directory)
		return false;
	for (struct dirent *entry = readdir(directory); entry && !found; entry = readdir(directory)) {
		size_t length = strlen(entry->d_name);

		found = length > 2 && strcmp(entry->d_name + length - 2, ".c") == 0;
	}
	closedir(directory);
	return found;
}

static bool is_tortured(const char *tests, const char *room)
{
	char folder[600];

	snprintf(folder, sizeof(folder), "%s/torture/%s", tests, room);
	if (has_source(folder))
		return true;
	fprintf(stderr, "%s has no .c file: no allocation of %s fails in a test\n", folder, room);
	return false;
}

/* How many rooms have no program; *rooms says how many there are. */
static size_t count_without_torture(const char *tests, size_t *rooms)
{
	DIR *core = opendir("core");
	size_t without = 0;

	ck_assert_ptr_nonnull(core);
	*rooms = ARRAY_SIZE(top_rooms);
	for (struct dirent *entry = readdir(core); entry; entry = readdir(core)) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		without += !is_tortured(tests, entry->d_name);
		(*rooms)++;
	}
	closedir(core);
	for (size_t i = 0; i < ARRAY_SIZE(top_rooms); i++)
		without += !is_tortured(tests, top_rooms[i]);
	return without;
}

START_TEST(every_room_has_a_torture_program)
{
	size_t rooms;

	ck_assert_uint_eq(count_without_torture("tests", &rooms), 0);
	ck_assert_uint_ge(rooms, 14);
}
END_TEST

START_TEST(a_room_without_a_torture_program_is_noticed)
{
	char *folder = harness_make_folder();
	char command[600];
	size_t rooms;

	snprintf(command, sizeof(command), "cp -r tests/torture '%s/' && rm '%s'/torture/object/*.c", folder, folder);
	ck_assert_int_eq(system(command), 0); // NOLINT(cert-env33-c): the test's own command
	ck_assert_uint_eq(count_without_torture(folder, &rooms), 1);
	harness_remove_folder(folder);
}
END_TEST

HARNESS_SUITE(torture_suite)
{
	Suite *suite = suite_create("torture");
	TCase *tests = tcase_create("torture");

	tcase_add_test(tests, every_room_has_a_torture_program);
	tcase_add_test(tests, a_room_without_a_torture_program_is_noticed);
	suite_add_tcase(suite, tests);
	return suite;
}
