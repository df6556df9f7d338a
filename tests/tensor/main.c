#include "tests/harness/harness.h"
#include "tests/tensor/suites.h"

HARNESS_MAIN(convert_suite, kernels_suite, quant_suite, gguf_suite, shards_suite, bulk_suite, transcode_suite,
	     safetensors_suite, safetensors_write_suite)
