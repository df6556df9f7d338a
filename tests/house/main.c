#include "tests/harness/harness.h"
#include "tests/house/suites.h"

HARNESS_MAIN(includes_suite)
