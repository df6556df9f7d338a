/* bench_probe.c - an observer that times another one, slot by slot.
 *
 * For snapshots the engine alternates between two workloads: one that moves blocks between stages, one that does not.
 * For replays runs with and without probes alternate, so that drift of the machine falls on both.
 */
#include "scenarios/bench/bench_probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/units.h"
#include "core/manager/policy.h"
#include "core/workflow/engine.h"
#include "core/workflow/library/model_library.h"
#include "probes/snapshot/snapshot.h"
#include "scenarios/bench/bench.h"
#include "scenarios/bench/bench_store.h"
#include "scenarios/models/matrix_workflow.h"
#include "scenarios/workflows.h"

#define BLOCK_BYTES (MIB * 2) /* more than the virtual VRAM of a matrix loader in all, so that some are on the card */
/* What the rows measure. */
#define SNAPSHOT_MODELS 10
#define SNAPSHOT_BLOCKS 1000
#define SNAPSHOT_REPEATS 31
#define REPLAY_REPEATS 15
#define REPLAYED "flux-three-loaders"

/* ---- an observer that measures another ---- */

struct timed {
	const struct observer *probe;
	uint64_t inside_ns; /* since it was last set to 0 */
	uint64_t last_stage_ns; /* of the newest stage alone */
};

#define TIMED(slot, ...)                                                                                                       \
	do {                                                                                                                   \
		struct timed *timed = context;                                                                                 \
		uint64_t start_ns = clock_now_ns();                                                                            \
                                                                                                                               \
		timed->probe->slot(timed->probe->context, __VA_ARGS__);                                                        \
		timed->inside_ns += clock_now_ns() - start_ns;                                                                 \
	} while (0)

static void on_stage(void *context, const struct stage_event *event)
{
	struct timed *timed = context;
	uint64_t start_ns = clock_now_ns();

	timed->probe->stage(timed->probe->context, event);
	timed->last_stage_ns = clock_now_ns() - start_ns;
	timed->inside_ns += timed->last_stage_ns;
}

static void on_departure(void *context, const struct departure_event *event)
{
	TIMED(departure, event);
}

static void on_transfer(void *context, const struct transfer_event *event)
{
	TIMED(transfer, event);
}

static void on_step(void *context, const struct step_event *event)
{
	TIMED(step, event);
}

static void on_load(void *context, uint64_t object, const char *name, bool from_disk)
{
	TIMED(load, object, name, from_disk);
}

static void on_object(void *context, const struct object_event *event)
{
	TIMED(object, event);
}

static void on_request(void *context, const struct request_event *event)
{
	TIMED(request, event);
}

static struct observer timed_observer(struct timed *timed)
{
	return (struct observer) { .context = timed,
				   .stage = on_stage,
				   .departure = on_departure,
				   .transfer = on_transfer,
				   .step = on_step,
				   .load = on_load,
				   .object = on_object,
				   .request = on_request };
}

/* ---- a probe with a store of its own ---- */

struct rig {
	struct topology *topology;
	struct bench_store store;
	struct probe *probe;
	struct timed timed;
	struct observer observer;
};

static bool rig_open(struct rig *rig, const char *folder, const char *topology, const char *backend, struct error *e)
{
	*rig = (struct rig) { .topology = bench_topology(topology, e) };
	if (!rig->topology || !bench_store_open(&rig->store, folder, rig->topology, backend, false, e))
		return false;
	rig->probe = probe_new(e);
	if (!rig->probe)
		return false;
	rig->timed.probe = probe_observer(rig->probe);
	rig->observer = timed_observer(&rig->timed);
	return true;
}

/* Also after a failed rig_open. */
static bool rig_close(struct rig *rig, uint64_t *dropped, struct error *e)
{
	bool fine = bench_store_close(&rig->store, dropped, e);

	probe_free(rig->probe);
	topology_free(rig->topology);
	return fine;
}

static struct engine *watch(struct rig *rig, const struct engine_options *options, const struct probe_settings *settings,
			    uint32_t cell, struct error *e)
{
	struct record_cell record = { .cell = cell, .subject = "engine:strict", .policy = "strict" };
	struct engine_options watched = *options;
	struct engine *engine;

	record_text(record.topology, sizeof(record.topology), rig->topology->name);
	record_put(&rig->store.sink, RECORD_CELL, &record, sizeof(record));
	probe_begin(rig->probe, cell, settings, &rig->store.sink);
	watched.observer = &rig->observer;
	engine = engine_open(&watched, e);
	if (engine)
		probe_watch(rig->probe, engine);
	return engine;
}

/* ---- a snapshot ---- */

static struct model *open_blocks(void *context, const struct model_source *source, struct machine *machine,
				 struct device *device, struct error *e)
{
	const size_t count = *(const size_t *)context;
	struct block_description *blocks = array_new(count, sizeof(*blocks), e);
	struct parameter_description *parameters = array_new(count, sizeof(*parameters), e);
	char(*names)[32] = array_new(count, sizeof(*names), e);
	struct model *model = NULL;

	for (size_t i = 0; blocks && parameters && names && i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "blocks.%zu", i);
		blocks[i] = (struct block_description) { .name = names[i],
							 .type = "Linear",
							 .parameter_count = 1,
							 .weight_size_bytes = BLOCK_BYTES,
							 .has_bias = true,
							 .castable = true };
		parameters[i] = (struct parameter_description) {
			.name = names[i], .dtype = DTYPE_F32, .rank = 1, .shape = { (int64_t)(BLOCK_BYTES / sizeof(float)) }
		};
	}
	if (blocks && parameters && names)
		model = model_new(machine, device, source->files[0], source->kind, blocks, count, parameters, count, e);
	free(blocks);
	free(parameters);
	free(names);
	return model;
}

static json_t *many_models(size_t count, unsigned seed, struct error *e)
{
	struct matrix_model *models = array_new(count, sizeof(*models), e);
	char(*names)[24] = array_new(count, sizeof(*names), e);
	json_t *workflow = NULL;

	for (size_t i = 0; models && names && i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "M%zu", i);
		models[i] = (struct matrix_model) { .name = names[i], .kind = MODEL_UNET, .keep = KEEP_YES };
	}
	if (models && names)
		workflow = matrix_workflow(models, count, "cuda:0", seed, e);
	free(models);
	free(names);
	return workflow;
}

static bool prompt(struct engine *engine, size_t model_count, unsigned seed, struct error *e)
{
	json_t *workflow = many_models(model_count, seed, e);
	bool fine = workflow && engine_submit(engine, workflow, "bench", e) && engine_run_until_idle(engine, e);

	json_decref(workflow);
	return fine;
}

static bool measure_snapshots(struct rig *rig, struct engine *engine, size_t model_count, unsigned repeats,
			      const bool *interrupted, double *moved_ns, double *still_ns, struct error *e)
{
	for (unsigned i = 0; i < repeats; i++) {
		if (interrupted && *interrupted)
			return error_set(e, ERROR_INTERRUPTED, "interrupted");
		if (!prompt(engine, model_count, i + 1, e) || !engine_free_memory(engine, e))
			return false;
		moved_ns[i] = (double)rig->timed.last_stage_ns;
		engine_end(engine);
		still_ns[i] = (double)rig->timed.last_stage_ns;
	}
	return true;
}

bool bench_snapshot(const char *folder, size_t model_count, size_t block_count, unsigned repeats, const bool *interrupted,
		    struct bench_snapshot *result, struct error *e)
{
	struct catalog catalog = { .context = &block_count, .open = open_blocks };
	struct engine_options options = { .catalog = &catalog, .policy = &policy_strict };
	struct probe_settings settings = { .placement = true };
	double *moved_ns = array_new(repeats, sizeof(*moved_ns), e);
	double *still_ns = array_new(repeats, sizeof(*still_ns), e);
	struct engine *engine = NULL;
	struct rig rig = { .topology = NULL };
	bool fine = moved_ns && still_ns && rig_open(&rig, folder, "2x3090-nvlink", "sim", e);

	*result = (struct bench_snapshot) { .model_count = model_count, .block_count = block_count };
	if (fine)
		options.machine = machine_open(rig.topology, &sim_backend, e);
	if (options.machine)
		engine = watch(&rig, &options, &settings, 1, e);
	fine = engine && measure_snapshots(&rig, engine, model_count, repeats, interrupted, moved_ns, still_ns, e) &&
	       probe_is_fine(rig.probe, e);
	engine_close(engine);
	machine_close(options.machine);
	fine = rig_close(&rig, &result->dropped, e) && fine;
	if (fine) {
		result->moved_ns = spread_of(moved_ns, repeats);
		result->still_ns = spread_of(still_ns, repeats);
	}
	free(moved_ns);
	free(still_ns);
	return fine;
}

/* ---- a replay, on against off ---- */

struct replayed {
	const json_t *workflow;
	json_t *body;
	struct engine_options options;
};

/* One replay: the workflow, then /free with both flags, then its end. A cell of 0 is one without probes. */
static bool replay(struct rig *rig, const struct replayed *what, uint32_t cell, double *elapsed_ns, struct error *e)
{
	static const struct probe_settings all = { .transfers = true, .steps = true, .placement = true };
	struct engine_options options = what->options;
	struct engine *engine;
	uint64_t start_ns;
	bool fine;

	options.machine = machine_open(rig->topology, &host_backend, e);
	if (!options.machine)
		return false;
	rig->timed.inside_ns = 0;
	start_ns = clock_now_ns();
	engine = cell ? watch(rig, &options, &all, cell, e) : engine_open(&options, e);
	fine = engine && engine_submit(engine, what->workflow, REPLAYED, e) && engine_run_until_idle(engine, e) &&
	       engine_request_free(engine, what->body, REQUEST_HEARD, e) && engine_run_until_idle(engine, e);
	if (fine)
		engine_end(engine);
	*elapsed_ns = (double)(clock_now_ns() - start_ns);
	engine_close(engine);
	machine_close(options.machine);
	return fine;
}

static bool measure_replays(struct rig *rig, const struct replayed *what, unsigned repeats, const bool *interrupted,
			    struct bench_probes *result, struct error *e)
{
	double *times_ns = array_new(3 * (size_t)repeats, sizeof(*times_ns), e);
	double *on_ns = times_ns;
	double *off_ns = times_ns + repeats;
	double *inside_ns = times_ns + 2 * (size_t)repeats;
	double warm_up_ns;
	bool fine = times_ns && replay(rig, what, 0, &warm_up_ns, e);

	for (unsigned i = 0; fine && i < repeats; i++) {
		fine = replay(rig, what, 0, &off_ns[i], e) && replay(rig, what, i + 1, &on_ns[i], e);
		inside_ns[i] = (double)rig->timed.inside_ns;
		if (fine && interrupted && *interrupted)
			fine = error_set(e, ERROR_INTERRUPTED, "interrupted");
	}
	if (fine) {
		result->on_ns = spread_of(on_ns, repeats);
		result->off_ns = spread_of(off_ns, repeats);
		result->inside_ns = spread_of(inside_ns, repeats);
	}
	free(times_ns);
	return fine;
}

bool bench_probes(const char *folder, unsigned repeats, const bool *interrupted, struct bench_probes *result, struct error *e)
{
	const struct embedded_file *file = embed_find(scenario_workflows, REPLAYED ".json");
	struct model_library library = { .folder = NULL };
	struct catalog catalog = model_library_catalog(&library);
	json_t *workflow = file ? json_parse(file->bytes, embed_length(file), file->name, false, e) : NULL;
	struct replayed what = { .workflow = workflow,
				 .body = json_pack("{s:b, s:b}", "unload_models", 1, "free_memory", 1),
				 .options = { .catalog = &catalog, .policy = &policy_strict, .interrupted = interrupted } };
	struct rig rig = { .topology = NULL };
	bool fine = workflow && what.body && rig_open(&rig, folder, "host-2gpu", "host", e);

	*result = (struct bench_probes) { .workflow = REPLAYED };
	fine = fine && measure_replays(&rig, &what, repeats, interrupted, result, e);
	fine = rig_close(&rig, &result->dropped, e) && fine;
	json_decref(what.body);
	json_decref(workflow);
	return fine;
}

static bool measure_snapshot(const struct bench_request *request, void *result, struct error *e)
{
	return bench_snapshot(bench_folder(), SNAPSHOT_MODELS, SNAPSHOT_BLOCKS, bench_repeats(request, SNAPSHOT_REPEATS),
			      request->interrupted, result, e);
}

const struct bench bench_row_snapshot = {
	.name = "snapshot",
	.summary = "time that a snapshot takes from the subject's thread",
	.result_size_bytes = sizeof(struct bench_snapshot),
	.measure = measure_snapshot,
};

static bool measure_probes(const struct bench_request *request, void *result, struct error *e)
{
	return bench_probes(bench_folder(), bench_repeats(request, REPLAY_REPEATS), request->interrupted, result, e);
}

const struct bench bench_row_probes = {
	.name = "probes",
	.summary = "a replay on host with probes and without",
	.result_size_bytes = sizeof(struct bench_probes),
	.measure = measure_probes,
};
