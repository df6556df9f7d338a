#include "cli/commands.h"

const struct command *const commands[] = {
	&command_devices,
	&command_workflows,
	NULL,
};
