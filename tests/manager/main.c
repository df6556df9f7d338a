#include "tests/manager/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(lora_suite, quantised_suite, rounding_suite, pressure_suite)
