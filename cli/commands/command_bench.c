#include <stdlib.h>
#include <string.h>

#include "cli/bench/print.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/find/topology_find.h"
#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"

/* What the options said. */
struct bench_command {
	const char *backend, *topologies, *store, *tables;
	int64_t repeats;
	struct option_seed seed;
	uint64_t smallest_bytes, largest_bytes;
	bool json;
};

#define TOPOLOGIES_MAX 64

struct topologies {
	struct topology *items[TOPOLOGIES_MAX];
	size_t count;
};

static void topologies_free(struct topologies *topologies)
{
	for (size_t i = 0; i < topologies->count; i++)
		topology_free(topologies->items[i]);
}

static bool topologies_add(struct topologies *topologies, const char *name, struct error *e)
{
	struct topology *topology;

	if (topologies->count == TOPOLOGIES_MAX)
		return error_set(e, ERROR_USAGE, "at most %d topologies at a time", TOPOLOGIES_MAX);
	topology = topology_find_named(name, e);
	if (topology)
		topologies->items[topologies->count++] = topology;
	return topology;
}

/* No topology was chosen: with real bytes a machine that fits, else every tier. */
static bool topologies_default(struct topologies *topologies, const struct backend *backend, struct error *e)
{
	char name[TOPOLOGY_NAME_MAX];

	if (backend->bytes_exist)
		return topologies_add(topologies, "host-2gpu", e);
	for (size_t i = 0; topology_builtin_name(i, name); i++)
		if (strncmp(name, "host-", 5) != 0 && !topologies_add(topologies, name, e))
			return false;
	return true;
}

static bool topologies_read(struct topologies *topologies, const char *list, const struct backend *backend, struct error *e)
{
	char *copy;
	char *rest;
	char *name;
	bool fine = true;

	if (!list)
		return topologies_default(topologies, backend, e);
	copy = string_copy(list, e);
	if (!copy)
		return false;
	for (rest = copy; fine && (name = strsep(&rest, ",")) != NULL;)
		fine = topologies_add(topologies, name, e);
	free(copy);
	return fine;
}

static int find_bench(const char *name)
{
	for (int i = 0; bench_list[i]; i++)
		if (strcmp(bench_list[i]->name, name) == 0)
			return i;
	return -1;
}

static bool choose_benches(int argc, char **argv, uint64_t *chosen, struct error *e)
{
	struct strbuf names = STRBUF_INIT;
	bool fine = argc > 1;

	*chosen = 0;
	for (int i = 1; fine && i < argc; i++) {
		int index = find_bench(argv[i]);

		if (strcmp(argv[i], "all") == 0)
			*chosen = UINT64_MAX;
		else if (index >= 0)
			*chosen |= UINT64_C(1) << index;
		else
			fine = false;
	}
	if (fine)
		return true;
	for (size_t i = 0; bench_list[i]; i++)
		strbuf_printf(&names, "%s, ", bench_list[i]->name);
	error_set(e, ERROR_USAGE, "say what to measure: %sor all", strbuf_text(&names));
	strbuf_free(&names);
	return false;
}

/* Where what a benchmark tells while it measures is shown. */
struct bench_display {
	struct cli *cli;
	const struct bench_printer *printer;
	const struct bench_request *request;
	bool prints; /* text for people; false with --json */
	struct progress progress;
	bool in_progress;
};

static void on_progress(void *context, const char *what, uint64_t done_bytes, uint64_t total_bytes)
{
	struct bench_display *display = context;

	if (!display->in_progress)
		progress_begin_bytes(&display->progress, display->cli, what, total_bytes);
	display->in_progress = true;
	progress_update(&display->progress, done_bytes);
}

static void on_point(void *context, const void *result)
{
	struct bench_display *display = context;

	if (display->prints && display->printer->print_point)
		display->printer->print_point(display->cli->out, display->request, result);
}

/* Measures, prints if asked to, and returns the members for the JSON. NULL on error. */
static json_t *measure_and_print(const struct bench *bench, struct bench_display *display, struct error *e)
{
	void *result = bench_measure(bench, display->request, e);
	json_t *members = NULL;

	if (display->in_progress)
		progress_end(&display->progress);
	if (!result)
		return NULL;
	members = display->printer->to_json(display->request, result);
	if (!members)
		error_no_memory(e);
	else if (display->prints && display->printer->print)
		display->printer->print(display->cli->out, display->request, result);
	bench_result_free(bench, result);
	return members;
}

/* One benchmark, on one topology or on none; its members join those that say what it is. */
static bool run_bench(const struct bench *bench, const struct bench_request *asked, struct cli *cli, bool prints,
		      json_t *results, struct error *e)
{
	struct bench_request request = *asked;
	struct bench_display display = {
		.cli = cli, .printer = bench_printer_of(bench), .request = &request, .prints = prints
	};
	json_t *members;
	json_t *entry;

	request.on_progress = on_progress;
	request.on_point = on_point;
	request.context = &display;
	members = measure_and_print(bench, &display, e);
	if (!members)
		return error_context(e, "bench %s%s%s", bench->name, request.topology ? " of " : "",
				     request.topology ? request.topology->name : "");
	entry = json_pack("{s:s, s:s?, s:s?}", "bench", bench->name, "backend",
			  bench->needs_topology ? request.backend->name : NULL, "topology",
			  request.topology ? request.topology->name : NULL);
	if (!entry || json_object_update(entry, members) || json_array_append(results, entry))
		error_no_memory(e);
	json_decref(entry);
	json_decref(members);
	return !error_is_set(e);
}

static bool run_chosen(struct bench_request *request, uint64_t chosen, const struct topologies *topologies, struct cli *cli,
		       bool prints, json_t *results, struct error *e)
{
	for (size_t i = 0; bench_list[i]; i++) {
		if (!choice_is_set(chosen, i))
			continue;
		request->topology = NULL;
		if (!bench_list[i]->needs_topology && !run_bench(bench_list[i], request, cli, prints, results, e))
			return false;
		for (size_t j = 0; bench_list[i]->needs_topology && j < topologies->count; j++) {
			request->topology = topologies->items[j];
			if (!run_bench(bench_list[i], request, cli, prints, results, e))
				return false;
		}
	}
	return true;
}

static void print_json(struct cli *cli, json_t *results)
{
	json_t *whole = json_pack("{s:i, s:O}", "schema", 1, "benches", results);

	json_dumpf(whole, cli->out, JSON_COMPACT);
	fputc('\n', cli->out);
	json_decref(whole);
}

/* Everything but the command line: returns the exit code. */
static int measure(struct cli *cli, const struct bench_command *asked, const struct backend *backend, uint64_t chosen,
		   const struct topologies *topologies)
{
	const struct run_environment environment = {
		.backend = backend->name,
		.topology = topologies->count == 1 ? topologies->items[0] : NULL,
		.subject = "engine",
	};
	struct bench_request request = {
		.backend = backend,
		.repeats = (unsigned)asked->repeats,
		.smallest_bytes = asked->smallest_bytes,
		.largest_bytes = asked->largest_bytes,
		.seed = asked->seed.value,
		.tables = asked->tables,
		.interrupted = cli->interrupted,
	};
	struct error e = ERROR_INIT;
	struct recording recording;
	json_t *results;
	int exit_code = 0;

	/* Nothing is measured while samples are put, so that waiting for room disturbs nothing. */
	if (!command_open_run(cli, asked->store, true, &environment, &recording, &e))
		return command_fail(cli, command_bench.name, &e);
	request.sink = &recording.sink;
	for (size_t i = 0; topologies->count > 1 && i < topologies->count; i++)
		run_put_topology(&recording.sink, topologies->items[i]);
	results = json_array();
	if (!run_chosen(&request, chosen, topologies, cli, !asked->json, results, &e))
		exit_code = command_fail(cli, command_bench.name, &e);
	else if (asked->json)
		print_json(cli, results);
	json_decref(results);
	return command_close_run(cli, command_bench.name, &recording, exit_code);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct bench_command asked = { .backend = "sim", .tables = "tests/data" };
	const struct option options[] = {
		TEXT_OPTION("backend", "NAME", "sim or host (default sim)", &asked.backend),
		TEXT_OPTION("topology", "LIST", "names or files (default: every tier; host-2gpu on host)", &asked.topologies),
		INTEGER_OPTION("repeats", "N", "samples of each point", &asked.repeats),
		BYTES_OPTION("smallest", "SIZE", "smallest copy (default 4 KiB)", &asked.smallest_bytes),
		BYTES_OPTION("largest", "SIZE", "largest copy (default 256 MiB)", &asked.largest_bytes),
		SEED_OPTION("seed", "N", "seed of the generated data (default 0)", &asked.seed),
		TEXT_OPTION("tables", "DIR", "what others measured, to compare plan and predict with (default tests/data)",
			    &asked.tables),
		TEXT_OPTION("store", "FILE", "where samples are recorded; none for nowhere", &asked.store),
		FLAG_OPTION("json", "print one JSON object", &asked.json),
	};
	struct topologies topologies = { .count = 0 };
	const struct backend *backend;
	struct error e = ERROR_INIT;
	uint64_t chosen;
	int exit_code;

	if (!command_parse(cli, &command_bench, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	backend = topology_find_backend(asked.backend, &e);
	if (backend && choose_benches(argc, argv, &chosen, &e) && topologies_read(&topologies, asked.topologies, backend, &e))
		exit_code = measure(cli, &asked, backend, chosen, &topologies);
	else
		exit_code = command_fail(cli, command_bench.name, &e);
	topologies_free(&topologies);
	return exit_code;
}

const struct command command_bench = {
	.name = "bench",
	.summary = "measure: links, seconds per iteration over GB offloaded, and the engine itself",
	.synopsis = "[options] WHAT...",
	.examples = "  residency bench links --topology mixed\n"
		    "  residency bench links --backend host --largest 64MiB\n"
		    "  residency bench plan predict\n"
		    "  residency bench all --json\n",
	.run = run,
};
