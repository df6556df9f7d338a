/* bench_patch.h - how long it takes to patch a weight, of each type, with LoRAs of several ranks. The row is in bench_patch.c. */
#ifndef RESIDENCY_SCENARIOS_BENCH_PATCH_H
#define RESIDENCY_SCENARIOS_BENCH_PATCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/tensor/dtype/dtype.h"
#include "scenarios/bench/bench.h"

#define BENCH_PATCH_POINTS_MAX 16u

struct bench_patch_point {
	const char *kind; /* static */
	enum dtype dtype;
	int64_t rows, columns, rank;
	unsigned repeats;
	uint64_t median_ns, least_ns, most_ns; /* values taken, patched, and rounded back */
	uint32_t checksum; /* of the bytes that came out */
};

struct bench_patch {
	struct bench_patch_point points[BENCH_PATCH_POINTS_MAX];
	size_t point_count;
};

#endif
