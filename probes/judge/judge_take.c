/* judge_take.c - what each record changes.
 *
 * Records are taken in the order in which they come. One that cannot be (an object without a number, a state outside a snapshot)
 * sets the judge's fault, and nothing is taken after it. Those of a snapshot (objects' states, holders, paths, runs of blocks)
 * replace the snapshot's before; the holders of the snapshot before stay, for what they held then.
 */
#include <string.h>

#include "core/base/array.h"
#include "probes/judge/judge_state.h"

#define BIT(stage) (1U << (stage))

static void malformed(struct judge *judge, const char *what, uint32_t number)
{
	error_set(&judge->fault, ERROR_FORMAT, "the records of cell %u cannot be: %s %u", judge->cell.cell, what, number);
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
	const struct cell_view view = judge_view(judge);

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
	const struct cell_view view = judge_view(judge);
	struct judged_object *object = find_object(judge, load->model, "a load of the unknown object");

	if (!object)
		return;
	object->asked = false;
	if (!load->from_disk)
		return;
	object->disk_loads++;
	if (object->duplicate_of == RULE_NO_OBJECT) /* its own keep flag may come after it was read */
		object->duplicate_of = rule_kept_copy(&view, judge_index(judge, object));
}

static void take_request(struct judge *judge, unsigned asked, bool all)
{
	judge->asked |= asked;
	for (size_t i = 0; i < judge->object_count; i++) {
		judge->objects[i].asked = true;
		judge->objects[i].asked_all = all;
	}
}

void judge_settle_wanted(struct judge *judge)
{
	if (judge->wanted && !judge->worker_died) {
		for (unsigned i = 0; i < STAGE_COUNT; i++) {
			if (judge->wanted & BIT(i))
				judge_distrust(judge, "a stage was missed: ", event_stage_name((enum stage)i));
		}
	}
	judge->wanted = 0;
}

static void take_action(struct judge *judge, const struct record_action *action)
{
	const struct action_row *row = action_row(action->kind);

	judge_settle_wanted(judge);
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

	judge_close_snapshot(judge);
	if ((unsigned)snapshot->stage >= STAGE_COUNT) {
		malformed(judge, "a snapshot at the unknown stage", (uint32_t)snapshot->stage);
		return;
	}
	if (snapshot->snapshot != judge->next_snapshot)
		judge_distrust(judge, "a snapshot is missing before ", event_stage_name(snapshot->stage));
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
		judge_close_snapshot(judge);
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
