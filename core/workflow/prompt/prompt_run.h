/* prompt_run.h - one prompt while it runs. Private to core/workflow/prompt.
 *
 * A run is a table of nodes, those of them that are pending, and what has been told. One thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_RUN_H
#define RESIDENCY_WORKFLOW_PROMPT_RUN_H

#include "core/workflow/prompt/prompt_cache.h"
#include "core/workflow/prompt/prompt_executor.h"

struct prompt_executor {
	struct prompt_executor_options options;
	struct prompt_cache *outputs, *ui, *objects;
	bool interrupted;
	bool succeeded; /* of the node that ran last; kept from prompt to prompt, as upstream */
	struct prompt_nodes last; /* of the prompt that ran last */
	struct py *last_prompt;
};

struct prompt_progress {
	size_t node;
	bool running; /* else finished */
	bool reported; /* whole numbers are told as they are: 3; of a node that was started and has told none, as 1.0 */
	double value, most;
};

struct prompt_run {
	struct prompt_executor *executor;
	const struct prompt_request *request;
	struct prompt_nodes *nodes;
	const struct py *client; /* NULL: everyone hears what is not for one alone */
	size_t *pending; /* places, in order */
	size_t pending_count, pending_capacity;
	size_t waiting; /* nodes that wait for their tasks */
	uint64_t now_ms;
	size_t running; /* the node whose function is called */
	struct py *executed; /* map of ids */
	struct py *known; /* map of the ids that the outputs cache knew at the start */
	struct py *messages; /* list of [event, data] */
	struct prompt_progress *progress;
	size_t progress_count, progress_capacity;
};

enum prompt_step {
	PROMPT_DONE,
	PROMPT_CACHED,
	PROMPT_PENDING,
	PROMPT_FAILED,
};

/* ---- prompt_pending.c: who waits for whom ---- */

/* A node becomes pending, and what it needs that is not cached. */
bool prompt_pending_add(struct prompt_run *run, size_t node, struct py_raised *raised);
/* The consumer waits for the source, unless that is cached. */
bool prompt_pending_link(struct prompt_run *run, const struct py *source, size_t consumer, struct py_raised *raised);
/* The node has ended: who waited for it may go on. */
void prompt_pending_end(struct prompt_run *run, size_t node);
/* The next node to run. PROMPT_NO_NODE: there is a cycle; *blamed is the node that it is laid to. */
size_t prompt_pending_pick(struct prompt_run *run, const struct py **blamed);
/* Tasks that have ended by now no longer hold their nodes back. */
void prompt_pending_wake(struct prompt_run *run);

/* ---- prompt_messages.c: what is told ---- */

/* Sends, and takes the data over. To the client; without one, to everyone. */
bool prompt_send(struct prompt_run *run, const char *event, struct py *data, struct py_raised *raised);
/* Keeps a message for the history, and sends it, with a client or to all. */
bool prompt_message(struct prompt_run *run, const char *event, struct py *data, bool broadcast, struct py_raised *raised);
bool prompt_progress_start(struct prompt_run *run, size_t node, struct py_raised *raised);
bool prompt_progress_update(struct prompt_run *run, size_t node, double value, double most, struct py_raised *raised);
bool prompt_progress_finish(struct prompt_run *run, size_t node, struct py_raised *raised);
/* A float, or an integer where the node reported a whole number. */
struct py *prompt_progress_number(double value, bool reported);
/* {"node", "display_node", "prompt_id"} */
struct py *prompt_node_message(const struct prompt_run *run, size_t node);
/* The ids of a map, as a list. */
struct py *prompt_ids(const struct py *map);

/* ---- prompt_step.c: one node ---- */

/* Runs a node that was picked. PROMPT_FAILED with what it raised, and *data, the caller's to drop, with what the node was given (NULL:
 * nothing was collected). */
enum prompt_step prompt_step(struct prompt_run *run, size_t node, struct py **data, struct py_raised *raised);

/* ---- prompt_returns.c: what functions return ---- */

struct prompt_returns {
	struct py *outputs; /* a list of lists; NULL with an expansion */
	struct py *ui; /* a map, perhaps empty */
	struct py *graphs; /* with an expansion: a list of graphs, None where a call did not expand ... */
	struct py *results; /* ... and a list of the results beside them */
};

/* Reads the calls' results. The caller frees with prompt_returns_free(), after a failure too. */
bool prompt_returns_read(const struct prompt_class *class, const struct prompt_mapping *mapping, struct prompt_returns *returns,
			 struct py_raised *raised);
void prompt_returns_free(struct prompt_returns *returns);

/* One list a slot, of the results of all calls. */
struct py *prompt_merge(const struct prompt_class *class, const struct py *results, struct py_raised *raised);

/* ---- prompt_expand.c: nodes that become graphs ---- */

/* The graphs' nodes are added, and the node waits for what its results link to. */
bool prompt_expand(struct prompt_run *run, size_t node, const struct prompt_returns *returns, struct py_raised *raised);
/* The outputs of a node whose expansion has run. */
struct py *prompt_resume(struct prompt_run *run, size_t node, struct py_raised *raised);

#endif
