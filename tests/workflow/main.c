#include "tests/workflow/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(graph_suite, library_suite, layouts_suite, long_run_suite, advanced_suite)
