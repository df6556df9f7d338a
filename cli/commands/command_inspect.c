#include "cli/commands.h"
#include "cli/inspect/inspect.h"
#include "core/base/array.h"

static bool inspect_one(struct cli *cli, const char *path, bool json, size_t *wrong, struct error *e)
{
	struct report report;
	bool fine = inspect_file(&report, path, e);

	if (fine && report.failed)
		fine = error_no_memory(e);
	if (fine && json)
		fine = inspect_print_json(&report, cli->out, e);
	else if (fine)
		inspect_print(&report, cli->out);
	*wrong += report.wrong;
	inspect_end(&report);
	return fine;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option options[] = {
		FLAG_OPTION("json", "print one JSON object a file, one a line", &json),
	};
	struct error e = ERROR_INIT;
	size_t wrong = 0;
	int exit_code;

	if (!command_parse(cli, &command_inspect, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc < 2)
		error_set(&e, ERROR_USAGE, "name a file");
	for (int i = 1; i < argc && !error_is_set(&e); i++) {
		if (i > 1 && !json)
			fputc('\n', cli->out);
		inspect_one(cli, argv[i], json, &wrong, &e);
	}
	if (error_is_set(&e))
		return command_fail(cli, command_inspect.name, &e);
	return wrong ? error_exit_code(ERROR_FORMAT) : 0;
}

const struct command command_inspect = {
	.name = "inspect",
	.summary = "what a file is: family, blocks, types, bytes; or what is wrong with it and where",
	.synopsis = "FILE... [--json]",
	.examples = "  residency inspect flux1-dev.safetensors\n"
		    "  residency inspect my-lora.safetensors workflow.json residency.db\n"
		    "  residency inspect model.safetensors.index.json transformer/ --json\n",
	.run = run,
};
