/* executor_prompts.c - bodies to post, and what the server says of its queue and its history. */
#include "tests/conformance/executor_prompts.h"

#include "core/workflow/python/py_json.h"

static struct py *body_of(const char *id, const char *first_class, struct py *first_inputs)
{
	struct py *first = executor_with(executor_with(py_map(), "class_type", py_text(first_class)), "inputs", first_inputs);
	struct py *link = py_list();
	struct py *second = executor_with(py_map(), "class_type", py_text("TOut"));
	struct py *prompt = executor_with(py_map(), "1", first);

	py_append(link, py_text("1"));
	py_append(link, py_integer(0));
	executor_with(second, "inputs", executor_with(py_map(), "v", link));
	executor_with(prompt, "2", second);
	return executor_with(executor_with(py_map(), "prompt", prompt), "prompt_id", py_text(id));
}

struct py *executor_plain_body(const char *id, int64_t which)
{
	return body_of(id, "TConst", executor_with(py_map(), "value", py_integer(which)));
}

struct py *executor_hold_body(const char *id)
{
	return body_of(id, "TGate", executor_with(executor_with(py_map(), "v", py_integer(1)), "name", py_text(id)));
}

void executor_post_quietly(struct executor_server *s, const char *path, struct py *body)
{
	py_drop(executor_post(s, path, body));
	py_drop(body);
}

/* [number, id] of each item. */
static struct py *short_items(const struct py *items)
{
	struct py *list = py_list();

	for (size_t i = 0; i < py_count(items); i++) {
		struct py *item = py_list();

		py_append(item, py_take(py_at(py_at(items, i), 0)));
		py_append(item, py_take(py_at(py_at(items, i), 1)));
		py_append(list, item);
	}
	return list;
}

struct py *executor_queue_now(struct executor_server *s)
{
	struct py *queue = executor_get(s, "/queue");
	struct py *made = executor_with(executor_with(py_map(), "running", short_items(py_get(queue, "queue_running"))),
					"pending", short_items(py_get(queue, "queue_pending")));

	py_drop(queue);
	return made;
}

struct py *executor_history_ids(struct executor_server *s, const char *path)
{
	struct py *history = executor_get(s, path);
	struct py *ids = py_list();

	for (size_t i = 0; i < py_count(history); i++)
		py_append(ids, py_text(history->map.pairs[i].key));
	py_drop(history);
	return ids;
}

/* A member of the worker's doings of one kind. */
static struct py *gather(const struct executor_server *s, const char *event, const char *member)
{
	struct py *list = py_list();

	for (size_t i = 0; i < py_count(s->work); i++) {
		if (py_is_text(py_get(py_at(s->work, i), "ev"), event))
			py_append(list, py_take(py_get(py_at(s->work, i), member)));
	}
	return list;
}

struct py *executor_executed(const struct executor_server *s)
{
	return gather(s, "execute_begin", "id");
}

struct py *executor_ended(const struct executor_server *s)
{
	struct py *ids = executor_executed(s);
	struct py *statuses = gather(s, "execute_end", "status");
	struct py *list = py_list();

	for (size_t i = 0; i < py_count(statuses); i++) {
		struct py *pair = py_list();

		py_append(pair, py_take(py_at(ids, i)));
		py_append(pair, py_take(py_at(statuses, i)));
		py_append(list, pair);
	}
	py_drop(ids);
	py_drop(statuses);
	return list;
}
