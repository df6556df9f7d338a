/* pressure_decisions.h - dtypes.csv.gz and globals.csv of part pressure. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_PRESSURE_DECISIONS_H
#define RESIDENCY_TESTS_CONFORMANCE_PRESSURE_DECISIONS_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/tensor/dtype/dtype.h"
#include "tests/conformance/part.h"

bool pressure_dtypes(const char *folder, struct tally *tally, struct error *e);
bool pressure_globals(const char *folder, struct tally *tally, struct error *e);

/* "fp16", "fp8_e4m3fn"; DTYPE_NONE's is "none". */
const char *pressure_dtype_name(enum dtype dtype);
enum dtype pressure_dtype(const char *name, size_t length);

#endif
