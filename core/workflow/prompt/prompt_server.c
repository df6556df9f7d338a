/* prompt_server.c - requests: each path has a handler; what a handler raises becomes a status of 500, as aiohttp has it. */
#include "core/workflow/prompt/prompt_server.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/workflow/prompt/prompt_queue.h"
#include "core/workflow/prompt/prompt_server_state.h"
#include "core/workflow/prompt/prompt_shapes.h"
#include "core/workflow/python/py_json.h"

/* ---- life ---- */

static void pass_message(void *context, const char *event, const struct py *data, const struct py *client)
{
	const struct prompt_host *host = &((struct prompt_server *)context)->options.host;

	if (host->message)
		host->message(host->context, event, data, client);
}

struct prompt_server *prompt_server_new(const struct prompt_server_options *options, struct error *e)
{
	struct prompt_server *server = array_new(1, sizeof(*server), e);
	struct prompt_executor_options executor = { .classes = options->classes,
						    .cache = options->cache,
						    .lru_size = options->lru_size,
						    .listener = { .message = pass_message, .context = server } };

	if (!server)
		return NULL;
	server->options = *options;
	server->collects_at_once = true; /* the first collection does not wait */
	server->queue = py_list();
	server->history = py_map();
	server->flags = py_map();
	server->executor = prompt_executor_new(&executor, e);
	if (server->queue && server->history && server->flags && server->executor)
		return server;
	error_no_memory(e);
	prompt_server_free(server);
	return NULL;
}

void prompt_server_free(struct prompt_server *server)
{
	if (!server)
		return;
	prompt_executor_free(server->executor);
	py_drop(server->queue);
	py_drop(server->running);
	py_drop(server->history);
	py_drop(server->flags);
	free(server);
}

int64_t prompt_server_next_number(const struct prompt_server *server)
{
	return server->number;
}

struct prompt_executor *prompt_server_executor(const struct prompt_server *server)
{
	return server->executor;
}

uint64_t prompt_server_now_ms(const struct prompt_server *server)
{
	const struct prompt_host *host = &server->options.host;

	return host->now_ms ? host->now_ms(host->context) : 0;
}

/* ---- the status ---- */

struct py *prompt_server_status(const struct prompt_server *server)
{
	int64_t remaining = (int64_t)py_count(server->queue) + (server->running != NULL);

	return prompt_with(py_map(), "exec_info", prompt_with(py_map(), "queue_remaining", py_integer(remaining)));
}

bool prompt_server_tell_status(struct prompt_server *server, struct py_raised *raised)
{
	struct py *data = prompt_with(py_map(), "status", prompt_server_status(server));

	if (!data)
		return py_raise_no_memory(raised);
	pass_message(server, "status", data, NULL);
	py_drop(data);
	return true;
}

struct py *prompt_server_greeting(const struct prompt_server *server, const char *client_id)
{
	return prompt_with(prompt_with(py_map(), "status", prompt_server_status(server)), "sid", py_text(client_id));
}

/* ---- POST /queue, /interrupt, /free, /history ---- */

static bool wipe_queue(struct prompt_server *server, struct py_raised *raised)
{
	py_drop(server->queue);
	server->queue = py_list();
	return server->queue ? prompt_server_tell_status(server, raised) : py_raise_no_memory(raised);
}

/* The first of this id. The last of a queue is wiped, which tells the status twice. */
static bool delete_item(struct prompt_server *server, const struct py *id, struct py_raised *raised)
{
	for (size_t i = 0; i < py_count(server->queue); i++) {
		if (!py_equal(py_at(py_at(server->queue, i), PROMPT_ITEM_ID), id))
			continue;
		if (py_count(server->queue) > 1)
			prompt_queue_remove(server->queue, i);
		else if (!wipe_queue(server, raised))
			return false;
		return prompt_server_tell_status(server, raised);
	}
	return true;
}

static bool delete_history(struct prompt_server *server, const struct py *id, struct py_raised *raised)
{
	(void)raised;
	if (id->kind == PY_TEXT)
		py_remove(server->history, id->text.bytes);
	return true;
}

typedef bool prompt_delete(struct prompt_server *server, const struct py *id, struct py_raised *raised);

static bool delete_text(struct prompt_server *server, const char *text, size_t length, prompt_delete *delete,
			struct py_raised *raised)
{
	struct py *id = py_text_n(text, length);
	bool fine = id ? delete (server, id, raised) : py_raise_no_memory(raised);

	py_drop(id);
	return fine;
}

/* Each of what is to be deleted: of a list its items, of a map its keys, of a text its characters. */
static bool delete_each(struct prompt_server *server, const struct py *wanted, prompt_delete *delete, struct py_raised *raised)
{
	bool fine = true;

	if (wanted->kind == PY_TEXT) {
		for (size_t i = 0; fine && i < wanted->text.length; i++)
			fine = delete_text(server, wanted->text.bytes + i, 1, delete, raised);
		return fine;
	}
	if (wanted->kind != PY_LIST && wanted->kind != PY_MAP)
		return py_raise(raised, "TypeError", "'%s' object is not iterable", py_type(wanted));
	for (size_t i = 0; fine && i < py_count(wanted); i++) {
		if (wanted->kind == PY_LIST)
			fine = delete (server, py_at(wanted, i), raised);
		else
			fine = delete_text(server, wanted->map.pairs[i].key, wanted->map.pairs[i].length, delete, raised);
	}
	return fine;
}

/* "clear" and "delete", which /queue and /history share. */
static bool clear_or_delete(struct prompt_server *server, const struct py *body,
			    bool (*clear)(struct prompt_server *server, struct py_raised *raised), prompt_delete *delete,
			    struct py_raised *raised)
{
	const struct py *member;

	if (prompt_contains_word(body, "clear", raised)) {
		member = prompt_member(body, "clear", raised);
		if (!member || (py_truth(member) && !clear(server, raised)))
			return false;
	}
	if (!py_is_raised(raised) && prompt_contains_word(body, "delete", raised)) {
		member = prompt_member(body, "delete", raised);
		return member && delete_each(server, member, delete, raised);
	}
	return !py_is_raised(raised);
}

static bool post_queue(struct prompt_server *server, const struct py *body, struct prompt_reply *reply,
		       struct py_raised *raised)
{
	(void)reply;
	return clear_or_delete(server, body, wipe_queue, delete_item, raised);
}

static bool wipe_history(struct prompt_server *server, struct py_raised *raised)
{
	py_drop(server->history);
	server->history = py_map();
	return server->history || py_raise_no_memory(raised);
}

static bool post_history(struct prompt_server *server, const struct py *body, struct prompt_reply *reply,
			 struct py_raised *raised)
{
	(void)reply;
	return clear_or_delete(server, body, wipe_history, delete_history, raised);
}

static bool needs_map(const struct py *body, struct py_raised *raised)
{
	return body->kind == PY_MAP || py_raise(raised, "AttributeError", "'%s' object has no attribute 'get'", py_type(body));
}

static bool post_interrupt(struct prompt_server *server, const struct py *body, struct prompt_reply *reply,
			   struct py_raised *raised)
{
	const struct py *id;

	(void)reply;
	if (!needs_map(body, raised))
		return false;
	id = py_get(body, "prompt_id");
	if (!id || !py_truth(id) || (server->running && py_equal(py_at(server->running, PROMPT_ITEM_ID), id)))
		prompt_executor_interrupt(server->executor);
	return true;
}

static bool post_free(struct prompt_server *server, const struct py *body, struct prompt_reply *reply, struct py_raised *raised)
{
	static const char *const names[] = { "unload_models", "free_memory" };

	(void)reply;
	if (!needs_map(body, raised))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct py *flag = py_get(body, names[i]);

		if (flag && py_truth(flag) && !py_set(server->flags, names[i], py_take(flag)))
			return py_raise_no_memory(raised);
	}
	return true;
}

/* ---- GET ---- */

static bool get_status(struct prompt_server *server, const char *rest, struct prompt_reply *reply, struct py_raised *raised)
{
	(void)rest;
	reply->body = prompt_server_status(server);
	return reply->body || py_raise_no_memory(raised);
}

static bool get_queue(struct prompt_server *server, const char *rest, struct prompt_reply *reply, struct py_raised *raised)
{
	struct py *running = py_list();

	(void)rest;
	if (server->running && running && !py_append(running, py_take(server->running))) {
		py_drop(running);
		running = NULL;
	}
	reply->body = prompt_with(prompt_with(py_map(), "queue_running", running), "queue_pending", py_copy(server->queue));
	return reply->body || py_raise_no_memory(raised);
}

/* The whole number of a query's member; `otherwise` where it has none. */
static bool query_number(const char *query, const char *name, int64_t otherwise, int64_t *number, struct py_raised *raised)
{
	size_t length = strlen(name);
	struct py *text;
	struct py *value;

	*number = otherwise;
	for (const char *at = query; *at; at += strcspn(at, "&"), at += *at == '&') {
		if (strncmp(at, name, length) != 0 || at[length] != '=')
			continue;
		text = py_text_n(at + length + 1, strcspn(at + length + 1, "&"));
		value = text ? py_to_integer(text, raised) : NULL;
		if (value)
			*number = py_integer_value(value);
		py_drop(value);
		py_drop(text);
		return value || py_is_raised(raised) ? value != NULL : py_raise_no_memory(raised);
	}
	return true;
}

/* Of the rest of the path: "", "?max_items=2&offset=0" or "/ID". */
static bool get_history(struct prompt_server *server, const char *rest, struct prompt_reply *reply, struct py_raised *raised)
{
	const char *query = *rest == '?' ? rest + 1 : "";
	int64_t most;
	int64_t offset;

	if (*rest == '/') {
		const struct py *entry = py_get(server->history, rest + 1);

		reply->body = entry ? prompt_with(py_map(), rest + 1, py_take(entry)) : py_map();
	} else {
		if (!query_number(query, "max_items", -1, &most, raised) || !query_number(query, "offset", -1, &offset, raised))
			return false;
		reply->body = prompt_history_part(server->history, most, offset);
	}
	return reply->body || py_raise_no_memory(raised);
}

/* ---- requests ---- */

static const struct prompt_post {
	const char *path;
	bool (*handle)(struct prompt_server *server, const struct py *body, struct prompt_reply *reply,
		       struct py_raised *raised);
	bool forgives; /* a body that is no JSON counts as {} */
} posts[] = {
	{ .path = "/prompt", .handle = prompt_server_post },
	{ .path = "/queue", .handle = post_queue },
	{ .path = "/interrupt", .handle = post_interrupt, .forgives = true },
	{ .path = "/free", .handle = post_free },
	{ .path = "/history", .handle = post_history },
};

static const struct prompt_get {
	const char *path;
	bool (*handle)(struct prompt_server *server, const char *rest, struct prompt_reply *reply, struct py_raised *raised);
} gets[] = {
	{ .path = "/prompt", .handle = get_status },
	{ .path = "/queue", .handle = get_queue },
	{ .path = "/history", .handle = get_history },
};

static bool post(struct prompt_server *server, const struct prompt_post *to, const char *body, size_t length,
		 struct prompt_reply *reply, struct py_raised *raised)
{
	struct py_raised fault = PY_RAISED_INIT;
	struct py *value = py_json_read(body, length, &fault);
	bool fine;

	if (!value && to->forgives && !fault.no_memory) {
		py_raised_clear(&fault);
		value = py_map();
		if (!value)
			py_raise_no_memory(&fault);
	}
	if (!value) {
		*raised = fault;
		return false;
	}
	fine = to->handle(server, value, reply, raised);
	py_drop(value);
	return fine;
}

static bool handle(struct prompt_server *server, const char *method, const char *path, const char *body, size_t length,
		   struct prompt_reply *reply, struct py_raised *raised)
{
	if (strncmp(path, "/api/", 5) == 0)
		path += 4;
	for (size_t i = 0; strcmp(method, "POST") == 0 && i < ARRAY_SIZE(posts); i++) {
		if (strcmp(path, posts[i].path) == 0)
			return post(server, &posts[i], body, length, reply, raised);
	}
	for (size_t i = 0; strcmp(method, "GET") == 0 && i < ARRAY_SIZE(gets); i++) {
		size_t size = strlen(gets[i].path);

		if (strncmp(path, gets[i].path, size) == 0 && (!path[size] || strchr("/?", path[size])))
			return gets[i].handle(server, path + size, reply, raised);
	}
	reply->status = 404;
	reply->body = py_text("404: Not Found");
	return reply->body || py_raise_no_memory(raised);
}

bool prompt_server_request(struct prompt_server *server, const char *method, const char *path, const char *body, size_t length,
			   struct prompt_reply *reply, struct error *e)
{
	struct py_raised raised = PY_RAISED_INIT;

	*reply = (struct prompt_reply) { .status = 200 };
	if (!handle(server, method, path, body, length, reply, &raised)) {
		if (raised.no_memory)
			return py_raised_to_error(&raised, e);
		py_raised_clear(&raised);
		py_drop(reply->body);
		reply->status = 500;
		reply->body = py_text("500 Internal Server Error\n\nServer got itself in trouble");
	} else if (!reply->body) {
		reply->body = py_text("");
	}
	return reply->body || error_no_memory(e);
}
