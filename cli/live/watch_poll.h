/* watch_poll.h - asking a server what is where, once or again and again.
 *
 * A watch asks in a thread of its own, so that a server that stalls holds up neither keys nor the clock.
 */
#ifndef RESIDENCY_CLI_WATCH_POLL_H
#define RESIDENCY_CLI_WATCH_POLL_H

#include "cli/live/watch_screen.h"
#include "probes/live/live_client.h"

#define WATCH_ANSWER_MS 5000 /* a server that takes longer is gone */

struct watch_answer {
	struct live_now *now; /* owned; NULL where error says why */
	enum watch_lack lack;
	struct error error;
	uint64_t asked_ns; /* clock_now_ns when the answer came */
};

/* Asks for GET /residency/now; a server that has no such route is asked for what any ComfyUI tells. */
void watch_ask(struct live_client *client, struct watch_answer *answer);

struct watch_poll;

/* Asks every interval_ns from now on. Takes over the client; `stop` is the flag that it polls. NULL on error, and then the client
 * is closed. */
struct watch_poll *watch_poll_start(struct live_client *client, bool *stop, uint64_t interval_ns, struct error *e);

/* Can be read when there is an answer that was not taken. */
int watch_poll_fd(const struct watch_poll *poll);

/* The newest answer, if it was not taken before; the caller owns what is in it. */
bool watch_poll_take(struct watch_poll *poll, struct watch_answer *answer);

/* Waits for the thread, a second at most. */
void watch_poll_stop(struct watch_poll *poll);

#endif
