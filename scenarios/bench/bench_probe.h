/* bench_probe.h - what the probes cost the subject's thread.
 *
 * A snapshot: many models of many blocks are loaded and freed in turn, and the time of every stage on the producer's side is
 * taken, records copied into a writer's ring and all: once where blocks have moved since the last stage, so that placements are
 * recorded again, and once where nothing has.
 *
 * A replay: a workflow of ours is computed on a backend with bytes, with probes and without in turn, every record wanted.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_PROBE_H
#define RESIDENCY_SCENARIOS_BENCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "scenarios/bench/spread.h"

struct bench_snapshot {
	size_t model_count, block_count; /* blocks of each */
	struct bench_spread moved_ns, still_ns;
	uint64_t dropped; /* records that did not fit the ring */
};

/* The store is made under `folder` and removed afterwards. */
bool bench_snapshot(const char *folder, size_t model_count, size_t block_count, unsigned repeats, const bool *interrupted,
		    struct bench_snapshot *result, struct error *e);

struct bench_probes {
	const char *workflow;
	struct bench_spread on_ns, off_ns; /* of a replay, wall time */
	struct bench_spread inside_ns; /* of a replay with probes: the time spent in them */
	uint64_t dropped;
};

bool bench_probes(const char *folder, unsigned repeats, const bool *interrupted, struct bench_probes *result, struct error *e);

#endif
