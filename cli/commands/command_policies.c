#include <string.h>

#include "cli/commands.h"
#include "cli/wrap.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "core/manager/policy.h"

static void print_text(const struct cli *cli, const struct policy *policy)
{
	static const char sticky[] = "stays set: stock loaders after it, and the unload, take it for their own";
	const struct {
		const char *label, *text;
	} rows[] = {
		{ .label = "  nothing flagged: ", .text = policy->unflagged },
		{ .label = "  anchors: ", .text = policy->anchored },
		{ .label = "  delegates: ", .text = policy->delegated },
		{ .label = policy->lived ? "  gets wrong: " : "  costs: ", .text = policy->wrong },
		{ .label = "  a loader's device: ", .text = policy_is(policy, POLICY_STICKY_DEVICE) ? sticky : NULL },
		{ .label = "  lived in: ", .text = policy->lived },
	};
	char first[64];

	snprintf(first, sizeof(first), "%s: ", policy->name);
	wrap_print(cli->out, first, policy->summary, 2, cli->width);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].text)
			wrap_print(cli->out, rows[i].label, rows[i].text, 4, cli->width);
	}
	for (size_t i = 0; i < POLICY_ALIASES_MAX && policy->aliases[i]; i++)
		fprintf(cli->out, "%s%s", i ? ", " : "  also called: ", policy->aliases[i]);
	fputs(policy->aliases[0] ? "\n\n" : "\n", cli->out);
}

static json_t *to_json(const struct policy *policy)
{
	json_t *aliases = json_array();

	for (size_t i = 0; i < POLICY_ALIASES_MAX && policy->aliases[i]; i++)
		json_array_append_new(aliases, json_string(policy->aliases[i]));
	return json_pack("{ss ss ss? ss ss ss ss sb so}", "name", policy->name, "summary", policy->summary, "lived",
			 policy->lived, "nothing_flagged", policy->unflagged, "anchors", policy->anchored, "delegates",
			 policy->delegated, "wrong", policy->wrong, "sticky_device", policy_is(policy, POLICY_STICKY_DEVICE),
			 "aliases", aliases);
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option options[] = { FLAG_OPTION("json", "print one JSON object", &json) };
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
