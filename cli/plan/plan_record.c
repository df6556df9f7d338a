/* A run of one cell, `plan`: the adviser is asked, its traps are recorded as findings, and the verdict is FAIL if there is one. */
#include "cli/plan/plan_record.h"

#include <stdio.h>

#include "core/plan/versions.h"
#include "probes/diagnosis/plan_findings.h"

static void put_cell(const struct recording *recording, const struct advise_request *request)
{
	struct record_cell cell = { .cell = 1, .flow = "plan", .workflow = "plan" };

	snprintf(cell.subject, sizeof(cell.subject), "planner:%.50s", request->rules->name);
	record_text(cell.topology, sizeof(cell.topology), request->topology->name);
	record_put(&recording->sink, RECORD_CELL, &cell, sizeof(cell));
}

static bool record_advice(struct cli *cli, const char *store, const struct advise_request *request,
			  const struct advice_list *advice, struct error *e)
{
	struct run_environment environment = { .backend = "none", .topology = request->topology, .subject = "planner" };
	struct record_verdict verdict = { .cell = 1, .verdict = advice->trap_count ? VERDICT_FAIL : VERDICT_PASS };
	struct recording recording;

	if (!command_open_run(cli, store, true, &environment, &recording, e))
		return false;
	put_cell(&recording, request);
	plan_findings_put(advice, request->allocation, 1, &recording.sink);
	record_put(&recording.sink, RECORD_VERDICT, &verdict, sizeof(verdict));
	return command_close_run(cli, "plan", &recording, 0) == 0 ||
	       error_set(e, ERROR_STORE, "the plan's findings are not recorded");
}

bool plan_record(struct cli *cli, const char *store, const struct advise_request *request, struct error *e)
{
	struct advice_list advice;
	bool fine = advise(request, &advice, e) && record_advice(cli, store, request, &advice, e);

	advise_list_free(&advice);
	return fine;
}
