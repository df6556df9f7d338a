/* engine.h - one DisTorch2 engine: a machine, a heap, a manager with its policy, an executor with its caches, a prompt queue.
 *
 * It is driven as a server is: prompts and requests to free are put into a queue, and a worker takes them one at a time. Nothing
 * happens between calls. What happens is told to the observer; after each prompt, and at each step of an unload, comes a stage.
 *
 *	engine = engine_open(&(struct engine_options){ .machine = machine, .catalog = &catalog, .policy = policy }, e);
 *	engine_submit(engine, workflow, "flux.json", e) && engine_run_until_idle(engine, e);
 *	engine_request_free(engine, body, e) && engine_run_until_idle(engine, e);
 *	engine_end(engine);
 *	engine_close(engine);
 *
 * Cycles count what a user does: stages of one prompt or request, and of what the worker does after it, share a number. What has
 * no stage (a request that asks nothing) has no cycle.
 */
#ifndef RESIDENCY_WORKFLOW_ENGINE_H
#define RESIDENCY_WORKFLOW_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/base/log.h"
#include "core/device/device.h"
#include "core/workflow/library/catalog.h"

struct engine;
struct heap;
struct manager;
struct policy;

#define CACHE_KINDS(X)                                                                                                         \
	X(CLASSIC, "classic") /* what this prompt has not is dropped */                                                        \
	X(LRU, "lru") /* the newest n stay */                                                                                  \
	X(NONE, "none") /* an output is dropped once its last consumer ran */                                                  \
	X(RAM, "ram") /* ours: all stay until main memory is short, then the oldest prompts' go */

enum cache_kind {
#define CACHE_ENUM(name, text) CACHE_##name,
	CACHE_KINDS(CACHE_ENUM)
#undef CACHE_ENUM
		CACHE_KIND_COUNT
};

const char *cache_kind_name(enum cache_kind kind);
bool cache_kind_from_name(const char *name, enum cache_kind *kind);

#define LRU_SIZE_DEFAULT 10

struct engine_options {
	struct machine *machine; /* borrowed, as all below */
	const struct catalog *catalog;
	const struct policy *policy; /* NULL: strict */
	enum cache_kind cache;
	size_t lru_size; /* 0: LRU_SIZE_DEFAULT */
	bool suppress_node_flags; /* flags that nodes set during a prompt are dropped right after it */
	const char *load_device; /* where models run whose loader names no device; NULL: the first that is not cpu */
	const char *offload_device; /* where weights wait; NULL: cpu */
	const char *output_folder; /* for images; NULL: none is written */
	const struct observer *observer;
	const struct log_sink *log;
	const bool *interrupted; /* polled between nodes and steps */
};

/* The caller closes, before the machine. NULL on error. */
struct engine *engine_open(const struct engine_options *options, struct error *e);
void engine_close(struct engine *engine);

/* Checks a prompt in API format and queues it. Nothing is queued when it is faulty; `where` names it in the message, which
 * names the node. Keeps the JSON, which must not change until it has run. */
bool engine_submit(struct engine *engine, const json_t *prompt, const char *where, struct error *e);

/* POST /free: {"unload_models": bool, "free_memory": bool, "release_kept": bool}, each may be absent; false asks nothing. One that
 * comes while the worker does not wait (it collects, or has just looked) sets its flags and wakes no thread: they are served after
 * the next prompt, or when the worker's wait runs out. One that comes while a prompt runs is served after that: here, the next. */
enum request_when { REQUEST_HEARD, REQUEST_WITHOUT_WAKE, REQUEST_WHILE_RUNNING };
bool engine_request_free(struct engine *engine, const json_t *body, enum request_when when, struct error *e);

/* The worker takes what is queued until there is nothing left to do. false with ERROR_NODE when a prompt failed (the rest is
 * done all the same), ERROR_INTERRUPTED, ERROR_MEMORY. A worker that died does nothing: engine_worker_died. */
bool engine_run_until_idle(struct engine *engine, struct error *e);

/* Lets the machine's time pass. An idle worker waits for the rest of the 10 s between collections where one was put off, else for
 * 1000 s; then it serves flags that did not wake it, and collects. */
bool engine_wait(struct engine *engine, unsigned seconds, struct error *e);

/* Beyond the interval between collections, so that one that was put off is done. */
#define SETTLE_SECONDS 11
bool engine_settle(struct engine *engine, struct error *e);

/* Direct calls, past the queue, each with a stage of its own; then what they ask of the worker. */
bool engine_soft_empty(struct engine *engine, bool force, struct error *e);
bool engine_free_memory(struct engine *engine, struct error *e); /* all of the load device */

/* A foreign strong reference to the newest living object of a name, its patcher or its model. Without one, nothing is held. */
enum hold { HOLD_PATCHER, HOLD_MODEL };
bool engine_hold(struct engine *engine, const char *name, enum hold what, struct error *e);
void engine_drop_holds(struct engine *engine);

/* The fault to inject into the next prompt, in the middle of sampling, at its step `step`, counted from 0 over all its samplers; nothing if
 * it has fewer. Out of memory makes upstream unload all models. An error leaves a traceback: garbage in a cycle, which holds the
 * failed node's models and the caches until the next collection. An injected fault that happened is no error of engine_run_until_idle; the
 * prompt's stage tells what was thrown. */
enum injected_fault { INJECT_NONE, INJECT_INTERRUPT, INJECT_FAILURE, INJECT_OUT_OF_MEMORY };
void engine_inject_fault(struct engine *engine, enum injected_fault kind, unsigned step);

/* Memory taken past the manager. What does not fit is not taken. */
bool engine_take_outside(struct engine *engine, const char *device, uint64_t size_bytes, struct error *e);
void engine_drop_outside(struct engine *engine);

/* Another pack's memory manager moves the blocks of the newest model of a name as it thinks best, and notifies no one: those that are on
 * the compute device to where weights wait, the others to the compute device. Without such a model, or where a block finds no room,
 * it leaves the rest alone. */
bool engine_move_foreign(struct engine *engine, const char *name, struct error *e);

/* Another pack loads a model of its own through the manager, and holds it until engine_drop_holds; with a stage after_free_memory. Where
 * there is no room for it, that stage says so. */
bool engine_load_foreign(struct engine *engine, uint64_t size_bytes, struct error *e);

/* Another pack has wrapped unload_all_models, and its wrapper throws before it calls what it wraps. */
void engine_patch_unload(struct engine *engine, bool throws);

/* How much of main memory the system says is in use. ComfyUI-MultiGPU's soft_empty looks at it when no prompt runs. */
void engine_set_cpu_memory(struct engine *engine, double percent);

/* The last stage. */
void engine_end(struct engine *engine);

/* What the worker died of, or NULL. */
const char *engine_worker_died(const struct engine *engine);
unsigned engine_cycle(const struct engine *engine);

/* For probes and tests. */
struct heap *engine_heap(const struct engine *engine);
struct manager *engine_manager(const struct engine *engine);
struct machine *engine_machine(const struct engine *engine);

#endif
