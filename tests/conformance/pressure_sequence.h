/* pressure_sequence.h - one sequence of part pressure, step by step. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_PRESSURE_SEQUENCE_H
#define RESIDENCY_TESTS_CONFORMANCE_PRESSURE_SEQUENCE_H

#include <jansson.h>
#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

/* Runs a sequence. True when every step shows what it is to show; else `why` says which does not, and how. */
bool sequence_run(const json_t *sequence, struct strbuf *why);

#endif
