#include "cli/bench.h"

const struct bench *const benches[] = {
	&bench_row_links, &bench_row_offload, &bench_row_plan, &bench_row_writer, NULL,
};
