#include "scenarios/explore/explore_save.h"

#include <stdio.h>
#include <string.h>

#include "core/manager/policy.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/replay/replay.h"

static char *as_text(const struct explore *explore, struct explored *explored, struct error *e)
{
	const struct explore_failure *failure = &explored->failure;
	const char *invariant = explore_invariant_name(failure->invariant);
	char what[RECORD_MODEL_NAME_MAX + 64];
	char summary[sizeof(what) + 32];
	char help[sizeof(what) + 512];
	struct flow flow;

	if (!explore_sequence_as_flow(&explored->sequence, &flow, e))
		return NULL;
	snprintf(what, sizeof(what), "%s%s%s", failure->model, failure->model[0] ? ", " : "", failure->cause);
	snprintf(summary, sizeof(summary), "%s: %s", invariant, what);
	snprintf(help, sizeof(help),
		 "Under %s the invariant %s does not hold: %s, first seen at %s. Found in sequence %llu by residency explore "
		 "--policy %s --seed %llu, and cut down: no action and no model can be left out.",
		 explored->policy->name, invariant, what, failure->stage, (unsigned long long)explored->after,
		 explored->policy->name, (unsigned long long)explore->seed);
	flow.name = explored->name;
	flow.summary = summary;
	flow.help = help;
	return flow_to_text(&flow, e);
}

/* What became of an object says it, or a finding does. */
static bool is_said_as(const char *class_name, const struct judge_result *judged)
{
	for (size_t i = 0; i < judged->model_count; i++) {
		if (strcmp(record_outcome_name(judged->models[i].outcome), class_name) == 0)
			return true;
	}
	for (size_t i = 0; i < judged->finding_count; i++) {
		if (strcmp(judged->findings[i].class_name, class_name) == 0)
			return true;
	}
	return false;
}

/* Copies that an anchor holds were read again, or should have gone: that depends on the keep request. */
bool explore_is_said(const struct explore_failure *failure, const struct judge_result *judged)
{
	switch (failure->invariant) {
	case INVARIANT_WORKER_LIVES:
		return strcmp(judged->why, "the worker died") == 0;
	case INVARIANT_ANCHORS_BOUNDED:
		return is_said_as("leaked", judged) || is_said_as("duplicated", judged);
	default:
		return is_said_as(explore_invariant_finding(failure->invariant), judged);
	}
}

static bool replay(const struct explore *explore, struct explored *explored, const struct flow *flow, uint32_t cell,
		   struct judge *judge, struct error *e)
{
	struct subject_setup setup = { .cell = cell,
				       .policy = flow->setting.policy,
				       .cache = flow->setting.cache,
				       .device_mode = flow->setting.device_mode,
				       .node_flags = flow->setting.node_flags };
	struct replay run = { .subject = explore->subject,
			      .setup = &setup,
			      .policy = setup.policy,
			      .subject_name = "engine",
			      .workflow_name = flow->name,
			      .flow = flow,
			      .free_name = "",
			      .sink = explore->sink };
	struct replay_result result = { .image_count = 0 };
	struct error fault = ERROR_INIT;
	bool fine = replay_run(&run, judge, &result, &fault);

	explored->confirmed = fine && explore_is_said(&explored->failure, &result.judged);
	replay_result_free(&result);
	return fine || fault.kind == ERROR_NODE || error_set(e, fault.kind, "%s", fault.text);
}

bool explore_save(const struct explore *explore, struct explored *explored, uint32_t cell, struct error *e)
{
	struct judge *judge;
	struct flow *flow;
	bool fine;

	snprintf(explored->name, sizeof(explored->name), "%.12s-%s-%u", explored->policy->name,
		 explore_invariant_name(explored->failure.invariant), explored->number);
	explored->text = as_text(explore, explored, e);
	if (!explored->text)
		return false;
	flow = flow_parse(explored->text, strlen(explored->text), explored->name, e);
	judge = flow ? judge_new(e) : NULL;
	fine = judge && replay(explore, explored, flow, cell, judge, e);
	judge_free(judge);
	flow_free(flow);
	return fine;
}
