/* prompt_step.c - a picked node: its inputs, its lazy check, its calls, and what becomes of their results.
 *
 * A node may be picked several times: it waits for a lazy input that it asks for, for its own suspended calls, or for the graph that
 * it became. Each time it goes on where it stopped; a node whose outputs are there already only says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/workflow/prompt/prompt_run.h"

static struct prompt_node *node_at(struct prompt_run *run, size_t node)
{
	return &run->nodes->items[node];
}

/* ---- what a call asks of the run ---- */

static bool check_interrupt(void *context, struct py_raised *raised)
{
	struct prompt_executor *executor = ((struct prompt_run *)context)->executor;

	if (!executor->interrupted)
		return true;
	executor->interrupted = false;
	return py_raise(raised, PROMPT_INTERRUPT, "%s", "");
}

static bool tell_progress(void *context, double value, double most, struct py_raised *raised)
{
	struct prompt_run *run = context;
	struct py *data = py_map();
	bool fine = py_set(data, "value", prompt_progress_number(value, true));

	fine = py_set(data, "max", prompt_progress_number(most, true)) && fine;
	fine = py_set(data, "prompt_id", py_take(run->request->id)) && fine;
	fine = py_set(data, "node", py_take(node_at(run, run->running)->id)) && fine;
	if (!fine) {
		py_drop(data);
		return py_raise_no_memory(raised);
	}
	if (prompt_progress_update(run, run->running, value, most, raised))
		return prompt_send(run, "progress", data, raised);
	py_drop(data);
	return false;
}

static struct py *blocked_message(struct prompt_run *run, const struct py *blocker)
{
	const struct prompt_node *node = node_at(run, run->running);
	struct strbuf text = STRBUF_INIT;
	struct py *data = py_map();
	bool fine = py_set(data, "prompt_id", py_take(run->request->id));

	strbuf_append(&text, "Execution Blocked: ");
	py_write_str(&text, blocker->message);
	fine = py_set(data, "node_id", py_take(node->id)) && fine;
	fine = py_set(data, "node_type", py_take(py_get(node->body, "class_type"))) && fine;
	fine = py_set(data, "executed", prompt_ids(run->executed)) && fine;
	fine = strbuf_ok(&text) && py_set(data, "exception_message", py_text_n(text.text, text.length)) && fine;
	fine = py_set(data, "exception_type", py_text("ExecutionBlocked")) && fine;
	fine = py_set(data, "traceback", py_list()) && fine;
	fine = py_set(data, "current_inputs", py_list()) && fine;
	fine = py_set(data, "current_outputs", py_list()) && fine;
	strbuf_free(&text);
	if (fine)
		return data;
	py_drop(data);
	return NULL;
}

/* A blocker with a message tells it once, and is silent from here on. */
static struct py *tell_blocked(void *context, const struct py *blocker, struct py_raised *raised)
{
	struct prompt_run *run = context;
	struct py *silent;

	if (!blocker->message || blocker->message->kind == PY_NONE)
		return py_take(blocker);
	if (!prompt_send(run, "execution_error", blocked_message(run, blocker), raised))
		return NULL;
	silent = py_blocker(NULL);
	if (!silent)
		py_raise_no_memory(raised);
	return silent;
}

static void let_others_end(void *context)
{
	prompt_pending_wake(context);
}

static const struct py *outputs_of(void *context, const struct py *node_id)
{
	struct prompt_run *run = context;
	size_t node = prompt_nodes_find(run->nodes, node_id);

	return node == PROMPT_NO_NODE ? NULL : prompt_cache_get(run->executor->outputs, run->nodes, node);
}

static struct prompt_mapping mapping_of(struct prompt_run *run, size_t node, const struct py *data)
{
	return (struct prompt_mapping) {
		.call = { .class = node_at(run, node)->class,
			  .node_id = node_at(run, node)->id,
			  .object = prompt_cache_get(run->executor->objects, run->nodes, node),
			  .progress = tell_progress,
			  .interrupted = &run->executor->interrupted,
			  .context = run },
		.data = data,
		.now_ms = run->now_ms,
		.before = check_interrupt,
		.context = run,
	};
}

/* ---- the node's object ---- */

static bool make_object(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	const struct prompt_node *n = node_at(run, node);
	struct prompt_call call = { .class = n->class, .node_id = n->id, .index = -1 };
	struct py *object;

	if (prompt_cache_get(run->executor->objects, run->nodes, node))
		return true;
	object = n->class->code->construct ? n->class->code->construct(&call, raised) : py_object(n->class->name, NULL, NULL);
	if (!object)
		return py_is_raised(raised) ? false : py_raise_no_memory(raised);
	return prompt_cache_set(run->executor->objects, run->nodes, node, object, raised);
}

/* ---- lazy inputs ---- */

/* The names that the checks asked for and that are not there yet, as a map. */
static struct py *names_asked(const struct prompt_mapping *mapping, const struct py *missing)
{
	struct py *names = py_map();

	for (size_t i = 0; i < mapping->result_count; i++) {
		const struct py *answer = mapping->results[i].value;

		for (size_t j = 0; names && answer->kind == PY_LIST && j < py_count(answer); j++) {
			const struct py *name = py_at(answer, j);

			if (name->kind != PY_TEXT)
				continue;
			if (py_get_n(mapping->data, name->text.bytes, name->text.length) &&
			    !py_get_n(missing, name->text.bytes, name->text.length))
				continue;
			if (!py_set_n(names, name->text.bytes, name->text.length, py_bool(true))) {
				py_drop(names);
				names = NULL;
			}
		}
	}
	return names;
}

/* The node waits for the source of an input that it asked for. */
static bool wait_for_input(struct prompt_run *run, size_t node, const struct py_pair *asked, struct py_raised *raised)
{
	const struct py *id = node_at(run, node)->id;
	const struct py *inputs = py_get(node_at(run, node)->body, "inputs");
	const struct py *value = py_get_n(inputs, asked->key, asked->length);

	if (!value)
		return py_raise(raised, "comfy_execution.graph.NodeInputError",
				"Node %s says it needs input %s, but there is no input to that node at all", id->text.bytes,
				asked->key);
	if (!py_is_link(value))
		return py_raise(raised, "comfy_execution.graph.NodeInputError",
				"Node %s says it needs input %s, but that value is a constant", id->text.bytes, asked->key);
	return prompt_pending_link(run, py_at(value, 0), node, raised);
}

/* *asks: the node waits for more. */
static bool check_lazy(struct prompt_run *run, size_t node, const struct py *data, const struct py *missing, bool *asks,
		       struct py_raised *raised)
{
	const struct prompt_class *class = node_at(run, node)->class;
	struct prompt_mapping mapping = mapping_of(run, node, data);
	struct py *names = NULL;
	bool fine;

	*asks = false;
	if (!class->has_check_lazy || !class->code->check_lazy)
		return true;
	mapping.function = class->code->check_lazy;
	fine = prompt_map_calls(&mapping, raised);
	if (fine) {
		names = names_asked(&mapping, missing);
		fine = names || py_raise_no_memory(raised);
	}
	for (size_t i = 0; fine && i < py_count(names); i++)
		fine = wait_for_input(run, node, &names->map.pairs[i], raised);
	*asks = py_count(names) > 0;
	py_drop(names);
	prompt_mapping_free(&mapping);
	return fine;
}

/* ---- results ---- */

static struct py *meta_of(const struct prompt_run *run, size_t node)
{
	const struct prompt_node *n = &run->nodes->items[node];
	struct py *meta = py_map();
	bool fine = py_set(meta, "node_id", py_take(n->id));

	fine = py_set(meta, "display_node", py_take(prompt_node_display(run->nodes, node))) && fine;
	fine = py_set(meta, "parent_node",
		      n->parent == PROMPT_NO_NODE ? py_none() : py_take(run->nodes->items[n->parent].id)) &&
	       fine;
	fine = py_set(meta, "real_node_id", py_take(prompt_node_real(run->nodes, node))) && fine;
	if (fine)
		return meta;
	py_drop(meta);
	return NULL;
}

/* The executed message. Takes the output over. */
static bool tell_executed(struct prompt_run *run, size_t node, struct py *output, struct py_raised *raised)
{
	struct py *data;

	if (!run->client) {
		py_drop(output);
		return true;
	}
	data = prompt_node_message(run, node);
	if (!py_set(data, "output", output)) {
		py_drop(data);
		return py_raise_no_memory(raised);
	}
	return prompt_send(run, "executed", data, raised);
}

static bool keep_ui(struct prompt_run *run, size_t node, struct py *ui, struct py_raised *raised)
{
	struct py *entry;
	bool fine;

	if (!py_count(ui))
		return true;
	entry = py_map();
	fine = py_set(entry, "meta", meta_of(run, node));
	fine = py_set(entry, "output", py_take(ui)) && fine;
	if (!fine) {
		py_drop(entry);
		return py_raise_no_memory(raised);
	}
	return prompt_cache_set(run->executor->ui, run->nodes, node, entry, raised) &&
	       tell_executed(run, node, py_take(ui), raised);
}

static enum prompt_step finish(struct prompt_run *run, size_t node, struct py *outputs, struct py_raised *raised)
{
	const struct py *id;

	if (!prompt_cache_set(run->executor->outputs, run->nodes, node, outputs, raised) ||
	    !prompt_progress_finish(run, node, raised))
		return PROMPT_FAILED;
	id = node_at(run, node)->id;
	if (!py_set_n(run->executed, id->text.bytes, id->text.length, py_bool(true))) {
		py_raise_no_memory(raised);
		return PROMPT_FAILED;
	}
	return PROMPT_DONE;
}

static enum prompt_step use_results(struct prompt_run *run, size_t node, const struct prompt_mapping *mapping,
				    struct py_raised *raised)
{
	struct prompt_returns returns;
	enum prompt_step step = PROMPT_FAILED;

	if (prompt_returns_read(node_at(run, node)->class, mapping, &returns, raised) &&
	    keep_ui(run, node, returns.ui, raised)) {
		if (!returns.graphs)
			step = finish(run, node, py_take(returns.outputs), raised);
		else if (prompt_expand(run, node, &returns, raised))
			step = PROMPT_PENDING;
	}
	prompt_returns_free(&returns);
	return step;
}

/* ---- suspended calls ---- */

static bool suspends(const struct prompt_mapping *mapping)
{
	for (size_t i = 0; i < mapping->result_count; i++) {
		if (mapping->results[i].suspends)
			return true;
	}
	return false;
}

/* The node waits for its own calls. Takes the mapping's results over. */
static enum prompt_step wait_for_tasks(struct prompt_run *run, size_t node, struct prompt_mapping *mapping,
				       struct py_raised *raised)
{
	struct prompt_node *n = node_at(run, node);

	n->tasks = array_new(1, sizeof(*n->tasks), NULL);
	if (!n->tasks) {
		py_raise_no_memory(raised);
		return PROMPT_FAILED;
	}
	*n->tasks = *mapping;
	n->tasks->data = NULL;
	n->tasks->waits = true;
	n->block_count++;
	run->waiting++;
	mapping->results = NULL;
	mapping->result_count = mapping->result_capacity = 0;
	return PROMPT_PENDING;
}

/* The tasks have ended. The first that failed fails the node. */
static enum prompt_step end_tasks(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	struct prompt_mapping tasks = *node_at(run, node)->tasks;
	enum prompt_step step = PROMPT_FAILED;
	struct prompt_result *failed = NULL;

	free(node_at(run, node)->tasks);
	node_at(run, node)->tasks = NULL;
	for (size_t i = 0; !failed && i < tasks.result_count; i++) {
		if (!tasks.results[i].value)
			failed = &tasks.results[i];
	}
	if (failed) {
		*raised = failed->raised;
		failed->raised = (struct py_raised)PY_RAISED_INIT;
	} else {
		step = use_results(run, node, &tasks, raised);
	}
	prompt_mapping_free(&tasks);
	return step;
}

/* ---- the step ---- */

static enum prompt_step call(struct prompt_run *run, size_t node, const struct py *data, struct py_raised *raised)
{
	struct prompt_mapping mapping = mapping_of(run, node, data);
	enum prompt_step step = PROMPT_FAILED;

	mapping.function = node_at(run, node)->class->code->run;
	mapping.blocked = tell_blocked;
	mapping.suspended = let_others_end;
	if (prompt_map_calls(&mapping, raised))
		step = suspends(&mapping) ? wait_for_tasks(run, node, &mapping, raised)
					  : use_results(run, node, &mapping, raised);
	prompt_mapping_free(&mapping);
	return step;
}

static enum prompt_step begin(struct prompt_run *run, size_t node, struct py **data, struct py_raised *raised)
{
	const struct prompt_node *n = node_at(run, node);
	const struct prompt_sources sources = {
		.outputs = outputs_of, .context = run, .prompt = run->request->prompt, .extra_data = run->request->extra_data
	};
	enum prompt_step step = PROMPT_FAILED;
	struct py *missing = NULL;
	bool asks = false;

	if (!n->class || !n->class->code || !n->class->code->run) {
		py_raise(raised, "NotImplementedError", "%s cannot be executed here", n->class ? n->class->name : "the class");
		return PROMPT_FAILED;
	}
	if (!prompt_progress_start(run, node, raised))
		return PROMPT_FAILED;
	if (prompt_collect(n->class, n->id, py_get(n->body, "inputs"), &sources, data, &missing, raised) &&
	    (!run->client || prompt_send(run, "executing", prompt_node_message(run, node), raised)) &&
	    make_object(run, node, raised) && check_lazy(run, node, *data, missing, &asks, raised))
		step = asks ? PROMPT_PENDING : call(run, node, *data, raised);
	py_drop(missing);
	return step;
}

/* Cached, or a twin has run meanwhile: a client is shown what was shown then. */
static enum prompt_step tell_cached(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	const struct py *entry = prompt_cache_get(run->executor->ui, run->nodes, node);
	struct py *output = entry ? py_take(py_get(entry, "output")) : py_none();

	return tell_executed(run, node, output, raised) && prompt_progress_finish(run, node, raised) ? PROMPT_CACHED
												     : PROMPT_FAILED;
}

enum prompt_step prompt_step(struct prompt_run *run, size_t node, struct py **data, struct py_raised *raised)
{
	struct py *outputs;

	*data = NULL;
	run->running = node;
	if (prompt_cache_get(run->executor->outputs, run->nodes, node))
		return tell_cached(run, node, raised);
	if (node_at(run, node)->tasks)
		return end_tasks(run, node, raised);
	if (!node_at(run, node)->expansion)
		return begin(run, node, data, raised);
	outputs = prompt_resume(run, node, raised);
	return outputs ? finish(run, node, outputs, raised) : PROMPT_FAILED;
}
