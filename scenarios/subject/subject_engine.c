/* subject_engine.c - drives the engine of this program as a subject of scenarios.
 *
 * Each cell begins with a new machine and engine under the cell's policy and cache, watched by a probe (probes/snapshot) that puts
 * records into the cell's sink. Operations are calls of the engine, so that nothing happens between them. Models of a matrix are
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

/* ---- names ---- */

static const char *const mode_names[] = { "split", "same" };
static const char *const mode_aliases[] = { "cpu0", "cpu" };
static const char *const flags_names[] = { "real", "suppressed" };

const char *device_mode_name(enum device_mode mode)
{
	return mode_names[mode];
}

bool device_mode_from_name(const char *name, enum device_mode *mode)
{
	for (unsigned i = 0; i < DEVICE_MODE_COUNT; i++) {
		if (strcmp(name, mode_names[i]) == 0 || strcmp(name, mode_aliases[i]) == 0) {
			*mode = (enum device_mode)i;
			return true;
		}
	}
	return false;
}

const char *node_flags_name(enum node_flags flags)
{
	return flags_names[flags];
}

bool node_flags_from_name(const char *name, enum node_flags *flags)
{
	for (unsigned i = 0; i < NODE_FLAGS_COUNT; i++) {
		if (strcmp(name, flags_names[i]) == 0) {
			*flags = (enum node_flags)i;
			return true;
		}
	}
	return false;
}

/* ---- models that nobody runs ---- */

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
	struct probe_wishes wishes = { .transfers = setup->record_transfers,
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
	probe_begin(s->probe, setup->cell, &wishes, &s->sink);
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

static bool prompt(struct subject *subject, const json_t *workflow, const char *where, struct error *e)
{
	return engine_submit(from(subject)->engine, workflow, where, e);
}

static bool request_free(struct subject *subject, const json_t *body, enum request_when when, struct error *e)
{
	return engine_request_free(from(subject)->engine, body, when, e);
}

static bool soft_empty(struct subject *subject, struct error *e)
{
	return engine_soft_empty(from(subject)->engine, true, e);
}

static bool free_memory(struct subject *subject, struct error *e)
{
	return engine_free_memory(from(subject)->engine, e);
}

static bool hold(struct subject *subject, const char *name, enum hold what, struct error *e)
{
	return engine_hold(from(subject)->engine, name, what, e);
}

static bool drop_holds(struct subject *subject, struct error *e)
{
	(void)e;
	engine_drop_holds(from(subject)->engine);
	return true;
}

static bool befall(struct subject *subject, enum mishap mishap, unsigned step, struct error *e)
{
	(void)e;
	engine_befall(from(subject)->engine, mishap, step);
	return true;
}

static bool patch_unload(struct subject *subject, bool throws, struct error *e)
{
	(void)e;
	engine_patch_unload(from(subject)->engine, throws);
	return true;
}

static bool load_foreign(struct subject *subject, uint64_t size_bytes, struct error *e)
{
	return engine_load_foreign(from(subject)->engine, size_bytes, e);
}

static bool move_foreign(struct subject *subject, const char *name, struct error *e)
{
	return engine_move_foreign(from(subject)->engine, name, e);
}

static bool take_outside(struct subject *subject, const char *device, uint64_t size_bytes, struct error *e)
{
	return engine_take_outside(from(subject)->engine, device, size_bytes, e);
}

static bool drop_outside(struct subject *subject, struct error *e)
{
	(void)e;
	engine_drop_outside(from(subject)->engine);
	return true;
}

static bool set_cpu_memory(struct subject *subject, unsigned percent, struct error *e)
{
	(void)e;
	engine_set_cpu_memory(from(subject)->engine, percent);
	return true;
}

static bool wait_seconds(struct subject *subject, unsigned seconds, struct error *e)
{
	return engine_wait(from(subject)->engine, seconds, e);
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
	.prompt = prompt,
	.request_free = request_free,
	.soft_empty = soft_empty,
	.free_memory = free_memory,
	.hold = hold,
	.drop_holds = drop_holds,
	.befall = befall,
	.patch_unload = patch_unload,
	.load_foreign = load_foreign,
	.move_foreign = move_foreign,
	.take_outside = take_outside,
	.drop_outside = drop_outside,
	.set_cpu_memory = set_cpu_memory,
	.wait = wait_seconds,
	.wait_until_idle = wait_until_idle,
	.worker_died = worker_died,
	.cycle = cycle,
	.compute_device = compute_device,
	.has_device = has_device,
	.on_image = subject_engine_on_image,
	.end = end,
	.close = close_subject,
};

bool subject_check(const struct subject_operations *o, struct error *e)
{
	const struct {
		const char *name;
		bool there;
	} slots[] = {
		{ "begin", o->begin != NULL },
		{ "prompt", o->prompt != NULL },
		{ "request_free", o->request_free != NULL },
		{ "soft_empty", o->soft_empty != NULL },
		{ "free_memory", o->free_memory != NULL },
		{ "hold", o->hold != NULL },
		{ "drop_holds", o->drop_holds != NULL },
		{ "befall", o->befall != NULL },
		{ "patch_unload", o->patch_unload != NULL },
		{ "load_foreign", o->load_foreign != NULL },
		{ "move_foreign", o->move_foreign != NULL },
		{ "take_outside", o->take_outside != NULL },
		{ "drop_outside", o->drop_outside != NULL },
		{ "set_cpu_memory", o->set_cpu_memory != NULL },
		{ "wait", o->wait != NULL },
		{ "wait_until_idle", o->wait_until_idle != NULL },
		{ "worker_died", o->worker_died != NULL },
		{ "cycle", o->cycle != NULL },
		{ "compute_device", o->compute_device != NULL },
		{ "has_device", o->has_device != NULL },
		{ "end", o->end != NULL },
		{ "close", o->close != NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		if (!slots[i].there)
			return error_set(e, ERROR_BUG, "subject %s has no %s", o->kind, slots[i].name);
	}
	return true;
}

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
