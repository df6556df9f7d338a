/* executor_server.c - the host of a server under test. */
#include "tests/conformance/executor_server.h"

#include <string.h>

#include "core/workflow/python/py_json.h"

struct py *executor_with(struct py *map, const char *key, struct py *value)
{
	py_set(map, key, value);
	return map;
}

static void hear_message(void *context, const char *event, const struct py *data, const struct py *client)
{
	struct executor_server *s = context;
	struct py *message = executor_with(executor_with(py_map(), "type", py_text(event)), "data", py_deep_copy(data));

	if (!client || py_is_text(client, "cli"))
		py_append(s->sent, py_take(message));
	if (!client)
		py_append(s->others, py_take(message));
	py_drop(message);
}

static void hear_work(void *context, enum prompt_work work, const struct py *detail)
{
	static const struct {
		const char *event, *member;
	} words[] = {
		[PROMPT_WORK_WAKE] = { .event = "wake", .member = "id" },
		[PROMPT_WORK_BEGIN] = { .event = "execute_begin", .member = "id" },
		[PROMPT_WORK_END] = { .event = "execute_end" },
		[PROMPT_WORK_DONE] = { .event = "task_done" },
		[PROMPT_WORK_FLAGS] = { .event = "flags", .member = "flags" },
		[PROMPT_WORK_UNLOAD] = { .event = "unload_all_models" },
		[PROMPT_WORK_RESET] = { .event = "executor_reset" },
		[PROMPT_WORK_COLLECT] = { .event = "gc_collect" },
		[PROMPT_WORK_WAIT] = { .event = "wait", .member = "timeout" },
	};
	struct executor_server *s = context;
	struct py *entry = executor_with(py_map(), "ev", py_text(words[work].event));

	if (words[work].member)
		executor_with(entry, words[work].member, py_deep_copy(detail));
	for (size_t i = 0; work == PROMPT_WORK_END && i < py_count(detail); i++)
		executor_with(entry, detail->map.pairs[i].key, py_take(detail->map.pairs[i].value));
	py_append(s->work, entry);
	if (work == PROMPT_WORK_COLLECT)
		s->last_collect_ms = s->now_ms;
	/* the manager empties the cache of memory when it unloads, and after a collection */
	if (work == PROMPT_WORK_UNLOAD || work == PROMPT_WORK_COLLECT)
		py_append(s->work, executor_with(py_map(), "ev", py_text("soft_empty_cache")));
}

static uint64_t tell_time(void *context)
{
	return ((struct executor_server *)context)->now_ms;
}

static void reach_gate(void *context, const char *name)
{
	struct executor_server *s = context;

	if (s->gate)
		s->gate(s, name);
}

bool executor_server_open(struct executor_server *s, struct stub_world *world)
{
	struct prompt_server_options options = {
		.classes = &world->classes,
		.cache = PROMPT_CACHE_CLASSIC,
		.host = { .message = hear_message, .work = hear_work, .now_ms = tell_time, .context = s },
	};

	*s = (struct executor_server) { .world = world, .sent = py_list(), .others = py_list(), .work = py_list() };
	stub_world_begin(world, false);
	world->gate = reach_gate;
	world->context = s;
	s->server = prompt_server_new(&options, NULL);
	return s->server != NULL;
}

void executor_server_close(struct executor_server *s)
{
	prompt_server_free(s->server);
	py_drop(s->sent);
	py_drop(s->others);
	py_drop(s->work);
	s->world->gate = NULL;
}

void executor_server_forget(struct executor_server *s)
{
	py_drop(s->sent);
	py_drop(s->others);
	py_drop(s->work);
	s->sent = py_list();
	s->others = py_list();
	s->work = py_list();
}

struct py *executor_post_text(struct executor_server *s, const char *path, const char *text)
{
	struct prompt_reply reply;
	struct py *answer = py_list();

	prompt_server_request(s->server, "POST", path, text, strlen(text), &reply, NULL);
	py_append(answer, py_integer((int64_t)reply.status));
	py_append(answer, reply.body);
	return answer;
}

struct py *executor_post(struct executor_server *s, const char *path, const struct py *body)
{
	struct strbuf text = STRBUF_INIT;
	struct py *answer;

	if (body)
		py_json_write(&text, body);
	answer = executor_post_text(s, path, strbuf_text(&text));
	strbuf_free(&text);
	return answer;
}

struct py *executor_get(struct executor_server *s, const char *path)
{
	struct prompt_reply reply;

	prompt_server_request(s->server, "GET", path, "", 0, &reply, NULL);
	return reply.body;
}

void executor_work(struct executor_server *s)
{
	prompt_server_work(s->server, NULL);
}

struct py *executor_statuses(const struct executor_server *s)
{
	struct py *list = py_list();

	for (size_t i = 0; i < py_count(s->others); i++) {
		const struct py *message = py_at(s->others, i);

		if (py_is_text(py_get(message, "type"), "status"))
			py_append(list, py_take(py_get(py_get(py_get(py_get(message, "data"), "status"), "exec_info"),
						       "queue_remaining")));
	}
	return list;
}
