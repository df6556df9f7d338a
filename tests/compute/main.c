#include "tests/compute/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(placement_suite, noise_suite, values_suite, weights_suite)
