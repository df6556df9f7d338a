#include "cli/plan/plan_record.h"

#include <stdio.h>

#include "core/plan/versions.h"

static void put_cell(const struct recording *recording, const struct topology *topology, const struct plan_request *request)
{
	struct record_cell cell = { .cell = 1, .flow = "plan", .workflow = "plan" };

	snprintf(cell.subject, sizeof(cell.subject), "planner:%.50s", request->rules->name);
	record_text(cell.topology, sizeof(cell.topology), topology->name);
	record_put(&recording->sink, RECORD_CELL, &cell, sizeof(cell));
}

bool plan_record(struct cli *cli, const char *store, const struct plan_outcome *outcome, struct error *e)
{
	struct run_environment environment = { .backend = "none", .topology = outcome->topology, .subject = "planner" };
	struct record_verdict verdict = { .cell = 1 };
	struct recording recording;
	size_t findings;

	if (!command_open_run(cli, store, true, &environment, &recording, e))
		return false;
	put_cell(&recording, outcome->topology, outcome->request);
	findings = plan_findings_put(outcome, 1, &recording.sink);
	verdict.verdict = findings ? VERDICT_FAIL : VERDICT_PASS;
	record_put(&recording.sink, RECORD_VERDICT, &verdict, sizeof(verdict));
	return command_close_run(cli, "plan", &recording, 0) == 0 ||
	       error_set(e, ERROR_STORE, "the plan's findings are not recorded");
}
