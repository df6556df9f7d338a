/* snapshot.c - the probe's own list of objects, and what is told between stages.
 *
 * Every patcher that the engine reports gets a known_object, in order of appearance. It holds weak references to
 * patcher and model, so an object that died is still in the list, with the reason it left. Events between stages become records
 * at once; a stage is snapshot_stage.c's. The buffers grow to the largest cell and are kept, so that a snapshot in the steady
 * state allocates nothing.
 */
#include "probes/snapshot/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/manager/manager.h"
#include "core/manager/view.h"
#include "core/workflow/engine.h"
#include "probes/snapshot/snapshot_state.h"

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

	/* A flag that is set is no request yet: the worker may never see it. */
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

/* ---- the probe ---- */

struct probe *probe_new(struct error *e)
{
	struct probe *probe = array_new(1, sizeof(*probe), e);

	if (probe)
		probe->observer = (struct observer) { .context = probe,
						      .stage = probe_on_stage,
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
