/* bench_matrix.h - retention cells a second, on sim, on one core but for the writer's thread. */
#ifndef RESIDENCY_SCENARIOS_BENCH_MATRIX_H
#define RESIDENCY_SCENARIOS_BENCH_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "scenarios/bench/spread.h"

struct bench_matrix {
	size_t cell_count; /* of one run: the matrix that runs by default */
	struct bench_spread without_per_s, with_per_s; /* cells a second without a store, and with one under `folder` */
	uint64_t dropped;
};

bool bench_matrix(const char *folder, unsigned repeats, const bool *interrupted, struct bench_matrix *result, struct error *e);

#endif
