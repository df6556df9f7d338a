#include "cli/commands.h"

/* A row a command. */
/* clang-format off */
const struct command *const commands[] = {
	&command_matrix,
	&command_replay,
	&command_explore,
	&command_triage,
	&command_report,
	&command_import,
	&command_export,
	&command_bench,
	&command_plan,
	&command_inspect,
	&command_patch,
	&command_convert,
	&command_synth,
	&command_live,
	&command_sweep,
	&command_devices,
	&command_policies,
	&command_workflows,
	&command_flows,
	&command_doctor,
	NULL,
};
