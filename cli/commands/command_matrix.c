#include <string.h>

#include "cli/axes.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/find/flow_find.h"
#include "cli/print/matrix_print.h"
#include "cli/progress.h"
#include "cli/find/subject_find.h"
#include "cli/find/topology_find.h"
#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/manager/policy.h"
#include "scenarios/flow/flow.h"
#include "scenarios/matrix/matrix.h"
#include "scenarios/models/matrix_workflow.h"
#include "scenarios/subject/subject_comfyui.h"

/* ---- the command ---- */

struct matrix_settings {
	struct axis_lists axes;
	const char *backend, *topology, *store, *subject;
	bool json, verbose, deep;
};

#define CELLS_TO_WATCH 12 /* up to so many, the log says what happens as in a replay */

/* The engine's messages are passed on only if there is a sink for them; otherwise they are counted. */
struct matrix_watch {
	struct log_sink sink;
	const struct log_sink *to; /* NULL: messages are not shown */
	size_t held_back;
};

static void watch_line(void *context, enum log_level level, const char *text)
{
	struct matrix_watch *watch = context;

	if (watch->to)
		log_say(watch->to, level, "%s", text);
	else
		watch->held_back++;
}

struct matrix_state {
	struct matrix_printer printer;
	struct progress progress;
	struct recording recording;
	struct cli *cli;
	size_t done;
};

static bool finished(void *context, const struct judge_result *result)
{
	struct matrix_state *state = context;

	progress_end(&state->progress); /* the line is drawn again below what is printed */
	matrix_print_cell(&state->printer, result);
	progress_update(&state->progress, ++state->done + state->printer.tally.skipped);
	return !*state->cli->interrupted && run_is_fine(&state->recording);
}

static void left_out(void *context, const char *matrix, const char *flow, size_t cells, const char *why)
{
	struct matrix_state *state = context;

	matrix_print_left_out(&state->printer, matrix, flow, cells, why);
	progress_update(&state->progress, state->done + state->printer.tally.skipped);
}

static uint64_t dropped(void *context, uint32_t cell)
{
	const struct matrix_state *state = context;

	return run_dropped(&state->recording, cell);
}

static void widen(int *width, const char *text)
{
	if ((int)strlen(text) > *width)
		*width = (int)strlen(text);
}

static void set_widths(struct matrix_printer *printer, const struct matrix_axes *axes)
{
	printer->policy_width = 9;
	printer->matrix_width = 12;
	printer->flow_width = 6;
	for (size_t i = 0; policies[i]; i++) {
		if (choice_is_set(axes->policies, i))
			widen(&printer->policy_width, policies[i]->name);
	}
	for (size_t i = 0; matrix_list[i]; i++) {
		if (choice_is_set(axes->matrices, i))
			widen(&printer->matrix_width, matrix_list[i]->name);
	}
	for (size_t i = 0; i < axes->flow_count; i++)
		widen(&printer->flow_width, axes->flows[i]->name);
}

/* What the cells run on: a backend of the engine's, or a server (then NULL). */
struct ground {
	struct subject *subject; /* owned by whoever runs the matrix */
	const struct topology *topology;
	const struct backend *backend;
};

static int run_matrix(struct cli *cli, const struct matrix_settings *settings, const struct matrix_axes *axes,
		      const struct ground *ground, struct matrix_watch *watch)
{
	struct run_environment environment = run_environment_of(ground->subject, ground->topology, ground->backend);
	struct matrix_state state = { .cli = cli, .printer = { .cli = cli, .json = settings->json } };
	struct matrix_run run = { .subject = ground->subject,
				  .subject_name = ground->subject->operations->kind,
				  .topology_name = ground->topology->name,
				  .left_out = left_out,
				  .finished = finished,
				  .dropped = dropped,
				  .context = &state };
	struct error e = ERROR_INIT;
	uint64_t started_ns = clock_now_ns();
	struct matrix_left_out left_out;
	size_t cell_count = matrix_cell_count(axes, &left_out);
	int exit_code;

	if (settings->verbose || cell_count <= CELLS_TO_WATCH)
		watch->to = run.log = cli->log;
	if (!command_open_run(cli, settings->store, ground->backend && !ground->backend->bytes_exist, &environment,
			      &state.recording, &e))
		return command_fail(cli, "matrix", &e);
	run.sink = &state.recording.sink;
	state.printer.show_modes = settings->axes.lists[CELL_AXIS_CACHE] || settings->axes.lists[CELL_AXIS_DEVICE_MODE] ||
				   settings->axes.lists[CELL_AXIS_NODE_FLAGS];
	set_widths(&state.printer, axes);
	matrix_print_begin(&state.printer);
	progress_begin(&state.progress, cli, "cells", cell_count);
	if (!matrix_run(&run, axes, &e))
		exit_code = command_fail(cli, "matrix", &e);
	else
		exit_code = matrix_print_exit_code(&state.printer);
	progress_end(&state.progress);
	matrix_print_end(&state.printer);
	if (*cli->interrupted)
		exit_code = error_exit_code(ERROR_INTERRUPTED);
	if (watch->held_back)
		fprintf(cli->err, "%zu warnings are not shown; --verbose shows them\n", watch->held_back);
	if (left_out.count)
		fprintf(cli->err, "%zu pairs of a matrix and a flow cannot be and are left out; the first: %s\n",
			left_out.count, left_out.why);
	fprintf(cli->err, "%zu cells in %.3f s, %.0f a second\n", state.done, (double)(clock_now_ns() - started_ns) / 1e9,
		(double)state.done / ((double)(clock_now_ns() - started_ns) / 1e9));
	return command_close_run(cli, "matrix", &state.recording, exit_code);
}

static int run_on_engine(struct cli *cli, const struct matrix_settings *settings, const struct matrix_axes *axes)
{
	struct matrix_watch watch = { .sink = { .least = LOG_WARNING, .context = &watch, .line = watch_line } };
	struct error e = ERROR_INIT;
	struct ground ground = { .backend = topology_find_backend(settings->backend, &e) };
	struct topology *topology = ground.backend ? topology_find_named(settings->topology, &e) : NULL;
	int exit_code;

	ground.topology = topology;
	if (topology)
		ground.subject = subject_engine_open(topology, ground.backend, &watch.sink, cli->interrupted, &e);
	exit_code = ground.subject ? run_matrix(cli, settings, axes, &ground, &watch) : command_fail(cli, "matrix", &e);
	subject_close(ground.subject);
	topology_free(topology);
	return exit_code;
}

/* A server has the policy and the cache that it has: what the user does not choose is what is there. */
static int run_on_server(struct cli *cli, const struct matrix_settings *settings, struct matrix_axes *axes)
{
	struct matrix_watch watch = { .sink = { .least = LOG_WARNING, .context = &watch, .line = watch_line } };
	struct error e = ERROR_INIT;
	struct ground ground = { .subject = subject_live_open(subject_live_url(settings->subject), cli, &e) };
	int exit_code;

	if (!ground.subject)
		return command_fail(cli, "matrix", &e);
	ground.topology = subject_comfyui_topology(ground.subject);
	subject_comfyui_ask_everybody(ground.subject, settings->deep);
	if (!settings->axes.lists[CELL_AXIS_POLICY])
		axes->policies = matrix_axis_bit(CELL_AXIS_POLICY, subject_comfyui_policy(ground.subject)->name);
	if (!settings->axes.lists[CELL_AXIS_CACHE])
		axes->caches = UINT64_C(1) << subject_comfyui_cache(ground.subject);
	exit_code = run_matrix(cli, settings, axes, &ground, &watch);
	subject_close(ground.subject);
	return exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct matrix_settings settings = { .backend = "sim", .topology = "2x3090-nvlink" };
	const struct option options[] = {
		AXIS_OPTION(CELL_AXIS_POLICY, "policies, by name or upstream commit (default: all)", &settings.axes),
		AXIS_OPTION(CELL_AXIS_MATRIX, "abc, de, none-kept, beside-stock, ... (default: these four)", &settings.axes),
		AXIS_OPTION(CELL_AXIS_FLOW, "both, unload, free, ..., or files (default: these three)", &settings.axes),
		AXIS_OPTION(CELL_AXIS_CACHE, "executor caches: classic, lru, none, ram (default: classic)", &settings.axes),
		AXIS_OPTION(CELL_AXIS_DEVICE_MODE, "split, same (default: split)", &settings.axes),
		AXIS_OPTION(CELL_AXIS_NODE_FLAGS, "real, suppressed (default: real; of a flow that says its own: those)",
			    &settings.axes),
		TEXT_OPTION("subject", "comfyui=URL", "run it on a live server with the probe node, not on the engine",
			    &settings.subject),
		FLAG_OPTION("deep", "of a server: ask everybody who refers to a leaked model, not only known owners (slow)",
			    &settings.deep),
		TEXT_OPTION("backend", "NAME", "sim or host (default: sim)", &settings.backend),
		TEXT_OPTION("topology", "NAME|FILE", "devices and links (default: 2x3090-nvlink)", &settings.topology),
		TEXT_OPTION("store", "FILE|none", "where records go", &settings.store),
		FLAG_OPTION("verbose", "say every warning and loss at once, however many cells there are", &settings.verbose),
		FLAG_OPTION("json", "print one JSON object", &settings.json),
	};
	struct error e = ERROR_INIT;
	struct matrix_axes axes = matrix_axes_default();
	struct flow_choice flows = FLOW_CHOICE_INIT;
	int exit_code;

	if (!command_parse(cli, &command_matrix, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 1)
		error_set(&e, ERROR_USAGE, "\"%s\" is not understood; everything is an option here", argv[1]);
	else if (settings.subject && strcmp(settings.subject, "engine") != 0 && !subject_live_url(settings.subject))
		error_set(&e, ERROR_USAGE, "--subject is engine or comfyui=URL, not \"%.60s\"", settings.subject);
	else if (settings.deep && !subject_live_url(settings.subject))
		error_set(&e, ERROR_USAGE, "--deep is for a server; the engine always knows who refers to a model");
	if (error_is_set(&e) || !axes_choose(&settings.axes, &axes, &e) ||
	    !flow_choose(&flows, settings.axes.lists[CELL_AXIS_FLOW], &e))
		goto fail;
	axes.flows = flows.chosen;
	axes.flow_count = flows.chosen_count;
	exit_code = subject_live_url(settings.subject) ? run_on_server(cli, &settings, &axes)
						       : run_on_engine(cli, &settings, &axes);
	goto out;
fail:
	exit_code = command_fail(cli, "matrix", &e);
out:
	flow_choice_free(&flows);
	return exit_code;
}

const struct command command_matrix = {
	.name = "matrix",
	.summary = "the retention matrix: which kept models leave, at which stage, and why",
	.synopsis = "[options]",
	.examples = "  residency matrix\n"
		    "  residency matrix --policies delegate,strict --matrices de --flows both\n"
		    "  residency matrix --matrices all --flows all,mine.json\n"
		    "  residency matrix --subject comfyui=http://127.0.0.1:8188 --matrices abc,de\n"
		    "  residency matrix --caches all --device-modes all --node-flags all --json --store none\n",
	.run = run,
};
