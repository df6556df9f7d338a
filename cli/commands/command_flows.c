#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/wrap.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/flow/flows.h"

/* "reported in CC#4655, MG#193 (failure class 10)" */
static void print_reports(const struct cli *cli, const struct flow *flow)
{
	char text[1024] = "";
	size_t length = 0;

	for (size_t i = 0; i < flow->report_count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i ? ", " : "", flow->reports[i]);
	if (flow->report_count)
		wrap_print(cli->out, "  reported in ", text, 4, cli->width);
}

static void print_flow(const struct cli *cli, const struct flow *flow)
{
	char first[96];

	snprintf(first, sizeof(first), "%s%s%s%s  ", flow->name, flow->alias[0] ? " (" : "", flow->alias,
		 flow->alias[0] ? ")" : "");
	wrap_print(cli->out, first, flow->summary, 4, cli->width);
	if (flow->help[0])
		wrap_print(cli->out, "  ", flow->help, 2, cli->width);
	print_reports(cli, flow);
}

static int print_all(struct cli *cli, bool json, struct error *e)
{
	struct flow_set set = { .flows = NULL };
	json_t *list = json_array();
	int exit_code = 0;

	if (!flow_set_add_builtin(&set, e)) {
		exit_code = command_fail(cli, command_flows.name, e);
		goto out;
	}
	for (size_t i = 0; i < set.count && !json; i++)
		print_flow(cli, set.flows[i]);
	for (const struct embedded_file *file = scenario_flows; json && file->name; file++)
		json_array_append_new(list, json_parse(file->bytes, embed_length(file), file->name, false, e));
	if (json) {
		fputs("{\"schema\":1,\"flows\":", cli->out);
		json_write(list, cli->out, JSON_COMPACT);
		fputs("}\n", cli->out);
	}
out:
	json_decref(list);
	flow_set_free(&set);
	return exit_code;
}

static int print_file(struct cli *cli, const char *name, struct error *e)
{
	char file[80];
	const struct embedded_file *found;

	snprintf(file, sizeof(file), "%.70s.json", name);
	found = embed_find(scenario_flows, file);
	if (!found) {
		error_set(e, ERROR_MISSING, "there is no flow called \"%.70s\"; `residency flows` lists them", name);
		embed_suggest(scenario_flows, name, e);
		return command_fail(cli, command_flows.name, e);
	}
	fwrite(found->bytes, 1, embed_length(found), cli->out);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option options[] = { FLAG_OPTION("json", "print all of them as one JSON object", &json) };
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_flows, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 2) {
		error_set(&e, ERROR_USAGE, "one name at most");
		return command_fail(cli, command_flows.name, &e);
	}
	return argc == 2 ? print_file(cli, argv[1], &e) : print_all(cli, json, &e);
}

const struct command command_flows = {
	.name = "flows",
	.summary = "list the flows that are built in: what each shows, and who reported it",
	.synopsis = "[options] [NAME]",
	.examples = "  residency flows\n"
		    "  residency flows both > mine.json\n"
		    "  residency matrix --flows mine.json\n",
	.run = run,
};
