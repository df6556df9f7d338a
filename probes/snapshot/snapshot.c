/* snapshot.c - the probe's own list of objects, and a walk over manager and heap at each stage.
 *
 * Every patcher that the engine reports gets a known_object, in order of appearance. It holds weak references to
 * patcher and model, so an object that died is still in the list, with the reason it left. At a stage the view of the
 * manager gives what is listed, and the probe emits, object by object: state, bytes by device, holders, and, where
 * something moved, its placement. Events between stages become records at once. The buffers grow to the largest cell
 * and are kept, so that a snapshot in the steady state allocates nothing.
 */
#include "probes/snapshot/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/manager.h"
#include "core/manager/view.h"
#include "core/workflow/executor/cache.h"
#include "core/workflow/engine.h"
#include "probes/snapshot/ledger.h"

/* An object that was told of. Its weak references must not move: each is memory of its own, kept from cell to cell. */
struct known_object {
	uint64_t id, model_id;
	struct record_model record;
	struct object_watch watch;
	uint64_t placement_version;
	bool blocks_told;
	enum residency_state state; /* at the last stage; STATE_COUNT before the first */
	bool is_listed; /* then */
};

struct probe {
	const struct engine *engine;
	const struct record_sink *sink;
	struct observer observer;
	struct probe_settings settings;
	uint32_t cell;
	uint32_t snapshot; /* the last one */
	struct known_object **objects;
	size_t object_count, object_capacity; /* capacity counts pointers that may be used */
	size_t made; /* objects that exist; from object_count on they are spare */
	uint32_t told; /* objects that were ever told of in this cell */
	const struct model **models; /* room for the ledger */
	size_t model_capacity;
	struct ledger *lines;
	size_t line_capacity;
	bool failed; /* no memory */
	void (*image)(void *context, const struct image_event *event);
	void *image_context;
};

/* ---- objects ---- */

static struct known_object *find_object(const struct probe *probe, uint64_t id)
{
	for (size_t i = probe->object_count; i-- > 0;) {
		if (probe->objects[i]->id == id)
			return probe->objects[i];
	}
	return NULL;
}

static struct known_object *add_object(struct probe *probe)
{
	struct known_object *known;

	if (probe->object_count == probe->made) {
		if (!array_reserve(&probe->objects, &probe->object_capacity, probe->made + 1, sizeof(*probe->objects), NULL))
			return NULL;
		known = malloc(sizeof(*known));
		if (!known)
			return NULL;
		probe->objects[probe->made++] = known;
	}
	known = probe->objects[probe->object_count++];
	memset(known, 0, sizeof(*known));
	return known;
}

static uint32_t generation_of(const struct probe *probe, const char *name)
{
	uint32_t generation = 1;

	for (size_t i = 0; i + 1 < probe->object_count; i++)
		generation += strcmp(probe->objects[i]->record.name, name) == 0;
	return generation;
}

static uint32_t first_with_model(const struct probe *probe, uint64_t model_id)
{
	for (size_t i = 0; i < probe->object_count; i++) {
		if (probe->objects[i]->model_id == model_id)
			return probe->objects[i]->record.model;
	}
	return 0;
}

/* The engine tells of a patcher while it is being made: the newest living one. */
static void watch_object(const struct probe *probe, struct known_object *known)
{
	struct manager_view view;

	if (!probe->engine)
		return;
	view = manager_view(engine_manager(probe->engine));
	view_watch_begin(&known->watch, &view, known->id);
}

static void on_object(void *context, const struct object_event *event)
{
	struct probe *probe = context;
	struct known_object *known = find_object(probe, event->object);

	if (!known) {
		known = add_object(probe);
		if (!known) {
			probe->failed = true;
			return;
		}
		known->id = event->object;
		known->model_id = event->model;
		known->state = STATE_COUNT;
		known->record = (struct record_model) { .cell = probe->cell,
							.model = ++probe->told,
							.size_bytes = event->size_bytes,
							.block_count = (uint32_t)event->block_count };
		record_text(known->record.name, sizeof(known->record.name), event->name);
		record_text(known->record.kind, sizeof(known->record.kind), event->kind);
		known->record.generation = generation_of(probe, known->record.name);
		known->record.inner = first_with_model(probe, event->model);
		known->record.identity = record_identity(event->name, event->kind);
		watch_object(probe, known);
	}
	known->record.keep = event->keep;
	record_put(probe->sink, RECORD_MODEL, &known->record, sizeof(known->record));
}

/* ---- what is told between stages ---- */

static void on_load(void *context, uint64_t object, const char *name, bool from_disk)
{
	const struct probe *probe = context;
	const struct known_object *known = find_object(probe, object);
	struct record_load record = { .cell = probe->cell, .after_snapshot = probe->snapshot, .from_disk = from_disk };

	(void)name;
	if (!known)
		return;
	record.model = known->record.model;
	record.time_ns = machine_now_ns(engine_machine(probe->engine));
	record_put(probe->sink, RECORD_LOAD, &record, sizeof(record));
}

static void on_departure(void *context, const struct departure_event *event)
{
	const struct probe *probe = context;
	const struct known_object *known = find_object(probe, event->object);
	struct record_departure record = {
		.cell = probe->cell, .after_snapshot = probe->snapshot, .reason = event->reason, .time_ns = event->time_ns
	};

	if (!known)
		return;
	record.model = known->record.model;
	record_put(probe->sink, RECORD_DEPARTURE, &record, sizeof(record));
}

static void on_request(void *context, const struct request_event *event)
{
	const struct probe *probe = context;
	struct record_request record = { .cell = probe->cell,
					 .after_snapshot = probe->snapshot,
					 .unload_models = event->unload_models,
					 .free_memory = event->free_memory };

	/* A flag that is set asks nobody yet: the worker may never see it. */
	if (strcmp(event->source, "worker") == 0 || strcmp(event->source, "oom") == 0 || strcmp(event->source, "direct") == 0)
		record_put(probe->sink, RECORD_REQUEST, &record, sizeof(record));
}

static void on_transfer(void *context, const struct transfer_event *event)
{
	const struct probe *probe = context;
	struct record_transfer record = { .cell = probe->cell,
					  .from = event->from,
					  .to = event->to,
					  .stream = event->stream,
					  .size_bytes = event->size_bytes,
					  .start_ns = event->start_ns,
					  .end_ns = event->end_ns };

	if (probe->settings.transfers)
		record_put(probe->sink, RECORD_TRANSFER, &record, sizeof(record));
}

static void on_step(void *context, const struct step_event *event)
{
	const struct probe *probe = context;
	struct record_step record = { .cell = probe->cell,
				      .node = event->node,
				      .step = event->step,
				      .pass_count = event->pass_count,
				      .start_ns = event->start_ns,
				      .end_ns = event->end_ns,
				      .moved_bytes = event->moved_bytes };

	if (probe->settings.steps)
		record_put(probe->sink, RECORD_STEP, &record, sizeof(record));
}

static void on_sampled(void *context, const struct sampled_event *event)
{
	const struct probe *probe = context;
	const struct known_object *known = find_object(probe, event->object);
	struct record_sampled record = { .cell = probe->cell, .after_snapshot = probe->snapshot };

	if (!known)
		return;
	record.model = known->record.model;
	record.differs = strcmp(event->wanted_patches, event->found_patches) != 0;
	record_text(record.node, sizeof(record.node), event->node);
	record_text(record.wanted, sizeof(record.wanted), event->wanted_patches);
	record_text(record.found, sizeof(record.found), event->found_patches);
	record_put(probe->sink, RECORD_SAMPLED, &record, sizeof(record));
}

static void on_image(void *context, const struct image_event *event)
{
	const struct probe *probe = context;

	if (probe->image)
		probe->image(probe->image_context, event);
}

/* ---- a stage ---- */

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

static void on_stage(void *context, const struct stage_event *event)
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

/* ---- the probe ---- */

struct probe *probe_new(struct error *e)
{
	struct probe *probe = array_new(1, sizeof(*probe), e);

	if (probe)
		probe->observer = (struct observer) { .context = probe,
						      .stage = on_stage,
						      .departure = on_departure,
						      .transfer = on_transfer,
						      .step = on_step,
						      .load = on_load,
						      .object = on_object,
						      .request = on_request,
						      .image = on_image,
						      .sampled = on_sampled };
	return probe;
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	for (size_t i = 0; i < probe->made; i++)
		free(probe->objects[i]);
	free(probe->objects);
	free(probe->models);
	free(probe->lines);
	free(probe);
}

void probe_begin(struct probe *probe, uint32_t cell, const struct probe_settings *settings, const struct record_sink *sink)
{
	probe->cell = cell;
	probe->sink = sink;
	probe->snapshot = 0;
	probe->object_count = 0;
	probe->told = 0;
	probe->engine = NULL;
	probe->failed = false;
	probe->settings = settings ? *settings : (struct probe_settings) { .transfers = false };
}

const struct observer *probe_observer(const struct probe *probe)
{
	return &probe->observer;
}

void probe_watch(struct probe *probe, const struct engine *engine)
{
	probe->engine = engine;
}

void probe_on_image(struct probe *probe, void (*image)(void *context, const struct image_event *event), void *context)
{
	probe->image = image;
	probe->image_context = context;
}

bool probe_is_fine(const struct probe *probe, struct error *e)
{
	return !probe->failed || error_no_memory(e);
}
