/* judge.c - a judge of a cell: what the rules see of it, and the verdict at its end.
 *
 * Records come through the sink (judge_take.c); each snapshot is closed when the first record after it comes (judge_snapshot.c).
 * At the end every object has an outcome, by the rules that the explorer reads, too (rules.h); findings are made from what was
 * noted (judge_findings.c). A cell whose records have a hole is not judged: the first hole is the verdict's reason.
 */
#include "probes/judge/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "probes/judge/judge_state.h"

struct judge *judge_new(struct error *e)
{
	struct judge *judge = array_new(1, sizeof(*judge), e);

	if (judge)
		judge_reset(judge);
	return judge;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	free(judge->objects);
	free(judge->stages);
	free(judge->actions);
	free(judge->paths.items);
	free(judge->runs.items);
	free(judge->holders.items);
	free(judge->before.items);
	free(judge->evidence.items);
	free(judge->verdicts);
	free(judge->findings);
	free(judge);
}

void judge_reset(struct judge *judge)
{
	judge->cell = (struct record_cell) { .cell = 0 };
	judge->object_count = 0;
	judge->stage_count = 0;
	judge->action_count = 0;
	judge->asked = 0;
	judge->paths.count = 0;
	judge->runs.count = 0;
	judge->exception[0] = '\0';
	judge->open = false;
	judge->holders.count = 0;
	judge->before.count = 0;
	judge->evidence.count = 0;
	judge->finding_count = 0;
	judge->wanted = 0;
	judge->next_snapshot = 1;
	judge->prompted = false;
	judge->worker_died = false;
	judge->dropped = 0;
	judge->unattributed_bytes = 0;
	judge->unattributed_at = NO_SNAPSHOT;
	judge->ledger = (struct ledger_reading) { 0 };
	judge->verdict = VERDICT_PASS;
	judge->why[0] = '\0';
	error_clear(&judge->fault);
}

void judge_add_dropped(struct judge *judge, uint64_t count)
{
	judge->dropped += count;
}

void judge_stage_text(const struct judge *judge, size_t snapshot, char text[32])
{
	text[0] = '\0';
	if (snapshot < judge->stage_count)
		snprintf(text, 32, "c%u.%s", judge->stages[snapshot].cycle, event_stage_name(judge->stages[snapshot].stage));
}

/* ---- the view that the rules read ---- */

static struct object_view object_view(const void *context, size_t index)
{
	const struct judge *judge = context;
	const struct judged_object *object = &judge->objects[index];

	return (struct object_view) {
		.model = object->model.model,
		.inner = object->model.inner,
		.identity = object->model.identity,
		.keep = object->model.keep,
		.was_kept = object->was_kept,
		.state = object->now.state,
		.bytes_on_compute = object->now.bytes_on_compute,
		.is_seen = object->seen_at > 0 && object->seen_at == judge->stage_count,
		.is_listed = object->now.listed >= 0,
		.patcher_alive = object->now.patcher_alive,
		.was_asked = object->asked,
		.departure = object->departure,
	};
}

static bool object_is_held(const void *context, size_t index, enum holder_group group)
{
	const struct judge *judge = context;

	for (size_t i = 0; i < judge->holders.count; i++) {
		const struct record_holder *holder = &judge->holders.items[i];

		if (holder->model == judge->objects[index].model.model && rule_holder_is_in(holder, group))
			return true;
	}
	return false;
}

struct cell_view judge_view(const struct judge *judge)
{
	return (struct cell_view) {
		.context = judge,
		.count = judge->object_count,
		.object = object_view,
		.is_held = object_is_held,
	};
}

size_t judge_index(const struct judge *judge, const struct judged_object *object)
{
	return (size_t)(object - judge->objects);
}

bool judge_counts_as_resident(const struct judge *judge, const struct judged_object *object)
{
	const struct cell_view view = judge_view(judge);

	return rule_is_resident(&view, judge_index(judge, object));
}

void judge_distrust(struct judge *judge, const char *what, const char *of)
{
	if (!judge->why[0])
		snprintf(judge->why, sizeof(judge->why), "%.63s%.95s", what, of);
}

void judge_doubt(struct judge *judge, const char *why)
{
	judge_distrust(judge, why, "");
}

/* ---- the verdict ---- */

static enum outcome outcome_of(const struct judge *judge, const struct judged_object *object)
{
	const struct cell_view view = judge_view(judge);
	const size_t index = judge_index(judge, object);

	if (object->model.keep == KEEP_YES)
		return rule_retention_outcome(&object->retention);
	if (rule_leaks(&view, index))
		return OUTCOME_LEAKED;
	if (rule_strays(&view, index))
		return OUTCOME_STRAY;
	return judge_counts_as_resident(judge, object) ? OUTCOME_PRESENT : OUTCOME_UNLOADED;
}

static uint32_t disk_loads_of_name(const struct judge *judge, const char *name)
{
	uint32_t count = 0;

	for (size_t i = 0; i < judge->object_count; i++) {
		if (strcmp(judge->objects[i].model.name, name) == 0)
			count += judge->objects[i].disk_loads;
	}
	return count;
}

static void fill_verdict(const struct judge *judge, const struct judged_object *object, struct record_verdict_model *verdict)
{
	const struct cell_view view = judge_view(judge);
	struct holder_span before = object->lost_before;
	struct holder_span after = object->lost_after;

	verdict->cell = judge->cell.cell;
	verdict->model = object->model.model;
	memcpy(verdict->name, object->model.name, sizeof(verdict->name));
	verdict->generation = object->model.generation;
	verdict->judged = rule_is_judged(&view, judge_index(judge, object));
	verdict->keep = object->model.keep;
	verdict->end_state = object->now.state;
	verdict->outcome = outcome_of(judge, object);
	verdict->disk_loads = disk_loads_of_name(judge, object->model.name);
	judge_stage_text(judge, object->died_at, verdict->died_stage);
	judge_stage_text(judge, object->lost.snapshot, verdict->first_lost_stage);
	if (object->lost.snapshot == NO_SNAPSHOT) {
		verdict->reason = REASON_NONE;
		verdict->first_lost_state = STATE_COUNT;
		before = after = (struct holder_span) { 0 };
	}
	judge_holders_json(judge, before, verdict->holders_before, sizeof(verdict->holders_before));
	judge_holders_json(judge, after, verdict->holders_after, sizeof(verdict->holders_after));
}

static enum verdict decide(struct judge *judge)
{
	bool passes = !judge->worker_died;

	for (size_t i = 0; i < judge->object_count; i++)
		passes &= !judge->verdicts[i].judged || record_outcome_passes(judge->verdicts[i].outcome);
	if (judge->dropped)
		judge_distrust(judge, "records were dropped", "");
	if (judge->stage_count == 0 || judge->stages[judge->stage_count - 1].stage != STAGE_END)
		judge_distrust(judge, "a stage was missed: ", event_stage_name(STAGE_END));
	if (judge->why[0])
		return VERDICT_UNTRUSTWORTHY;
	if (judge->worker_died)
		strcpy(judge->why, "the worker died");
	return passes ? VERDICT_PASS : VERDICT_FAIL;
}

bool judge_finish(struct judge *judge, struct judge_result *result, struct error *e)
{
	judge_close_snapshot(judge);
	judge_settle_wanted(judge);
	if (error_is_set(&judge->fault))
		return error_set(e, judge->fault.kind, "%s", judge->fault.text);
	for (size_t i = 0; i < judge->object_count; i++)
		fill_verdict(judge, &judge->objects[i], &judge->verdicts[i]);
	judge->verdict = decide(judge);
	if (!judge_find(judge, e))
		return false;
	*result = (struct judge_result) {
		.cell = judge->cell,
		.verdict = judge->verdict,
		.why = judge->why,
		.models = judge->verdicts,
		.model_count = judge->object_count,
		.findings = judge->findings,
		.finding_count = judge->finding_count,
	};
	return true;
}

bool judge_finding_counts(const struct judge_result *result, const struct record_finding *finding)
{
	return strcmp(finding->class_name, "leaked") != 0 ||
	       !record_outcome_passes(result->models[finding->object - 1].outcome);
}

void judge_put(const struct judge *judge, const struct record_sink *sink)
{
	struct record_verdict verdict = { .cell = judge->cell.cell, .verdict = judge->verdict, .dropped = judge->dropped };

	record_text(verdict.why, sizeof(verdict.why), judge->why);
	for (size_t i = 0; i < judge->object_count; i++)
		record_put(sink, RECORD_VERDICT_MODEL, &judge->verdicts[i], sizeof(judge->verdicts[i]));
	for (size_t i = 0; i < judge->finding_count; i++)
		record_put(sink, RECORD_FINDING, &judge->findings[i], sizeof(judge->findings[i]));
	record_put(sink, RECORD_VERDICT, &verdict, sizeof(verdict));
}
