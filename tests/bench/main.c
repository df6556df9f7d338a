#include "tests/bench/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(spread_suite, links_suite, predict_suite, formats_suite)
