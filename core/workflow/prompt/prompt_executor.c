/* prompt_executor.c - one prompt from its first message to its last, and what is kept of it.
 *
 * The order is upstream's: keys of all three caches, then what is cached, then the pending nodes one by one. A node's failure ends
 * the prompt with a message; an exception outside of nodes ends it without one, and is the caller's to tell.
 */
#include "core/workflow/prompt/prompt_executor.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/workflow/prompt/prompt_run.h"

/* ---- life ---- */

static void free_caches(struct prompt_executor *executor)
{
	prompt_cache_free(executor->outputs);
	prompt_cache_free(executor->ui);
	prompt_cache_free(executor->objects);
	executor->outputs = executor->ui = executor->objects = NULL;
}

bool prompt_executor_reset(struct prompt_executor *executor, struct error *e)
{
	const struct prompt_executor_options *options = &executor->options;

	free_caches(executor);
	executor->outputs = prompt_cache_new(options->cache, options->lru_size, false);
	executor->ui = prompt_cache_new(options->cache, options->lru_size, false);
	executor->objects = prompt_cache_new(options->cache, options->lru_size, true);
	executor->succeeded = true;
	return (executor->outputs && executor->ui && executor->objects) || error_no_memory(e);
}

struct prompt_executor *prompt_executor_new(const struct prompt_executor_options *options, struct error *e)
{
	struct prompt_executor *executor = array_new(1, sizeof(*executor), e);

	if (!executor)
		return NULL;
	executor->options = *options;
	if (prompt_executor_reset(executor, e))
		return executor;
	prompt_executor_free(executor);
	return NULL;
}

void prompt_executor_free(struct prompt_executor *executor)
{
	if (!executor)
		return;
	free_caches(executor);
	prompt_nodes_free(&executor->last);
	py_drop(executor->last_prompt);
	free(executor);
}

void prompt_executor_interrupt(struct prompt_executor *executor)
{
	executor->interrupted = true;
}

struct prompt_cache_sizes prompt_executor_sizes(const struct prompt_executor *executor)
{
	return (struct prompt_cache_sizes) { .outputs = prompt_cache_count(executor->outputs),
					     .ui = prompt_cache_count(executor->ui),
					     .objects = prompt_cache_count(executor->objects) };
}

const struct py *prompt_executor_output(struct prompt_executor *executor, const struct py *node_id)
{
	size_t node = executor->last.places ? prompt_nodes_find(&executor->last, node_id) : PROMPT_NO_NODE;

	return node == PROMPT_NO_NODE ? NULL : prompt_cache_get(executor->outputs, &executor->last, node);
}

/* ---- failures ---- */

/* Primitive values are told as they are, others as texts. */
static struct py *told_list(const struct py *values)
{
	struct py *list = py_list();

	for (size_t i = 0; list && i < py_count(values); i++) {
		const struct py *value = py_at(values, i);
		bool primitive = value->kind == PY_NONE || value->kind == PY_TEXT || py_is_number(value);

		if (!py_append(list, primitive ? py_take(value) : py_to_text(value))) {
			py_drop(list);
			return NULL;
		}
	}
	return list;
}

static struct py *told_inputs(const struct py *data)
{
	struct py *inputs = py_map();

	for (size_t i = 0; inputs && data && i < py_count(data); i++) {
		const struct py_pair *pair = &data->map.pairs[i];

		if (!py_set_n(inputs, pair->key, pair->length, told_list(pair->value))) {
			py_drop(inputs);
			return NULL;
		}
	}
	return inputs;
}

/* What both kinds of end say. */
static struct py *end_message(const struct prompt_run *run, const struct py *node_id)
{
	const struct py *node = py_get_n(run->request->prompt, node_id->text.bytes, node_id->text.length);
	const struct py *class_type = node ? py_get(node, "class_type") : NULL;
	struct py *data = py_map();
	bool fine = py_set(data, "prompt_id", py_take(run->request->id));

	fine = py_set(data, "node_id", py_take(node_id)) && fine;
	fine = py_set(data, "node_type", class_type ? py_take(class_type) : py_none()) && fine;
	fine = py_set(data, "executed", prompt_ids(run->executed)) && fine;
	if (fine)
		return data;
	py_drop(data);
	return NULL;
}

/* Takes the message's text and the inputs over. */
static bool tell_error(struct prompt_run *run, const struct py *node_id, const char *type, struct py *text, struct py *inputs,
		       struct py_raised *raised)
{
	struct py *data = end_message(run, node_id);
	bool fine = py_set(data, "exception_message", text);

	fine = py_set(data, "exception_type", py_text(type)) && fine;
	fine = py_set(data, "traceback", py_list()) && fine;
	fine = py_set(data, "current_inputs", inputs) && fine;
	fine = py_set(data, "current_outputs", prompt_ids(run->known)) && fine;
	if (fine)
		return prompt_message(run, "execution_error", data, false, raised);
	py_drop(data);
	return py_raise_no_memory(raised);
}

static bool tell_failure(struct prompt_run *run, size_t node, const struct py *data, const struct py_raised *thrown,
			 struct py_raised *raised)
{
	const struct py *real = prompt_node_real(run->nodes, node);

	if (thrown->no_memory)
		return py_raise_no_memory(raised);
	if (strcmp(thrown->type, PROMPT_INTERRUPT) == 0)
		return prompt_message(run, "execution_interrupted", end_message(run, real), true, raised);
	return tell_error(run, real, thrown->type, py_text_format("%s\n", strbuf_text(&thrown->text)), told_inputs(data),
			  raised);
}

/* ---- running ---- */

static void tell_left(const struct prompt_run *run, size_t node, enum prompt_step step)
{
	static const char *const words[] = {
		[PROMPT_DONE] = "done",
		[PROMPT_CACHED] = "cached",
		[PROMPT_PENDING] = "pending",
		[PROMPT_FAILED] = "fail",
	};
	const struct prompt_listener *listener = &run->executor->options.listener;

	if (listener->left)
		listener->left(listener->context, run->nodes->items[node].id, words[step]);
}

/* One node. *ended: the prompt is over. */
static bool run_node(struct prompt_run *run, size_t node, bool *ended, struct py_raised *raised)
{
	struct py_raised thrown = PY_RAISED_INIT;
	struct py *data = NULL;
	enum prompt_step step = prompt_step(run, node, &data, &thrown);
	bool fine = true;

	tell_left(run, node, step);
	run->executor->succeeded = step != PROMPT_FAILED;
	if (step == PROMPT_FAILED) {
		*ended = true;
		fine = tell_failure(run, node, data, &thrown, raised);
	} else if (step != PROMPT_PENDING) {
		prompt_pending_end(run, node);
	}
	py_raised_clear(&thrown);
	py_drop(data);
	return fine;
}

static bool tell_success(struct prompt_run *run, struct py_raised *raised)
{
	struct py *data = py_map();

	if (py_set(data, "prompt_id", py_take(run->request->id)))
		return prompt_message(run, "execution_success", data, false, raised);
	py_drop(data);
	return py_raise_no_memory(raised);
}

static bool run_pending(struct prompt_run *run, struct py_raised *raised)
{
	bool ended = false;

	while (run->pending_count && !ended) {
		const struct py *blamed = NULL;
		size_t node = prompt_pending_pick(run, &blamed);

		if (node == PROMPT_NO_NODE)
			return blamed ? tell_error(run, blamed, "graph.DependencyCycleError",
						   py_text("Dependency cycle detected"), py_list(), raised)
				      : py_raise_no_memory(raised);
		if (!run_node(run, node, &ended, raised))
			return false;
	}
	return ended || tell_success(run, raised);
}

/* ---- a prompt ---- */

static bool tell_start(struct prompt_run *run, struct py_raised *raised)
{
	struct py *data = py_map();

	if (py_set(data, "prompt_id", py_take(run->request->id)))
		return prompt_message(run, "execution_start", data, false, raised);
	py_drop(data);
	return py_raise_no_memory(raised);
}

static bool tell_cached(struct prompt_run *run, struct py_raised *raised)
{
	struct py *cached = py_list();
	struct py *data = py_map();
	bool fine = true;

	for (size_t i = 0; fine && i < run->nodes->count; i++) {
		if (prompt_cache_get(run->executor->outputs, run->nodes, i))
			fine = py_append(cached, py_take(run->nodes->items[i].id));
	}
	fine = py_set(data, "nodes", cached) && fine;
	fine = py_set(data, "prompt_id", py_take(run->request->id)) && fine;
	if (fine)
		return prompt_message(run, "execution_cached", data, false, raised);
	py_drop(data);
	return py_raise_no_memory(raised);
}

static bool begin_caches(struct prompt_run *run, struct py_raised *raised)
{
	struct prompt_cache *caches[] = { run->executor->outputs, run->executor->ui, run->executor->objects };

	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		if (!prompt_cache_begin(caches[i], run->nodes, raised))
			return false;
	}
	return true;
}

static bool add_outputs(struct prompt_run *run, struct py_raised *raised)
{
	const struct py *outputs = run->request->outputs;

	for (size_t i = 0; i < py_count(outputs); i++) {
		size_t node = prompt_nodes_get(run->nodes, py_at(outputs, i), raised);

		if (node == PROMPT_NO_NODE || !prompt_pending_add(run, node, raised))
			return false;
	}
	return true;
}

/* What nodes showed, this time and before, as far as the cache knows them. */
static bool gather_ui(struct prompt_run *run, struct prompt_outcome *outcome, struct py_raised *raised)
{
	struct py *ids = py_map();
	bool fine = ids ? prompt_cache_ids(run->executor->ui, ids, raised) : py_raise_no_memory(raised);

	for (size_t i = 0; fine && i < run->nodes->count; i++) {
		const struct py *id = run->nodes->items[i].id;
		const struct py *entry = prompt_cache_get(run->executor->ui, run->nodes, i);

		if (!entry || !py_get_n(ids, id->text.bytes, id->text.length))
			continue;
		fine = (py_set_n(outcome->outputs, id->text.bytes, id->text.length, py_take(py_get(entry, "output"))) &&
			py_set_n(outcome->meta, id->text.bytes, id->text.length, py_take(py_get(entry, "meta")))) ||
		       py_raise_no_memory(raised);
	}
	py_drop(ids);
	return fine;
}

static bool run_prompt(struct prompt_run *run, struct prompt_outcome *outcome, struct py_raised *raised)
{
	run->executed = py_map();
	run->known = py_map();
	if (!run->executed || !run->known)
		return py_raise_no_memory(raised);
	if (!tell_start(run, raised) || !begin_caches(run, raised) || !tell_cached(run, raised) ||
	    !prompt_cache_ids(run->executor->outputs, run->known, raised) || !add_outputs(run, raised) ||
	    !run_pending(run, raised) || !gather_ui(run, outcome, raised))
		return false;
	outcome->succeeded = run->executor->succeeded;
	return true;
}

/* The table of the prompt before goes, this one's takes its place. */
static bool take_prompt(struct prompt_executor *executor, struct py *prompt, struct py_raised *raised)
{
	prompt_nodes_free(&executor->last);
	py_drop(executor->last_prompt);
	executor->last_prompt = py_take(prompt);
	return prompt_nodes_init(&executor->last, executor->options.classes, prompt, raised);
}

bool prompt_executor_run(struct prompt_executor *executor, const struct prompt_request *request, struct prompt_outcome *outcome,
			 struct py_raised *raised)
{
	struct prompt_run run = { .executor = executor, .request = request, .nodes = &executor->last };
	bool fine;

	*outcome = (struct prompt_outcome) { .messages = py_list(), .outputs = py_map(), .meta = py_map() };
	if (!outcome->messages || !outcome->outputs || !outcome->meta)
		return py_raise_no_memory(raised);
	executor->interrupted = false;
	if (request->extra_data->kind != PY_MAP)
		return py_raise(raised, "TypeError", "argument of type '%s' is not iterable", py_type(request->extra_data));
	run.client = py_get(request->extra_data, "client_id");
	run.client = run.client && run.client->kind == PY_NONE ? NULL : run.client;
	run.messages = outcome->messages;
	fine = take_prompt(executor, request->prompt, raised) && run_prompt(&run, outcome, raised);
	py_drop(run.executed);
	py_drop(run.known);
	free(run.pending);
	free(run.progress);
	return fine;
}

void prompt_outcome_free(struct prompt_outcome *outcome)
{
	py_drop(outcome->messages);
	py_drop(outcome->outputs);
	py_drop(outcome->meta);
}
