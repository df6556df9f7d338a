/* bench_plan.h - how long planning takes, and how that grows with the number of blocks. The row is in bench_plan.c. */
#ifndef RESIDENCY_SCENARIOS_BENCH_PLAN_H
#define RESIDENCY_SCENARIOS_BENCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/bench/bench.h"

#define BENCH_PLAN_POINTS_MAX 32u

struct bench_plan_point {
	size_t block_count;
	const char *planner, *allocation; /* static */
	const char *variant, *mode; /* as upstream's own times call it; static */
	unsigned repeats;
	uint64_t median_ns, least_ns, most_ns; /* one plan_make and plan_free */
	size_t moved_count; /* blocks that did not stay on the compute device */
	double upstream_s; /* upstream's planner for the same; NAN where it was not measured */
};

struct bench_plan {
	char upstream[BENCH_PATH_MAX]; /* the table of upstream's times */
	bool has_upstream; /* the table is there */
	struct bench_plan_point points[BENCH_PLAN_POINTS_MAX];
	size_t point_count;
};

#endif
