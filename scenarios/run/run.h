/* run.h - one invocation that writes records: its identity, where it ran, its beginning and its end.
 *
 * The environment key decides which runs may be compared: backend, topology, CPU, BLAS kernel, GPU driver, tool and subject
 * versions. It is canonical JSON (keys sorted, no spaces), so that equal environments are equal texts.
 */
#ifndef RESIDENCY_SCENARIOS_RUN_H
#define RESIDENCY_SCENARIOS_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/topology/topology.h"
#include "db/records/record.h"

struct run_environment {
	const char *backend; /* "sim", "host"; NULL where nothing runs on devices */
	const struct topology *topology; /* NULL: of several, or none */
	const char *subject; /* "engine", or a server's version */
	const char *probe; /* the version of a server's probe node; NULL: none */
};

/* Puts the run's first records: the run itself, then the topology's devices and links. Fills *run. */
bool run_begin(struct record_run *run, const struct record_sink *sink, const char *command,
	       const struct run_environment *environment, struct error *e);

/* Puts the devices and links of a topology that a run turns to later. */
void run_put_topology(const struct record_sink *sink, const struct topology *topology);

void run_end(const struct record_sink *sink, int exit_code);

#endif
