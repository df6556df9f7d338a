#include "cli/commands.h"

const struct command *const commands[] = {
	&command_matrix,  &command_replay,   &command_triage,	 &command_report, &command_bench,  &command_plan,
	&command_devices, &command_policies, &command_workflows, &command_flows,  &command_doctor, NULL,
};
