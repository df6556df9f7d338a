#include "tests/harness/harness.h"
#include "tests/tensor/suites.h"

HARNESS_MAIN(convert_suite, kernels_suite, safetensors_suite, safetensors_write_suite)
