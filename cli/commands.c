#include "cli/commands.h"

const struct command *const commands[] = {
	&command_bench, &command_devices, &command_plan, &command_workflows, &command_doctor, NULL,
};
