#include "tests/harness/harness.h"
#include "tests/scenarios/suites.h"

HARNESS_MAIN(flow_file_suite)
