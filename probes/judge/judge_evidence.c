/* What shows that something is wrong: facts of a snapshot, told while it is the newest, and facts of the cell's end. */
#include <string.h>

#include "probes/judge/judge_state.h"

/* ---- what led to a snapshot ---- */

fact_set judge_reason_facts(enum reason reason)
{
	static const fact_set facts[REASON_COUNT] = {
		[REASON_UNLOADED_BY_POLICY] = FACT(UNLOADED_BY_POLICY),
		[REASON_UNLOADED_BY_CORE] = FACT(UNLOADED_BY_CORE),
		[REASON_EVICTED_BY_LOAD] = FACT(EVICTED_BY_LOAD),
		[REASON_EVICTED_BY_PRESSURE] = FACT(EVICTED_BY_PRESSURE),
		[REASON_DIED_IN_GC] = FACT(DIED_IN_GC),
		[REASON_DIED_BY_REFCOUNT] = FACT(DIED_BY_COUNT),
		[REASON_DIED_WITH_CACHE] = FACT(DIED_BY_COUNT) | FACT(ONLY_CACHE_BEFORE),
		[REASON_DROPPED_BY_WORKFLOW] = FACT(DROPPED_BY_WORKFLOW),
		[REASON_ANCHORS_CLEARED] = FACT(ANCHORS_CLEARED),
		[REASON_SUPERSEDED] = FACT(SUPERSEDED),
		[REASON_NEVER_RESIDENT] = FACT(NEVER_RESIDENT),
		[REASON_WORKER_DIED] = FACT(DIED_WITH_WORKER),
	};

	return facts[reason];
}

/* Whether an action asked for what the worker serves at a stage: the action before it, or a request that was to be served later and
 * that no action since has served. */
static bool is_requested(const struct judge *judge, size_t action)
{
	if (judge->actions[action].asks)
		return true;
	while (action-- > 0) {
		const struct record_action *earlier = &judge->actions[action];

		if (action_row(earlier->kind)->asks == ASKS_LATER && earlier->asks)
			return true;
		if (action_serves_requests(earlier->kind))
			return false;
	}
	return false;
}

fact_set judge_cause_facts(const struct judge *judge, size_t snapshot)
{
	const struct seen_stage *stage;
	const struct record_action *action;
	const struct action_row *row;
	fact_set facts = 0;

	if (snapshot >= judge->stage_count)
		return 0; /* there was none: records that break off */
	stage = &judge->stages[snapshot];
	action = stage->action < judge->action_count ? &judge->actions[stage->action] : NULL;
	if (stage->asked & ASKED_FREE)
		facts |= FACT(CACHES_RESET);
	else if (stage->asked & ASKED_UNLOAD)
		facts |= FACT(ONLY_UNLOAD);
	if (stage->stage == STAGE_WORKER_DIED)
		facts |= FACT(DIED_WITH_WORKER);
	if (!action)
		return facts;
	row = action_row(action->kind);
	if (row->asks == ASKS_FOR_ALL)
		return facts | FACT(FREE_CALLED);
	if (row->asks)
		facts |= FACT(POST_BEFORE);
	if (row->prompts && action->kind != ACTION_QUEUE) /* the record of a queue does not say which prompt it was */
		facts |= FACT(PROMPT_BEFORE);
	if (action->kind == ACTION_SOFT_EMPTY)
		facts |= FACT(CACHE_CLEARED);
	return stage->asked && !is_requested(judge, stage->action) ? facts | FACT(NOT_ASKED) : facts;
}

/* ---- who is concerned, who holds it ---- */

/* Of the models that were listed one stage earlier. */
static fact_set neighbour_facts(const struct judge *judge, const struct judged_object *object)
{
	bool all_kept = true;
	bool other_not_kept = false;

	for (size_t i = 0; i < judge->object_count; i++) {
		const struct judged_object *other = &judge->objects[i];

		if (other->seen_at != judge->stage_count || !other->before.snapshot || other->before.listed < 0)
			continue;
		all_kept &= other->model.keep == KEEP_YES;
		other_not_kept |= other != object && other->model.keep != KEEP_YES;
	}
	return (all_kept ? FACT(ALL_KEPT) : 0) | (other_not_kept ? FACT(NEIGHBOUR_NOT_KEPT) : 0);
}

static fact_set sibling_facts(const struct judge *judge, const struct judged_object *object, size_t snapshot)
{
	fact_set facts = object->model.inner != object->model.model ? FACT(IS_CLONE) : 0;

	for (size_t i = 0; i < judge->object_count; i++) {
		const struct judged_object *other = &judge->objects[i];

		if (other->model.model > object->model.model && other->model.inner == object->model.inner &&
		    other->first_seen == snapshot)
			facts |= FACT(NEWER_CLONE);
	}
	return facts;
}

fact_set judge_holder_facts(const struct judge *judge, const struct judged_object *object)
{
	fact_set facts = 0;
	bool held = false;

	for (size_t i = 0; i < judge->holders.count; i++) {
		const struct record_holder *holder = &judge->holders.items[i];

		if (holder->model != object->model.model || !holder->strong)
			continue;
		if (strcmp(holder->kind, HOLDER_CACHE) == 0)
			facts |= FACT(CACHE_HOLDS);
		else if (strcmp(holder->kind, HOLDER_ANCHORS) == 0)
			facts |= FACT(ANCHORS_HOLD);
		else if (strcmp(holder->kind, HOLDER_FOREIGN) == 0)
			facts |= FACT(FOREIGN_HOLDS);
		held |= strcmp(holder->kind, HOLDER_GARBAGE) != 0;
	}
	return held ? facts : facts | FACT(NO_HOLDER);
}

/* Only the executor's caches, dropped or not, one stage earlier. */
static bool was_only_cached(const struct judge *judge, const struct judged_object *object)
{
	bool cached = false;

	for (size_t i = 0; i < judge->before.count; i++) {
		const struct record_holder *holder = &judge->before.items[i];

		if (holder->model != object->model.model || !holder->strong)
			continue;
		if (strcmp(holder->kind, HOLDER_CACHE) != 0 && strcmp(holder->kind, HOLDER_GARBAGE) != 0)
			return false;
		cached = true;
	}
	return cached;
}

/* ---- sights ---- */

const char *judge_path(const struct judge *judge, const struct judged_object *object)
{
	for (size_t i = 0; i < judge->paths.count; i++) {
		if (judge->paths.items[i].model == object->model.model)
			return judge->paths.items[i].path;
	}
	return "";
}

void judge_sight(const struct judge *judge, const struct judged_object *object, size_t snapshot, struct sight *sight)
{
	if (sight->snapshot != NO_SNAPSHOT)
		return;
	sight->snapshot = snapshot;
	sight->before = object->before;
	sight->now = object->now;
	sight->facts = judge_cause_facts(judge, snapshot) | neighbour_facts(judge, object) |
		       sibling_facts(judge, object, snapshot) | judge_holder_facts(judge, object);
	if (was_only_cached(judge, object))
		sight->facts |= FACT(ONLY_CACHE_BEFORE);
	record_text(sight->path, sizeof(sight->path), judge_path(judge, object));
}

/* Another patcher of the object's model, through which that was resident one stage earlier and is not any more; NULL for none. */
static const struct judged_object *last_carrier(const struct judge *judge, const struct judged_object *object)
{
	for (size_t i = 0; i < judge->object_count; i++) {
		const struct judged_object *other = &judge->objects[i];

		if (other != object && other->model.inner == object->model.inner && other->seen_at == judge->stage_count &&
		    other->before.snapshot && other->before.state == STATE_RESIDENT)
			return other;
	}
	return NULL;
}

void judge_note_gone(struct judge *judge, struct judged_object *object, size_t snapshot)
{
	const struct judged_object *carrier = last_carrier(judge, object);

	if (!carrier || object->gone.snapshot != NO_SNAPSHOT)
		return;
	judge_sight(judge, carrier, snapshot, &object->gone);
	object->gone_with = carrier->model.model;
	object->gone_reason = carrier->departure;
	object->gone_before = judge_keep_holders(judge, &judge->before, carrier->model.model);
	object->gone_after = judge_keep_holders(judge, &judge->holders, carrier->model.model);
}

void judge_note_strayed(const struct judge *judge, struct judged_object *object, size_t snapshot)
{
	const struct record_residency *now = &object->now;

	if (object->model.keep != KEEP_NONE || now->state != STATE_RESIDENT || judge->load_device < 0 || now->device < 0 ||
	    judge->current_device == judge->load_device || now->device != judge->current_device ||
	    object->strayed.snapshot != NO_SNAPSHOT)
		return;
	judge_sight(judge, object, snapshot, &object->strayed);
	object->should_run_on = judge->load_device;
}

/* The run of placed blocks that block `first` is in; NULL where the records do not say. */
static const struct block_run *placed_run(const struct judge *judge, uint32_t model, uint32_t first)
{
	for (size_t i = 0; i < judge->runs.count; i++) {
		const struct block_run *run = &judge->runs.items[i];

		if (!run->planned && run->model == model && first >= run->first && first - run->first < run->count)
			return run;
	}
	return NULL;
}

/* The first piece of a planned run that lies on another device; false if it is all where it should be. */
static bool differing_run(const struct judge *judge, const struct block_run *planned, struct block_run *wanted,
			  struct block_run *found)
{
	for (uint32_t block = planned->first; block - planned->first < planned->count;) {
		const struct block_run *placed = placed_run(judge, planned->model, block);
		uint32_t end;

		if (!placed)
			return false;
		end = placed->first + placed->count;
		if (end > planned->first + planned->count)
			end = planned->first + planned->count;
		if (placed->device != planned->device) {
			*wanted = (struct block_run) {
				.model = planned->model, .first = block, .count = end - block, .device = planned->device
			};
			*found = *wanted;
			found->device = placed->device;
			return true;
		}
		block = end;
	}
	return false;
}

void judge_compare_runs(const struct judge *judge, struct judged_object *object, size_t snapshot)
{
	for (size_t i = 0; i < judge->runs.count && object->misplaced.snapshot == NO_SNAPSHOT; i++) {
		const struct block_run *run = &judge->runs.items[i];

		if (run->planned && run->model == object->model.model &&
		    differing_run(judge, run, &object->planned, &object->actual))
			judge_sight(judge, object, snapshot, &object->misplaced);
	}
}

/* ---- the end ---- */

bool judge_outlives_free(const struct judge *judge, const struct judged_object *object)
{
	fact_set holders = judge_holder_facts(judge, object);

	return object->asked && object->asked_all && object->model.keep != KEEP_YES && object->now.patcher_alive &&
	       object->now.state == STATE_UNLOADED && (holders & FACT(CACHE_HOLDS)) && !(holders & FACT(ANCHORS_HOLD));
}

/* Evictions of all objects of the name. */
static bool is_evicted_again(const struct judge *judge, const struct judged_object *object)
{
	uint32_t evictions = 0;

	for (size_t i = 0; i < judge->object_count; i++) {
		if (strcmp(judge->objects[i].model.name, object->model.name) == 0)
			evictions += judge->objects[i].load_evictions;
	}
	return evictions > 1;
}

/* A request took what ran on another device, and this stayed on its own. */
static bool others_left_another_device(const struct judge *judge, const struct judged_object *object)
{
	for (size_t i = 0; i < judge->object_count; i++) {
		const struct judged_object *other = &judge->objects[i];

		if (other->asked && other->lost.snapshot != NO_SNAPSHOT && other->lost.before.device >= 0 &&
		    object->now.device >= 0 && other->lost.before.device != object->now.device &&
		    other->now.state != STATE_RESIDENT)
			return true;
	}
	return false;
}

fact_set judge_end_facts(const struct judge *judge, const struct judged_object *object)
{
	fact_set facts = judge->worker_died ? FACT(WORKER_DIED) : 0;

	if (is_evicted_again(judge, object))
		facts |= FACT(EVICTED_AGAIN);
	if (object->now.state == STATE_DEAD)
		return facts;
	facts |= FACT(ALIVE_AT_END);
	if (object->now.bytes_on_compute > 0)
		facts |= FACT(ON_DEVICE);
	else if (object->now.bytes_elsewhere > 0)
		facts |= FACT(IN_HOST_MEMORY);
	if (others_left_another_device(judge, object))
		facts |= FACT(OTHER_DEVICE);
	return facts;
}
