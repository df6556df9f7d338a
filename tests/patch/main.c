#include "tests/harness/harness.h"
#include "tests/patch/suites.h"

HARNESS_MAIN(patch_suite, keys_suite, kinds_suite, product_suite, renamed_suite)
