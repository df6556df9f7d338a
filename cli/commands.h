/* commands.h - the commands of the program, one file each, each ending in its definition; commands.c lists them. */
#ifndef RESIDENCY_CLI_COMMANDS_H
#define RESIDENCY_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command *const commands[]; /* NULL-terminated, in the order of help */

extern const struct command command_bench;
extern const struct command command_convert;
extern const struct command command_devices;
extern const struct command command_doctor;
extern const struct command command_explore;
extern const struct command command_export;
extern const struct command command_flows;
extern const struct command command_import;
extern const struct command command_inspect;
extern const struct command command_live;
extern const struct command command_live_watch; /* of command_live, and not listed */
extern const struct command command_matrix;
extern const struct command command_patch;
extern const struct command command_plan;
extern const struct command command_policies;
extern const struct command command_replay;
extern const struct command command_report;
extern const struct command command_sweep;
extern const struct command command_synth;
extern const struct command command_triage;
extern const struct command command_workflows;

#endif
