#include "tests/base/suites.h"
#include "tests/harness/harness.h"

HARNESS_MAIN(error_suite, text_suite, json_suite, file_suite, shell_suite)
