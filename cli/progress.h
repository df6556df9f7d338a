/* progress.h - a line on the terminal for work that takes over a second.
 *
 * Nothing is drawn where standard error is not a terminal, nor in the first second, nor more than ten times a second.
 */
#ifndef RESIDENCY_CLI_PROGRESS_H
#define RESIDENCY_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/command.h"

struct progress {
	struct cli *cli;
	const char *what; /* "cells" */
	size_t total; /* 0: unknown */
	uint64_t started_ns;
	uint64_t drawn_ns;
	bool drawn;
	bool is_bytes;
};

void progress_begin(struct progress *progress, struct cli *cli, const char *what, size_t total);
/* The same for work that is counted in bytes, `what` being what is done ("loading"): "1.2 of 4.3 GB, 3.1 GB/s". */
void progress_begin_bytes(struct progress *progress, struct cli *cli, const char *what, uint64_t total_bytes);
void progress_update(struct progress *progress, size_t done);
void progress_end(struct progress *progress); /* wipes the line */

#endif
