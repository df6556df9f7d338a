#include "cli/live/watch_poll.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/clock.h"

struct watch_poll {
	struct live_client *client;
	uint64_t interval_ns;
	int wake; /* an eventfd */
	bool *stop; /* set atomically: it is read by the client's thread */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ends;
	bool has_answer; /* the rest is under the lock */
	struct watch_answer answer;
};

/* ---- one question ---- */

static void ask_server(struct live_client *client, struct watch_answer *answer)
{
	json_t *stats = live_client_get(client, "/system_stats", &answer->error);
	json_t *queue = stats ? live_client_get(client, "/queue", &answer->error) : NULL;

	if (queue)
		answer->now = live_now_from_server(stats, queue, &answer->error);
	json_decref(stats);
	json_decref(queue);
}

/* Whether a server without the route has a probe all the same. */
static bool has_older_probe(struct live_client *client)
{
	json_t *hello = live_client_get(client, "/residency/hello", NULL);
	bool has = json_is_object(hello);

	json_decref(hello);
	return has;
}

void watch_ask(struct live_client *client, struct watch_answer *answer)
{
	struct error why = ERROR_INIT;
	json_t *now = live_client_get(client, "/residency/now", &why);

	*answer = (struct watch_answer) { .lack = WATCH_LACKS_NOTHING };
	if (now) {
		answer->now = live_now_parse(now, &answer->error);
	} else if (why.kind == ERROR_UNSUPPORTED || why.kind == ERROR_NODE) {
		answer->lack = why.kind == ERROR_NODE	 ? WATCH_LACKS_PERMISSION
			       : has_older_probe(client) ? WATCH_LACKS_ROUTE
							 : WATCH_LACKS_PROBE;
		ask_server(client, answer);
	} else {
		answer->error = why;
	}
	json_decref(now);
	answer->asked_ns = clock_now_ns();
}

/* ---- again and again ---- */

static bool is_stopped(const struct watch_poll *poll)
{
	return __atomic_load_n(poll->stop, __ATOMIC_RELAXED);
}

/* Takes the answer over. */
static void hand_over(struct watch_poll *poll, struct watch_answer *answer)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&poll->lock);
	if (poll->has_answer)
		live_now_free(poll->answer.now);
	poll->answer = *answer;
	poll->has_answer = true;
	pthread_mutex_unlock(&poll->lock);
	if (write(poll->wake, &one, sizeof(one)) < 0)
		return; /* it is full: whoever reads it will look */
}

/* Sleeps until the time, or until it is to end. */
static void wait_until(struct watch_poll *poll, uint64_t due_ns)
{
	struct timespec due = { .tv_sec = (time_t)(due_ns / NS_PER_S), .tv_nsec = (long)(due_ns % NS_PER_S) };
	int result = 0;

	pthread_mutex_lock(&poll->lock);
	while (result == 0 && !is_stopped(poll))
		result = pthread_cond_timedwait(&poll->ends, &poll->lock, &due);
	pthread_mutex_unlock(&poll->lock);
}

static void *run(void *context)
{
	struct watch_poll *poll = context;

	while (!is_stopped(poll)) {
		uint64_t due_ns = clock_now_ns() + poll->interval_ns;
		struct watch_answer answer;

		watch_ask(poll->client, &answer);
		hand_over(poll, &answer);
		wait_until(poll, due_ns);
	}
	return NULL;
}

/* The deadlines are of clock_now_ns, which is CLOCK_MONOTONIC. */
static bool prepare(struct watch_poll *poll)
{
	pthread_condattr_t attributes;

	if (pthread_condattr_init(&attributes) != 0)
		return false;
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&poll->lock, NULL);
	pthread_cond_init(&poll->ends, &attributes);
	pthread_condattr_destroy(&attributes);
	return true;
}

/* Signals are the other thread's. */
static int start_thread(struct watch_poll *poll)
{
	sigset_t all;
	sigset_t before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&poll->thread, NULL, run, poll);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

static void free_poll(struct watch_poll *poll)
{
	live_client_close(poll->client);
	if (poll->wake >= 0)
		close(poll->wake);
	free(poll);
}

struct watch_poll *watch_poll_start(struct live_client *client, bool *stop, uint64_t interval_ns, struct error *e)
{
	struct watch_poll *poll = array_new(1, sizeof(*poll), e);
	int result;

	if (!poll) {
		live_client_close(client);
		return NULL;
	}
	poll->client = client;
	poll->stop = stop;
	poll->interval_ns = interval_ns;
	poll->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = poll->wake < 0 || !prepare(poll) ? errno : start_thread(poll);
	if (result == 0)
		return poll;
	error_set(e, ERROR_IO, "cannot start a thread: %s", strerror(result));
	free_poll(poll);
	return NULL;
}

int watch_poll_fd(const struct watch_poll *poll)
{
	return poll->wake;
}

bool watch_poll_take(struct watch_poll *poll, struct watch_answer *answer)
{
	uint64_t count;
	bool has;

	if (read(poll->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return false;
	pthread_mutex_lock(&poll->lock);
	has = poll->has_answer;
	if (has)
		*answer = poll->answer;
	poll->has_answer = false;
	pthread_mutex_unlock(&poll->lock);
	return has;
}

void watch_poll_stop(struct watch_poll *poll)
{
	struct watch_answer answer;

	if (!poll)
		return;
	pthread_mutex_lock(&poll->lock);
	__atomic_store_n(poll->stop, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&poll->ends);
	pthread_mutex_unlock(&poll->lock);
	pthread_join(poll->thread, NULL);
	if (watch_poll_take(poll, &answer))
		live_now_free(answer.now);
	pthread_mutex_destroy(&poll->lock);
	pthread_cond_destroy(&poll->ends);
	free_poll(poll);
}
