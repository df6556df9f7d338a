/* bench_offload.h - seconds per iteration against bytes that wait on another device.
 *
 * FLUX.1 is placed by the DisTorch2 planner for a growing virtual VRAM, on each donor that the topology has, and sampled: on sim at
 * its full size, 1024 x 1024 pixels, in the simulator's time; on a backend with bytes the small FLUX with real copies. The curve
 * comes from running the forward, not from a formula. An iteration is the last step of a sampler run.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_OFFLOAD_H
#define RESIDENCY_SCENARIOS_BENCH_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "db/records/record.h"

struct bench_offload_point {
	unsigned donor; /* device index */
	uint64_t offloaded_bytes; /* that rest elsewhere than on the compute device */
	uint64_t moved_bytes; /* that crossed a link in the iteration */
	double seconds; /* of an iteration; NAN where the model did not fit */
};

struct bench_offload {
	const char *model; /* file name */
	unsigned compute;
	struct bench_offload_point *points;
	size_t point_count, point_capacity;
};

/* sink: a sample of series "offload" a point that fits; may be NULL. The caller frees *result with bench_offload_free(), also after
 * an error. */
bool bench_offload(const struct topology *topology, const struct backend *backend, const struct record_sink *sink,
		   const bool *interrupted, struct bench_offload *result, struct error *e);
void bench_offload_free(struct bench_offload *result);

#endif
