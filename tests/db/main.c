#include "tests/db/suites.h"

HARNESS_MAIN(record_suite, ring_suite, store_suite, writer_suite)
