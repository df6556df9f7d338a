#include "tests/plan/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(exact_suite, advise_suite, placed_pass_suite, predict_suite, suggest_suite)
