/* recording.h - the records of a command on their way to the store that --store or $RESIDENCY_STORE names.
 *
 *	struct recording recording;
 *	if (!recording_begin(&recording, cli, store_option, wait, &environment, &e)) ...
 *	run things with &recording.sink
 *	exit_code = recording_end(&recording, cli, exit_code)
 */
#ifndef RESIDENCY_CLI_RECORDING_H
#define RESIDENCY_CLI_RECORDING_H

#include <stdbool.h>

#include "cli/command.h"
#include "db/records/record.h"
#include "scenarios/run/run.h"

struct writer;

struct recording {
	struct writer *writer; /* NULL with --store none */
	struct record_sink sink; /* does nothing with --store none */
	struct record_run run;
	const char *path; /* of the store; NULL with none */
};

/* The store's path by the option's value, else $RESIDENCY_STORE, else ./residency.db; NULL for "none". */
const char *recording_store_path(const char *option);

/* wait_for_room: where time is virtual. On error nothing is open. */
bool recording_begin(struct recording *recording, struct cli *cli, const char *store_option, bool wait_for_room,
		     const struct run_environment *environment, struct error *e);

/* Ends the run with the command's exit code and closes the store. Returns the exit code: that of a store that failed, where
 * one did. */
int recording_end(struct recording *recording, struct cli *cli, const char *command, int exit_code);

#endif
