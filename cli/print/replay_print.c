#include "cli/print/replay_print.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/manager/policy.h"

/* ---- for people ---- */

/* "resident c0.loaded, unloaded c0.after_unload, dead c0.after_gc": the stages at which something changed. */
static void print_model(struct cli *cli, const struct timeline *timeline, size_t m)
{
	char size[UNITS_TEXT_MAX];
	const struct record_residency *before = NULL;

	fprintf(cli->out, "  %s, %s\n", timeline->models[m].name, units_bytes(timeline->models[m].size_bytes, size));
	for (size_t s = 0; s < timeline->stage_count; s++) {
		const struct record_residency *now = timeline_state(timeline, m, s);

		if (now && (!before || before->state != now->state))
			fprintf(cli->out, "    %-22s %s\n", timeline->stages[s].name, record_residency_state_name(now->state));
		before = now ? now : before;
	}
}

static int compare_durations(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Median duration of the steps, and bytes moved in the last; false where there were none. */
static bool step_times(const struct timeline *timeline, uint64_t *median_ns, uint64_t *moved_bytes)
{
	uint64_t *durations = array_new(timeline->step_count, sizeof(*durations), NULL);

	if (!durations || timeline->step_count == 0) {
		free(durations);
		return false;
	}
	for (size_t i = 0; i < timeline->step_count; i++)
		durations[i] = timeline->steps[i].end_ns - timeline->steps[i].start_ns;
	qsort(durations, timeline->step_count, sizeof(*durations), compare_durations);
	*median_ns = durations[timeline->step_count / 2];
	*moved_bytes = timeline->steps[timeline->step_count - 1].moved_bytes;
	free(durations);
	return true;
}

static void print_verdict(struct cli *cli, const struct judge_result *judged)
{
	fprintf(cli->out, "  %s", record_verdict_name(judged->verdict));
	for (size_t i = 0; i < judged->model_count; i++) {
		const struct record_verdict_model *model = &judged->models[i];
		char name[RECORD_MODEL_NAME_MAX];

		if (!model->judged)
			continue;
		record_object_name(name, sizeof(name), model->name, model->generation);
		fprintf(cli->out, "\n    %s %s", name, record_outcome_name(model->outcome));
		if (model->first_lost_stage[0])
			fprintf(cli->out, " %s %s", model->first_lost_stage, event_reason_name(model->reason));
	}
	fprintf(cli->out, "%s%s\n", judged->why[0] ? "\n    " : "", judged->why);
	for (size_t i = 0; i < judged->finding_count; i++) {
		const struct record_finding *finding = &judged->findings[i];

		fprintf(cli->out, "    finding: %s%s%s %s: %s\n", finding->class_name, finding->model[0] ? " " : "",
			finding->model, finding->stage, finding->detail);
	}
}

void replay_print_text(struct cli *cli, const struct replay *replay, const struct replay_result *result)
{
	const struct timeline *timeline = &result->timeline;
	uint64_t median_ns;
	uint64_t moved_bytes;
	char duration[UNITS_TEXT_MAX];
	char size[UNITS_TEXT_MAX];

	fprintf(cli->out, "%s on %s", replay->workflow_name, result->judged.cell.subject);
	if (replay->flow)
		fprintf(cli->out, ", matrix %s, cache %s, device mode %s", result->judged.cell.matrix,
			result->judged.cell.cache, result->judged.cell.device_mode);
	fputc('\n', cli->out);
	for (size_t m = 0; m < timeline->model_count; m++)
		print_model(cli, timeline, m);
	for (size_t s = 0; s < timeline->stage_count; s++) {
		if (timeline->stages[s].exception[0])
			fprintf(cli->out, "  thrown before %s: %s\n", timeline->stages[s].name, timeline->stages[s].exception);
	}
	if (step_times(timeline, &median_ns, &moved_bytes))
		fprintf(cli->out, "  %zu steps, median %s; %s of weights copied in one\n", timeline->step_count,
			units_duration(median_ns, duration), units_bytes(moved_bytes, size));
	for (size_t i = 0; i < result->image_count; i++)
		fprintf(cli->out, "  image %s%s%s\n", result->images[i].hash[0] ? result->images[i].hash : "(no bytes here)",
			result->images[i].path[0] ? " " : "", result->images[i].path);
	print_verdict(cli, &result->judged);
}

/* ---- for programs ---- */

static json_t *findings_value(const struct judge_result *judged)
{
	json_t *list = json_array();

	for (size_t i = 0; i < judged->finding_count; i++) {
		const struct record_finding *finding = &judged->findings[i];

		json_array_append_new(list, json_pack("{ss ss ss ss}", "class", finding->class_name, "model", finding->model,
						      "stage", finding->stage, "detail", finding->detail));
	}
	return list;
}

static json_t *models_value(const struct judge_result *judged)
{
	json_t *list = json_array();

	for (size_t i = 0; i < judged->model_count; i++) {
		const struct record_verdict_model *model = &judged->models[i];

		if (model->judged)
			json_array_append_new(list,
					      json_pack("{ss ss ss ss}", "name", model->name, "outcome",
							record_outcome_name(model->outcome), "first_lost_stage",
							model->first_lost_stage, "reason", event_reason_name(model->reason)));
	}
	return list;
}

static json_t *timeline_value(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t s = 0; s < timeline->stage_count; s++) {
		json_t *states = json_object();

		for (size_t m = 0; m < timeline->model_count; m++) {
			const struct record_residency *state = timeline_state(timeline, m, s);

			if (state)
				json_object_set_new(states, timeline->models[m].name,
						    json_string(record_residency_state_name(state->state)));
		}
		json_array_append_new(list, json_pack("{ss sI ss so}", "stage", timeline->stages[s].name, "time_ns",
						      (json_int_t)timeline->stages[s].time_ns, "exception",
						      timeline->stages[s].exception, "models", states));
	}
	return list;
}

static json_t *steps_value(const struct timeline *timeline)
{
	json_t *list = json_array();

	for (size_t i = 0; i < timeline->step_count; i++) {
		const struct record_step *step = &timeline->steps[i];

		json_array_append_new(list,
				      json_pack("{sI sI si}", "duration_ns", (json_int_t)(step->end_ns - step->start_ns),
						"moved_bytes", (json_int_t)step->moved_bytes, "passes", (int)step->pass_count));
	}
	return list;
}

json_t *replay_to_json(const struct replay *replay, const struct replay_result *result)
{
	json_t *images = json_array();

	for (size_t i = 0; i < result->image_count; i++)
		json_array_append_new(images,
				      json_pack("{ss ss}", "path", result->images[i].path, "hash", result->images[i].hash));
	return json_pack("{ss ss ss ss so so so so so}", replay->flow ? "scenario" : "workflow", replay->workflow_name,
			 "subject", result->judged.cell.subject, "free", replay->free_name, "verdict",
			 record_verdict_name(result->judged.verdict), "models", models_value(&result->judged), "findings",
			 findings_value(&result->judged), "timeline", timeline_value(&result->timeline), "steps",
			 steps_value(&result->timeline), "images", images);
}
