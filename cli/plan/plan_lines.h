/* plan_lines.h - requests for plans, answered by the line. */
#ifndef RESIDENCY_CLI_PLAN_LINES_H
#define RESIDENCY_CLI_PLAN_LINES_H

#include "cli/command.h"

/* Answers the requests of a file, or of standard input for "-", on cli->out. `loadlists` is the folder whose load lists they may
 * name; NULL: ../loadlists beside the file, none beside standard input. */
bool plan_lines(struct cli *cli, const char *requests, const char *loadlists, struct error *e);

#endif
