#include "cli/commands.h"
#include "cli/commands/doctor.h"
#include "core/base/array.h"
#include "core/base/json.h"

static void print_finding(struct cli *cli, const char *name, const struct doctor_finding *finding)
{
	static const char *const colours[] = {
		[DOCTOR_FINE] = "\033[32m", [DOCTOR_LESS] = "\033[33m", [DOCTOR_MISSING] = "\033[31m"
	};

	fprintf(cli->out, "%s%-8s%s %-13s %s\n", cli->colour ? colours[finding->state] : "", doctor_state_name(finding->state),
		cli->colour ? "\033[0m" : "", name, finding->found);
	if (finding->remedy[0])
		fprintf(cli->out, "%22s %s\n", "", finding->remedy);
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *store = NULL;
	bool json = false;
	const struct option options[] = {
		TEXT_OPTION("store", "FILE", "the store whose folder is looked at", &store),
		FLAG_OPTION("json", "print one JSON object", &json),
	};
	json_t *checks;
	json_t *whole;
	int exit_code;

	if (!command_parse(cli, &command_doctor, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	checks = json_array();
	for (const struct doctor_check *check = doctor_checks; check->name; check++) {
		struct doctor_finding finding = { .state = DOCTOR_FINE };

		check->look(cli, command_store_path(store), &finding);
		json_array_append_new(checks, json_pack("{s:s, s:s, s:s, s:s}", "name", check->name, "state",
							doctor_state_name(finding.state), "found", finding.found, "remedy",
							finding.remedy));
		if (!json)
			print_finding(cli, check->name, &finding);
	}
	whole = json_pack("{s:i, s:s, s:o}", "schema", 1, "version", RESIDENCY_VERSION, "checks", checks);
	if (json && whole) {
		json_dumpf(whole, cli->out, JSON_COMPACT);
		fputc('\n', cli->out);
	}
	json_decref(whole);
	return 0;
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "what this machine has, what is missing, what that would give and how to get it",
	.synopsis = "[options]",
	.examples = "  residency doctor\n  residency doctor --json\n",
	.run = run,
};
