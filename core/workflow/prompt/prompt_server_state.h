/* prompt_server_state.h - what the server's requests and its worker share. Private to core/workflow/prompt. One thread. */
#ifndef RESIDENCY_WORKFLOW_PROMPT_SERVER_STATE_H
#define RESIDENCY_WORKFLOW_PROMPT_SERVER_STATE_H

#include "core/workflow/prompt/prompt_server.h"

struct prompt_server {
	struct prompt_server_options options;
	struct prompt_executor *executor;
	struct py *queue; /* prompt_queue.h */
	struct py *running; /* a copy of the item that runs; NULL */
	struct py *history; /* map of ids to entries */
	struct py *flags; /* map: what POST /free has set */
	int64_t number;
	uint64_t id_number; /* of prompts that bring no id */
	bool collects; /* garbage is to be collected ... */
	bool collects_at_once; /* ... whenever the last time was */
	uint64_t last_collect_ms, last_end_ms;
};

/* Sends the status to all. */
bool prompt_server_tell_status(struct prompt_server *server, struct py_raised *raised);
/* {"exec_info": {"queue_remaining": n}} */
struct py *prompt_server_status(const struct prompt_server *server);
uint64_t prompt_server_now_ms(const struct prompt_server *server);

/* The map with one member more. Takes both over; NULL without memory. */
struct py *prompt_with(struct py *map, const char *key, struct py *value);

/* POST /prompt. */
bool prompt_server_post(struct prompt_server *server, const struct py *body, struct prompt_reply *reply,
			struct py_raised *raised);

/* The prompt that ran, as the history keeps it. Takes the item over; `failed` is what it ended with outside of nodes, or NULL. */
struct py *prompt_history_entry(struct py *item, const struct prompt_outcome *outcome, const struct py_raised *failed);

/* Part of a history, as GET /history gives it: offset -1 and most -1 where none is named. */
struct py *prompt_history_part(const struct py *history, int64_t most, int64_t offset);

#endif
