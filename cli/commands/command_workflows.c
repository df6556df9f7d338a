#include <string.h>

#include "cli/commands.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/keep_flag.h"
#include "scenarios/workflows.h"

/* "UNETLoaderDisTorch2MultiGPU" loads a model; "LoraLoader" changes one. */
static bool is_loader(const char *class_type)
{
	return strstr(class_type, "Loader") && strncmp(class_type, "Lora", 4) != 0;
}

static const char *keep_words(const json_t *inputs)
{
	enum keep_request keep = keep_inputs_ask_json(NULL, inputs);

	if (keep == KEEP_NONE)
		return "no flag";
	return keep == KEEP_YES ? "kept" : "not kept";
}

/* The first input that names a file. */
static const char *file_input(json_t *inputs)
{
	const char *key;
	json_t *value;

	json_object_foreach(inputs, key, value)
	{
		if (json_is_string(value) && strstr(key, "_name"))
			return json_string_value(value);
	}
	return "";
}

static void print_workflow(struct cli *cli, const char *name, json_t *workflow)
{
	const char *id;
	json_t *node;

	fprintf(cli->out, "%s: %zu nodes\n", name, json_object_size(workflow));
	json_object_foreach(workflow, id, node)
	{
		const char *class_type = json_string_value(json_object_get(node, "class_type"));
		json_t *inputs = json_object_get(node, "inputs");

		if (class_type && is_loader(class_type))
			fprintf(cli->out, "  node %-3s %-35s %-9s %s\n", id, class_type, keep_words(inputs),
				file_input(inputs));
	}
}

static int print_all(struct cli *cli, bool json, struct error *e)
{
	json_t *all = json_object();

	for (const struct embedded_file *file = scenario_workflows; file->name; file++) {
		json_t *workflow = json_parse(file->bytes, embed_length(file), file->name, false, e);
		char name[64];

		if (!workflow || !all) {
			json_decref(workflow);
			json_decref(all);
			return command_fail(cli, command_workflows.name, e);
		}
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(file->name, "."), file->name);
		if (!json)
			print_workflow(cli, name, workflow);
		json_object_set_new(all, name, workflow);
	}
	if (json) {
		json_write(all, cli->out, JSON_COMPACT);
		fputc('\n', cli->out);
	}
	json_decref(all);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option options[] = {
		FLAG_OPTION("json", "print all of them as one JSON object", &json),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_workflows, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc == 2) {
		char file[80];
		const struct embedded_file *found;

		snprintf(file, sizeof(file), "%.70s.json", argv[1]);
		found = embed_find(scenario_workflows, file);
		if (!found) {
			error_set(&e, ERROR_MISSING, "there is no workflow called \"%.70s\"; `residency workflows` lists them",
				  argv[1]);
			embed_suggest(scenario_workflows, argv[1], &e);
			return command_fail(cli, command_workflows.name, &e);
		}
		fwrite(found->bytes, 1, embed_length(found), cli->out);
		return 0;
	}
	if (argc > 2) {
		error_set(&e, ERROR_USAGE, "one name at most");
		return command_fail(cli, command_workflows.name, &e);
	}
	return print_all(cli, json, &e);
}

const struct command command_workflows = {
	.name = "workflows",
	.summary = "list the workflows that are built in, with the models they load",
	.synopsis = "[options] [NAME]",
	.examples = "  residency workflows\n  residency workflows flux-all-kept > mine.json\n",
	.run = run,
};
