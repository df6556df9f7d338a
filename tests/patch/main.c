#include "tests/harness/harness.h"
#include "tests/patch/suites.h"

HARNESS_MAIN(patch_suite)
