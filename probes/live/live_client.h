/* live_client.h - a ComfyUI server, spoken to over HTTP.
 *
 * Every question has a time limit. What only asks (GET) is asked again when the connection breaks, the answer is half or the
 * server says 5xx; what changes something (POST) is sent again only where it never arrived (the connection was refused), so that
 * no prompt runs twice. An answer is JSON or it is an error that says what came instead.
 *
 *	struct live_client *client = live_client_open("http://127.0.0.1:8188", &limits, interrupted, e);
 *	json_t *stats = live_client_get(client, "/system_stats", e);
 */
#ifndef RESIDENCY_PROBES_LIVE_CLIENT_H
#define RESIDENCY_PROBES_LIVE_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct live_client;

struct live_limits {
	unsigned answer_ms; /* one answer, whole; 0: 20 s */
	unsigned tries; /* of a question; 0: 5 */
	unsigned pause_ms; /* before the second try; doubled before each later one; 0: 100 */
};

/* url: "http://127.0.0.1:8188", "host:port". Nothing is sent yet. interrupted (may be NULL) is polled; a signal
 * or another thread may set it, atomically. The caller closes. */
struct live_client *live_client_open(const char *url, const struct live_limits *limits, const bool *interrupted,
				     struct error *e);
void live_client_close(struct live_client *client);

/* The server's address as messages name it. Borrowed. */
const char *live_client_url(const struct live_client *client);

/* The answer to GET, as JSON; the caller owns it. ERROR_ABSENT where no server answers, ERROR_UNSUPPORTED for 404, ERROR_FORMAT
 * for an answer that is no JSON, ERROR_IO for a server that fails, ERROR_INTERRUPTED. */
json_t *live_client_get(struct live_client *client, const char *path, struct error *e);

/* The answer to GET as it came, NUL-terminated; the caller frees. `whole` (may be NULL) looks at it: an answer that it refuses is
 * asked for again. */
char *live_client_get_text(struct live_client *client, const char *path, bool (*whole)(const char *text, size_t length),
			   size_t *length, struct error *e);

/* POST of a JSON body. The answer; JSON null where the server says nothing. A 4xx is ERROR_NODE with what the server says is
 * wrong. */
json_t *live_client_post(struct live_client *client, const char *path, const json_t *body, struct error *e);

/* From here on an interrupt stops nothing: for the last words after one. */
void live_client_finish_up(struct live_client *client);

/* Sleeps, but no longer than until the user interrupts. */
bool live_client_pause(const struct live_client *client, unsigned ms, struct error *e);

#endif
