/* bench.h - how long it takes to patch a weight, of each type, with LoRAs of several ranks. */
#ifndef RESIDENCY_PATCH_BENCH_H
#define RESIDENCY_PATCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/tensor/dtype/dtype.h"

struct patch_bench_point {
	const char *kind; /* static */
	enum dtype dtype;
	int64_t rows, columns, rank;
	unsigned repeats;
	uint64_t median_ns, least_ns, most_ns; /* values taken, patched, and rounded back */
	uint32_t checksum; /* of the bytes that came out: what was timed was done */
};

size_t patch_bench_cases(void);

/* Patches a made-up weight `repeats` times (at least 1) by case (< patch_bench_cases()). */
bool patch_bench(size_t which, unsigned repeats, uint64_t seed, struct patch_bench_point *point, struct error *e);

#endif
