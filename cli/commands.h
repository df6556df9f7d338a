/* commands.h - the commands of the program, one file each; commands.c lists them in the order of help. */
#ifndef RESIDENCY_CLI_COMMANDS_H
#define RESIDENCY_CLI_COMMANDS_H

struct command;

extern const struct command *const commands[]; /* NULL-terminated */

#endif
