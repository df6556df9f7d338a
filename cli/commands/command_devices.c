#include <math.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/find/topology_find.h"
#include "core/base/array.h"
#include "core/base/units.h"

/* "58 TFLOP/s", or "unknown". */
static const char *flops_text(double flops_per_s, char text[UNITS_TEXT_MAX])
{
	if (isnan(flops_per_s))
		return "unknown";
	if (flops_per_s >= 1e12)
		snprintf(text, UNITS_TEXT_MAX, "%.3g TFLOP/s", flops_per_s / 1e12);
	else
		snprintf(text, UNITS_TEXT_MAX, "%.3g GFLOP/s", flops_per_s / 1e9);
	return text;
}

static const char *rate_text(double bytes_per_s, char text[UNITS_TEXT_MAX])
{
	if (isnan(bytes_per_s) || bytes_per_s >= 1e19)
		return "unknown";
	units_bytes((uint64_t)bytes_per_s, text);
	strncat(text, "/s", UNITS_TEXT_MAX - strlen(text) - 1);
	return text;
}

static void print_links(FILE *out, const struct topology *topology)
{
	for (size_t i = 0; i < topology->link_count; i++) {
		const struct link_description *link = &topology->links[i];
		char rate[UNITS_TEXT_MAX];
		char latency[UNITS_TEXT_MAX];

		fprintf(out, "  %-10s -> %-10s %12s", topology->devices[link->from].name, topology->devices[link->to].name,
			rate_text(link->bandwidth_bytes_per_s, rate));
		if (isnan(link->efficiency))
			fputs("  efficiency unknown", out);
		else
			fprintf(out, "  efficiency %-7.2g", link->efficiency);
		fprintf(out, "  latency %s", units_duration(link->latency_ns, latency));
		if (link->group >= 0)
			fprintf(out, "  shares %s (%s)", topology->groups[link->group].name,
				rate_text(topology->groups[link->group].bandwidth_bytes_per_s, rate));
		fputc('\n', out);
	}
}

static void print_topology(FILE *out, const struct topology *topology)
{
	fprintf(out, "%s: %s\n", topology->name, topology->title);
	for (size_t i = 0; i < topology->device_count; i++) {
		const struct device_description *device = &topology->devices[i];
		char capacity[UNITS_TEXT_MAX];
		char flops[UNITS_TEXT_MAX];
		char rate[UNITS_TEXT_MAX];

		fprintf(out, "  %-10s %10s  computes %-14s  memory %s\n", device->name,
			units_bytes(device->capacity_bytes, capacity), flops_text(device->flops_per_s, flops),
			rate_text(device->memory_bytes_per_s, rate));
	}
	print_links(out, topology);
}

static void print_backends(FILE *out, const struct backend *only)
{
	fputs("backends\n", out);
	for (size_t i = 0; backends[i]; i++)
		if (!only || backends[i] == only)
			fprintf(out, "  %-6s %s\n", backends[i]->name, backends[i]->summary);
}

static json_t *backends_to_json(const struct backend *only)
{
	json_t *list = json_array();

	for (size_t i = 0; backends[i]; i++)
		if (!only || backends[i] == only)
			json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", backends[i]->name, "summary",
							      backends[i]->summary, "has_bytes", backends[i]->bytes_exist));
	return list;
}

/* One topology: printed, or appended to the JSON. */
static bool show_topology(struct cli *cli, const char *name, json_t *list, struct error *e)
{
	struct topology *topology = topology_find_named(name, e);

	if (!topology)
		return false;
	if (list && json_array_append_new(list, topology_to_json(topology)))
		error_no_memory(e);
	if (!list) {
		fputc('\n', cli->out);
		print_topology(cli->out, topology);
	}
	topology_free(topology);
	return !error_is_set(e);
}

static bool show_topologies(struct cli *cli, int argc, char **argv, json_t *list, struct error *e)
{
	char name[TOPOLOGY_NAME_MAX];

	for (int i = 1; i < argc; i++)
		if (!show_topology(cli, argv[i], list, e))
			return false;
	for (size_t i = 0; argc == 1 && topology_builtin_name(i, name); i++)
		if (!show_topology(cli, name, list, e))
			return false;
	return true;
}

static bool show(struct cli *cli, int argc, char **argv, const struct backend *only, bool json, struct error *e)
{
	json_t *whole = NULL;
	json_t *topologies = NULL;
	bool fine;

	if (!json) {
		print_backends(cli->out, only);
		return show_topologies(cli, argc, argv, NULL, e);
	}
	topologies = json_array();
	if (!topologies)
		return error_no_memory(e);
	fine = show_topologies(cli, argc, argv, topologies, e);
	whole = json_pack("{s:i, s:o, s:o}", "schema", 1, "backends", backends_to_json(only), "topologies", topologies);
	if (fine && !whole)
		fine = error_no_memory(e);
	if (fine) {
		json_dumpf(whole, cli->out, JSON_COMPACT);
		fputc('\n', cli->out);
	}
	json_decref(whole);
	return fine;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *name = NULL;
	bool json = false;
	const struct option options[] = {
		TEXT_OPTION("backend", "NAME", "only this backend", &name),
		FLAG_OPTION("json", "print one JSON object", &json),
	};
	const struct backend *only;
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_devices, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	only = name ? topology_find_backend(name, &e) : NULL;
	if (error_is_set(&e) || !show(cli, argc, argv, only, json, &e))
		return command_fail(cli, command_devices.name, &e);
	return 0;
}

const struct command command_devices = {
	.name = "devices",
	.summary = "list backends, and the devices and links of topologies",
	.synopsis = "[options] [TOPOLOGY|FILE]...",
	.examples = "  residency devices\n"
		    "  residency devices mixed my-machine.json\n"
		    "  residency devices --json p2p-x4\n",
	.run = run,
};
