/* command.h - what a command is: a row of words and a function. One file each (command_NAME.c), listed in commands.c.
 */
#ifndef RESIDENCY_CLI_COMMAND_H
#define RESIDENCY_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/options.h"
#include "core/base/error.h"
#include "core/base/log.h"
#include "scenarios/run/run.h"

/* What every command is given. Results go to out, all else to err. */
struct cli {
	FILE *out;
	FILE *err;
	bool out_is_tty, err_is_tty;
	bool colour; /* on a TTY and without NO_COLOR */
	unsigned width; /* columns of the terminal; 80 where unknown */
	const bool *interrupted; /* set by SIGINT and SIGTERM; long work polls it */
	const struct log_sink *log;
	const char *command_line; /* as it can be run again */
};

struct command {
	const char *name;
	const char *summary; /* one line */
	const char *synopsis; /* what follows the name: "[options] FILE..." */
	const char *examples; /* lines, each indented by two spaces */
	/* Returns the exit code. argv[0] is the command's name. Calls command_parse first, which answers --help. */
	int (*run)(struct cli *cli, int argc, char **argv);
};

/* options_parse, and --help. Returns false when the command must stop with *exit_code: help was printed, or an option
 * is wrong and that was said. */
bool command_parse(struct cli *cli, const struct command *command, const struct option *options, size_t count, int *argc,
		   char **argv, int *exit_code);

/* The store's path by the value of --store, else $RESIDENCY_STORE, else ./residency.db; NULL for "none". */
const char *command_store_path(const char *option);

/* run_open with this invocation's command line and the store that --store's value names. wait_for_room: as of run_request. */
bool command_open_run(struct cli *cli, const char *store_option, bool wait_for_room, const struct run_environment *environment,
		      struct recording *recording, struct error *e);

/* run_close with a command's exit code. Returns it: that of a store that failed, which is said, where one did. */
int command_close_run(struct cli *cli, const char *name, struct recording *recording, int exit_code);

/* Prints "residency NAME: text" and a hint for usage errors; returns the exit code of the error's kind. */
int command_fail(struct cli *cli, const char *name, const struct error *e);

#endif
