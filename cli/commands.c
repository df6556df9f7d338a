#include "cli/commands.h"

const struct command *const commands[] = {
#define COMMAND_ROW(name) &command_##name,
	COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
		NULL,
};
