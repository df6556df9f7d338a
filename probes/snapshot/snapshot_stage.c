/* snapshot_stage.c - a walk over manager and heap at a stage.
 *
 * The view of the manager gives what is listed, and the probe emits, object by object: state, bytes by device, holders, and, where
 * something moved, its placement; then the ledger of each device. Paths cost a walk through the heap and are taken only where they
 * are evidence. A brief probe leaves paths and placements out and forgets what is dead.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/manager.h"
#include "core/workflow/engine.h"
#include "core/workflow/executor/cache.h"
#include "probes/snapshot/snapshot_state.h"

static enum residency_state state_of(const struct managed_object *object)
{
	if (!object->model)
		return STATE_DEAD;
	if (!object->patcher)
		return STATE_LEAKED;
	if (!object->is_loaded)
		return STATE_UNLOADED;
	return object->listed_at >= 0 ? STATE_RESIDENT : STATE_LOADED_UNLISTED;
}

static void put_residency(const struct probe *probe, bool has_anchors, const struct known_object *known,
			  const struct managed_object *object, struct record_residency *put)
{
	*put = (struct record_residency) { .cell = probe->cell,
					   .snapshot = probe->snapshot,
					   .model = known->record.model,
					   .state = state_of(object),
					   .listed = object->listed_at,
					   .patcher_alive = object->patcher != NULL,
					   .model_alive = object->model != NULL,
					   .bytes_on_compute = object->bytes_on_compute,
					   .bytes_elsewhere = object->bytes_elsewhere,
					   .foreign_patches = object->has_foreign_patches,
					   .anchored = -1,
					   .device = -1 };
	if (has_anchors && object->patcher)
		put->anchored = object->is_anchored;
	if (object->compute_device)
		put->device = (int32_t)device_index(object->compute_device);
	record_put(probe->sink, RECORD_RESIDENCY, put, sizeof(*put));
}

struct holder_visit {
	const struct probe *probe;
	uint32_t model;
};

static const char *kind_of_owner(const struct object *owner)
{
	if (owner->class == &cache_class && ((const struct output_cache *)owner)->is_dropped)
		return HOLDER_GARBAGE;
	return owner->class->name;
}

static void put_holder(void *context, const struct holder *holder)
{
	const struct holder_visit *visit = context;
	struct record_holder record = {
		.cell = visit->probe->cell, .snapshot = visit->probe->snapshot, .model = visit->model, .strong = holder->strong
	};

	if (!holder->owner)
		return; /* a probe's own weak reference */
	record_text(record.label, sizeof(record.label), holder->label);
	record_text(record.kind, sizeof(record.kind), kind_of_owner(holder->owner));
	record_put(visit->probe->sink, RECORD_HOLDER, &record, sizeof(record));
}

static void put_holders(const struct probe *probe, const struct known_object *known, const struct managed_object *object)
{
	struct holder_visit visit = { .probe = probe, .model = known->record.model };

	if (object->holders_of)
		heap_holders(object->holders_of, put_holder, &visit);
}

#define PATH_MAX_SHOWN 16 /* references; longer chains are cut there */

/* "executor -> caches -> node 7 -> clip -> patcher B". */
static void describe_path(struct object *object, struct record_path *record)
{
	const struct reference *path[PATH_MAX_SHOWN];
	size_t length = heap_path(object, path, PATH_MAX_SHOWN);
	char text[PATH_MAX_SHOWN * (RECORD_NAME_MAX + 4) + 2 * RECORD_NAME_MAX];
	size_t used;

	record->length = (uint32_t)length;
	if (length == 0) {
		record_text(record->path, sizeof(record->path), "unreachable: garbage until the next collection");
		return;
	}
	used = (size_t)snprintf(text, sizeof(text), "%.63s", path[0]->owner->name);
	for (size_t i = 0; i < length && i < PATH_MAX_SHOWN; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " -> %.63s", path[i]->label);
	snprintf(text + used, sizeof(text) - used, "%s %.30s %.63s", length > PATH_MAX_SHOWN ? " -> ... ->" : " ->",
		 object->class->name, object->name);
	record_text(record->path, sizeof(record->path), text);
}

/* A path costs a walk through the heap, so it is taken only where it is evidence (record.h says where). */
static bool wants_path(const struct known_object *known, const struct record_residency *now, enum stage stage)
{
	if (now->state == STATE_DEAD)
		return false;
	if (stage == STAGE_END)
		return now->state != STATE_RESIDENT || known->record.keep != KEEP_YES || known->record.generation > 1;
	if (known->state == STATE_COUNT)
		return known->record.generation > 1;
	if (now->state != STATE_RESIDENT)
		return now->state != known->state;
	return false;
}

static void put_path(const struct probe *probe, const struct known_object *known, struct object *object)
{
	struct record_path record = { .cell = probe->cell, .snapshot = probe->snapshot, .model = known->record.model };

	describe_path(object, &record);
	record_put(probe->sink, RECORD_PATH, &record, sizeof(record));
}

/* Runs of blocks that are on one device. */
static void put_runs(const struct probe *probe, const struct known_object *known, const struct model *model)
{
	for (size_t i = 0; i < model->block_count;) {
		struct record_placement record = { .cell = probe->cell,
						   .snapshot = probe->snapshot,
						   .model = known->record.model,
						   .first = (uint32_t)i,
						   .device = model->blocks[i].device };

		while (i < model->block_count && model->blocks[i].device == record.device) {
			record.count++;
			i++;
		}
		record_put(probe->sink, RECORD_PLACEMENT, &record, sizeof(record));
	}
}

/* Blocks in place of a distributed model; the last plan is the one that placed them. */
static bool is_planned(const struct managed_object *object, size_t block)
{
	return object->planned_device && object->model->blocks[block].patched;
}

static bool is_misplaced(const struct managed_object *object)
{
	for (size_t i = 0; i < object->model->block_count; i++) {
		if (is_planned(object, i) && object->model->blocks[i].device != object->planned_device[i])
			return true;
	}
	return false;
}

/* Runs of blocks that the plan wants on one device. */
static void put_planned(const struct probe *probe, const struct known_object *known, const struct managed_object *object)
{
	for (size_t i = 0; i < object->model->block_count;) {
		struct record_planned record = {
			.cell = probe->cell, .snapshot = probe->snapshot, .model = known->record.model, .first = (uint32_t)i
		};

		if (!is_planned(object, i)) {
			i++;
			continue;
		}
		record.device = object->planned_device[i];
		while (i < object->model->block_count && is_planned(object, i) && object->planned_device[i] == record.device) {
			record.count++;
			i++;
		}
		record_put(probe->sink, RECORD_PLANNED, &record, sizeof(record));
	}
}

/* The allocation string that its own loader set, and the one it was placed by. */
static void put_allocation(const struct probe *probe, const struct known_object *known, const char *own, const char *used)
{
	struct record_allocation record = { .cell = probe->cell, .snapshot = probe->snapshot, .model = known->record.model };

	record.differs = strcmp(own, used) != 0;
	record_text(record.own, sizeof(record.own), own);
	record_text(record.used, sizeof(record.used), used);
	record_put(probe->sink, RECORD_ALLOCATION, &record, sizeof(record));
}

/* How large its blocks are; once. */
static void put_blocks(const struct probe *probe, struct known_object *known, const struct model *model)
{
	if (known->blocks_told)
		return;
	known->blocks_told = true;
	for (size_t i = 0; i < model->block_count;) {
		struct record_block record = { .cell = probe->cell,
					       .model = known->record.model,
					       .first = (uint32_t)i,
					       .size_bytes = model->blocks[i].size_bytes };

		while (i < model->block_count && model->blocks[i].size_bytes == record.size_bytes) {
			record.count++;
			i++;
		}
		record_put(probe->sink, RECORD_BLOCK, &record, sizeof(record));
	}
}

/* When something has moved: where blocks are and where they should be, if that was asked for, is not the same, or is nowhere on the
 * compute device; and by whose allocation string. */
static void put_placement(const struct probe *probe, struct known_object *known, const struct managed_object *object)
{
	const struct model *model = object->model;
	struct managed_allocation allocation;
	const char *used;
	const char *own;

	if (!model || known->record.inner != known->record.model || model->placement_version == known->placement_version)
		return;
	known->placement_version = model->placement_version;
	allocation = view_allocation(object);
	used = allocation.used;
	own = allocation.own;
	if (used && (probe->settings.placement || !own || strcmp(used, own) != 0))
		put_allocation(probe, known, own ? own : "", used);
	if (!probe->settings.placement && !(used && is_misplaced(object)) &&
	    (!object->is_loaded || object->bytes_on_compute > 0))
		return;
	put_blocks(probe, known, model);
	put_runs(probe, known, model);
	if (used)
		put_planned(probe, known, object);
}

static void put_ledger(struct probe *probe)
{
	struct machine *machine = engine_machine(probe->engine);
	size_t device_count = machine_device_count(machine);
	size_t model_count = 0;

	if (!array_reserve(&probe->models, &probe->model_capacity, probe->object_count, sizeof(*probe->models), NULL) ||
	    !array_reserve(&probe->lines, &probe->line_capacity, device_count, sizeof(*probe->lines), NULL)) {
		probe->failed = true;
		return;
	}
	for (size_t i = 0; i < probe->object_count; i++) {
		const struct known_object *known = probe->objects[i];
		const struct model *model = known->record.inner == known->record.model ? view_watch_model(&known->watch) : NULL;

		if (model)
			probe->models[model_count++] = model;
	}
	ledger_take(probe->lines, machine, probe->models, model_count, NULL);
	for (size_t i = 0; i < device_count; i++)
		ledger_put(&probe->lines[i], probe->cell, probe->snapshot, (uint32_t)i, probe->sink);
}

/* A dead object; or a dead patcher of a model that is told of through another one. An entry may outlive both: it is stale, and shows
 * that the model is in the list. */
static bool is_over(const struct known_object *known)
{
	if (known->is_listed)
		return false;
	return !known->watch.model.target || (!known->watch.patcher.target && known->record.inner != known->record.model);
}

static void forget_dead(struct probe *probe)
{
	size_t kept = 0;

	for (size_t i = 0; i < probe->object_count; i++) {
		struct known_object *known = probe->objects[i];

		if (is_over(known)) {
			view_watch_end(&known->watch);
			continue;
		}
		probe->objects[i] = probe->objects[kept];
		probe->objects[kept++] = known;
	}
	probe->object_count = kept;
}

void probe_on_stage(void *context, const struct stage_event *event)
{
	struct probe *probe = context;
	const struct manager *m = engine_manager(probe->engine);
	struct manager_view view = manager_view(m);
	int32_t anchor_count = manager_anchor_count(&view);
	struct record_snapshot record = { .cell = probe->cell,
					  .snapshot = ++probe->snapshot,
					  .cycle = event->cycle,
					  .stage = event->stage,
					  .time_ns = event->time_ns,
					  .anchor_count = anchor_count,
					  .listed_count = (uint32_t)manager_listed_count(&view),
					  .load_device = (int32_t)device_index(manager_load_device(m)),
					  .current_device = (int32_t)device_index(manager_current_device(&view)) };

	record_text(record.exception, sizeof(record.exception), event->exception);
	record_put(probe->sink, RECORD_SNAPSHOT, &record, sizeof(record));
	for (size_t i = 0; i < probe->object_count; i++) {
		struct known_object *known = probe->objects[i];
		struct managed_object object = manager_watched(&view, &known->watch);
		struct record_residency now;

		put_residency(probe, anchor_count >= 0, known, &object, &now);
		put_holders(probe, known, &object);
		if (!probe->settings.brief && wants_path(known, &now, event->stage))
			put_path(probe, known, object.holders_of);
		if (!probe->settings.brief)
			put_placement(probe, known, &object);
		known->state = now.state;
		known->is_listed = now.listed >= 0;
	}
	put_ledger(probe);
	if (probe->settings.brief)
		forget_dead(probe);
}
