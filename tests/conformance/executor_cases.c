/* executor_cases.c - sequences of prompts, once for each kind of cache: what ran, in which order, what was cached, and what was told.
 *
 * A step's result is put together as the data has it: calls from the stubs, stages and messages from the executor's listener, the
 * rest from its outcome. A sequence passes when all its steps together are one of the alternatives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/workflow/prompt/prompt_executor.h"
#include "core/workflow/prompt/prompt_validate.h"
#include "core/workflow/python/py_json.h"
#include "tests/conformance/executor_part.h"

/* What the listener has heard of one prompt. */
struct executor_heard {
	struct py *events, *stages;
};

/* ---- listening ---- */

static const char *text_of(const struct py *data, const char *key)
{
	const struct py *value = py_get(data, key);

	return value && value->kind == PY_TEXT ? value->text.bytes : "";
}

/* "8", or "2.0.0.1@2" where another node stands for it. */
static void write_node(struct strbuf *out, const struct py *data)
{
	strbuf_append(out, text_of(data, "node"));
	if (strcmp(text_of(data, "node"), text_of(data, "display_node")) != 0)
		strbuf_printf(out, "@%s", text_of(data, "display_node"));
}

static void write_progress(struct strbuf *out, const struct py *data)
{
	const struct py *nodes = py_get(data, "nodes");
	size_t running = 0;

	for (size_t i = 0; i < py_count(nodes); i++)
		running += strcmp(text_of(nodes->map.pairs[i].value, "state"), "running") == 0;
	strbuf_printf(out, "P%zu/%zu", running, py_count(nodes) - running);
}

static void write_event(struct strbuf *out, const char *event, const struct py *data)
{
	if (strcmp(event, "progress_state") == 0) {
		write_progress(out, data);
	} else if (strcmp(event, "executing") == 0) {
		strbuf_append(out, "executing:");
		write_node(out, data);
	} else if (strcmp(event, "executed") == 0) {
		strbuf_append(out, "executed:");
		write_node(out, data);
		strbuf_append_char(out, '=');
		py_json_write(out, py_get(data, "output"));
	} else if (strcmp(event, "execution_error") == 0) {
		if (strcmp(text_of(data, "exception_type"), "ExecutionBlocked") == 0)
			strbuf_printf(out, "blocked:%s:%s", text_of(data, "node_id"), text_of(data, "exception_message"));
		else
			strbuf_printf(out, "error:%s", text_of(data, "node_id"));
	} else if (strcmp(event, "execution_interrupted") == 0) {
		strbuf_printf(out, "interrupted:%s", text_of(data, "node_id"));
	} else if (strcmp(event, "progress") != 0) {
		strbuf_append(out, event + strlen("execution_"));
	}
}

static void hear_message(void *context, const char *event, const struct py *data, const struct py *client)
{
	struct executor_heard *heard = context;
	struct strbuf text = STRBUF_INIT;

	(void)client;
	write_event(&text, event, data);
	if (text.length)
		py_append(heard->events, py_text_n(text.text, text.length));
	strbuf_free(&text);
}

static void hear_left(void *context, const struct py *node_id, const char *how)
{
	struct executor_heard *heard = context;
	struct py *stage = py_list();

	py_append(stage, py_take(node_id));
	py_append(stage, py_text(how));
	py_append(heard->stages, stage);
}

/* ---- a step's row ---- */

/* The error's message, without what differs from run to run. */
static struct py *error_of(const struct py *data)
{
	struct py *error = py_copy(data);

	py_remove(error, "prompt_id");
	py_remove(error, "timestamp");
	py_remove(error, "traceback");
	py_sort_texts(py_get(error, "executed"));
	if (py_get(error, "current_outputs"))
		py_sort_texts(py_get(error, "current_outputs"));
	return error;
}

/* [node, display, parent, real] of those that are not simply themselves. */
static struct py *meta_of(const struct py *meta)
{
	static const char *const keys[] = { "node_id", "display_node", "parent_node", "real_node_id" };
	struct py *made = py_map();

	for (size_t i = 0; i < py_count(meta); i++) {
		const struct py_pair *pair = &meta->map.pairs[i];
		struct py *list = py_list();
		bool plain = true;

		for (size_t k = 0; k < 4; k++) {
			const struct py *value = py_get(pair->value, keys[k]);

			plain = plain && (k == 2 ? value->kind == PY_NONE : py_is_text(value, pair->key));
			py_append(list, py_take(value));
		}
		if (plain)
			py_drop(list);
		else
			py_set(made, pair->key, list);
	}
	return made;
}

static struct py *sizes_of(const struct prompt_executor *executor)
{
	struct prompt_cache_sizes sizes = prompt_executor_sizes(executor);
	struct py *list = py_list();

	py_append(list, py_integer((int64_t)sizes.outputs));
	py_append(list, py_integer((int64_t)sizes.ui));
	py_append(list, py_integer((int64_t)sizes.objects));
	return list;
}

static struct py *values_of(struct prompt_executor *executor, const struct py *prompt)
{
	struct py *values = py_map();

	for (size_t i = 0; i < py_count(prompt); i++) {
		struct py *id = py_text(prompt->map.pairs[i].key);
		const struct py *outputs = prompt_executor_output(executor, id);

		if (outputs)
			py_set(values, id->text.bytes, py_take(outputs));
		py_drop(id);
	}
	return values;
}

/* {id: [[type, details]]} */
static struct py *short_errors(const struct py *node_errors)
{
	struct py *made = py_map();

	for (size_t i = 0; i < py_count(node_errors); i++) {
		const struct py *errors = py_get(node_errors->map.pairs[i].value, "errors");
		struct py *list = py_list();

		for (size_t j = 0; j < py_count(errors); j++) {
			struct py *pair = py_list();

			py_append(pair, py_take(py_get(py_at(errors, j), "type")));
			py_append(pair, py_take(py_get(py_at(errors, j), "details")));
			py_append(list, pair);
		}
		py_set(made, node_errors->map.pairs[i].key, list);
	}
	return made;
}

static void add_outcome(struct py *row, const struct prompt_outcome *outcome)
{
	const struct py *last = py_at(outcome->messages, py_count(outcome->messages) - 1);
	const struct py *cached = py_at(outcome->messages, 1);
	struct py *meta = meta_of(outcome->meta);

	py_set(row, "cached", py_copy(py_get(py_at(cached, 1), "nodes")));
	py_set(row, "end", py_take(py_at(last, 0)));
	py_set(row, "status", py_text(outcome->succeeded ? "success" : "error"));
	if (!py_is_text(py_at(last, 0), "execution_success"))
		py_set(row, "error", error_of(py_at(last, 1)));
	py_set(row, "ui", py_take(outcome->outputs));
	if (py_count(meta))
		py_set(row, "meta", meta);
	else
		py_drop(meta);
}

/* Upstream's executor raised instead of answering; ours says what, and lives. */
static void add_crash(struct py *row, const struct py_raised *thrown)
{
	py_set(row, "crash", py_text_format("%s: %s", thrown->type, strbuf_text(&thrown->text)));
}

static struct py *extra_data_of(const struct py *step)
{
	const struct py *given = py_get(step, "extra_data");
	const struct py *client = py_get(step, "client");
	struct py *extra = given ? py_copy(given) : py_map();

	if (!client || py_truth(client))
		py_set(extra, "client_id", py_text("client"));
	return extra;
}

static struct py *run_step(struct prompt_executor *executor, struct executor_heard *heard, struct stub_world *world,
			   const struct py *step, struct py *prompt)
{
	const struct py *partial = py_get(step, "partial");
	const struct py *targets = partial && py_truth(partial) ? py_get(step, "outputs") : NULL;
	struct py_raised thrown = PY_RAISED_INIT;
	struct py *row = py_map();
	struct py *id = py_text("p");
	struct py *extra = extra_data_of(step);
	struct prompt_request request = { .id = id, .prompt = prompt, .extra_data = extra, .outputs = py_get(step, "outputs") };
	struct prompt_outcome outcome;
	struct prompt_answer answer;

	heard->events = py_list();
	heard->stages = py_list();
	prompt_validate(&world->classes, prompt, targets, PROMPT_DEPTH_DIRECT, &answer, &thrown);
	py_raised_clear(&thrown);
	stub_world_clear_calls(world); /* validators' calls are not told here */
	py_sort_texts(answer.good);
	py_set(row, "good", py_take(answer.good));
	if (py_count(answer.node_errors))
		py_set(row, "node_errors", short_errors(answer.node_errors));
	if (prompt_executor_run(executor, &request, &outcome, &thrown)) {
		add_outcome(row, &outcome);
		py_set(row, "stages", py_take(heard->stages));
		py_set(row, "calls", py_take(world->calls));
		py_set(row, "events", py_take(heard->events));
		py_set(row, "n", sizes_of(executor));
		if (world->with_arguments)
			py_set(row, "values", values_of(executor, prompt));
	} else {
		add_crash(row, &thrown);
	}
	prompt_outcome_free(&outcome);
	prompt_answer_free(&answer);
	py_raised_clear(&thrown);
	py_drop(heard->events);
	py_drop(heard->stages);
	py_drop(extra);
	py_drop(id);
	return row;
}

/* ---- a case ---- */

/* "classic", "none", "lru5" */
static struct prompt_executor_options options_of(const char *cache, const struct stub_world *world,
						 struct executor_heard *heard)
{
	struct prompt_executor_options options = {
		.classes = &world->classes,
		.cache = PROMPT_CACHE_CLASSIC,
		.listener = { .message = hear_message, .left = hear_left, .context = heard },
	};

	if (strcmp(cache, "none") == 0)
		options.cache = PROMPT_CACHE_NONE;
	if (strncmp(cache, "lru", 3) == 0) {
		options.cache = PROMPT_CACHE_LRU;
		options.lru_size = (size_t)atoi(cache + 3);
	}
	return options;
}

/* Without a cache an expansion ends with the KeyError of one of its new ids, whichever a set gives first: which one is not
 * compared. */
static void hide_child(struct py *steps)
{
	for (size_t i = 0; i < py_count(steps); i++) {
		struct py *error = py_get(py_at(steps, i), "error");
		const char *parent = text_of(error, "node_id");
		const char *message = text_of(error, "exception_message");
		size_t length = strlen(parent);

		if (strcmp(text_of(error, "exception_type"), "KeyError") == 0 && message[0] == '\'' &&
		    strncmp(message + 1, parent, length) == 0 && message[1 + length] == '.')
			py_set(error, "exception_message", py_text("'a child'\n"));
	}
}

static bool run_sequence(struct executor_reader *reader, const struct py *row, const struct py_pair *expected,
			 struct py_raised *raised)
{
	const struct py *steps = py_get(row, "steps");
	struct executor_heard heard = { .events = NULL };
	struct prompt_executor_options options = options_of(expected->key, reader->world, &heard);
	struct error e = ERROR_INIT;
	struct prompt_executor *executor = prompt_executor_new(&options, &e);
	struct py *found = py_list();
	struct py *encoded;

	if (!executor) {
		py_drop(found);
		return py_raise_no_memory(raised);
	}
	stub_world_begin(reader->world, py_truth(py_get(row, "with_args")));
	for (size_t i = 0; i < py_count(steps); i++) {
		struct py *prompt = py_deep_copy(py_get(py_at(steps, i), "prompt"));

		stub_world_clear_calls(reader->world);
		py_append(found, run_step(executor, &heard, reader->world, py_at(steps, i), prompt));
		py_drop(prompt);
		if (py_get(py_at(found, i), "crash")) /* upstream's worker is no more */
			break;
	}
	encoded = stub_encode(found);
	hide_child(encoded);
	for (size_t i = 0; i < py_count(expected->value); i++)
		hide_child(py_at(expected->value, i));
	executor_compare(reader->tally, py_get(row, "id"), expected->key, encoded, expected->value);
	py_drop(found);
	py_drop(encoded);
	prompt_executor_free(executor);
	return true;
}

bool executor_case(void *context, const struct py *row, struct py_raised *raised)
{
	const struct py *expect = py_get(row, "expect");

	for (size_t i = 0; i < py_count(expect); i++) {
		if (!run_sequence(context, row, &expect->map.pairs[i], raised))
			return false;
	}
	return true;
}
