/* commands.h - the commands of the program, in the order of help.
 *
 * Each is a file of cli/commands (command_NAME.c) that ends in its definition, and a line here.
 */
#ifndef RESIDENCY_CLI_COMMANDS_H
#define RESIDENCY_CLI_COMMANDS_H

#include "cli/command.h"

#define COMMANDS(X)                                                                                                            \
	X(matrix)                                                                                                              \
	X(replay)                                                                                                              \
	X(explore)                                                                                                             \
	X(triage)                                                                                                              \
	X(report)                                                                                                              \
	X(import)                                                                                                              \
	X(export)                                                                                                              \
	X(bench)                                                                                                               \
	X(plan)                                                                                                                \
	X(inspect)                                                                                                             \
	X(patch)                                                                                                               \
	X(convert)                                                                                                             \
	X(convert_workflow)                                                                                                    \
	X(synth)                                                                                                               \
	X(live)                                                                                                                \
	X(sweep)                                                                                                               \
	X(devices)                                                                                                             \
	X(policies)                                                                                                            \
	X(workflows)                                                                                                           \
	X(flows)                                                                                                               \
	X(doctor)

#define COMMAND_DECLARE(name) extern const struct command command_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

extern const struct command command_live_watch; /* of command_live, and not listed */

extern const struct command *const commands[]; /* NULL-terminated */

#endif
