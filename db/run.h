/* run.h - what a run says about itself when it begins and ends. */
#ifndef RESIDENCY_DB_RUN_H
#define RESIDENCY_DB_RUN_H

#include <stdint.h>

#include "db/record.h"

/* Fills a run: a new unique id that sorts by time, the command line, version, time and environment. `details` is NULL or
 * members of a JSON object without the braces (`"backend":"sim"`) that join the environment: what else decides which runs may
 * be compared. */
void run_begin(struct record_run *run, const char *command_line, const char *details);

void run_end(struct record_run_end *end, int exit_code);

#endif
