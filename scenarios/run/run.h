/* run.h - one invocation that writes records: its identity, where it ran, its beginning and its end.
 *
 *	struct recording recording;
 *	if (!run_open(&recording, &(struct run_request) { .store = path, .command = line, .environment = environment }, &e)) ...
 *	run things with &recording.sink
 *	fine = run_close(&recording, exit_code, &e)
 *
 * The environment key decides which runs may be compared: backend, topology, CPU, BLAS kernel, GPU driver, tool and subject
 * versions. It is canonical JSON (keys sorted, no spaces), so that equal environments are equal texts. Errors: ERROR_STORE and the
 * writer's, ERROR_IO, ERROR_MEMORY. A recording belongs to one thread.
 */
#ifndef RESIDENCY_SCENARIOS_RUN_H
#define RESIDENCY_SCENARIOS_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/topology/topology.h"
#include "db/records/record.h"

struct backend;
struct subject;
struct writer;

struct run_environment {
	const char *backend; /* "sim", "host"; NULL where nothing runs on devices */
	const struct topology *topology; /* NULL: of several, or none */
	const char *subject; /* "engine", or a server's version */
	const char *probe; /* the version of a server's probe node; NULL: none */
};

/* What a subject is, for the key. backend: that of an engine; NULL: the subject is a server, which says what it is. The texts are
 * borrowed from the subject. */
struct run_environment run_environment_of(const struct subject *subject, const struct topology *topology,
					  const struct backend *backend);

/* What an opening needs. */
struct run_request {
	const char *store; /* its path; NULL: nothing is kept */
	const char *command; /* as it can be run again */
	bool wait_for_room; /* where time is virtual, or nothing is measured: no record is dropped */
	struct run_environment environment;
};

/* A run's records on their way to the store. */
struct recording {
	struct writer *writer; /* NULL: nothing is kept, or it is closed */
	struct record_sink sink; /* does nothing where nothing is kept */
	struct record_run run;
};

/* Opens the store and begins the run. On an error nothing is open. */
bool run_open(struct recording *recording, const struct run_request *request, struct error *e);

/* Ends the run with an exit code and closes the store; does nothing where nothing is kept or it is closed. false: the store failed. */
bool run_close(struct recording *recording, int exit_code, struct error *e);

/* Whether going on makes sense: the store has not failed. */
bool run_is_fine(const struct recording *recording);

/* Records of a cell that the store had no room for. */
uint64_t run_dropped(const struct recording *recording, uint32_t cell);

/* Puts the run's first records: the run itself, then the topology's devices and links. Fills *run. */
bool run_begin(struct record_run *run, const struct record_sink *sink, const char *command,
	       const struct run_environment *environment, struct error *e);

/* Puts the devices and links of a topology that a run turns to later. */
void run_put_topology(const struct record_sink *sink, const struct topology *topology);

void run_end(const struct record_sink *sink, int exit_code);

#endif
