/* The findings of a cell: one thing wrong each, with what shows it. */
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "probes/judge/judge_state.h"

/* Rounding of allocators and what a driver takes by the way stay below this. */
#define UNATTRIBUTED_FLOOR_BYTES MIB

/* ---- evidence ---- */

/* The actions since the stage before this one, those without a stage of their own too: "move_foreign A, prompt". Where there were
 * none in between, the one that both stages belong to. */
static void describe_action(const struct judge *judge, size_t snapshot, char *text, size_t size_bytes)
{
	size_t last;
	size_t first;
	size_t length = 0;

	text[0] = '\0';
	if (snapshot >= judge->stage_count || judge->stages[snapshot].action >= judge->action_count)
		return;
	last = judge->stages[snapshot].action;
	first = snapshot > 0 ? judge->stages[snapshot - 1].action + 1 : 0;
	for (size_t i = first < last ? first : last; i <= last; i++) {
		const struct record_action *action = &judge->actions[i];
		char piece[RECORD_NAME_MAX + 32];
		size_t end;

		snprintf(piece, sizeof(piece), "%s%s %s", length ? ", " : "", action_record_word(action->kind), action->detail);
		end = strlen(piece);
		while (end > 0 && piece[end - 1] == ' ')
			piece[--end] = '\0';
		length = judge_append(text, size_bytes, length, piece);
	}
}

static struct record_finding *add(struct judge *judge, const char *class_name, const struct judged_object *object,
				  size_t snapshot, struct error *e)
{
	struct record_finding *finding;

	if (!array_reserve(&judge->findings, &judge->finding_capacity, judge->finding_count + 1, sizeof(*judge->findings), e))
		return NULL;
	finding = &judge->findings[judge->finding_count++];
	*finding = (struct record_finding) { .cell = judge->cell.cell,
					     .object = -1,
					     .size_bytes = UNKNOWN_U64,
					     .device = -1,
					     .planned_device = -1,
					     .state = STATE_COUNT,
					     .end_state = STATE_COUNT,
					     .holders_before = "[]",
					     .holders_after = "[]",
					     .bytes_before = UNKNOWN_U64,
					     .bytes_after = UNKNOWN_U64,
					     .failure_class = -1 };
	record_text(finding->class_name, sizeof(finding->class_name), class_name);
	judge_stage_text(judge, snapshot, finding->stage);
	describe_action(judge, snapshot, finding->action, sizeof(finding->action));
	if (!object)
		return finding;
	record_object_name(finding->model, sizeof(finding->model), object->model.name, object->model.generation);
	finding->object = (int32_t)object->model.model;
	finding->size_bytes = object->model.size_bytes;
	finding->device = object->now.device;
	finding->end_state = object->now.state;
	return finding;
}

static void show_sight(struct record_finding *finding, const struct sight *sight)
{
	finding->state = sight->now.state;
	if (sight->before.snapshot)
		finding->bytes_before = sight->before.bytes_on_compute;
	finding->bytes_after = sight->now.bytes_on_compute;
	if (finding->device < 0)
		finding->device = sight->before.snapshot ? sight->before.device : sight->now.device;
	memcpy(finding->path, sight->path, sizeof(finding->path));
}

static void show_holders(const struct judge *judge, struct holder_span before, struct holder_span after,
			 struct record_finding *finding)
{
	judge_holders_json(judge, before, finding->holders_before, sizeof(finding->holders_before));
	judge_holders_json(judge, after, finding->holders_after, sizeof(finding->holders_after));
	judge_missing_holders(judge, before, after, finding->missing_holder, sizeof(finding->missing_holder));
}

/* As it is at the end: what has not gone is to be seen there. Returns its holders. */
static struct holder_span show_end(struct judge *judge, const struct judged_object *object, struct record_finding *finding)
{
	struct holder_span now = judge_keep_holders(judge, &judge->holders, object->model.model);

	finding->state = object->now.state;
	finding->bytes_after = object->now.bytes_on_compute;
	if (object->before.snapshot)
		finding->bytes_before = object->before.bytes_on_compute;
	show_holders(judge, (struct holder_span) { 0 }, now, finding);
	record_text(finding->path, sizeof(finding->path), judge_path(judge, object));
	return now;
}

/* The last word on a finding: its facts, and what they say about the cause. */
static bool conclude(struct record_finding *finding, fact_set facts)
{
	const struct cause *cause = diagnosis_of(facts);

	diagnosis_facts_text(facts, finding->facts, sizeof(finding->facts));
	if (!cause)
		return true;
	finding->failure_class = cause->failure_class;
	record_text(finding->cause, sizeof(finding->cause), cause->text);
	record_text(finding->threads, sizeof(finding->threads), cause->threads);
	diagnosis_why(cause, finding->why, sizeof(finding->why));
	return true;
}

/* What ended the worker belongs to what it left behind. */
static void show_exception(const struct judge *judge, struct record_finding *finding)
{
	if (!judge->worker_died)
		return;
	record_text(finding->expected, sizeof(finding->expected), "no exception");
	record_text(finding->actual, sizeof(finding->actual), judge->exception);
}

/* ---- one class each ---- */

/* How a loss was first seen, in words. */
static void describe_loss(const struct judge *judge, const struct judged_object *object,
			  const struct record_verdict_model *verdict, struct record_finding *finding)
{
	size_t length =
		(size_t)snprintf(finding->detail, sizeof(finding->detail), "%s: %s, at the end %s; one stage earlier held by ",
				 event_reason_name(verdict->reason), record_residency_state_name(verdict->first_lost_state),
				 record_residency_state_name(verdict->end_state));

	length = judge_append_holders(judge, object->lost_before, finding->detail, sizeof(finding->detail), length);
	length = judge_append(finding->detail, sizeof(finding->detail), length, "; then by ");
	judge_append_holders(judge, object->lost_after, finding->detail, sizeof(finding->detail), length);
}

/* A model that was handed on to another patcher is lost with that one: what became of it then is the evidence. */
static bool find_lost_with(struct judge *judge, const struct judged_object *object, struct record_finding *finding)
{
	const struct judged_object *carrier = &judge->objects[object->gone_with - 1];

	judge_stage_text(judge, object->gone.snapshot, finding->stage);
	describe_action(judge, object->gone.snapshot, finding->action, sizeof(finding->action));
	snprintf(finding->place, sizeof(finding->place), "through %.50s", carrier->model.name);
	finding->reason = object->gone_reason;
	show_holders(judge, object->gone_before, object->gone_after, finding);
	show_sight(finding, &object->gone);
	return conclude(finding, FACT(LOST) | judge_reason_facts(object->gone_reason) | object->gone.facts |
					 judge_end_facts(judge, carrier));
}

static bool find_lost(struct judge *judge, const struct judged_object *object, struct error *e)
{
	const struct record_verdict_model *verdict = &judge->verdicts[object - judge->objects];
	struct record_finding *finding = add(judge, "lost", object, object->lost.snapshot, e);

	if (!finding)
		return false;
	describe_loss(judge, object, verdict, finding);
	if (verdict->reason == REASON_SUPERSEDED && object->gone.snapshot != NO_SNAPSHOT)
		return find_lost_with(judge, object, finding);
	finding->reason = verdict->reason;
	show_holders(judge, object->lost_before, object->lost_after, finding);
	show_sight(finding, &object->lost);
	return conclude(finding,
			FACT(LOST) | judge_reason_facts(verdict->reason) | object->lost.facts | judge_end_facts(judge, object));
}

/* Facts of something that is still there at the end. */
static fact_set end_facts(const struct judge *judge, const struct judged_object *object)
{
	return judge_end_facts(judge, object) | judge_holder_facts(judge, object) |
	       judge_cause_facts(judge, judge->stage_count - 1);
}

static bool find_leaked(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "leaked", object, judge->stage_count - 1, e);
	char size[UNITS_TEXT_MAX];
	size_t length;

	if (!finding)
		return false;
	length = judge_append(finding->detail, sizeof(finding->detail), 0,
			      object->model.size_bytes == UNKNOWN_U64 ? "it is" : units_bytes(object->model.size_bytes, size));
	length = judge_append(finding->detail, sizeof(finding->detail), length,
			      " still there after it was asked to go, held by ");
	judge_append_holders(judge, show_end(judge, object, finding), finding->detail, sizeof(finding->detail), length);
	show_exception(judge, finding);
	return conclude(finding, FACT(LEAKED) | end_facts(judge, object));
}

static bool find_stray(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "stray", object, judge->stage_count - 1, e);
	char size[UNITS_TEXT_MAX];
	size_t length;

	if (!finding)
		return false;
	length = judge_append(finding->detail, sizeof(finding->detail), 0, units_bytes(object->model.size_bytes, size));
	length = judge_append(finding->detail, sizeof(finding->detail), length, " patched on devices, in no list; held by ");
	judge_append_holders(judge, show_end(judge, object, finding), finding->detail, sizeof(finding->detail), length);
	if (object->listed_at == NO_SNAPSHOT) {
		strcpy(finding->place, "never listed itself");
	} else {
		char stage[32];

		judge_stage_text(judge, object->listed_at, stage);
		snprintf(finding->place, sizeof(finding->place), "loaded list, place %d, until %.28s", object->listed_place,
			 stage);
	}
	return conclude(finding, FACT(STRAY) | end_facts(judge, object));
}

static bool find_duplicated(struct judge *judge, const struct judged_object *object, struct error *e)
{
	const struct judged_object *kept = &judge->objects[object->duplicate_of];
	struct record_finding *finding = add(judge, "duplicated", object, object->first_seen, e);
	char size[UNITS_TEXT_MAX];

	if (!finding)
		return false;
	snprintf(finding->detail, sizeof(finding->detail),
		 "%s read from disk again (object %u) though a kept copy (object %u) was there, %s at the end",
		 units_bytes(object->model.size_bytes, size), object->model.model, kept->model.model,
		 record_residency_state_name(kept->now.state));
	show_holders(judge, judge_keep_holders(judge, &judge->holders, kept->model.model), show_end(judge, object, finding),
		     finding);
	snprintf(finding->place, sizeof(finding->place), "beside object %u", kept->model.model);
	return conclude(finding, FACT(DUPLICATED) | end_facts(judge, object));
}

static bool find_stale(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "stale", object, object->stale.snapshot, e);
	const struct record_residency *now = &object->stale.now;

	if (!finding)
		return false;
	strcpy(finding->detail, "listed, but its patcher is dead");
	snprintf(finding->weak_state, sizeof(finding->weak_state), "patcher %s, model %s",
		 now->patcher_alive ? "alive" : "dead", now->model_alive ? "alive" : "dead");
	snprintf(finding->place, sizeof(finding->place), "loaded list, place %d", now->listed);
	show_sight(finding, &object->stale);
	show_exception(judge, finding);
	return conclude(finding, FACT(STALE) | object->stale.facts | judge_end_facts(judge, object));
}

static bool find_detached(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "detached", object, object->detached.snapshot, e);

	if (!finding)
		return false;
	strcpy(finding->detail, "listed, but its weights are not on the device");
	snprintf(finding->place, sizeof(finding->place), "loaded list, place %d", object->detached.now.listed);
	show_sight(finding, &object->detached);
	return conclude(finding, FACT(DETACHED) | object->detached.facts | judge_end_facts(judge, object));
}

static bool find_misplaced(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "misplaced", object, object->misplaced.snapshot, e);
	const struct block_run *planned = &object->planned;

	if (!finding)
		return false;
	if (planned->count == 1)
		snprintf(finding->place, sizeof(finding->place), "block %u", planned->first);
	else
		snprintf(finding->place, sizeof(finding->place), "blocks %u to %u", planned->first,
			 planned->first + planned->count - 1);
	snprintf(finding->detail, sizeof(finding->detail), "%s of %u: planned for device %u, on device %u", finding->place,
		 object->model.block_count, planned->device, object->actual.device);
	show_sight(finding, &object->misplaced);
	finding->planned_device = (int32_t)planned->device;
	finding->device = (int32_t)object->actual.device;
	return conclude(finding, FACT(MISPLACED) | object->misplaced.facts | judge_end_facts(judge, object));
}

static bool find_mispatched(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "corrupted", object, object->mispatched.snapshot, e);

	if (!finding)
		return false;
	strcpy(finding->place, "patches in the weights");
	record_text(finding->expected, sizeof(finding->expected), "its own");
	record_text(finding->actual, sizeof(finding->actual), "another patcher's");
	strcpy(finding->detail, "listed, and the patches in its weights are another patcher's");
	show_sight(finding, &object->mispatched);
	return conclude(finding, FACT(CORRUPTED) | FACT(PATCHED_FOR_ANOTHER) | object->mispatched.facts |
					 judge_end_facts(judge, object));
}

static bool find_strayed(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "misplaced", object, object->strayed.snapshot, e);

	if (!finding)
		return false;
	snprintf(finding->detail, sizeof(finding->detail),
		 "its loader names no device: should run on device %d, runs on device %d", object->should_run_on,
		 object->strayed.now.device);
	strcpy(finding->place, "where it runs");
	show_sight(finding, &object->strayed);
	finding->planned_device = object->should_run_on;
	finding->device = object->strayed.now.device;
	return conclude(finding,
			FACT(MISPLACED) | FACT(STICKY_DEVICE) | object->strayed.facts | judge_end_facts(judge, object));
}

static bool find_misread(struct judge *judge, const struct judged_object *object, struct error *e)
{
	struct record_finding *finding = add(judge, "misplaced", object, object->misread.snapshot, e);

	if (!finding)
		return false;
	strcpy(finding->place, "allocation string");
	record_text(finding->expected, sizeof(finding->expected), object->own_allocation[0] ? object->own_allocation : "none");
	record_text(finding->actual, sizeof(finding->actual), object->used_allocation);
	snprintf(finding->detail, sizeof(finding->detail), "placed by \"%.200s\", which is not its own: %s%.200s",
		 object->used_allocation, object->own_allocation[0] ? "" : "it has none", object->own_allocation);
	show_sight(finding, &object->misread);
	return conclude(finding, FACT(MISPLACED) | FACT(NOT_ITS_OWN) | object->misread.facts | judge_end_facts(judge, object));
}

static bool find_unattributed(struct judge *judge, struct error *e)
{
	struct record_finding *finding = add(judge, "unattributed", NULL, judge->unattributed_at, e);
	char size[UNITS_TEXT_MAX];

	if (!finding)
		return false;
	snprintf(finding->detail, sizeof(finding->detail), "device %u: %s in use that nothing accounts for",
		 judge->unattributed_device, units_bytes(judge->unattributed_bytes, size));
	finding->size_bytes = judge->unattributed_bytes;
	finding->device = (int32_t)judge->unattributed_device;
	strcpy(finding->place, "ledger line unattributed");
	return conclude(finding,
			FACT(UNATTRIBUTED) |
				(judge->unattributed_at == NO_SNAPSHOT ? 0 : judge_cause_facts(judge, judge->unattributed_at)));
}

bool judge_add_corrupted(struct judge *judge, const char *place, const char *expected, const char *actual,
			 struct judge_result *result, struct error *e)
{
	bool residency_right = judge->verdict == VERDICT_PASS && judge->finding_count == 0;
	struct record_finding *finding = add(judge, "corrupted", NULL, judge->stage_count - 1, e);

	if (!finding)
		return false;
	record_text(finding->place, sizeof(finding->place), place);
	record_text(finding->expected, sizeof(finding->expected), expected);
	record_text(finding->actual, sizeof(finding->actual), actual);
	snprintf(finding->detail, sizeof(finding->detail), "%.63s: %.95s expected, %.95s found", place, expected, actual);
	conclude(finding, FACT(CORRUPTED) | (residency_right ? FACT(RESIDENCY_RIGHT) : 0));
	result->findings = judge->findings;
	result->finding_count = judge->finding_count;
	return true;
}

static bool find_of_object(struct judge *judge, const struct judged_object *object, struct error *e)
{
	const struct record_verdict_model *verdict = &judge->verdicts[object - judge->objects];

	if (verdict->outcome == OUTCOME_LOST && verdict->judged && !find_lost(judge, object, e))
		return false;
	if ((verdict->outcome == OUTCOME_LEAKED || judge_outlives_free(judge, object)) && !find_leaked(judge, object, e))
		return false;
	if (verdict->outcome == OUTCOME_STRAY && !find_stray(judge, object, e))
		return false;
	if (object->duplicate_of != SIZE_MAX && object->model.keep == KEEP_YES && !find_duplicated(judge, object, e))
		return false;
	if (object->stale.snapshot != NO_SNAPSHOT && !find_stale(judge, object, e))
		return false;
	if (object->mispatched.snapshot != NO_SNAPSHOT && !find_mispatched(judge, object, e))
		return false;
	if (object->strayed.snapshot != NO_SNAPSHOT && !find_strayed(judge, object, e))
		return false;
	if (object->misread.snapshot != NO_SNAPSHOT && !find_misread(judge, object, e))
		return false;
	if (object->misplaced.snapshot != NO_SNAPSHOT && !find_misplaced(judge, object, e))
		return false;
	return object->detached.snapshot == NO_SNAPSHOT || find_detached(judge, object, e);
}

bool judge_find(struct judge *judge, struct error *e)
{
	judge->finding_count = 0;
	for (size_t i = 0; i < judge->object_count; i++) {
		if (!find_of_object(judge, &judge->objects[i], e))
			return false;
	}
	if (judge->unattributed_bytes > UNATTRIBUTED_FLOOR_BYTES)
		return find_unattributed(judge, e);
	return true;
}
