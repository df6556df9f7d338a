/* subject_engine.c - drives the engine of this program as a subject of scenarios.
 *
 * Each cell begins with a new machine and engine under the cell's policy and cache, watched by a probe (probes/snapshot) that puts
 * records into the cell's sink. Actions are calls of the engine, so that nothing happens between them. Models of a matrix are
 * placeholders of four equal blocks, unless the setup has a catalog of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "probes/snapshot/snapshot.h"
#include "scenarios/subject/subject.h"

struct engine_subject {
	struct subject subject;
	struct topology *topology;
	const struct backend *backend;
	const struct log_sink *log;
	const bool *interrupted;
	struct probe *probe;
	struct record_sink sink; /* of the cell under way */
	enum device_mode device_mode;
	struct machine *machine; /* of the cell, as the engine */
	struct engine *engine;
};

static struct engine_subject *from(const struct subject *subject)
{
	return (struct engine_subject *)(uintptr_t)subject;
}

/* ---- placeholder models ---- */

#define MATRIX_BLOCKS 4
#define MATRIX_SIZE_BYTES (2 * MIB)

/* Four equal blocks, whatever the name. */
static struct model *open_matrix_model(void *context, const struct model_source *source, struct machine *machine,
				       struct device *device, struct error *e)
{
	static const char *const names[MATRIX_BLOCKS][2] = {
		{ "blocks.0", "blocks.0.weight" },
		{ "blocks.1", "blocks.1.weight" },
		{ "blocks.2", "blocks.2.weight" },
		{ "blocks.3", "blocks.3.weight" },
	};
	struct block_description blocks[MATRIX_BLOCKS];
	struct parameter_description parameters[MATRIX_BLOCKS];
	uint64_t size_bytes = source->size_bytes ? source->size_bytes : MATRIX_SIZE_BYTES;
	int64_t values = (int64_t)(size_bytes / MATRIX_BLOCKS / sizeof(float));

	(void)context;
	for (size_t i = 0; i < MATRIX_BLOCKS; i++) {
		blocks[i] = (struct block_description) { .name = names[i][0],
							 .type = "Linear",
							 .parameter_count = 1,
							 .weight_size_bytes = (uint64_t)values * sizeof(float),
							 .has_bias = true,
							 .castable = true };
		parameters[i] = (struct parameter_description) {
			.name = names[i][1], .dtype = DTYPE_F32, .rank = 1, .shape = { values }
		};
	}
	return model_new(machine, device, source->files[0], source->kind, blocks, MATRIX_BLOCKS, parameters, MATRIX_BLOCKS, e);
}

static const struct catalog matrix_catalog = { .open = open_matrix_model };

/* ---- operations ---- */

static const char *compute_device(const struct subject *subject)
{
	const struct engine_subject *s = from(subject);

	return s->topology->devices[s->device_mode == DEVICE_MODE_SAME || s->topology->device_count < 2 ? 0 : 1].name;
}

static bool has_device(const struct subject *subject, const char *name)
{
	const struct topology *topology = from(subject)->topology;

	for (size_t i = 0; i < topology->device_count; i++) {
		if (strcmp(topology->devices[i].name, name) == 0)
			return true;
	}
	return false;
}

static void drop(struct engine_subject *s)
{
	engine_close(s->engine);
	machine_close(s->machine);
	s->engine = NULL;
	s->machine = NULL;
}

static bool begin(struct subject *subject, const struct subject_setup *setup, const struct record_sink *sink, struct error *e)
{
	struct engine_subject *s = from(subject);
	struct probe_settings settings = { .transfers = setup->record_transfers,
					   .steps = setup->record_steps,
					   .placement = setup->record_placement,
					   .brief = setup->record_brief };
	struct engine_options options = { .catalog = setup->catalog ? setup->catalog : &matrix_catalog,
					  .policy = setup->policy,
					  .cache = setup->cache,
					  .lru_size = setup->lru_size,
					  .suppress_node_flags = setup->node_flags == NODE_FLAGS_SUPPRESSED,
					  .offload_device = s->topology->devices[0].name,
					  .output_folder = setup->output_folder,
					  .observer = probe_observer(s->probe),
					  .log = s->log,
					  .interrupted = s->interrupted };

	drop(s);
	s->sink = *sink;
	s->device_mode = setup->device_mode;
	options.load_device = compute_device(subject);
	probe_begin(s->probe, setup->cell, &settings, &s->sink);
	s->machine = machine_open(s->topology, s->backend, e);
	if (!s->machine)
		return false;
	options.machine = s->machine;
	s->engine = engine_open(&options, e);
	if (!s->engine) {
		drop(s);
		return false;
	}
	probe_watch(s->probe, s->engine);
	return true;
}

static bool act(struct subject *subject, const struct action *action, struct error *e)
{
	return action_perform(from(subject)->engine, action, e);
}

static bool wait_until_idle(struct subject *subject, struct error *e)
{
	return engine_run_until_idle(from(subject)->engine, e);
}

static bool worker_died(const struct subject *subject)
{
	return engine_worker_died(from(subject)->engine) != NULL;
}

static uint32_t cycle(const struct subject *subject)
{
	return engine_cycle(from(subject)->engine);
}

static bool end(struct subject *subject, struct error *e)
{
	struct engine_subject *s = from(subject);
	bool fine = true;

	if (s->engine) {
		engine_end(s->engine);
		fine = probe_is_fine(s->probe, e);
	}
	drop(s);
	return fine;
}

static void close_subject(struct subject *subject)
{
	struct engine_subject *s = from(subject);

	drop(s);
	probe_free(s->probe);
	topology_free(s->topology);
	free(s);
}

static const struct subject_operations operations = {
	.kind = "engine",
	.begin = begin,
	.act = act,
	.wait_until_idle = wait_until_idle,
	.worker_died = worker_died,
	.cycle = cycle,
	.compute_device = compute_device,
	.has_device = has_device,
	.on_image = subject_engine_on_image,
	.end = end,
	.close = close_subject,
};

struct subject *subject_engine_open(const struct topology *topology, const struct backend *backend, const struct log_sink *log,
				    const bool *interrupted, struct error *e)
{
	struct engine_subject *s = array_new(1, sizeof(*s), e);

	if (!s)
		return NULL;
	s->subject.operations = &operations;
	s->backend = backend;
	s->log = log;
	s->interrupted = interrupted;
	s->topology = topology_copy(topology, e);
	s->probe = probe_new(e);
	if (s->topology && s->probe)
		return &s->subject;
	close_subject(&s->subject);
	return NULL;
}

struct engine *subject_engine(const struct subject *subject)
{
	return from(subject)->engine;
}

void subject_engine_on_image(struct subject *subject, void (*image)(void *context, const struct image_event *event),
			     void *context)
{
	probe_on_image(from(subject)->probe, image, context);
}
