#include "tests/harness/harness.h"
#include "tests/model/suites.h"

HARNESS_MAIN(architecture_suite, detect_suite, synthesis_suite, settings_suite, estimate_suite)
