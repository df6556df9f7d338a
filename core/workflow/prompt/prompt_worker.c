/* prompt_worker.c - the worker's loop, once round a call: take a prompt, run it, note it, then serve the flags, then collect.
 *
 * Every prompt makes a collection due, but none comes within ten seconds of the last unless the flags were served. While one is due
 * the worker waits only for the rest of that time.
 */
#include <string.h>

#include "core/workflow/prompt/prompt_queue.h"
#include "core/workflow/prompt/prompt_server_state.h"

#define COLLECT_INTERVAL_MS 10000 /* main.py: gc_collect_interval */
#define WAIT_MOST_S 1000.0 /* main.py: the worker's timeout */

/* Takes the detail over. */
static bool tell_work(struct prompt_server *server, enum prompt_work work, struct py *detail, struct py_raised *raised)
{
	if (!detail)
		return py_raise_no_memory(raised);
	if (server->options.host.work)
		server->options.host.work(server->options.host.context, work, detail);
	py_drop(detail);
	return true;
}

/* ---- a prompt ---- */

static const struct py *client_of(const struct py *item)
{
	const struct py *client = py_get(py_at(item, PROMPT_ITEM_EXTRA_DATA), "client_id");

	return client && client->kind != PY_NONE ? client : NULL;
}

/* What ended the prompt outside of its nodes: the last message of its history. */
static void tell_failure(const struct prompt_server *server, const struct py *entry, const struct py *client)
{
	const struct prompt_host *host = &server->options.host;
	const struct py *messages = py_get(py_get(entry, "status"), "messages");

	if (host->message && client)
		host->message(host->context, "execution_error", py_at(py_at(messages, py_count(messages) - 1), 1), client);
}

/* The client no longer has anything executing. */
static bool tell_idle(struct prompt_server *server, const struct py *item, struct py_raised *raised)
{
	const struct prompt_host *host = &server->options.host;
	const struct py *client = client_of(item);
	struct py *data;

	if (!client || !host->message)
		return true;
	data = py_map();
	if (!py_set(data, "node", py_none()) || !py_set(data, "prompt_id", py_take(py_at(item, PROMPT_ITEM_ID)))) {
		py_drop(data);
		return py_raise_no_memory(raised);
	}
	host->message(host->context, "executing", data, client);
	py_drop(data);
	return true;
}

/* Notes the prompt that ran. `failed` is NULL unless it ended outside of its nodes. */
static bool finish_item(struct prompt_server *server, const struct py *item, const struct prompt_outcome *outcome,
			const struct py_raised *failed, struct py_raised *raised)
{
	const struct py *id = py_at(item, PROMPT_ITEM_ID);
	struct py *entry = prompt_history_entry(server->running, outcome, failed);
	const struct py *status = py_get(py_get(entry, "status"), "status_str");

	server->running = NULL;
	if (!entry || !py_set_n(server->history, id->text.bytes, id->text.length, py_take(entry))) {
		py_drop(entry);
		return py_raise_no_memory(raised);
	}
	server->collects = true;
	if (failed)
		tell_failure(server, entry, client_of(item));
	if (!tell_work(server, PROMPT_WORK_END,
		       prompt_with(prompt_with(py_map(), "id", py_take(id)), "status", py_take(status)), raised) ||
	    !prompt_server_tell_status(server, raised) || !tell_work(server, PROMPT_WORK_DONE, py_none(), raised) ||
	    !tell_idle(server, item, raised)) {
		py_drop(entry);
		return false;
	}
	py_drop(entry);
	server->last_end_ms = prompt_server_now_ms(server);
	return true;
}

static bool run_item(struct prompt_server *server, const struct py *item, struct py_raised *raised)
{
	struct prompt_request request = { .id = py_at(item, PROMPT_ITEM_ID),
					  .prompt = py_at(item, PROMPT_ITEM_PROMPT),
					  .extra_data = py_at(item, PROMPT_ITEM_EXTRA_DATA),
					  .outputs = py_at(item, PROMPT_ITEM_OUTPUTS) };
	struct py_raised failed = PY_RAISED_INIT;
	struct prompt_outcome outcome;
	bool fine = prompt_executor_run(server->executor, &request, &outcome, &failed);

	if (failed.no_memory)
		fine = py_raise_no_memory(raised);
	else
		fine = finish_item(server, item, &outcome, fine ? NULL : &failed, raised);
	prompt_outcome_free(&outcome);
	py_raised_clear(&failed);
	return fine;
}

static bool take_item(struct prompt_server *server, struct py_raised *raised)
{
	struct py *item = prompt_queue_pop(server->queue);
	bool fine;

	/* what a node leaves in the prompt is not for the history */
	server->running = py_deep_copy(item);
	fine = (server->running || py_raise_no_memory(raised)) && prompt_server_tell_status(server, raised) &&
	       tell_work(server, PROMPT_WORK_WAKE, py_take(py_at(item, PROMPT_ITEM_ID)), raised) &&
	       tell_work(server, PROMPT_WORK_BEGIN, py_take(py_at(item, PROMPT_ITEM_ID)), raised) &&
	       run_item(server, item, raised);
	py_drop(item);
	return fine;
}

/* ---- flags ---- */

static bool is_set(const struct py *flags, const char *name, bool otherwise)
{
	const struct py *flag = py_get(flags, name);

	return flag ? py_truth(flag) : otherwise;
}

static bool serve(struct prompt_server *server, const struct py *flags, struct py_raised *raised)
{
	bool free_memory = is_set(flags, "free_memory", false);
	bool unloads = is_set(flags, "unload_models", free_memory);
	struct error e = ERROR_INIT;

	if (unloads && !tell_work(server, PROMPT_WORK_UNLOAD, py_none(), raised))
		return false;
	if (free_memory && !prompt_executor_reset(server->executor, &e))
		return py_raise_no_memory(raised);
	if (free_memory && !tell_work(server, PROMPT_WORK_RESET, py_none(), raised))
		return false;
	if (unloads || free_memory)
		server->collects = server->collects_at_once = true;
	return true;
}

static bool serve_flags(struct prompt_server *server, struct py_raised *raised)
{
	struct py *flags = server->flags;
	bool fine;

	server->flags = py_map();
	fine = (server->flags || py_raise_no_memory(raised)) && tell_work(server, PROMPT_WORK_FLAGS, py_take(flags), raised) &&
	       serve(server, flags, raised);
	py_drop(flags);
	return fine;
}

static bool collect(struct prompt_server *server, struct py_raised *raised)
{
	uint64_t now_ms = prompt_server_now_ms(server);

	if (!server->collects)
		return true;
	server->last_end_ms = now_ms;
	if (!server->collects_at_once && now_ms - server->last_collect_ms <= COLLECT_INTERVAL_MS)
		return true;
	server->last_collect_ms = now_ms;
	server->collects = server->collects_at_once = false;
	return tell_work(server, PROMPT_WORK_COLLECT, py_none(), raised);
}

static double wait_s(const struct prompt_server *server)
{
	uint64_t since_ms = server->last_end_ms - server->last_collect_ms;

	if (!server->collects)
		return WAIT_MOST_S;
	return since_ms < COLLECT_INTERVAL_MS ? (double)(COLLECT_INTERVAL_MS - since_ms) / 1000 : 0;
}

/* ---- the loop ---- */

static bool turn(struct prompt_server *server, struct py_raised *raised)
{
	if (py_count(server->queue)) {
		if (!take_item(server, raised))
			return false;
	} else if (!tell_work(server, PROMPT_WORK_WAKE, py_none(), raised)) {
		return false;
	}
	return serve_flags(server, raised) && collect(server, raised) &&
	       tell_work(server, PROMPT_WORK_WAIT, py_float(wait_s(server)), raised);
}

bool prompt_server_wake(struct prompt_server *server, struct error *e)
{
	struct py_raised raised = PY_RAISED_INIT;

	return turn(server, &raised) || py_raised_to_error(&raised, e);
}

bool prompt_server_work(struct prompt_server *server, struct error *e)
{
	while (py_count(server->queue) || py_count(server->flags)) {
		if (!prompt_server_wake(server, e))
			return false;
	}
	return true;
}
