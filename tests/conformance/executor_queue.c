/* executor_queue.c - the queue as its clients see it: order, deletes, interrupts, histories, malformed bodies, and prompts that end
 * upstream's worker. Which question a row asks is seen by its members. */
#include <stdlib.h>
#include <string.h>

#include "core/workflow/python/py_json.h"
#include "tests/conformance/executor_prompts.h"

/* What a row's gate does while "hold" runs, and what it then finds. */
struct queue_run {
	const struct py *row;
	struct py *found;
};

static struct py *numbered(const char *letter, int64_t number)
{
	return py_text_format("%s%lld", letter, (long long)number);
}

/* ---- order ---- */

/* Posts what the row posts, with a prompt of its own each. */
static void post_order(struct executor_server *s, const char *name)
{
	struct queue_run *run = s->context;
	const struct py *posts = py_get(run->row, "posts");
	const struct py *names = py_get(run->row, "names");
	struct py *numbers = py_get(run->found, "numbers");
	struct py *status;

	if (strcmp(name, "hold") != 0)
		return;
	for (size_t i = 0; i < py_count(posts); i++) {
		struct py *body = executor_plain_body(py_at(names, i)->text.bytes, (int64_t)i);
		const struct py *extra = py_at(posts, i);
		struct py *answer;

		for (size_t j = 0; j < py_count(extra); j++)
			executor_with(body, extra->map.pairs[j].key, py_take(extra->map.pairs[j].value));
		answer = executor_post(s, "/prompt", body);
		py_append(numbers, py_take(executor_member(py_at(answer, 1), "number")));
		py_drop(answer);
		py_drop(body);
	}
	executor_with(run->found, "queue", executor_queue_now(s));
	status = executor_get(s, "/prompt");
	executor_with(run->found, "remaining", py_take(py_get(py_get(status, "exec_info"), "queue_remaining")));
	py_drop(status);
}

static void find_order(struct executor_server *s, struct queue_run *run)
{
	struct py *numbers = py_list();
	struct py *hold = executor_hold_body("hold");
	struct py *answer = executor_post(s, "/prompt", hold);

	py_append(numbers, py_take(executor_member(py_at(answer, 1), "number")));
	executor_with(run->found, "numbers", numbers);
	py_drop(answer);
	py_drop(hold);
	s->gate = post_order;
	executor_work(s);
	executor_with(run->found, "executed", executor_executed(s));
}

/* ---- one number and one id twice ---- */

static void post_twins(struct executor_server *s, const char *name)
{
	static const struct {
		int64_t value;
		double number;
	} posts[] = {
		{ .value = 1, .number = 1 },
		{ .value = 2, .number = 1 },
		{ .value = 3, .number = 2 },
	};
	struct queue_run *run = s->context;
	struct py *responses = py_list();

	(void)name;
	for (size_t i = 0; i < 3; i++) {
		struct py *body =
			executor_with(executor_plain_body("same", posts[i].value), "number", py_float(posts[i].number));

		py_append(responses, executor_post(s, "/prompt", body));
		py_drop(body);
	}
	executor_with(run->found, "responses", responses);
	executor_with(run->found, "queue", executor_queue_now(s));
}

static void find_twins(struct executor_server *s, struct queue_run *run)
{
	s->gate = post_twins;
	executor_post_quietly(s, "/prompt", executor_hold_body("hold"));
	executor_work(s);
	executor_with(run->found, "executed", executor_executed(s));
	executor_with(run->found, "history", executor_history_ids(s, "/history"));
}

/* ---- operations while a prompt runs ---- */

static void operate(struct executor_server *s, const char *name)
{
	struct queue_run *run = s->context;
	const struct py *ops = py_get(run->row, "ops");
	int64_t pending = py_integer_value(py_get(run->row, "pending_before"));
	struct py *results = py_list();

	if (strcmp(name, "hold") != 0)
		return;
	for (int64_t i = 1; i <= pending; i++) {
		struct py *id = numbered("p", i);

		executor_post_quietly(s, "/prompt", executor_plain_body(id->text.bytes, i));
		py_drop(id);
	}
	py_drop(s->others);
	s->others = py_list();
	for (size_t i = 0; i < py_count(ops); i++) {
		const struct py *path = py_at(py_at(ops, i), 0);
		struct py *pair = py_list();

		py_append(pair, executor_post(s, path->text.bytes, py_at(py_at(ops, i), 1)));
		py_append(pair, py_is_text(path, "/queue") ? executor_queue_now(s) : py_none());
		py_append(results, pair);
	}
	executor_with(run->found, "results", results);
	executor_with(run->found, "status_events", executor_statuses(s));
}

static void find_operations(struct executor_server *s, struct queue_run *run)
{
	struct py *ended;

	s->gate = operate;
	executor_post_quietly(s, "/prompt", executor_hold_body("hold"));
	executor_work(s);
	ended = executor_ended(s);
	/* where the prompt was interrupted, everything that followed was heard, too */
	if (py_count(ended) && py_is_text(py_at(py_at(ended, 0), 1), "error"))
		executor_with(run->found, "status_events", executor_statuses(s));
	executor_with(run->found, "executed", executor_executed(s));
	executor_with(run->found, "ended", ended);
	executor_with(run->found, "history", executor_history_ids(s, "/history"));
	executor_with(run->found, "pending_before", py_take(py_get(run->row, "pending_before")));
	executor_with(run->found, "ops", py_take(py_get(run->row, "ops")));
}

static void find_after_idle_interrupt(struct executor_server *s, struct queue_run *run)
{
	const struct py *id = py_at(py_at(py_get(run->row, "ended"), 0), 0);

	py_drop(executor_post_text(s, "/interrupt", "{}"));
	executor_post_quietly(s, "/prompt", executor_plain_body(id->text.bytes, 1));
	executor_work(s);
	executor_with(run->found, "ended", executor_ended(s));
}

/* ---- history ---- */

static void prepare_view(struct executor_server *s, const char *view)
{
	if (strncmp(view, "after re-run of ", 16) == 0)
		executor_post_quietly(s, "/prompt", executor_plain_body(view + 16, 1));
	else if (strncmp(view, "after delete ", 13) == 0)
		executor_post_quietly(s, "/history",
				      executor_with(py_map(), "delete", executor_with(py_map(), view + 13, py_none())));
	else if (strcmp(view, "after clear") == 0)
		executor_post_quietly(s, "/history", executor_with(py_map(), "clear", py_bool(true)));
	executor_work(s);
}

static void find_history(struct executor_server *s, struct queue_run *run)
{
	const struct py *prompts = py_get(run->row, "prompts");
	const struct py *views = py_get(run->row, "views");
	struct py *found = py_map();

	for (size_t i = 0; i < py_count(prompts); i++)
		executor_post_quietly(s, "/prompt", executor_plain_body(py_at(prompts, i)->text.bytes, (int64_t)i));
	executor_work(s);
	for (size_t i = 0; i < py_count(views); i++) {
		const char *view = views->map.pairs[i].key;
		bool is_path = !*view || strchr("?/", *view);
		struct py *path = py_text_format("/history%s", is_path ? view : "");

		if (!is_path)
			prepare_view(s, view);
		executor_with(found, view, executor_history_ids(s, path->text.bytes));
		py_drop(path);
	}
	executor_with(run->found, "views", found);
	executor_with(run->found, "prompts", py_take(prompts));
}

/* ---- malformed bodies ---- */

/* The row's server had answered prompts before: its counter is brought there. */
static void move_counter(struct executor_server *s, const struct py *calls)
{
	int64_t moved = 0;

	for (size_t i = 0; i < py_count(calls); i++) {
		const struct py *call = calls->map.pairs[i].value;
		const struct py *number = py_get(py_get(call, "body"), "number");

		for (int64_t n = moved; number && n < py_integer_value(number); n++)
			py_drop(executor_post_text(s, "/prompt", "{}"));
		if (number)
			return;
		moved += py_integer_value(py_get(call, "counter_moved"));
	}
}

static void find_bodies(struct executor_server *s, struct queue_run *run)
{
	const struct py *calls = py_get(run->row, "calls");
	struct py *found = py_map();

	move_counter(s, calls);
	for (size_t i = 0; i < py_count(calls); i++) {
		const struct py *call = calls->map.pairs[i].value;
		int64_t before = prompt_server_next_number(s->server);
		struct py *answer = executor_post_text(s, py_get(call, "path")->text.bytes, py_get(call, "raw")->text.bytes);
		struct py *made = executor_with(py_map(), "path", py_take(py_get(call, "path")));

		executor_with(made, "raw", py_take(py_get(call, "raw")));
		executor_with(made, "status", py_take(py_at(answer, 0)));
		executor_with(made, "body", py_take(py_at(answer, 1)));
		executor_with(made, "counter_moved", py_integer(prompt_server_next_number(s->server) - before));
		executor_with(found, calls->map.pairs[i].key, made);
		py_drop(answer);
	}
	executor_with(run->found, "calls", found);
}

/* ---- deep chains ---- */

/* [id, type, details] of each node at fault. */
static struct py *bad_nodes(const struct py *node_errors)
{
	struct py *list = py_list();

	for (size_t i = 0; i < py_count(node_errors); i++) {
		const struct py *error = py_at(py_get(node_errors->map.pairs[i].value, "errors"), 0);
		struct py *entry = py_list();

		py_append(entry, py_text(node_errors->map.pairs[i].key));
		py_append(entry, py_take(py_get(error, "type")));
		py_append(entry, py_take(py_get(error, "details")));
		py_append(list, entry);
	}
	return list;
}

static bool is_alive(struct executor_server *s)
{
	struct py *ids;
	bool alive = false;

	executor_post_quietly(s, "/prompt", executor_plain_body("alive", 1));
	executor_work(s);
	ids = executor_history_ids(s, "/history/alive");
	alive = py_count(ids) == 1;
	py_drop(ids);
	return alive;
}

static struct py *status_in_history(struct executor_server *s, const char *id)
{
	struct py *path = py_text_format("/history/%s", id);
	struct py *history = executor_get(s, path->text.bytes);
	struct py *status = py_take(executor_member(executor_member(executor_member(history, id), "status"), "status_str"));

	py_drop(path);
	py_drop(history);
	return status;
}

static void find_chains(struct executor_server *s, struct queue_run *run)
{
	const struct py *results = py_get(run->row, "results");
	struct py *found = py_map();

	for (size_t i = 0; i < py_count(results); i++) {
		const char *length = results->map.pairs[i].key;
		struct py *body = executor_with(executor_with(py_map(), "prompt", executor_chain(strtoll(length, NULL, 10))),
						"prompt_id", py_text(length));
		struct py *answer = executor_post(s, "/prompt", body);
		const struct py *error = executor_member(py_at(answer, 1), "error");
		struct py *made = executor_with(py_map(), "status", py_take(py_at(answer, 0)));

		executor_work(s);
		executor_with(made, "error", py_take(executor_member(error, "type")));
		executor_with(made, "bad_node", bad_nodes(py_get(py_at(answer, 1), "node_errors")));
		executor_with(made, "history", status_in_history(s, length));
		executor_with(made, "worker_alive", py_bool(is_alive(s)));
		executor_with(found, length, made);
		py_drop(answer);
		py_drop(body);
	}
	executor_with(run->found, "results", found);
}

/* ---- prompts that end upstream's worker ---- */

/* Upstream: "worker_died" with the exception. Here: the same exception as the error of the prompt, and the next one runs. */
static void compare_death(struct executor_reader *reader, struct executor_server *s, const struct py *row)
{
	const struct py *timeline = py_get(row, "timeline");
	const struct py *wanted = py_get(py_at(timeline, py_count(timeline) - 1), "exc");
	struct py *answer = executor_post(s, "/prompt", py_get(row, "request"));
	struct py *history;
	const struct py *messages;
	const struct py *last;
	struct py *after;
	struct py *found = py_list();
	struct py *expected = py_list();
	struct py *alternatives = py_list();

	executor_work(s);
	history = executor_get(s, "/history");
	messages = executor_member(executor_member(executor_member(history, "die"), "status"), "messages");
	last = py_count(messages) ? py_at(py_at(messages, py_count(messages) - 1), 1) : py_none();
	after = executor_post(s, "/prompt", executor_plain_body("after", 1));
	executor_work(s);
	py_append(found, answer);
	py_append(found, py_text_format("%s: %s", executor_member(last, "exception_type")->text.bytes,
					executor_member(last, "exception_message")->text.bytes));
	py_append(found, after);
	py_append(found, status_in_history(s, "die"));
	py_append(found, status_in_history(s, "after"));
	py_append(expected, py_take(py_get(row, "response")));
	py_append(expected, py_take(wanted));
	py_append(expected, py_take(py_at(py_get(row, "after"), 0)));
	py_append(expected, py_text("error"));
	py_append(expected, py_text("success"));
	py_append(alternatives, expected);
	executor_compare(reader->tally, py_get(row, "id"), "queue", found, alternatives);
	py_drop(found);
	py_drop(alternatives);
	py_drop(history);
}

/* ---- rows ---- */

static const struct {
	const char *member; /* that a row of this kind has */
	void (*find)(struct executor_server *s, struct queue_run *run);
} kinds[] = {
	{ .member = "posts", .find = find_order },    { .member = "responses", .find = find_twins },
	{ .member = "ops", .find = find_operations }, { .member = "ended", .find = find_after_idle_interrupt },
	{ .member = "views", .find = find_history },  { .member = "calls", .find = find_bodies },
	{ .member = "results", .find = find_chains },
};

/* The row's own members but its id and note are what is found. */
static void compare(struct executor_reader *reader, const struct py *row, struct py *found)
{
	struct py *wanted = py_copy(row);
	struct py *alternatives = py_list();

	py_remove(wanted, "id");
	py_remove(wanted, "note");
	executor_with(found, "posts", py_take(executor_member(row, "posts")));
	executor_with(found, "names", py_take(executor_member(row, "names")));
	if (!py_get(row, "posts")) {
		py_remove(found, "posts");
		py_remove(found, "names");
	}
	py_append(alternatives, wanted);
	executor_compare(reader->tally, py_get(row, "id"), "queue", found, alternatives);
	py_drop(alternatives);
}

bool executor_queue(void *context, const struct py *row, struct py_raised *raised)
{
	struct executor_reader *reader = context;
	struct queue_run run = { .row = row };
	struct executor_server s;

	if (py_get(row, "timeline") && !py_get(row, "request")) {
		executor_timeline(reader, row);
		return true;
	}
	if (!executor_server_open(&s, reader->world))
		return py_raise_no_memory(raised);
	run.found = py_map();
	s.context = &run;
	if (py_get(row, "request"))
		compare_death(reader, &s, row);
	for (size_t i = 0; !py_get(row, "request") && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!py_get(row, kinds[i].member))
			continue;
		kinds[i].find(&s, &run);
		compare(reader, row, run.found);
		break;
	}
	py_drop(run.found);
	executor_server_close(&s);
	return true;
}
