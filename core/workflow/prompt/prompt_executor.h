/* prompt_executor.h - runs prompts as ComfyUI's PromptExecutor does: order, caches, lazy inputs, lists, blockers, expansion, async
 * nodes, errors and every message that a front end would receive.
 *
 * One executor runs prompt after prompt; its caches live as long as it does. Rules: ../shared/reference/executor.md. Time is the
 * caller's: an async node that suspends makes the executor's clock jump to its end when nothing else can run. One thread, but
 * prompt_executor_interrupt() may be called from a node that runs.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_EXECUTOR_H
#define RESIDENCY_WORKFLOW_PROMPT_EXECUTOR_H

#include "core/workflow/prompt/prompt_class.h"

enum prompt_cache_kind {
	PROMPT_CACHE_CLASSIC,
	PROMPT_CACHE_LRU,
	PROMPT_CACHE_NONE,
};

/* Told while a prompt runs. NULL members hear nothing. */
struct prompt_listener {
	/* A message for one client, or for all (client NULL). Data is borrowed. */
	void (*message)(void *context, const char *event, const struct py *data, const struct py *client);
	/* A node was picked, and left as "done", "cached", "pending" or "fail". */
	void (*left)(void *context, const struct py *node_id, const char *how);
	void *context;
};

struct prompt_executor_options {
	const struct prompt_classes *classes; /* borrowed */
	enum prompt_cache_kind cache;
	size_t lru_size;
	struct prompt_listener listener;
};

struct prompt_request {
	const struct py *id;
	struct py *prompt; /* a validated map of nodes; IS_CHANGED leaves its marks in it */
	const struct py *extra_data;
	const struct py *outputs; /* list of ids */
};

/* What is kept of a prompt that ran. */
struct prompt_outcome {
	bool succeeded; /* the status; a cycle at run time does not change it, as upstream */
	struct py *messages; /* list of [event, data] */
	struct py *outputs; /* map of ids to what the nodes showed */
	struct py *meta; /* map of ids to where they stand */
};

struct prompt_executor;

struct prompt_executor *prompt_executor_new(const struct prompt_executor_options *options, struct error *e);
void prompt_executor_free(struct prompt_executor *executor);

/* Runs to the end or to the first failure of a node, which is an outcome. False with an exception where upstream's worker would die
 * of one: the prompt is malformed in what validation does not look at. Free the outcome with prompt_outcome_free(), after a failure
 * too. */
bool prompt_executor_run(struct prompt_executor *executor, const struct prompt_request *request, struct prompt_outcome *outcome,
			 struct py_raised *raised);
void prompt_outcome_free(struct prompt_outcome *outcome);

/* The prompt that runs ends before the next call of a node. The next prompt forgets it. */
void prompt_executor_interrupt(struct prompt_executor *executor);

/* New caches; interrupts and messages are as before. */
bool prompt_executor_reset(struct prompt_executor *executor, struct error *e);

/* How many outputs, ui entries and objects are kept. */
struct prompt_cache_sizes {
	size_t outputs, ui, objects;
};
struct prompt_cache_sizes prompt_executor_sizes(const struct prompt_executor *executor);

/* What the prompt that ran last has as a node's outputs: a list of lists, borrowed; NULL where it has none. */
const struct py *prompt_executor_output(struct prompt_executor *executor, const struct py *node_id);

#endif
