/* matrix.c - cells of the matrix and sequences of the explorer: with one allocation failing they end in an error, or with the
 * verdicts that they have without. */
#include <string.h>

#include "core/manager/policy.h"
#include "scenarios/explore/explore.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/matrix/matrix.h"
#include "tests/fixtures/subject.h"
#include "tests/torture/torture.h"

static const char flow_text[] =
	"{\"name\":\"t\",\"models\":[{\"name\":\"A\",\"kind\":\"unet\",\"keep\":false},"
	"{\"name\":\"B\",\"kind\":\"clip\",\"keep\":true},"
	"{\"name\":\"C\",\"kind\":\"unet\",\"keep\":true,\"lora\":\"only\"}],"
	"\"actions\":[[\"prompt\"],[\"post\",{\"unload_models\":true,\"free_memory\":true}],[\"prompt\"]]}";

/* ---- the matrix ---- */

struct outcomes {
	size_t cells, wrong;
};

/* `delegate` loses B and C; `strict` keeps both. */
static bool finished(void *context, const struct judge_result *result)
{
	struct outcomes *outcomes = context;
	enum verdict expected = strcmp(result->cell.policy, "strict") == 0 ? VERDICT_PASS : VERDICT_FAIL;

	outcomes->cells++;
	outcomes->wrong += result->verdict != expected;
	return true;
}

static bool run_matrix(struct subject *subject, const struct flow *flow, struct error *e)
{
	struct matrix_axes axes = matrix_axes_default();
	struct outcomes outcomes = { .cells = 0 };
	struct matrix_run run = { .subject = subject, .subject_name = "engine", .finished = finished, .context = &outcomes };

	axes.policies = 0;
	for (size_t i = 0; policies[i]; i++)
		axes.policies |= (uint64_t)(policies[i] == &policy_delegate || policies[i] == &policy_strict) << i;
	axes.flows = &flow;
	axes.flow_count = 1;
	if (!matrix_run(&run, &axes, e))
		return false;
	if (outcomes.cells != 2 || outcomes.wrong)
		return torture_bug(e, "%zu cells, %zu with a wrong verdict", outcomes.cells, outcomes.wrong);
	return true;
}

TORTURE_PIECE(torture_matrix, "the matrix")
{
	struct flow *flow = flow_parse(flow_text, sizeof(flow_text) - 1, "torture", e);
	struct subject *subject = flow ? fixture_subject(&sim_backend, "2x3090-nvlink.json", e) : NULL;
	bool fine = subject && run_matrix(subject, flow, e);

	subject_close(subject);
	flow_free(flow);
	return fine;
}

/* ---- the explorer ---- */

TORTURE_PIECE(torture_explore, "the explorer")
{
	struct explore explore = { .subject = fixture_subject(&sim_backend, "2x3090-nvlink.json", e),
				   .space = { .caches = 1, .device_modes = 1, .node_flags = 1, .length = 4 },
				   .seed = 2,
				   .sequences_most = 3 };
	struct explore_result result = { .count = 0 };
	bool fine = explore.subject && explore_policy(&explore, &policy_strict, &result, e) &&
		    explore_policy(&explore, &policy_delegate, &result, e);

	for (size_t i = 0; fine && i < result.count; i++) {
		if (result.items[i].policy == &policy_strict || !result.items[i].confirmed)
			fine = torture_bug(e, "a failure that there is not: %s", result.items[i].line);
	}
	explore_result_free(&result);
	subject_close(explore.subject);
	return fine;
}
