#include "cli/commands.h"

const struct command *const commands[] = {
	&command_workflows,
	NULL,
};
