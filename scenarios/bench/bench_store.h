/* bench_store.h - a store that lives as long as a bench, and topologies by their built-in names. Private to scenarios/bench. */
#ifndef RESIDENCY_SCENARIOS_BENCH_STORE_H
#define RESIDENCY_SCENARIOS_BENCH_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/topology/topology.h"
#include "db/records/record.h"

struct writer;

struct bench_store {
	char path[512]; /* "" while no store is open */
	struct writer *writer;
	struct record_sink sink;
};

/* Under `folder`; its run has begun. On error it is still to be closed. */
bool bench_store_open(struct bench_store *store, const char *folder, const struct topology *topology, const char *backend,
		      bool wait_for_room, struct error *e);

/* Writes what is left and removes the store; *dropped counts records that did not fit. A zeroed one may be closed, too. */
bool bench_store_close(struct bench_store *store, uint64_t *dropped, struct error *e);

/* A built-in topology, "2x3090-nvlink"; the caller frees. */
struct topology *bench_topology(const char *name, struct error *e);

#endif
