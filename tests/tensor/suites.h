/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_TENSOR_SUITES_H
#define RESIDENCY_TESTS_TENSOR_SUITES_H

#include <check.h>

Suite *convert_suite(void);
Suite *kernels_suite(void);
Suite *quant_suite(void);
Suite *gguf_suite(void);
Suite *shards_suite(void);
Suite *bulk_suite(void);
Suite *transcode_suite(void);
Suite *safetensors_suite(void);
Suite *safetensors_write_suite(void);

#endif
