#include "tests/harness/harness.h"
#include "tests/scenarios/suites.h"

HARNESS_MAIN(befall_suite, bisect_suite, caches_suite, cells_suite, flow_file_suite, losses_suite, strict_suite)
