/* executor.c - a prompt is an execution: pending nodes, who waits for whom, and the order in which they run.
 *
 * From each output backwards add_node marks what is not cached as pending. pick() takes, of the nodes that wait for
 * nothing, the one with the best rank: an output first, then a node that an output waits for, then one link farther
 * back, then any. That is ComfyUI's comfy_execution/graph.py (ExecutionList.ux_friendly_pick_node). An exception keeps
 * the frame, and through its traceback the failed node's arguments, until the next collection.
 */
#include "core/workflow/executor/executor.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

#define RAM_SHORT_PERCENT 85.0 /* of main memory in use: where ComfyUI-MultiGPU draws the line, too */

static const struct object_class executor_class = { .name = "cache" };

static bool new_cache(struct executor *executor, struct error *e)
{
	struct output_cache *cache = cache_new(executor->heap, executor->cache_kind, executor->lru_size, e);

	if (!cache)
		return false;
	reference_set(&executor->cache, executor->root, &cache->object, "caches");
	return true;
}

bool executor_init(struct executor *executor, struct heap *heap, struct services *services, enum cache_kind kind,
		   size_t lru_size, struct error *e)
{
	executor->heap = heap;
	executor->services = services;
	executor->cache_kind = kind;
	executor->lru_size = lru_size;
	executor->root = heap_root(heap, &executor_class, "executor", e);
	return executor->root && new_cache(executor, e);
}

static struct output_cache *cache_of(const struct executor *executor)
{
	return (struct output_cache *)executor->cache.target;
}

bool executor_reset(struct executor *executor, struct error *e)
{
	cache_of(executor)->is_dropped = true;
	return new_cache(executor, e);
}

/* A garbage cycle: the frame that caught an exception, and the traceback that it keeps. */
struct traceback {
	struct object object;
	struct reference itself, cache, arguments[INPUTS_MAX];
};
static const struct object_class traceback_class = { .name = "garbage" };

bool executor_keep_traceback(struct executor *executor, struct error *e)
{
	struct traceback *traceback = object_new(executor->heap, &traceback_class, "", sizeof(*traceback), e);

	if (!traceback)
		return false;
	reference_set(&traceback->itself, &traceback->object, &traceback->object, "frame");
	reference_set(&traceback->cache, &traceback->object, executor->cache.target, "traceback");
	for (size_t i = 0; i < INPUTS_MAX; i++) {
		reference_set(&traceback->arguments[i], &traceback->object, executor->frame[i].target, "traceback");
		reference_drop(&executor->frame[i]);
	}
	return true;
}

/* The arguments of a node that failed, for its traceback. */
static void hold_frame(struct executor *executor, const struct call *call)
{
	struct manager *m = executor->services->manager;

	for (size_t i = 0; i < INPUTS_MAX; i++) {
		const struct value *value = &call->arguments[i];

		reference_set(&executor->frame[i], manager_running_node(m), value->kind == VALUE_OBJECT ? value->object : NULL,
			      "arguments");
	}
}

void executor_drop_frame(struct executor *executor)
{
	for (size_t i = 0; i < INPUTS_MAX; i++)
		reference_drop(&executor->frame[i]);
}

/* ---- one prompt ---- */

struct wait {
	size_t source, consumer;
};

struct execution {
	struct executor *executor;
	const struct graph *graph;
	char **keys;
	size_t *pending; /* in order */
	size_t pending_count;
	size_t *block_counts; /* by node */
	bool *is_pending; /* by node */
	struct wait *waits;
	size_t wait_count;
	size_t *stack;
};

static void execution_free(struct execution *x)
{
	for (size_t i = 0; x->keys && i < x->graph->node_count; i++)
		free(x->keys[i]);
	free(x->keys);
	free(x->pending);
	free(x->block_counts);
	free(x->is_pending);
	free(x->waits);
	free(x->stack);
}

static bool execution_init(struct execution *x, struct executor *executor, const struct graph *graph, struct error *e)
{
	size_t count = graph->node_count;

	*x = (struct execution) { .executor = executor, .graph = graph };
	x->keys = array_new(count, sizeof(char *), e);
	x->pending = array_new(count, sizeof(size_t), e);
	x->block_counts = array_new(count, sizeof(size_t), e);
	x->is_pending = array_new(count, sizeof(bool), e);
	x->waits = array_new(graph->link_count, sizeof(struct wait), e);
	x->stack = array_new(graph->link_count + 1, sizeof(size_t), e);
	if (!x->keys || !x->pending || !x->block_counts || !x->is_pending || !x->waits || !x->stack)
		return false;
	return cache_keys(graph, x->keys, e);
}

static struct outputs *cached(const struct execution *x, size_t node)
{
	return cache_find(cache_of(x->executor), x->keys[node]);
}

static bool waits_already(const struct execution *x, size_t source, size_t consumer)
{
	for (size_t i = 0; i < x->wait_count; i++) {
		if (x->waits[i].source == source && x->waits[i].consumer == consumer)
			return true;
	}
	return false;
}

/* Depth first: the last source pushed is taken first, so that sources of the last input come first among the pending. */
static void add_node(struct execution *x, size_t node)
{
	size_t depth = 0;
	size_t first_wait = x->wait_count;

	x->stack[depth++] = node;
	while (depth) {
		size_t at = x->stack[--depth];
		const struct graph_node *n = &x->graph->nodes[at];

		if (x->is_pending[at])
			continue;
		x->is_pending[at] = true;
		x->pending[x->pending_count++] = at;
		for (size_t i = 0; i < n->input_count; i++) {
			const struct graph_input *input = &n->inputs[i];

			if (input->literal || cached(x, input->source))
				continue;
			x->stack[depth++] = input->source;
			if (!waits_already(x, input->source, at))
				x->waits[x->wait_count++] = (struct wait) { input->source, at };
		}
	}
	for (size_t i = first_wait; i < x->wait_count; i++)
		x->block_counts[x->waits[i].consumer]++;
}

/* Whether a pending output waits for the node, over `steps` links. */
static bool output_waits(const struct execution *x, size_t node, unsigned steps)
{
	for (size_t i = 0; i < x->wait_count; i++) {
		size_t consumer = x->waits[i].consumer;

		if (x->waits[i].source != node || !x->is_pending[consumer])
			continue;
		if (steps == 1 ? x->graph->nodes[consumer].type->is_output : output_waits(x, consumer, steps - 1))
			return true;
	}
	return false;
}

static bool has_rank(const struct execution *x, size_t node, unsigned rank)
{
	if (rank == 0)
		return x->graph->nodes[node].type->is_output;
	return rank == 3 || output_waits(x, node, rank);
}

/* The next node to run, or NO_NODE. */
static size_t pick(const struct execution *x)
{
	for (unsigned rank = 0; rank <= 3; rank++) {
		for (size_t i = 0; i < x->pending_count; i++) {
			size_t node = x->pending[i];

			if (x->block_counts[node] == 0 && has_rank(x, node, rank))
				return node;
		}
	}
	return NO_NODE;
}

static void finish_node(struct execution *x, size_t node)
{
	for (size_t i = 0; i < x->pending_count; i++) {
		if (x->pending[i] != node)
			continue;
		x->pending_count--;
		memmove(x->pending + i, x->pending + i + 1, (x->pending_count - i) * sizeof(*x->pending));
		break;
	}
	x->is_pending[node] = false;
	for (size_t i = 0; i < x->wait_count; i++) {
		if (x->waits[i].source == node)
			x->block_counts[x->waits[i].consumer]--;
	}
}

/* ---- one node ---- */

static const struct graph_input *find_input(const struct graph_node *node, const char *name)
{
	for (size_t i = 0; i < node->input_count; i++) {
		if (strcmp(node->inputs[i].name, name) == 0)
			return &node->inputs[i];
	}
	return NULL;
}

static bool collect_arguments(const struct execution *x, const struct graph_node *node, struct call *call, struct error *e)
{
	for (size_t i = 0; node->type->inputs[i].name; i++) {
		const struct input_type *type = &node->type->inputs[i];
		const struct graph_input *input = find_input(node, type->name);
		const struct outputs *outputs;

		if (!input) {
			call->arguments[i] = type->fallback;
			continue;
		}
		if (input->literal) {
			call->arguments[i] = input->value;
			continue;
		}
		outputs = cached(x, input->source);
		if (!outputs)
			return error_set(e, ERROR_NODE, "input %s: what node %s gave is gone", type->name,
					 x->graph->nodes[input->source].id);
		call->arguments[i] = outputs->slots[graph_slot(x->graph, input)].value;
	}
	return true;
}

/* Without a cache an output goes as soon as all that consume it have run. */
static void drop_consumed(const struct execution *x, size_t node)
{
	const struct graph_node *n = &x->graph->nodes[node];

	for (size_t i = 0; i < n->input_count; i++) {
		size_t source = n->inputs[i].source;
		bool all = true;

		if (n->inputs[i].literal || !cached(x, source))
			continue;
		for (size_t c = 0; all && c < x->graph->node_count; c++) {
			const struct graph_node *consumer = &x->graph->nodes[c];

			for (size_t j = 0; all && j < consumer->input_count; j++)
				all = consumer->inputs[j].source != source || cached(x, c);
		}
		if (all)
			cache_remove(cache_of(x->executor), x->keys[source]);
	}
}

static size_t output_count(const struct node_type *type)
{
	size_t count = 0;

	while (count < OUTPUTS_MAX && type->outputs[count])
		count++;
	return count;
}

static bool call_node(const struct execution *x, size_t node, struct error *e)
{
	struct executor *executor = x->executor;
	const struct graph_node *n = &x->graph->nodes[node];
	struct manager *m = executor->services->manager;
	struct call call = {
		.services = executor->services, .type = n->type, .node_id = n->id, .graph = x->graph, .node = node
	};
	bool fine;

	call.outputs = value_outputs_new(executor->heap, output_count(n->type), e);
	if (!call.outputs)
		return false;
	reference_set(&executor->result, manager_running_node(m), &call.outputs->object, "result");
	fine = collect_arguments(x, n, &call, e) && n->type->run(&call, e);
	fine = fine && cache_store(cache_of(executor), x->keys[node], n->id, call.outputs, e);
	reference_drop(&executor->result);
	if (!fine)
		hold_frame(executor, &call);
	if (fine && executor->cache_kind == CACHE_NONE) {
		struct reason_scope scope = manager_reason_begin(m, REASON_DIED_WITH_CACHE);

		drop_consumed(x, node);
		manager_reason_end(&scope);
	}
	return fine;
}

/* The ram cache gives up other prompts' outputs while main memory is short. */
static void relieve(const struct execution *x)
{
	struct manager *m = x->executor->services->manager;
	struct reason_scope scope;

	if (x->executor->cache_kind != CACHE_RAM)
		return;
	scope = manager_reason_begin(m, REASON_DIED_WITH_CACHE);
	while (manager_cpu_percent(m) > RAM_SHORT_PERCENT && cache_drop_oldest(cache_of(x->executor)))
		;
	manager_reason_end(&scope);
}

static bool run_node(const struct execution *x, size_t node, struct error *e)
{
	const struct graph_node *n = &x->graph->nodes[node];

	if (x->executor->interrupted && *x->executor->interrupted)
		return error_set(e, ERROR_INTERRUPTED, "interrupted before node %s", n->id);
	if (cached(x, node))
		return true;
	if (call_node(x, node, e)) {
		relieve(x);
		return true;
	}
	return error_context(e, "node %s (%s)", n->id, n->type->name);
}

static bool begin(const struct execution *x, struct error *e)
{
	struct manager *m = x->executor->services->manager;
	enum reason reason = x->executor->cache_kind == CACHE_NONE ? REASON_DIED_WITH_CACHE : REASON_DROPPED_BY_WORKFLOW;
	struct reason_scope scope = manager_reason_begin(m, reason);
	bool fine = cache_begin_prompt(cache_of(x->executor), x->keys, x->graph->node_count, e);

	manager_reason_end(&scope);
	relieve(x);
	return fine && manager_cleanup_collecting(m, e);
}

bool executor_run(struct executor *executor, const struct graph *graph, struct error *e)
{
	struct execution x;
	bool fine;

	executor_drop_frame(executor);
	fine = execution_init(&x, executor, graph, e) && begin(&x, e);
	for (size_t i = 0; fine && i < graph->output_count; i++)
		add_node(&x, graph->outputs[i]);
	while (fine && x.pending_count) {
		size_t node = pick(&x);

		if (node == NO_NODE) {
			fine = error_set(e, ERROR_BUG, "no node of the workflow is ready to run");
			break;
		}
		fine = run_node(&x, node, e);
		finish_node(&x, node);
	}
	execution_free(&x);
	return fine;
}
