#include "cli/commands.h"

const struct command *const commands[] = {
	&command_devices,
	&command_plan,
	&command_workflows,
	NULL,
};
