/* main.c - the one main of every check-AREA.
 *
 * HARNESS_SUITE puts a pointer to its suite's function into the section harness_suites; the linker puts the sections of all files
 * together and names both ends. The order is that of the files on the linker's command line: by name.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/harness/harness.h"

extern harness_suite *const __start_harness_suites[];
extern harness_suite *const __stop_harness_suites[];

/* CK_FORK and the like are as the environment says. */
int main(void)
{
	SRunner *runner = srunner_create(NULL);
	int failed;

	for (harness_suite *const *suite = __start_harness_suites; suite != __stop_harness_suites; suite++)
		srunner_add_suite(runner, (*suite)());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
