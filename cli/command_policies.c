#include <string.h>

#include "cli/commands.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "core/manager/policy.h"

static void print_text(struct cli *cli, const struct policy *policy)
{
	fprintf(cli->out, "%s\n  %s\n", policy->name, policy->summary);
	if (policy->lived)
		fprintf(cli->out, "  lived in: %s\n", policy->lived);
	for (size_t i = 0; i < POLICY_ALIASES_MAX && policy->aliases[i]; i++)
		fprintf(cli->out, "%s%s", i ? ", " : "  also called: ", policy->aliases[i]);
	fputs(policy->aliases[0] ? "\n\n" : "\n", cli->out);
}

static json_t *to_json(const struct policy *policy)
{
	json_t *aliases = json_array();

	for (size_t i = 0; i < POLICY_ALIASES_MAX && policy->aliases[i]; i++)
		json_array_append_new(aliases, json_string(policy->aliases[i]));
	return json_pack("{ss ss ss? so}", "name", policy->name, "summary", policy->summary, "lived", policy->lived, "aliases",
			 aliases);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option options[] = { { "json", NULL, "print one JSON object", OPTION_FLAG, &json } };
	json_t *list;
	int exit_code;

	if (!command_parse(cli, &command_policies, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	list = json_array();
	for (size_t i = 0; policies[i]; i++) {
		if (json)
			json_array_append_new(list, to_json(policies[i]));
		else
			print_text(cli, policies[i]);
	}
	if (json) {
		fputs("{\"schema\":1,\"policies\":", cli->out);
		json_dumpf(list, cli->out, JSON_COMPACT);
		fputs("}\n", cli->out);
	}
	json_decref(list);
	return 0;
}

const struct command command_policies = {
	.name = "policies",
	.summary = "the ways of unloading and cache clearing, upstream's and ours",
	.synopsis = "[options]",
	.examples = "  residency policies\n",
	.run = run,
};
