/* harness.h - what the tests of every area share: running a list of suites, temporary folders, the residency binary. */
#ifndef RESIDENCY_TESTS_HARNESS_H
#define RESIDENCY_TESTS_HARNESS_H

#include <check.h>
#include <stddef.h>

#include "core/base/error.h"

/* Opens the definition of a suite. The linker gathers the suites of every file of an area, so a suite is found without an entry
 * elsewhere: a new tests/AREA/test_X.c is whole with
 *
 *	HARNESS_SUITE(x_suite)
 *	{
 *		Suite *suite = suite_create("x");
 *		...
 *		return suite;
 *	}
 */
#define HARNESS_SUITE(name)                                                                                                    \
	static Suite *name(void);                                                                                              \
	__attribute__((used, section("harness_suites"))) static harness_suite *const listed_##name = name;                     \
	static Suite *name(void)

typedef Suite *harness_suite(void);

/* A new empty folder; removed with all it holds by harness_remove_folder. The caller frees the path. */
char *harness_make_folder(void);
void harness_remove_folder(char *path);

/* Runs the binary under test through the shell with the arguments given; output is malloc'ed text, freed by the caller. Returns
 * the exit code, 128 + signal for a killed one. stderr goes into *errors when that is not NULL. */
int harness_residency(const char *arguments, char **output, char **errors);

/* Writes the tensors of one file of a folder as another program names and cuts them into another, or back: relayout.py says which
 * kinds there are. */
void harness_relayout(const char *folder, const char *kind, const char *from, const char *to);

/* Fails the test with the error's text unless condition holds. */
#define ck_assert_ok(condition, e) ck_assert_msg((condition), "%s", (e)->text)

#endif
