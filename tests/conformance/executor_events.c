/* executor_events.c - one server for all rows, in order: what a client, and everyone else, hears of a prompt, the response to its POST,
 * and its entry in the history. */
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/executor_server.h"

/* What is done while the gate of a row holds. */
static const struct {
	const char *row, *body;
} interrupts[] = {
	{ .row = "intr_http", .body = "{}" },
	{ .row = "intr_deaf", .body = "{}" },
	{ .row = "intr_wrong", .body = "{\"prompt_id\": \"another\"}" },
};

static void interrupt(struct executor_server *s, const char *name)
{
	(void)name;
	for (size_t i = 0; i < sizeof(interrupts) / sizeof(*interrupts); i++) {
		if (py_is_text(s->context, interrupts[i].row))
			py_drop(executor_post_text(s, "/interrupt", interrupts[i].body));
	}
}

/* Tracebacks differ, ids of clients are "UUID", and sets have no order. */
static void put_in_order(struct py *value)
{
	static const char *const sets[] = { "executed", "current_outputs" };

	for (size_t i = 0; value && i < py_count(value); i++) {
		struct py *item = value->kind == PY_LIST ? py_at(value, i) : value->map.pairs[i].value;

		if (value->kind == PY_MAP && strcmp(value->map.pairs[i].key, "traceback") == 0)
			py_set(value, "traceback", py_text("TB"));
		else
			put_in_order(item);
	}
	for (size_t i = 0; value && value->kind == PY_MAP && i < 2; i++) {
		if (py_get(value, sets[i]))
			py_sort_texts(py_get(value, sets[i]));
	}
}

/* The outputs of a prompt are a set, too. */
static void sort_outputs(struct py *history)
{
	for (size_t i = 0; i < py_count(history); i++) {
		struct py *prompt = py_get(history->map.pairs[i].value, "prompt");

		if (prompt)
			py_sort_texts(py_at(prompt, 4));
	}
}

static struct py *find_row(struct executor_server *s, const struct py *row)
{
	const struct py *id = py_get(row, "id");
	struct py *found = py_map();
	struct py *path = py_text_format("/history/%s", id->text.bytes);

	s->context = (void *)(uintptr_t)id;
	executor_server_forget(s);
	executor_with(found, "response", executor_post(s, "/prompt", py_get(row, "request")));
	executor_work(s);
	executor_with(found, "ws", py_deep_copy(s->sent));
	executor_with(found, "ws_other", py_deep_copy(s->others));
	executor_with(found, "history", executor_get(s, path->text.bytes));
	py_drop(path);
	return found;
}

static void compare(struct executor_reader *reader, const struct py *row, struct py *found)
{
	static const char *const keys[] = { "response", "ws", "ws_other", "history" };
	struct py *wanted = py_map();
	struct py *alternatives = py_list();
	struct py *mine = py_deep_copy(found);

	for (size_t i = 0; i < 4; i++) {
		if (py_get(row, keys[i]))
			py_set(wanted, keys[i], py_deep_copy(py_get(row, keys[i])));
	}
	put_in_order(wanted);
	put_in_order(mine);
	sort_outputs(py_get(wanted, "history"));
	sort_outputs(py_get(mine, "history"));
	py_append(alternatives, wanted);
	executor_compare(reader->tally, py_get(row, "id"), "events", mine, alternatives);
	py_drop(alternatives);
	py_drop(mine);
}

bool executor_event(void *context, const struct py *row, struct py_raised *raised)
{
	struct executor_reader *reader = context;
	struct py *found;

	if (!reader->server) {
		reader->server = calloc(1, sizeof(*reader->server));
		if (!reader->server || !executor_server_open(reader->server, reader->world))
			return py_raise_no_memory(raised);
		reader->server->gate = interrupt;
	}
	if (py_get(row, "request")) {
		found = find_row(reader->server, row);
	} else { /* a client connects */
		struct py *messages = py_list();

		py_append(messages, executor_with(executor_with(py_map(), "type", py_text("status")), "data",
						  prompt_server_greeting(reader->server->server, "UUID")));
		found = executor_with(py_map(), "ws", messages);
	}
	compare(reader, row, found);
	py_drop(found);
	return true;
}
