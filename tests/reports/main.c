#include "tests/harness/harness.h"
#include "tests/reports/suites.h"

HARNESS_MAIN(redact_suite, rerun_suite, cards_suite, changes_suite, sweep_table_suite)
