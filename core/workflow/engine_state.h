/* engine_state.h - what an engine is. Private to core/workflow. */
#ifndef RESIDENCY_WORKFLOW_ENGINE_STATE_H
#define RESIDENCY_WORKFLOW_ENGINE_STATE_H

#include "core/manager/manager.h"
#include "core/workflow/engine.h"
#include "core/workflow/executor/executor.h"

struct prompt {
	struct prompt *next;
	struct graph *graph;
};

/* What is wanted of the worker; a flag that was not set is not there. */
struct flags {
	bool has_unload, unload_models;
	bool has_free, free_memory;
};

/* The body of a request to free. */
struct request {
	bool unload_models, free_memory, release_kept;
};

/* The fault to inject into the next prompt, and how far it is. */
struct fault_state {
	enum injected_fault kind;
	unsigned step; /* of the prompt, over all its samplers, at which it happens */
	unsigned steps; /* begun so far */
	bool happened;
};

struct hold_reference {
	struct hold_reference *next;
	struct reference reference;
};

struct outside_buffer {
	struct outside_buffer *next;
	struct buffer buffer;
};

struct engine {
	struct engine_options options;
	struct heap *heap;
	struct manager *manager;
	struct services services;
	struct executor executor;
	struct object *foreign; /* root of holds */
	struct hold_reference *holds;
	struct outside_buffer *outside;
	struct prompt *first, *last;
	struct flags flags;
	bool asleep; /* the flags were set while the worker did not wait, and do not wake it */
	bool serving; /* the worker has taken its flags and acts on them */
	struct request during; /* comes while the next prompt runs */
	struct fault_state injected;
	bool gc_needed;
	bool gc_at_once; /* the interval does not matter */
	uint64_t last_gc_ns;
	uint64_t wake_ns; /* when the worker's wait runs out */
	unsigned cycle;
	bool staged; /* the cycle has a stage */
	bool prompted; /* a prompt was run */
	char *died; /* what the worker died of; owned */
};

/* A new action: a new cycle, if the last one had a stage. */
void engine_begin_action(struct engine *engine);
void engine_tell_stage(struct engine *engine, enum stage stage, const char *exception);
void engine_take_request(struct engine *engine, const struct request *request);

/* Before each step of a sampler: injects the fault that is due. The context is the engine. */
bool engine_before_step(void *context, struct error *e);

/* The prompt failed: does what upstream does then. A failure that was requested does not count, and empties *failed. False, with e,
 * only where the engine cannot go on; the worker may have died. */
bool engine_prompt_failed(struct engine *engine, struct error *failed, struct error *e);

/* Frees what others hold, after the heap. */
void engine_forget_others(struct engine *engine);

#endif
