/* bench_load.h - how fast a model's file comes from the page cache into the memory of a host device.
 *
 * A safetensors file of tensors of mixed sizes is made, read once so that the page cache has it, and then loaded in turns: by a
 * bare read of the whole file into new memory, which is what the machine can do with one thread and no thought; by copying out of
 * a mapping; and by the engine's way, opened, checked, allocated tensor by tensor on a host device and read into place. Each ends
 * with every byte in private memory; every byte of the last is compared.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_LOAD_H
#define RESIDENCY_SCENARIOS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/tensor/transcode/bulk.h"
#include "db/records/record.h"
#include "scenarios/bench/spread.h"

#define BENCH_LOAD_REPEATS_MAX 32u

enum bench_load_way { LOAD_BARE_READ, LOAD_MAPPED_COPY, LOAD_IN_PLACE, LOAD_WAYS };

struct bench_load_options {
	const char *folder; /* where the file is made for a while */
	uint64_t size_bytes; /* 0: 4 GiB */
	unsigned repeats; /* 0: 5 */
	const struct bulk_watcher *watcher; /* of the making and of each load; may be NULL */
	const struct record_sink *sink; /* a sample of series "load" a repeat; may be NULL */
};

struct bench_load {
	uint64_t size_bytes;
	size_t tensor_count;
	struct bench_spread seconds[LOAD_WAYS];
};

const char *bench_load_way_name(enum bench_load_way way);

bool bench_load(const struct bench_load_options *options, struct bench_load *result, struct error *e);

#endif
