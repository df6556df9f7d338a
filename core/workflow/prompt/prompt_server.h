/* prompt_server.h - ComfyUI's server as its clients meet it: requests, the queue, the worker's loop with its flags and collections, and
 * the history.
 *
 * Nothing listens on a port: a request is a call, its answer a status and a value; messages go to the host. The worker is driven, too:
 * prompt_server_work() runs what is queued and serves the flags, and returns when upstream's worker would wait; the host may let
 * time pass and call prompt_server_wake(). A request may also come while a node runs, from within it. One thread.
 *
 * Where upstream's worker would die of a malformed prompt, this one tells an error in the history and to the client, and goes on.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_SERVER_H
#define RESIDENCY_WORKFLOW_PROMPT_SERVER_H

#include "core/workflow/prompt/prompt_executor.h"

/* What the worker does, in its order. */
enum prompt_work {
	PROMPT_WORK_WAKE, /* detail: the id of the prompt that it takes, or null */
	PROMPT_WORK_BEGIN, /* the id */
	PROMPT_WORK_END, /* {"id", "status": "success" or "error"} */
	PROMPT_WORK_DONE, /* null; the history has it */
	PROMPT_WORK_FLAGS, /* the flags that were set: a map */
	PROMPT_WORK_UNLOAD, /* null: the host unloads all models */
	PROMPT_WORK_RESET, /* null: the executor's caches are new; the host may do more */
	PROMPT_WORK_COLLECT, /* null: the host collects garbage and empties the cache of memory */
	PROMPT_WORK_WAIT, /* for how many seconds at most: a float */
};

/* Who hosts the server. NULL members do nothing. */
struct prompt_host {
	/* A message for one client, or for all (client NULL). Data is borrowed. */
	void (*message)(void *context, const char *event, const struct py *data, const struct py *client);
	void (*work)(void *context, enum prompt_work work, const struct py *detail);
	uint64_t (*now_ms)(void *context); /* NULL: always 0 */
	void *context;
};

struct prompt_server_options {
	const struct prompt_classes *classes; /* borrowed */
	enum prompt_cache_kind cache;
	size_t lru_size;
	struct prompt_host host;
};

struct prompt_reply {
	unsigned status; /* of HTTP */
	struct py *body; /* a text is sent as it is, anything else as JSON */
};

struct prompt_server;

struct prompt_server *prompt_server_new(const struct prompt_server_options *options, struct error *e);
void prompt_server_free(struct prompt_server *server);

/* GET or POST of a path such as "/prompt", "/queue", "/history?max_items=2" or "/history/ID", with or without "/api" before it. Where
 * upstream's handler raises, the status is 500. False without memory. The caller drops reply->body, also after a failure. */
bool prompt_server_request(struct prompt_server *server, const char *method, const char *path, const char *body, size_t length,
			   struct prompt_reply *reply, struct error *e);

/* Runs until the worker would wait. */
bool prompt_server_work(struct prompt_server *server, struct error *e);
/* The worker has waited long enough: it looks at its flags and at what is to be collected. */
bool prompt_server_wake(struct prompt_server *server, struct error *e);

/* The status message that a new client receives. */
struct py *prompt_server_greeting(const struct prompt_server *server, const char *client_id);
/* The number that the next prompt without one of its own gets. */
int64_t prompt_server_next_number(const struct prompt_server *server);
struct prompt_executor *prompt_server_executor(const struct prompt_server *server);

#endif
