/* command_sweep.c - the command that runs the matrix over a repository's history, or shows what a store has of it.
 *
 * Options are checked before git or the store is asked; what needs both is scenarios/sweep's to refuse. The sweep runs there, and
 * cli/sweep prints how it goes and what came of it. An interrupted sweep goes on from where it was when the same command is given.
 */
#include "cli/axes.h"
#include "cli/commands.h"
#include "cli/find/flow_find.h"
#include "cli/sweep/sweep_print.h"
#include "core/base/array.h"

/* What the command line says. */
struct sweep_options {
	struct sweep_request request;
	struct axis_lists axes;
	const char *store, *run;
	struct sweep_format format;
	bool table;
};

static int run_sweep(struct cli *cli, const struct sweep_options *said)
{
	struct flow_choice flows = FLOW_CHOICE_INIT;
	struct sweep sweep = { .request = &said->request };
	struct sweep_found found;
	struct error e = ERROR_INIT;
	struct matrix_axes axes = matrix_axes_default();
	bool fine = axes_choose(&said->axes, &axes, &e) && flow_choose(&flows, said->axes.lists[CELL_AXIS_FLOW], &e);
	int exit_code;

	axes.policies = 0; /* the server's own */
	axes.flows = flows.chosen;
	axes.flow_count = flows.chosen_count;
	fine = fine && sweep_open(&sweep, &said->request, &axes, &e) &&
	       (said->request.bisect ? sweep_bisect(&sweep, &found, &e) : sweep_run_all(&sweep, &e));
	if (!fine)
		exit_code = command_fail(cli, "sweep", &e);
	else if (said->request.bisect)
		exit_code = sweep_print_found(cli, &sweep, &found, &said->format);
	else
		exit_code = sweep_print_table(cli, said->request.store, sweep.run, &said->format);
	sweep_close(&sweep);
	if (exit_code == error_exit_code(ERROR_INTERRUPTED))
		fprintf(cli->err, "what was run is in %s; the same command goes on from there\n", said->request.store);
	flow_choice_free(&flows);
	return exit_code;
}

/* ---- the command ---- */

static bool check_options(const struct sweep_options *said, struct error *e)
{
	const struct sweep_request *request = &said->request;

	if (!request->store)
		return error_set(e, ERROR_USAGE, "a sweep needs a store: what was run is found there again");
	if (said->table && (request->range || request->bisect))
		return error_set(e, ERROR_USAGE,
				 "--table shows what the store has, and runs nothing: it goes with --run, --all "
				 "and --json alone");
	if (said->table)
		return true;
	if (!request->repository || !request->range)
		return error_set(e, ERROR_USAGE, "--repo DIR and --range A..B say which commits");
	if (said->run)
		return error_set(e, ERROR_USAGE, "--run ID chooses what --table shows");
	if (request->every < 1 || request->every > 1000000)
		return error_set(e, ERROR_USAGE, "--every is 1 or more");
	if (request->start_seconds < 1 || request->start_seconds > 3600)
		return error_set(e, ERROR_USAGE, "--start-seconds is 1 to 3600");
	if (request->good_first && !request->bisect)
		return error_set(e, ERROR_USAGE, "--good-first is of --bisect");
	if (request->nodes.count > TEXTS_MAX - 1 || request->arguments.count > TEXTS_MAX - 2)
		return error_set(e, ERROR_USAGE, "too many --nodes or --server-argument");
	return true;
}

/* What stands after the options are paths, too, as with git log. */
static bool take_paths(struct texts *paths, int argc, char **argv, struct error *e)
{
	for (int i = 1; i < argc; i++) {
		if (paths->count == TEXTS_MAX)
			return error_set(e, ERROR_USAGE, "at most %d paths", TEXTS_MAX);
		paths->texts[paths->count++] = argv[i];
	}
	return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct sweep_options said = { .request = { .start_seconds = 300,
						   .every = 1,
						   .command = cli->command_line,
						   .watcher = sweep_print_watcher(cli),
						   .interrupted = cli->interrupted,
						   .log = cli->log } };
	const struct option options[] = {
		TEXT_OPTION("repo", "DIR", "the repository of a node pack, or of a ComfyUI", &said.request.repository),
		TEXT_OPTION("range", "A..B", "the commits after A up to B, and A itself, to compare the first with",
			    &said.request.range),
		TEXT_OPTION("comfyui", "DIR", "the ComfyUI that runs each commit of a node pack; nothing is written there",
			    &said.request.comfyui),
		TEXT_OPTION("python", "FILE", "its Python (default: python3)", &said.request.python),
		TEXT_OPTION("of", "KIND", "what --repo is: nodes or comfyui (default: as its files look)", &said.request.of),
		TEXTS_OPTION("nodes", "DIR", "one more custom node's folder, the same for each commit; more than once",
			     &said.request.nodes),
		TEXTS_OPTION("server-argument", "ARG", "one more argument for the server (--server-argument=--cache-none)",
			     &said.request.arguments),
		INTEGER_OPTION("start-seconds", "N", "how long a server may take until it answers (default: 300)",
			       &said.request.start_seconds),
		TEXTS_OPTION("paths", "PATH", "only commits that touch it; more than once, or after `--`", &said.request.paths),
		FLAG_OPTION("first-parent", "of a merge, follow the first parent only", &said.request.first_parent),
		INTEGER_OPTION("every", "N", "only every N-th commit, counted back from B", &said.request.every),
		AXIS_OPTION(CELL_AXIS_MATRIX, "as of `residency matrix`", &said.axes),
		AXIS_OPTION(CELL_AXIS_FLOW, "as of `residency matrix`", &said.axes),
		AXIS_OPTION(CELL_AXIS_DEVICE_MODE, "split, same (default: split)", &said.axes),
		AXIS_OPTION(CELL_AXIS_NODE_FLAGS, "real, suppressed (default: real)", &said.axes),
		TEXT_OPTION("bisect", "CELL",
			    "find the first bad commit of one cell (abc/both) in few runs; A is taken for good",
			    &said.request.bisect),
		FLAG_OPTION("good-first", "with --bisect: the first fixed one; A is taken for bad", &said.request.good_first),
		FLAG_OPTION("again", "run what the store knows, too", &said.request.again),
		FLAG_OPTION("table", "run nothing: the table of a sweep in the store", &said.table),
		TEXT_OPTION("run", "ID|last", "with --table: which sweep (default: last)", &said.run),
		FLAG_OPTION("all", "each commit's verdicts, too, and where a cell fails in another way", &said.format.all),
		TEXT_OPTION("work", "DIR", "where work trees are made (default: $TMPDIR)", &said.request.work),
		TEXT_OPTION("store", "FILE", "where records go, and what was run is found again", &said.store),
		FLAG_OPTION("json", "print one JSON object", &said.format.json),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_sweep, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	said.request.store = command_store_path(said.store);
	if (!take_paths(&said.request.paths, argc, argv, &e) || !check_options(&said, &e))
		return command_fail(cli, "sweep", &e);
	if (said.table)
		return sweep_print_table(cli, said.request.store, said.run, &said.format);
	return run_sweep(cli, &said);
}

const struct command command_sweep = {
	.name = "sweep",
	.summary = "the matrix at each commit of a node pack or of ComfyUI: which one lost, or kept, which cell",
	.synopsis = "--repo DIR --range A..B [--comfyui DIR] [options] [-- PATH...]",
	.examples = "  residency sweep --repo ~/ComfyUI-MultiGPU --range v2.4.7..HEAD --comfyui ~/ComfyUI\n"
		    "  residency sweep --repo ~/ComfyUI-MultiGPU --range v2.4.7..HEAD --comfyui ~/ComfyUI \\\n"
		    "      --matrices de --flows both -- distorch_2.py    # again: goes on where it was stopped\n"
		    "  residency sweep --repo ~/ComfyUI-MultiGPU --range v2.4.7..HEAD --comfyui ~/ComfyUI --bisect de/both\n"
		    "  residency sweep --repo ~/ComfyUI --range v0.3.60..v0.3.64 --every 10 --nodes ~/ComfyUI-MultiGPU\n"
		    "  residency sweep --table --all\n",
	.run = run,
};
