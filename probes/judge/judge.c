#include "probes/judge/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "probes/judge/judge_state.h"

#define BIT(stage) (1U << (stage))

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
		snprintf(text, 32, "c%u.%s", judge->stages[snapshot].cycle, stage_name(judge->stages[snapshot].stage));
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

static struct cell_view view_of(const struct judge *judge)
{
	return (struct cell_view) {
		.context = judge,
		.count = judge->object_count,
		.object = object_view,
		.is_held = object_is_held,
	};
}

static size_t index_of(const struct judge *judge, const struct judged_object *object)
{
	return (size_t)(object - judge->objects);
}

bool judge_counts_as_resident(const struct judge *judge, const struct judged_object *object)
{
	const struct cell_view view = view_of(judge);

	return rule_is_resident(&view, index_of(judge, object));
}

/* Only the first thing missing is told. */
static void distrust(struct judge *judge, const char *what, const char *of)
{
	if (!judge->why[0])
		snprintf(judge->why, sizeof(judge->why), "%.63s%.95s", what, of);
}

void judge_doubt(struct judge *judge, const char *why)
{
	distrust(judge, why, "");
}

static void malformed(struct judge *judge, const char *what, uint32_t number)
{
	error_set(&judge->fault, ERROR_FORMAT, "the records of cell %u cannot be: %s %u", judge->cell.cell, what, number);
}

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
	const struct cell_view view = view_of(judge);

	return rule_is_displaced(&view, index_of(judge, object));
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
	const struct cell_view view = view_of(judge);

	rule_note_retention(&object->retention, &view, index_of(judge, object));
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

/* All that belongs to the newest snapshot has come. */
static void close_snapshot(struct judge *judge)
{
	size_t snapshot = judge->stage_count - 1;

	if (!judge->open)
		return;
	judge->open = false;
	for (size_t i = 0; i < judge->object_count; i++) {
		struct judged_object *object = &judge->objects[i];

		if (object->seen_at != judge->stage_count) {
			distrust(judge, "a snapshot does not say where this object is: ", object->model.name);
			continue;
		}
		close_object(judge, object, snapshot);
	}
}

static void take_cell(struct judge *judge, const struct record_cell *cell)
{
	judge_reset(judge);
	judge->cell = *cell;
}

/* A later keep request replaces the former: it is the last word of who uses the model. What was asked before was not asked of a model
 * with this request, and where it was before does not count. */
static bool take_known_model(struct judge *judge, const struct record_model *model)
{
	const struct cell_view view = view_of(judge);

	if (model->model == 0 || model->model > judge->object_count)
		return false;
	for (size_t i = 0; i < judge->object_count; i++) {
		struct judged_object *object = &judge->objects[i];

		if (object->model.inner != judge->objects[model->model - 1].model.inner || object->model.keep == model->keep)
			continue;
		object->asked = false;
		object->retention = (struct retention) { .was_resident = rule_is_resident(&view, i) };
		object->model.keep = model->keep;
		object->was_kept |= model->keep == KEEP_YES;
	}
	return true;
}

static void take_model(struct judge *judge, const struct record_model *model)
{
	struct judged_object *object;

	if (take_known_model(judge, model))
		return;
	if (model->model != judge->object_count + 1) {
		malformed(judge, "objects are numbered one after the other, not", model->model);
		return;
	}
	if (!array_reserve(&judge->objects, &judge->object_capacity, judge->object_count + 1, sizeof(*judge->objects),
			   &judge->fault) ||
	    !array_reserve(&judge->verdicts, &judge->verdict_capacity, judge->object_count + 1, sizeof(*judge->verdicts),
			   &judge->fault))
		return;
	judge->verdicts[judge->object_count] = (struct record_verdict_model) { .first_lost_state = STATE_COUNT };
	object = &judge->objects[judge->object_count++];
	*object = (struct judged_object) {
		.model = *model,
		.was_kept = model->keep == KEEP_YES,
		.first_seen = NO_SNAPSHOT,
		.lost.snapshot = NO_SNAPSHOT,
		.gone.snapshot = NO_SNAPSHOT,
		.mispatched.snapshot = NO_SNAPSHOT,
		.listed_at = NO_SNAPSHOT,
		.died_at = NO_SNAPSHOT,
		.stale.snapshot = NO_SNAPSHOT,
		.detached.snapshot = NO_SNAPSHOT,
		.misplaced.snapshot = NO_SNAPSHOT,
		.misread.snapshot = NO_SNAPSHOT,
		.strayed.snapshot = NO_SNAPSHOT,
		.duplicate_of = SIZE_MAX,
	};
}

static struct judged_object *find_object(struct judge *judge, uint32_t model, const char *what)
{
	if (model == 0 || model > judge->object_count) {
		malformed(judge, what, model);
		return NULL;
	}
	return &judge->objects[model - 1];
}

static void take_load(struct judge *judge, const struct record_load *load)
{
	const struct cell_view view = view_of(judge);
	struct judged_object *object = find_object(judge, load->model, "a load of the unknown object");

	if (!object)
		return;
	object->asked = false;
	if (!load->from_disk)
		return;
	object->disk_loads++;
	if (object->duplicate_of == RULE_NO_OBJECT) /* its own keep flag may come after it was read */
		object->duplicate_of = rule_kept_copy(&view, index_of(judge, object));
}

static void take_request(struct judge *judge, unsigned asked, bool all)
{
	judge->asked |= asked;
	for (size_t i = 0; i < judge->object_count; i++) {
		judge->objects[i].asked = true;
		judge->objects[i].asked_all = all;
	}
}

/* The stages an action must lead to have all been there, or the worker died on the way. */
static void settle_wanted(struct judge *judge)
{
	if (judge->wanted && !judge->worker_died) {
		for (unsigned i = 0; i < STAGE_COUNT; i++) {
			if (judge->wanted & BIT(i))
				distrust(judge, "a stage was missed: ", stage_name((enum stage)i));
		}
	}
	judge->wanted = 0;
}

static void take_action(struct judge *judge, const struct record_action *action)
{
	const struct action_row *row = action_row(action->kind);

	settle_wanted(judge);
	judge->asked = 0;
	if (!array_reserve(&judge->actions, &judge->action_capacity, judge->action_count + 1, sizeof(*judge->actions),
			   &judge->fault))
		return;
	judge->actions[judge->action_count++] = *action;
	if (row->prompts) {
		judge->wanted = BIT(judge->prompted ? STAGE_NEXT_PROMPT : STAGE_LOADED);
		judge->prompted = true;
		return;
	}
	if (action_is_request_now(action->kind, action->asks))
		take_request(judge, 0, row->asks == ASKS_FOR_ALL); /* what is served is told later */
	else if (row->asks)
		return; /* it asks nothing, or later */
	judge->wanted = row->stages;
}

static void take_snapshot(struct judge *judge, const struct record_snapshot *snapshot)
{
	struct holder_list swap = judge->before;

	close_snapshot(judge);
	if ((unsigned)snapshot->stage >= STAGE_COUNT) {
		malformed(judge, "a snapshot at the unknown stage", (uint32_t)snapshot->stage);
		return;
	}
	if (snapshot->snapshot != judge->next_snapshot)
		distrust(judge, "a snapshot is missing before ", stage_name(snapshot->stage));
	judge->next_snapshot = snapshot->snapshot + 1;
	if (!array_reserve(&judge->stages, &judge->stage_capacity, judge->stage_count + 1, sizeof(*judge->stages),
			   &judge->fault))
		return;
	judge->load_device = snapshot->load_device;
	judge->current_device = snapshot->current_device;
	judge->stages[judge->stage_count++] = (struct seen_stage) {
		.cycle = snapshot->cycle, .stage = snapshot->stage, .action = judge->action_count - 1, .asked = judge->asked
	};
	judge->wanted &= ~BIT(snapshot->stage);
	judge->worker_died |= snapshot->stage == STAGE_WORKER_DIED;
	if (!judge->exception[0])
		memcpy(judge->exception, snapshot->exception, sizeof(judge->exception));
	judge->before = judge->holders;
	judge->holders = swap;
	judge->holders.count = 0;
	judge->paths.count = 0;
	judge->runs.count = 0;
	judge->ledger = (struct ledger_reading) { 0 };
	judge->open = true;
}

static void take_residency(struct judge *judge, const struct record_residency *residency)
{
	struct judged_object *object = find_object(judge, residency->model, "a residency of the unknown object");

	if (!object)
		return;
	if (!judge->open || (unsigned)residency->state >= STATE_COUNT) {
		malformed(judge, "a residency outside a snapshot, or of an unknown state, of object", residency->model);
		return;
	}
	if (object->first_seen == NO_SNAPSHOT)
		object->first_seen = judge->stage_count - 1;
	if (residency->state == STATE_RESIDENT && (object->seen_at == 0 || object->now.state != STATE_RESIDENT))
		object->asked = false;
	object->before = object->seen_at ? object->now : (struct record_residency) { .snapshot = 0 };
	object->now = *residency;
	object->seen_at = judge->stage_count;
}

static void take_holder(struct judge *judge, const struct record_holder *holder)
{
	struct holder_list *list = &judge->holders;

	if (!find_object(judge, holder->model, "a holder of the unknown object"))
		return;
	if (!array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items), &judge->fault))
		return;
	list->items[list->count++] = *holder;
}

static void take_path(struct judge *judge, const struct record_path *path)
{
	struct path_list *list = &judge->paths;

	if (!find_object(judge, path->model, "a path to the unknown object"))
		return;
	if (array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items), &judge->fault))
		list->items[list->count++] = *path;
}

static void take_run(struct judge *judge, struct block_run run)
{
	struct block_run_list *list = &judge->runs;

	if (!find_object(judge, run.model, "blocks of the unknown object"))
		return;
	if (array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items), &judge->fault))
		list->items[list->count++] = run;
}

static void take_placement(struct judge *judge, const struct record_placement *p)
{
	take_run(judge, (struct block_run) { .model = p->model, .first = p->first, .count = p->count, .device = p->device });
}

static void take_planned(struct judge *judge, const struct record_planned *p)
{
	take_run(judge,
		 (struct block_run) {
			 .model = p->model, .first = p->first, .count = p->count, .device = p->device, .planned = true });
}

static void take_allocation(struct judge *judge, const struct record_allocation *allocation)
{
	struct judged_object *object = find_object(judge, allocation->model, "an allocation of the unknown object");

	if (!object || !judge->open || object->used_allocation[0] || !allocation->differs)
		return;
	memcpy(object->own_allocation, allocation->own, sizeof(object->own_allocation));
	memcpy(object->used_allocation, allocation->used, sizeof(object->used_allocation));
}

static void take_sampled(struct judge *judge, const struct record_sampled *sampled)
{
	struct judged_object *object = find_object(judge, sampled->model, "a sampler on the unknown object");

	if (object)
		object->sampled_otherwise |= sampled->differs;
}

/* Of causes between two snapshots the first one stands, unless it only says that something else took the object's place. */
static void take_departure(struct judge *judge, const struct record_departure *departure)
{
	struct judged_object *object = find_object(judge, departure->model, "a departure of the unknown object");

	if (object && departure->reason == REASON_EVICTED_BY_LOAD)
		object->load_evictions++;
	if (object && (object->departure == REASON_NONE || object->departure == REASON_SUPERSEDED))
		object->departure = departure->reason;
}

/* The largest is what a finding shows. */
static void take_memory(struct judge *judge, const struct record_memory *memory)
{
	if (rule_read_ledger(&judge->ledger, memory) != LEDGER_UNATTRIBUTED || memory->size_bytes <= judge->unattributed_bytes)
		return;
	judge->unattributed_bytes = memory->size_bytes;
	judge->unattributed_device = memory->device;
	judge->unattributed_at = judge->stage_count ? judge->stage_count - 1 : NO_SNAPSHOT;
}

static void take_worker_request(struct judge *judge, const struct record_request *request)
{
	const struct record_action *action = judge->action_count ? &judge->actions[judge->action_count - 1] : NULL;

	take_request(judge, (request->unload_models ? ASKED_UNLOAD : 0) | (request->free_memory ? ASKED_FREE : 0),
		     action && action_row(action->kind)->asks == ASKS_FOR_ALL);
}

static void put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct judge *judge = context;

	(void)size_bytes;
	if (type == RECORD_CELL)
		take_cell(judge, record);
	if (error_is_set(&judge->fault))
		return;
	if (rule_happens_later(type))
		close_snapshot(judge);
	switch (type) {
	case RECORD_MODEL:
		take_model(judge, record);
		break;
	case RECORD_LOAD:
		take_load(judge, record);
		break;
	case RECORD_ACTION:
		take_action(judge, record);
		break;
	case RECORD_REQUEST:
		take_worker_request(judge, record);
		break;
	case RECORD_SNAPSHOT:
		take_snapshot(judge, record);
		break;
	case RECORD_RESIDENCY:
		take_residency(judge, record);
		break;
	case RECORD_HOLDER:
		take_holder(judge, record);
		break;
	case RECORD_PATH:
		take_path(judge, record);
		break;
	case RECORD_PLACEMENT:
		take_placement(judge, record);
		break;
	case RECORD_PLANNED:
		take_planned(judge, record);
		break;
	case RECORD_ALLOCATION:
		take_allocation(judge, record);
		break;
	case RECORD_SAMPLED:
		take_sampled(judge, record);
		break;
	case RECORD_MEMORY:
		take_memory(judge, record);
		break;
	case RECORD_DEPARTURE:
		take_departure(judge, record);
		break;
	default:
		break;
	}
}

struct record_sink judge_sink(struct judge *judge)
{
	return (struct record_sink) { .context = judge, .put = put };
}

static enum outcome outcome_of(const struct judge *judge, const struct judged_object *object)
{
	const struct cell_view view = view_of(judge);
	const size_t index = index_of(judge, object);

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
	const struct cell_view view = view_of(judge);
	struct holder_span before = object->lost_before;
	struct holder_span after = object->lost_after;

	verdict->cell = judge->cell.cell;
	verdict->model = object->model.model;
	memcpy(verdict->name, object->model.name, sizeof(verdict->name));
	verdict->generation = object->model.generation;
	verdict->judged = rule_is_judged(&view, index_of(judge, object));
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
		passes &= !judge->verdicts[i].judged || outcome_passes(judge->verdicts[i].outcome);
	if (judge->dropped)
		distrust(judge, "records were dropped", "");
	if (judge->stage_count == 0 || judge->stages[judge->stage_count - 1].stage != STAGE_END)
		distrust(judge, "a stage was missed: ", stage_name(STAGE_END));
	if (judge->why[0])
		return VERDICT_UNTRUSTWORTHY;
	if (judge->worker_died)
		strcpy(judge->why, "the worker died");
	return passes ? VERDICT_PASS : VERDICT_FAIL;
}

bool judge_finish(struct judge *judge, struct judge_result *result, struct error *e)
{
	close_snapshot(judge);
	settle_wanted(judge);
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
	return strcmp(finding->class_name, "leaked") != 0 || !outcome_passes(result->models[finding->object - 1].outcome);
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
