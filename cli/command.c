#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

static void print_page(struct cli *cli, const struct command *command, const struct option *options, size_t count)
{
	fprintf(cli->out, "residency %s - %s\n\nusage: residency %s %s\n", command->name, command->summary, command->name,
		command->synopsis);
	if (count) {
		fputs("\noptions:\n", cli->out);
		options_print(options, count, cli->out);
	}
	if (command->examples)
		fprintf(cli->out, "\nexamples:\n%s", command->examples);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

bool command_parse(struct cli *cli, const struct command *command, const struct option *options, size_t count, int *argc,
		   char **argv, int *exit_code)
{
	struct error e = ERROR_INIT;

	if (wants_help(*argc, argv)) {
		print_page(cli, command, options, count);
		*exit_code = 0;
		return false;
	}
	if (!options_parse(options, count, argc, argv, &e)) {
		*exit_code = command_fail(cli, command->name, &e);
		return false;
	}
	return true;
}

int command_fail(struct cli *cli, const char *name, const struct error *e)
{
	fflush(cli->out);
	fprintf(cli->err, "residency %s: %s\n", name, e->text);
	if (e->kind == ERROR_USAGE)
		fprintf(cli->err, "try: residency %s --help\n", name);
	return error_exit_code(e->kind);
}

const char *command_store_path(const char *option)
{
	const char *path = option ? option : getenv("RESIDENCY_STORE");

	if (!path || !*path)
		path = "residency.db";
	return strcmp(path, "none") == 0 ? NULL : path;
}

bool command_open_run(struct cli *cli, const char *store_option, bool wait_for_room, const struct run_environment *environment,
		      struct recording *recording, struct error *e)
{
	const struct run_request request = { .store = command_store_path(store_option),
					     .command = cli->command_line,
					     .wait_for_room = wait_for_room,
					     .environment = *environment };

	return run_open(recording, &request, e);
}

int command_close_run(struct cli *cli, const char *name, struct recording *recording, int exit_code)
{
	struct error e = ERROR_INIT;

	return run_close(recording, exit_code, &e) ? exit_code : command_fail(cli, name, &e);
}
