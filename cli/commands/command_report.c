#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "core/base/array.h"
#include "db/store.h"
#include "reports/render/html.h"
#include "db/query.h"

static int report(struct cli *cli, const char *path, const char *wanted_run, const char *folder)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(path, STORE_READ, &e);
	char run[64];
	bool fine = store != NULL;

	if (fine && wanted_run && strcmp(wanted_run, "last") == 0) {
		fine = query_run(store, "last", run, &e);
		wanted_run = run;
	}
	fine = fine && html_report(store, wanted_run, folder, cli->log, &e);
	store_close(store);
	if (!fine)
		return command_fail(cli, "report", &e);
	fprintf(cli->out, "%s/index.html\n", folder);
	return 0;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
	const char *store = NULL;
	const char *run = NULL;
	const char *folder = NULL;
	const struct option options[] = {
		TEXT_OPTION("html", "DIR", "write DIR/index.html", &folder),
		TEXT_OPTION("run", "ID|last", "one run only (default: every run of the store)", &run),
		TEXT_OPTION("store", "FILE", "the store to read", &store),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_report, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 1)
		error_set(&e, ERROR_USAGE, "\"%s\" is not understood; everything is an option here", argv[1]);
	else if (!folder)
		error_set(&e, ERROR_USAGE, "where to? --html DIR");
	else if (!command_store_path(store))
		error_set(&e, ERROR_USAGE, "--store none holds nothing to report");
	if (error_is_set(&e))
		return command_fail(cli, "report", &e);
	return report(cli, command_store_path(store), run, folder);
}

const struct command command_report = {
	.name = "report",
	.summary = "one page of what a store holds: matrix, timelines, curves; no network",
	.synopsis = "--html DIR [options]",
	.examples = "  residency report --html report\n  residency report --html report --run last --store ci.db\n",
	.run = run_command,
};
