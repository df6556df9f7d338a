#include "tests/harness/harness.h"
#include "tests/model/suites.h"

HARNESS_MAIN(settings_suite, estimate_suite)
