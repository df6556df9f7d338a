#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"
#include "core/base/array.h"
#include "db/store.h"
#include "db/query.h"
#include "reports/rows.h"
#include "reports/trace/trace.h"

struct export_settings {
	const char *trace, *csv, *ndjson, *run, *store;
};

static bool export_trace(struct cli *cli, struct store *store, const char *run, const char *path, struct error *e)
{
	uint64_t event_count;

	if (!trace_write(store, run, path, &event_count, e))
		return false;
	fprintf(cli->out, "%s\n", path);
	fprintf(cli->err, "%" PRIu64 " events of run %s; open it in ui.perfetto.dev or chrome://tracing\n", event_count, run);
	return true;
}

static int export_run(struct cli *cli, const struct export_settings *settings)
{
	struct error e = ERROR_INIT;
	struct store *store = store_open(command_store_path(settings->store), STORE_READ, &e);
	char run[64];
	bool fine = store && query_run(store, settings->run, run, &e);

	if (fine && settings->trace)
		fine = export_trace(cli, store, run, settings->trace, &e);
	else if (fine)
		fine = rows_write(store, settings->csv ? settings->csv : settings->ndjson, run,
				  settings->csv ? ROWS_CSV : ROWS_NDJSON, cli->out, &e);
	store_close(store);
	return fine ? 0 : command_fail(cli, "export", &e);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct export_settings settings = { .run = "last" };
	const struct option options[] = {
		TEXT_OPTION("trace", "FILE", "write trace events for Perfetto and chrome://tracing", &settings.trace),
		TEXT_OPTION("csv", "VIEW", "print a view's rows as CSV", &settings.csv),
		TEXT_OPTION("ndjson", "VIEW", "print a view's rows as lines of JSON", &settings.ndjson),
		TEXT_OPTION("run", "ID|last", "the run (default: last)", &settings.run),
		TEXT_OPTION("store", "FILE", "the store to read", &settings.store),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_export, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 1)
		error_set(&e, ERROR_USAGE, "unexpected argument \"%.80s\"", argv[1]);
	else if ((settings.trace != NULL) + (settings.csv != NULL) + (settings.ndjson != NULL) != 1)
		error_set(&e, ERROR_USAGE, "one of --trace FILE, --csv VIEW and --ndjson VIEW");
	else if (!command_store_path(settings.store))
		error_set(&e, ERROR_USAGE, "--store none holds nothing to export");
	if (error_is_set(&e))
		return command_fail(cli, "export", &e);
	return export_run(cli, &settings);
}

const struct command command_export = {
	.name = "export",
	.summary = "a run as a trace for Perfetto; rows of a view as CSV or lines of JSON",
	.synopsis = "--trace FILE | --csv VIEW | --ndjson VIEW [options]",
	.examples = "  residency export --trace trace.json\n"
		    "  residency export --csv v_models --run last >models.csv\n"
		    "  residency export --ndjson v_findings | jq .model\n",
	.run = run,
};
