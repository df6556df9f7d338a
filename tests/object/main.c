#include "tests/harness/harness.h"
#include "tests/object/suites.h"

HARNESS_MAIN(heap_suite, collect_suite, query_suite)
