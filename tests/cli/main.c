#include "tests/cli/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(files_suite, formats_suite, options_suite, program_suite, matrix_suite, plan_suite, replay_suite, trouble_suite,
	     triage_suite, explore_suite, patch_command_suite, patch_layouts_suite, import_suite, report_suite)
