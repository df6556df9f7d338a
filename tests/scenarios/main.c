#include "tests/harness/harness.h"
#include "tests/scenarios/suites.h"

HARNESS_MAIN(befall_suite, caches_suite, flow_file_suite, losses_suite, strict_suite)
