/* sweep_print.h - what `residency sweep` prints: how it goes, the table of a sweep in a store, what a bisection found.
 *
 * Progress goes to standard error, results to standard output, as text or as one JSON object. Nothing is owned; each function that
 * prints a result returns the command's exit code. One thread.
 */
#ifndef RESIDENCY_CLI_SWEEP_PRINT_H
#define RESIDENCY_CLI_SWEEP_PRINT_H

#include <stdbool.h>

#include "cli/command.h"
#include "scenarios/sweep/sweep.h"

/* A watcher that tells a terminal. */
struct sweep_watcher sweep_print_watcher(struct cli *cli);

struct sweep_format {
	bool all; /* each commit's verdicts, too */
	bool json;
};

/* The table of a sweep; run: NULL or "last" is the newest. */
int sweep_print_table(struct cli *cli, const char *store, const char *run, const struct sweep_format *format);

int sweep_print_found(struct cli *cli, const struct sweep *sweep, const struct sweep_found *found,
		      const struct sweep_format *format);

#endif
