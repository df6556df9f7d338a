/* scenario.c - one long scenario runs on the engine and is judged, under two policies.
 *
 * It is written so that every fault which can be injected happens once; what fails besides must still end the cell, so that the
 * next one begins. */
#include <stdlib.h>
#include <string.h>

#include "core/manager/policy.h"
#include "probes/judge/judge.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/subject/subject.h"
#include "tests/fixtures/subject.h"
#include "tests/torture/torture.h"

/* Every fault that can be injected into an engine, in one scenario. */
static const char scenario[] =
	"{\"models\":[{\"name\":\"K\",\"kind\":\"unet\",\"keep\":true,\"lora\":\"only\"},{\"name\":\"B\",\"kind\":\"clip\"}],"
	"\"actions\":[[\"queue\",2],[\"fail\",0],[\"promptseed\",3],[\"hold_patcher\",1],[\"load_foreign\",20000],"
	"[\"outside\",\"compute\",1000000],[\"post_running\",{\"free_memory\":true}],[\"promptseed\",4],[\"oom\",0],"
	"[\"promptseed\",5],[\"outside_drop\"],[\"drop_hold\"],[\"full_cleanup\"],[\"prompt2\"],[\"settle\"]]}";

static bool run(struct subject *subject, struct judge *judge, const struct flow *flow, const struct policy *policy,
		struct error *e)
{
	struct subject_setup setup = { .cell = 1, .policy = policy, .cache = CACHE_RAM };
	struct record_sink sink = judge_sink(judge);
	struct record_cell cell = { .cell = 1 };
	struct judge_result result;
	bool fine;

	record_put(&sink, RECORD_CELL, &cell, sizeof(cell));
	if (!subject->operations->begin(subject, &setup, &sink, e))
		return false;
	fine = flow_run(flow, NULL, 0, subject, &sink, 1, e);
	return subject->operations->end(subject, e) && fine && judge_finish(judge, &result, e);
}

TORTURE_PIECE(torture_scenario, "a scenario")
{
	struct flow *flow = flow_parse(scenario, sizeof(scenario) - 1, "torture", e);
	struct subject *subject = flow ? fixture_subject(&sim_backend, "2x3090-nvlink.json", e) : NULL;
	struct judge *judge = subject ? judge_new(e) : NULL;
	bool fine = judge && run(subject, judge, flow, &policy_strict, e) && run(subject, judge, flow, &policy_anchors, e);

	judge_free(judge);
	subject_close(subject);
	flow_free(flow);
	return fine;
}
