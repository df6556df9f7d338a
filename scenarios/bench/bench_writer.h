/* bench_writer.h - how fast records go through a writer, against a loop that binds and steps the same statements in the caller's
 * thread; both into stores of their own, removed afterwards.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_WRITER_H
#define RESIDENCY_SCENARIOS_BENCH_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

struct bench_writer {
	uint64_t records;
	double writer_per_s, bare_per_s;
};

/* The records of so many cells; the stores are made under `folder`. ERROR_STORE and ERROR_IO of the stores. */
bool bench_writer(const char *folder, uint32_t cells, struct bench_writer *result, struct error *e);

#endif
