/* executor_server.h - a server whose clients and host are the test: what it sends and does is noted. Private to tests/conformance.
 *
 * Time stands still unless the test moves it. While a TGate holds, the test may act. One thread.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_SERVER_H
#define RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_SERVER_H

#include "core/workflow/prompt/prompt_server.h"
#include "tests/conformance/executor_part.h"

struct executor_server {
	struct prompt_server *server;
	struct stub_world *world;
	uint64_t now_ms;
	uint64_t last_collect_ms;
	struct py *sent; /* list of {type, data}: what the client "cli" hears */
	struct py *others; /* what everyone else hears */
	struct py *work; /* list of {ev, ...}: what the worker does */
	void (*gate)(struct executor_server *s, const char *name); /* NULL: open */
	void *context; /* of the gate */
};

bool executor_server_open(struct executor_server *s, struct stub_world *world);
void executor_server_close(struct executor_server *s);
/* Forgets what was noted. */
void executor_server_forget(struct executor_server *s);

/* [status, body], the caller's. A NULL body is none. */
struct py *executor_post(struct executor_server *s, const char *path, const struct py *body);
struct py *executor_post_text(struct executor_server *s, const char *path, const char *text);
/* The body alone. */
struct py *executor_get(struct executor_server *s, const char *path);
void executor_work(struct executor_server *s);

/* The map with one member more. */
struct py *executor_with(struct py *map, const char *key, struct py *value);
/* "queue_remaining" of each status that was sent. */
struct py *executor_statuses(const struct executor_server *s);

#endif
