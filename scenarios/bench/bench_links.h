/* bench_links.h - how fast bytes go over each link of a topology, measured by copying.
 *
 * Every ordered pair that the topology has a link for is measured at sizes from the smallest to the largest, four times as much
 * each time. A sample is the mean of enough copies to last a millisecond, each waited for; samples count once two in a row
 * agree within a tenth (steady state; ten are tried at most). On a backend with bytes what arrived is compared with what was
 * sent, at every size; another byte is an error that names it.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_LINKS_H
#define RESIDENCY_SCENARIOS_BENCH_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "db/records/record.h"
#include "scenarios/bench/spread.h"

#define BENCH_LINKS_SIZE_STEP 4u

struct bench_links_options {
	uint64_t smallest_bytes; /* 0: 4 KiB */
	uint64_t largest_bytes; /* 0: 256 MiB */
	unsigned repeats; /* 0: 5 */
	const struct record_sink *sink; /* a sample of series "links" a repeat; may be NULL */
	const bool *interrupted; /* polled; may be NULL */
};

struct bench_link_point {
	uint64_t size_bytes;
	struct bench_spread seconds; /* of one copy */
	bool steady; /* samples agreed before they were counted */
};

struct bench_link {
	unsigned from, to;
	double bandwidth_bytes_per_s; /* at the largest size, median */
	double latency_s; /* of the smallest copy, what its bytes at the best rate seen do not explain */
	struct bench_link_point *points;
	size_t point_count;
};

struct bench_links {
	struct bench_link *links;
	size_t link_count;
	bool verified; /* bytes were compared */
};

/* The caller frees *result with bench_links_free(), also after an error. */
bool bench_links(const struct topology *topology, const struct backend *backend, const struct bench_links_options *options,
		 struct bench_links *result, struct error *e);
void bench_links_free(struct bench_links *result);

#endif
