/* engine.c - the worker's loop: take a prompt, execute it, serve the flags, collect garbage.
 *
 * The order is upstream's main.py: flags that were set while a prompt ran are served after it, an unload before the executor's
 * reset, the reset before the collection, and the collection before the allocator's cache is emptied. Each step is followed by its
 * stage. A collection is due ten seconds of machine time after the last. Flags that are set while flags are served
 * wait for the next prompt or request, since the worker does not wake itself.
 */
#include "core/workflow/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/string.h"
#include "core/workflow/engine_state.h"
#include "core/workflow/priced/priced.h"

#define GC_INTERVAL_NS (10 * NS_PER_S)
#define WAIT_MOST_NS (1000 * NS_PER_S) /* of a worker that has nothing to do */

static const struct object_class foreign_class = { .name = "foreign" };

/* ---- open and close ---- */

static void set_flags(void *context, bool unload_models, bool free_memory, const char *source)
{
	struct engine *engine = context;
	const struct observer *observer = engine->options.observer;

	if (unload_models)
		engine->flags.has_unload = engine->flags.unload_models = true;
	if (free_memory)
		engine->flags.has_free = engine->flags.free_memory = true;
	engine->asleep = engine->serving; /* the worker itself does not wait */
	if (observer && observer->request)
		observer->request(observer->context, &(struct request_event) { unload_models, free_memory, source });
}

static struct device *find_device(const struct engine *engine, const char *name, size_t fallback, struct error *e)
{
	struct machine *machine = engine->options.machine;
	struct device *device;

	if (!name) {
		size_t count = machine_device_count(machine);

		return machine_device(machine, fallback < count ? fallback : 0);
	}
	device = machine_find(machine, name);
	if (!device)
		error_set(e, ERROR_ABSENT, "the topology has no device %s", name);
	return device;
}

static bool open_manager(struct engine *engine, struct error *e)
{
	const struct engine_options *options = &engine->options;
	struct manager_options wanted = { .heap = engine->heap,
					  .machine = options->machine,
					  .policy = options->policy ? options->policy : &policy_strict,
					  .load_device = find_device(engine, options->load_device, 1, e),
					  .offload_device = find_device(engine, options->offload_device, 0, e),
					  .observer = options->observer,
					  .log = options->log,
					  .flags_context = engine,
					  .set_flags = set_flags };

	if (!wanted.load_device || !wanted.offload_device)
		return false;
	engine->manager = manager_new(&wanted, e);
	return engine->manager != NULL;
}

struct engine *engine_open(const struct engine_options *options, struct error *e)
{
	struct engine *engine = array_new(1, sizeof(*engine), e);

	if (!engine)
		return NULL;
	engine->options = *options;
	engine->gc_at_once = true; /* as upstream: the first collection does not wait */
	engine->heap = heap_new(e);
	if (!engine->heap || !open_manager(engine, e))
		goto fail;
	engine->services = (struct services) {
		.manager = engine->manager,
		.catalog = options->catalog,
		.observer = options->observer,
		.log = options->log,
		.output_folder = options->output_folder,
		.inference = { .machine = options->machine, .observer = options->observer, .interrupted = options->interrupted }
	};
	engine->services.inference.before_step = engine_before_step;
	engine->services.inference.step_context = engine;
	engine->services.inference.price = priced_pass;
	engine->executor.interrupted = options->interrupted;
	engine->wake_ns = machine_now_ns(options->machine) + WAIT_MOST_NS;
	engine->foreign = heap_root(engine->heap, &foreign_class, "foreign", e);
	if (engine->foreign &&
	    executor_init(&engine->executor, engine->heap, &engine->services, options->cache, options->lru_size, e)) {
		machine_observe(options->machine, options->observer);
		return engine;
	}
fail:
	engine_close(engine);
	return NULL;
}

void engine_close(struct engine *engine)
{
	if (!engine)
		return;
	machine_observe(engine->options.machine, NULL);
	while (engine->first) {
		struct prompt *prompt = engine->first;

		engine->first = prompt->next;
		graph_free(prompt->graph);
		free(prompt);
	}
	if (engine->heap)
		heap_free(engine->heap);
	manager_free(engine->manager);
	engine_forget_others(engine);
	free(engine->died);
	free(engine);
}

/* ---- stages and cycles ---- */

void engine_begin_action(struct engine *engine)
{
	engine->cycle += engine->staged;
	engine->staged = false;
}

void engine_tell_stage(struct engine *engine, enum stage stage, const char *exception)
{
	const struct observer *observer = engine->options.observer;

	manager_tell_departures(engine->manager);
	engine->staged = true;
	if (observer && observer->stage)
		observer->stage(observer->context, &(struct stage_event) { .stage = stage,
									   .cycle = engine->cycle,
									   .time_ns = machine_now_ns(engine->options.machine),
									   .exception = exception });
}

/* ---- the queue ---- */

bool engine_submit(struct engine *engine, const json_t *workflow, const char *where, struct error *e)
{
	struct prompt *prompt = array_new(1, sizeof(*prompt), e);

	if (!prompt)
		return false;
	prompt->graph = graph_new(workflow, where, e);
	if (!prompt->graph) {
		free(prompt);
		return false;
	}
	if (engine->last)
		engine->last->next = prompt;
	else
		engine->first = prompt;
	engine->last = prompt;
	return true;
}

bool engine_request_free(struct engine *engine, const json_t *body, enum request_when when, struct error *e)
{
	struct request request;

	if (!json_get_bool_or(body, "unload_models", "/free", false, &request.unload_models, e) ||
	    !json_get_bool_or(body, "free_memory", "/free", false, &request.free_memory, e) ||
	    !json_get_bool_or(body, "release_kept", "/free", false, &request.release_kept, e))
		return false;
	if (when == REQUEST_WHILE_RUNNING) {
		engine->during.unload_models |= request.unload_models;
		engine->during.free_memory |= request.free_memory;
		engine->during.release_kept |= request.release_kept;
		return true;
	}
	engine_begin_action(engine);
	engine_take_request(engine, &request);
	if (when == REQUEST_WITHOUT_WAKE)
		engine->asleep = engine->flags.has_unload || engine->flags.has_free;
	return true;
}

void engine_take_request(struct engine *engine, const struct request *request)
{
	if (request->release_kept)
		manager_release_kept(engine->manager);
	if (request->unload_models || request->free_memory)
		set_flags(engine, request->unload_models, request->free_memory, "post");
}

/* ---- the worker ---- */

/* Takes the first of the queue. */
static struct graph *take_prompt(struct engine *engine)
{
	struct prompt *prompt = engine->first;
	struct graph *graph = prompt->graph;

	engine->first = prompt->next;
	if (!engine->first)
		engine->last = NULL;
	free(prompt);
	return graph;
}

static bool run_prompt(struct engine *engine, struct error *failed, struct error *e)
{
	struct graph *graph = take_prompt(engine);
	struct error raised = ERROR_INIT;
	char thrown[ERROR_TEXT_MAX] = "";
	struct flags before;
	bool fine;

	engine_begin_action(engine);
	engine_take_request(engine, &engine->during);
	engine->during = (struct request) { .unload_models = false };
	before = engine->flags;
	manager_begin_prompt(engine->manager);
	fine = executor_run(&engine->executor, graph, &raised);
	graph_free(graph);
	engine->gc_needed = true;
	if (engine->options.suppress_node_flags)
		engine->flags = before;
	if (!fine) {
		memcpy(thrown, raised.text, sizeof(thrown));
		fine = engine_prompt_failed(engine, &raised, e);
	}
	manager_end_prompt(engine->manager);
	if (!fine)
		return false;
	if (error_is_set(&raised))
		error_set(failed, raised.kind, "%s", raised.text);
	engine_tell_stage(engine, engine->prompted ? STAGE_NEXT_PROMPT : STAGE_LOADED, thrown);
	engine->prompted = true;
	engine->injected = (struct fault_state) { .kind = INJECT_NONE };
	if (engine->died)
		engine_tell_stage(engine, STAGE_WORKER_DIED, engine->died);
	return true;
}

/* The policy raised: the worker does not catch it. */
static bool die(struct engine *engine, const struct error *raised, struct error *e)
{
	engine_tell_stage(engine, STAGE_AFTER_UNLOAD, raised->text);
	engine->died = string_copy(raised->text, e);
	if (!engine->died)
		return false;
	engine_tell_stage(engine, STAGE_WORKER_DIED, engine->died);
	return true;
}

static bool unload(struct engine *engine, struct error *e)
{
	struct error raised = ERROR_INIT;
	const char *caught;

	engine_tell_stage(engine, STAGE_BEFORE_UNLOAD, "");
	if (!manager_unload_all(engine->manager, &raised)) {
		if (raised.kind == ERROR_NODE)
			return die(engine, &raised, e);
		return error_set(e, raised.kind, "%s", raised.text);
	}
	caught = manager_caught(engine->manager);
	engine->gc_needed = engine->gc_at_once = true;
	engine_tell_stage(engine, STAGE_AFTER_UNLOAD, caught ? caught : "");
	return true;
}

static bool collect(struct engine *engine, struct error *e)
{
	uint64_t now_ns = machine_now_ns(engine->options.machine);

	if (!engine->gc_needed || (!engine->gc_at_once && now_ns - engine->last_gc_ns <= GC_INTERVAL_NS))
		return true;
	heap_collect(engine->heap);
	engine_tell_stage(engine, STAGE_AFTER_GC, "");
	if (!manager_soft_empty(engine->manager, false, e))
		return false;
	engine_tell_stage(engine, STAGE_AFTER_EMPTY_CACHE, "");
	engine->last_gc_ns = now_ns;
	engine->gc_needed = engine->gc_at_once = false;
	return true;
}

static bool serve_flags(struct engine *engine, struct error *e)
{
	const struct observer *observer = engine->options.observer;
	struct flags flags = engine->flags;
	bool wants_unload = flags.has_unload ? flags.unload_models : flags.free_memory;

	engine->flags = (struct flags) { .has_unload = false };
	if ((wants_unload || flags.free_memory) && observer && observer->request)
		observer->request(observer->context, &(struct request_event) { wants_unload, flags.free_memory, "worker" });
	if (wants_unload && (!unload(engine, e) || engine->died))
		return engine->died != NULL;
	if (flags.free_memory) {
		if (!executor_reset(&engine->executor, e))
			return false;
		engine->gc_needed = engine->gc_at_once = true;
		engine_tell_stage(engine, STAGE_AFTER_RESET, "");
	}
	return collect(engine, e);
}

/* What is set from here on comes while no thread waits for it. */
static bool act_on_flags(struct engine *engine, struct error *e)
{
	bool fine;

	engine->asleep = false;
	engine->serving = true;
	fine = serve_flags(engine, e);
	engine->serving = false;
	return fine;
}

static bool has_work(const struct engine *engine)
{
	return engine->first || (!engine->asleep && (engine->flags.has_unload || engine->flags.has_free));
}

/* The worker waits: for work, for the next collection if one is due, but not for ever. */
static void wait_for_work(struct engine *engine)
{
	uint64_t now_ns = machine_now_ns(engine->options.machine);
	uint64_t since_ns = now_ns - engine->last_gc_ns;
	uint64_t least_ns = since_ns < GC_INTERVAL_NS ? GC_INTERVAL_NS - since_ns : 0;

	engine->wake_ns = now_ns + (engine->gc_needed ? least_ns : WAIT_MOST_NS);
}

/* Once round the worker's loop. A prompt that failed is told at the end; the flags are served all the same. */
static bool turn(struct engine *engine, struct error *failed, struct error *e)
{
	if (engine->first && (!run_prompt(engine, failed, e) || engine->died))
		return engine->died != NULL;
	return act_on_flags(engine, e);
}

bool engine_run_until_idle(struct engine *engine, struct error *e)
{
	struct error failed = ERROR_INIT;
	bool waits_already = !has_work(engine);

	while (!engine->died && has_work(engine)) {
		if (!turn(engine, &failed, e))
			return false;
	}
	if (!waits_already)
		wait_for_work(engine);
	return !error_is_set(&failed) || error_set(e, failed.kind, "%s", failed.text);
}

bool engine_wait(struct engine *engine, unsigned seconds, struct error *e)
{
	engine_begin_action(engine);
	machine_sleep(engine->options.machine, seconds * NS_PER_S);
	if (engine->died || machine_now_ns(engine->options.machine) < engine->wake_ns)
		return true;
	if (!act_on_flags(engine, e))
		return false;
	wait_for_work(engine);
	return true;
}

bool engine_settle(struct engine *engine, struct error *e)
{
	return engine_wait(engine, SETTLE_SECONDS, e);
}

/* ---- direct calls ---- */

bool engine_soft_empty(struct engine *engine, bool force, struct error *e)
{
	engine_begin_action(engine);
	if (!manager_soft_empty(engine->manager, force, e))
		return false;
	engine_tell_stage(engine, STAGE_AFTER_DIRECT_SOFT_EMPTY, "");
	engine_begin_action(engine); /* what it asks of the worker is a cycle of its own */
	return true;
}

bool engine_free_memory(struct engine *engine, struct error *e)
{
	const struct observer *observer = engine->options.observer;

	engine_begin_action(engine);
	if (observer && observer->request)
		observer->request(observer->context, &(struct request_event) { true, true, "direct" });
	if (!manager_free_everything(engine->manager, e))
		return false;
	engine_tell_stage(engine, STAGE_AFTER_FREE_MEMORY, "");
	return true;
}

void engine_end(struct engine *engine)
{
	engine_begin_action(engine);
	engine_tell_stage(engine, STAGE_END, engine->died ? engine->died : "");
}

/* ---- questions ---- */

const char *engine_worker_died(const struct engine *engine)
{
	return engine->died;
}

unsigned engine_cycle(const struct engine *engine)
{
	return engine->cycle + engine->staged;
}

struct heap *engine_heap(const struct engine *engine)
{
	return engine->heap;
}

struct manager *engine_manager(const struct engine *engine)
{
	return engine->manager;
}

struct machine *engine_machine(const struct engine *engine)
{
	return engine->options.machine;
}
