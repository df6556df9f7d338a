/* bench.h - how long planning takes, and how that grows with the number of blocks. */
#ifndef RESIDENCY_PLAN_BENCH_H
#define RESIDENCY_PLAN_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct plan_bench_point {
	size_t block_count;
	const char *planner, *allocation; /* static */
	const char *variant, *mode; /* as upstream's own times call it; static */
	unsigned repeats;
	uint64_t median_ns, least_ns, most_ns; /* one plan_make and plan_free */
	size_t moved_count; /* blocks that did not stay on the compute device: what was timed did place */
};

/* Plans a made-up model of so many blocks on four devices, `repeats` times (at least 1) for each of the mode
 * (< plan_bench_modes()). seed varies the sizes of the blocks. */
bool plan_bench(size_t block_count, size_t mode, unsigned repeats, uint64_t seed, struct plan_bench_point *point,
		struct error *e);
size_t plan_bench_modes(void);

#endif
