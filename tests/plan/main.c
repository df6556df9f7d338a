#include "tests/plan/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(exact_suite, advise_suite, predict_suite, suggest_suite)
