/* judge_snapshot.c - what is noted of each object once all that belongs to a snapshot has come.
 *
 * Most notes are sights: the first snapshot at which something was seen wrong with the object, with its states before and then.
 * What can only be told while a snapshot is the newest is told here, for the end to read.
 */
#include "probes/judge/judge_state.h"

/* What explains that the object is not resident at the newest snapshot. A cause told by who did it comes before what can only
 * be inferred. */
static enum reason cause_of_absence(const struct judge *judge, const struct judged_object *object)
{
	if (object->departure != REASON_NONE)
		return object->departure;
	if (judge->worker_died)
		return REASON_WORKER_DIED;
	if (!object->was_resident)
		return REASON_NEVER_RESIDENT;
	return object->now.state == STATE_LOADED_UNLISTED ? REASON_SUPERSEDED : REASON_NONE;
}

/* The first snapshot at which the object is not resident by its own state. What was noted before it was ever resident is noted
 * only in case it never will be. */
static void note_absence(struct judge *judge, struct judged_object *object, size_t snapshot)
{
	struct record_verdict_model *verdict = &judge->verdicts[object - judge->objects];

	if (object->lost.snapshot != NO_SNAPSHOT)
		return;
	judge_sight(judge, object, snapshot, &object->lost);
	verdict->reason = cause_of_absence(judge, object);
	verdict->first_lost_state = object->now.state;
	object->lost_before = judge_keep_holders(judge, &judge->before, object->model.model);
	object->lost_after = judge_keep_holders(judge, &judge->holders, object->model.model);
}

static void note_presence(struct judged_object *object)
{
	if (!object->was_resident)
		object->lost.snapshot = NO_SNAPSHOT;
	object->was_resident = true;
	object->departure = REASON_NONE;
}

static bool has_planned_runs(const struct judge *judge, const struct judged_object *object)
{
	for (size_t i = 0; i < judge->runs.count; i++) {
		if (judge->runs.items[i].planned && judge->runs.items[i].model == object->model.model)
			return true;
	}
	return false;
}

/* Weights that have all left the device are as good as none, unless a plan wants them elsewhere. */
static bool is_detached(const struct judge *judge, const struct judged_object *object, size_t snapshot)
{
	if (object->now.state != STATE_RESIDENT)
		return true;
	if (object->now.bytes_on_compute > 0 || object->before.state != STATE_RESIDENT || object->before.bytes_on_compute == 0)
		return false;
	return object->misplaced.snapshot == snapshot || !has_planned_runs(judge, object);
}

static void note_entry(const struct judge *judge, struct judged_object *object, size_t snapshot)
{
	if (object->now.listed < 0)
		return;
	if (!object->now.patcher_alive || !object->now.model_alive)
		judge_sight(judge, object, snapshot, &object->stale);
	else if (is_detached(judge, object, snapshot))
		judge_sight(judge, object, snapshot, &object->detached);
}

static bool is_displaced(const struct judge *judge, const struct judged_object *object)
{
	const struct cell_view view = judge_view(judge);

	return rule_is_displaced(&view, judge_index(judge, object));
}

/* It was there at a stage, or was told to have left before one came. */
static bool has_been_there(const struct judged_object *object)
{
	return object->retention.was_resident || (object->departure != REASON_NONE && object->departure != REASON_SUPERSEDED);
}

static void note_not_counted(struct judge *judge, struct judged_object *object)
{
	judge_note_gone(judge, object, judge->stage_count - 1);
	if (object->model.keep != KEEP_YES || object->loss_is_said || !has_been_there(object) || is_displaced(judge, object))
		return;
	judge_say_loss(judge, object, cause_of_absence(judge, object));
	object->loss_is_said = true;
}

static void close_object(struct judge *judge, struct judged_object *object, size_t snapshot)
{
	const struct cell_view view = judge_view(judge);

	rule_note_retention(&object->retention, &view, judge_index(judge, object));
	if (object->now.listed >= 0) {
		object->listed_at = snapshot;
		object->listed_place = object->now.listed;
	}
	if (object->now.state == STATE_RESIDENT)
		note_presence(object);
	else
		note_absence(judge, object, snapshot);
	if (object->now.state == STATE_DEAD && object->died_at == NO_SNAPSHOT)
		object->died_at = snapshot;
	if (!judge_counts_as_resident(judge, object))
		note_not_counted(judge, object);
	if ((object->now.foreign_patches && object->now.state == STATE_RESIDENT) || object->sampled_otherwise)
		judge_sight(judge, object, snapshot, &object->mispatched);
	judge_note_strayed(judge, object, snapshot);
	if (object->used_allocation[0])
		judge_sight(judge, object, snapshot, &object->misread);
	judge_compare_runs(judge, object, snapshot);
	note_entry(judge, object, snapshot);
}

void judge_close_snapshot(struct judge *judge)
{
	size_t snapshot = judge->stage_count - 1;

	if (!judge->open)
		return;
	judge->open = false;
	for (size_t i = 0; i < judge->object_count; i++) {
		struct judged_object *object = &judge->objects[i];

		if (object->seen_at != judge->stage_count) {
			judge_distrust(judge, "a snapshot does not say where this object is: ", object->model.name);
			continue;
		}
		close_object(judge, object, snapshot);
	}
}
