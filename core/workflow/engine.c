#include "core/workflow/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/manager/manager.h"
#include "core/workflow/executor.h"

#define GC_INTERVAL_NS (10 * NS_PER_S)

struct prompt {
	struct prompt *next;
	struct graph *graph;
};

/* What is wanted of the worker; a flag that was not set is not there. */
struct flags {
	bool has_unload, unload_models;
	bool has_free, free_memory;
};

struct engine {
	struct engine_options options;
	struct heap *heap;
	struct manager *manager;
	struct services services;
	struct executor executor;
	struct object *foreign; /* root of holds */
	struct hold_reference *holds;
	struct prompt *first, *last;
	struct flags flags;
	bool gc_needed;
	bool gc_at_once; /* the interval does not matter */
	uint64_t last_gc_ns;
	unsigned cycle;
	bool staged; /* the cycle has a stage */
	bool prompted; /* a prompt was run */
	char *died; /* what the worker died of; owned */
};

struct hold_reference {
	struct hold_reference *next;
	struct reference reference;
};

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
	engine->executor.interrupted = options->interrupted;
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
	while (engine->holds) {
		struct hold_reference *hold = engine->holds;

		engine->holds = hold->next;
		free(hold);
	}
	free(engine->died);
	free(engine);
}

/* ---- stages and cycles ---- */

/* A new action: a new cycle, if the last one had a stage. */
static void begin_action(struct engine *engine)
{
	engine->cycle += engine->staged;
	engine->staged = false;
}

static void tell_stage(struct engine *engine, enum stage stage, const char *exception)
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

bool engine_request_free(struct engine *engine, const json_t *body, struct error *e)
{
	bool unload_models;
	bool free_memory;
	bool release_kept;

	if (!json_get_bool_or(body, "unload_models", "/free", false, &unload_models, e) ||
	    !json_get_bool_or(body, "free_memory", "/free", false, &free_memory, e) ||
	    !json_get_bool_or(body, "release_kept", "/free", false, &release_kept, e))
		return false;
	begin_action(engine);
	if (release_kept)
		manager_release_kept(engine->manager);
	if (unload_models || free_memory)
		set_flags(engine, unload_models, free_memory, "post");
	return true;
}

/* ---- the worker ---- */

static bool run_prompt(struct engine *engine, struct error *e)
{
	struct prompt *prompt = engine->first;
	struct flags before = engine->flags;
	bool fine;

	engine->first = prompt->next;
	if (!engine->first)
		engine->last = NULL;
	begin_action(engine);
	fine = executor_run(&engine->executor, prompt->graph, e);
	graph_free(prompt->graph);
	free(prompt);
	engine->gc_needed = true;
	if (engine->options.suppress_node_flags)
		engine->flags = before;
	tell_stage(engine, engine->prompted ? STAGE_NEXT_PROMPT : STAGE_LOADED, "");
	engine->prompted = true;
	return fine;
}

/* The policy raised: nobody catches it in the worker. */
static bool die(struct engine *engine, const struct error *raised, struct error *e)
{
	tell_stage(engine, STAGE_AFTER_UNLOAD, raised->text);
	engine->died = string_copy(raised->text, e);
	if (!engine->died)
		return false;
	tell_stage(engine, STAGE_WORKER_DIED, engine->died);
	return true;
}

static bool unload(struct engine *engine, struct error *e)
{
	struct error raised = ERROR_INIT;

	tell_stage(engine, STAGE_BEFORE_UNLOAD, "");
	if (!manager_unload_all(engine->manager, &raised)) {
		if (raised.kind == ERROR_NODE)
			return die(engine, &raised, e);
		return error_set(e, raised.kind, "%s", raised.text);
	}
	engine->gc_needed = engine->gc_at_once = true;
	tell_stage(engine, STAGE_AFTER_UNLOAD, "");
	return true;
}

static bool collect(struct engine *engine, struct error *e)
{
	uint64_t now_ns = machine_now_ns(engine->options.machine);

	if (!engine->gc_needed || (!engine->gc_at_once && now_ns - engine->last_gc_ns <= GC_INTERVAL_NS))
		return true;
	heap_collect(engine->heap);
	tell_stage(engine, STAGE_AFTER_GC, "");
	if (!manager_soft_empty(engine->manager, false, e))
		return false;
	tell_stage(engine, STAGE_AFTER_EMPTY_CACHE, "");
	engine->last_gc_ns = now_ns;
	engine->gc_needed = engine->gc_at_once = false;
	return true;
}

static bool act_on_flags(struct engine *engine, struct error *e)
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
		tell_stage(engine, STAGE_AFTER_RESET, "");
	}
	return collect(engine, e);
}

static bool has_work(const struct engine *engine)
{
	return engine->first || engine->flags.has_unload || engine->flags.has_free;
}

/* Once round the worker's loop. A prompt that failed is told at the end; the flags are served all the same. */
static bool turn(struct engine *engine, struct error *failed, struct error *e)
{
	if (engine->first && !run_prompt(engine, failed) && (failed->kind == ERROR_MEMORY || failed->kind == ERROR_BUG))
		return error_set(e, failed->kind, "%s", failed->text);
	return act_on_flags(engine, e);
}

bool engine_run_until_idle(struct engine *engine, struct error *e)
{
	struct error failed = ERROR_INIT;

	while (!engine->died && has_work(engine)) {
		if (!turn(engine, &failed, e))
			return false;
	}
	return !error_is_set(&failed) || error_set(e, failed.kind, "%s", failed.text);
}

bool engine_settle(struct engine *engine, struct error *e)
{
	begin_action(engine);
	machine_sleep(engine->options.machine, GC_INTERVAL_NS + NS_PER_S);
	return engine->died || collect(engine, e);
}

/* ---- direct calls ---- */

bool engine_soft_empty(struct engine *engine, bool force, struct error *e)
{
	begin_action(engine);
	if (!manager_soft_empty(engine->manager, force, e))
		return false;
	tell_stage(engine, STAGE_AFTER_DIRECT_SOFT_EMPTY, "");
	begin_action(engine); /* what it asks of the worker is a cycle of its own */
	return true;
}

bool engine_free_memory(struct engine *engine, struct error *e)
{
	const struct observer *observer = engine->options.observer;

	begin_action(engine);
	if (observer && observer->request)
		observer->request(observer->context, &(struct request_event) { true, true, "direct" });
	if (!manager_free_everything(engine->manager, e))
		return false;
	tell_stage(engine, STAGE_AFTER_FREE_MEMORY, "");
	return true;
}

static struct patcher *newest_of(const struct engine *engine, const char *name)
{
	for (struct patcher *patcher = engine->manager->last; patcher; patcher = patcher->previous) {
		if (patcher->name && strcmp(patcher->name, name) == 0)
			return patcher;
	}
	return NULL;
}

bool engine_hold(struct engine *engine, const char *name, enum hold what, struct error *e)
{
	struct patcher *patcher = newest_of(engine, name);
	struct hold_reference *hold;

	if (!patcher)
		return true;
	hold = array_new(1, sizeof(*hold), e);
	if (!hold)
		return false;
	hold->next = engine->holds;
	engine->holds = hold;
	reference_set(&hold->reference, engine->foreign, what == HOLD_PATCHER ? &patcher->object : patcher->inner.target,
		      "hold");
	return true;
}

void engine_drop_holds(struct engine *engine)
{
	while (engine->holds) {
		struct hold_reference *hold = engine->holds;

		engine->holds = hold->next;
		reference_drop(&hold->reference);
		free(hold);
	}
}

void engine_end(struct engine *engine)
{
	begin_action(engine);
	tell_stage(engine, STAGE_END, engine->died ? engine->died : "");
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
