/* prompt_pending.c - the nodes that are to run, and the order in which they do.
 *
 * Adding a node walks its links depth first, the last one pushed first; so sources of the last input stand first among the pending.
 * Of the nodes that wait for nothing an output or an async node goes first, then one that an output waits for, then one link
 * farther back, then the first. Who waits for whom is kept with the source, so that its end frees its consumers.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/workflow/prompt/prompt_run.h"

struct prompt_link {
	const struct py *source;
	size_t consumer;
};

struct prompt_adding {
	size_t *stack;
	size_t depth, stack_capacity;
	struct prompt_link *links;
	size_t link_count, link_capacity;
};

static bool is_cached(const struct prompt_run *run, const struct py *id)
{
	size_t node = prompt_nodes_find(run->nodes, id);

	return node != PROMPT_NO_NODE && prompt_cache_get(run->executor->outputs, run->nodes, node);
}

/* ---- adding ---- */

static bool push(struct prompt_adding *adding, size_t node, struct py_raised *raised)
{
	if (!array_reserve(&adding->stack, &adding->stack_capacity, adding->depth + 1, sizeof(*adding->stack), NULL))
		return py_raise_no_memory(raised);
	adding->stack[adding->depth++] = node;
	return true;
}

static bool is_lazy(const struct prompt_node *node, const char *input)
{
	const struct prompt_input *declared = node->class ? prompt_class_input(node->class, input) : NULL;

	return declared && declared->is_lazy;
}

static bool follow(struct prompt_run *run, struct prompt_adding *adding, size_t node, struct py_raised *raised)
{
	const struct py *inputs = prompt_node_inputs(&run->nodes->items[node], raised);

	for (size_t i = 0; inputs && i < py_count(inputs); i++) {
		const struct py_pair *input = &inputs->map.pairs[i];
		const struct py *source;
		size_t place;

		if (!py_is_link(input->value) || is_lazy(&run->nodes->items[node], input->key))
			continue;
		source = py_at(input->value, 0);
		if (is_cached(run, source))
			continue;
		place = prompt_nodes_get(run->nodes, source, raised);
		if (place == PROMPT_NO_NODE || !push(adding, place, raised))
			return false;
		if (!array_reserve(&adding->links, &adding->link_capacity, adding->link_count + 1, sizeof(*adding->links),
				   NULL))
			return py_raise_no_memory(raised);
		adding->links[adding->link_count++] = (struct prompt_link) { .source = source, .consumer = node };
	}
	return inputs != NULL;
}

static bool make_pending(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	struct prompt_node *n = &run->nodes->items[node];

	if (!array_reserve(&run->pending, &run->pending_capacity, run->pending_count + 1, sizeof(*run->pending), NULL))
		return py_raise_no_memory(raised);
	run->pending[run->pending_count++] = node;
	n->is_pending = true;
	n->block_count = 0;
	n->blocked_count = 0;
	return true;
}

bool prompt_pending_add(struct prompt_run *run, size_t node, struct py_raised *raised)
{
	struct prompt_adding adding = { .depth = 0 };
	bool fine = push(&adding, node, raised);

	while (fine && adding.depth) {
		size_t at = adding.stack[--adding.depth];

		if (!run->nodes->items[at].is_pending)
			fine = make_pending(run, at, raised) && follow(run, &adding, at, raised);
	}
	for (size_t i = 0; fine && i < adding.link_count; i++)
		fine = prompt_pending_link(run, adding.links[i].source, adding.links[i].consumer, raised);
	free(adding.stack);
	free(adding.links);
	return fine;
}

static bool waits_already(const struct prompt_node *source, size_t consumer)
{
	for (size_t i = 0; i < source->blocked_count; i++) {
		if (source->blocked[i] == consumer)
			return true;
	}
	return false;
}

bool prompt_pending_link(struct prompt_run *run, const struct py *source, size_t consumer, struct py_raised *raised)
{
	struct prompt_node *from;
	size_t place;

	if (is_cached(run, source))
		return true;
	place = prompt_nodes_get(run->nodes, source, raised);
	if (place == PROMPT_NO_NODE)
		return false;
	if (!run->nodes->items[place].is_pending && !prompt_pending_add(run, place, raised))
		return false;
	from = &run->nodes->items[place];
	if (waits_already(from, consumer))
		return true;
	if (!array_reserve(&from->blocked, &from->blocked_capacity, from->blocked_count + 1, sizeof(*from->blocked), NULL))
		return py_raise_no_memory(raised);
	from->blocked[from->blocked_count++] = consumer;
	run->nodes->items[consumer].block_count++;
	return true;
}

void prompt_pending_end(struct prompt_run *run, size_t node)
{
	struct prompt_node *ended = &run->nodes->items[node];

	for (size_t i = 0; i < run->pending_count; i++) {
		if (run->pending[i] != node)
			continue;
		run->pending_count--;
		memmove(run->pending + i, run->pending + i + 1, (run->pending_count - i) * sizeof(*run->pending));
		break;
	}
	ended->is_pending = false;
	for (size_t i = 0; i < ended->blocked_count; i++)
		run->nodes->items[ended->blocked[i]].block_count--;
	ended->blocked_count = 0;
}

/* ---- picking ---- */

static bool is_output(const struct prompt_run *run, size_t node)
{
	const struct prompt_class *class = run->nodes->items[node].class;

	return class && class->is_output;
}

static bool is_async(const struct prompt_run *run, size_t node)
{
	const struct prompt_class *class = run->nodes->items[node].class;

	return class && class->is_async;
}

/* Whether an output waits for the node, over so many links. */
static bool output_waits(const struct prompt_run *run, size_t node, unsigned links)
{
	const struct prompt_node *n = &run->nodes->items[node];

	for (size_t i = 0; i < n->blocked_count; i++) {
		if (links == 1 ? is_output(run, n->blocked[i]) : output_waits(run, n->blocked[i], links - 1))
			return true;
	}
	return false;
}

static bool has_rank(const struct prompt_run *run, size_t node, unsigned rank)
{
	if (rank == 0)
		return is_output(run, node) || is_async(run, node);
	return rank == 3 || output_waits(run, node, rank);
}

static size_t pick_ready(const struct prompt_run *run)
{
	for (unsigned rank = 0; rank <= 3; rank++) {
		for (size_t i = 0; i < run->pending_count; i++) {
			size_t node = run->pending[i];

			if (run->nodes->items[node].block_count == 0 && has_rank(run, node, rank))
				return node;
		}
	}
	return PROMPT_NO_NODE;
}

/* ---- tasks ---- */

/* When the last of a node's tasks ends. */
static uint64_t tasks_end_ms(const struct prompt_mapping *tasks)
{
	uint64_t end_ms = 0;

	for (size_t i = 0; i < tasks->result_count; i++) {
		if (tasks->results[i].suspends && tasks->results[i].ready_ms > end_ms)
			end_ms = tasks->results[i].ready_ms;
	}
	return end_ms;
}

void prompt_pending_wake(struct prompt_run *run)
{
	for (size_t i = 0; run->waiting && i < run->pending_count; i++) {
		struct prompt_node *node = &run->nodes->items[run->pending[i]];

		if (!node->tasks || !node->tasks->waits || tasks_end_ms(node->tasks) > run->now_ms)
			continue;
		node->tasks->waits = false;
		node->block_count--;
		run->waiting--;
	}
}

/* Lets time pass until the first of those that wait has its results. */
static void wait_for_tasks(struct prompt_run *run)
{
	uint64_t first_ms = UINT64_MAX;

	for (size_t i = 0; i < run->pending_count; i++) {
		const struct prompt_mapping *tasks = run->nodes->items[run->pending[i]].tasks;
		uint64_t end_ms = tasks && tasks->waits ? tasks_end_ms(tasks) : UINT64_MAX;

		first_ms = end_ms < first_ms ? end_ms : first_ms;
	}
	run->now_ms = first_ms > run->now_ms ? first_ms : run->now_ms;
	prompt_pending_wake(run);
}

/* ---- cycles ---- */

static bool is_blocked(const struct prompt_run *run, const bool *in_cycle, size_t node)
{
	for (size_t i = 0; i < run->pending_count; i++) {
		if (in_cycle[run->pending[i]] && waits_already(&run->nodes->items[run->pending[i]], node))
			return true;
	}
	return false;
}

/* The first member of a cycle that stands for another node, else the first member: cycles of the prompt's own nodes never pass
 * validation. */
static const struct py *blame(const struct prompt_run *run)
{
	bool *in_cycle = array_new(run->nodes->count, sizeof(*in_cycle), NULL);
	const struct py *first = NULL;
	const struct py *other = NULL;
	bool changed = in_cycle != NULL;

	for (size_t i = 0; in_cycle && i < run->pending_count; i++)
		in_cycle[run->pending[i]] = true;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < run->pending_count; i++) {
			size_t node = run->pending[i];

			if (in_cycle[node] && !is_blocked(run, in_cycle, node)) {
				in_cycle[node] = false;
				changed = true;
			}
		}
	}
	for (size_t i = 0; in_cycle && i < run->pending_count; i++) {
		size_t node = run->pending[i];
		const struct py *display = prompt_node_display(run->nodes, node);

		if (!in_cycle[node])
			continue;
		first = first ? first : run->nodes->items[node].id;
		if (!other && !py_equal(display, run->nodes->items[node].id))
			other = display;
	}
	free(in_cycle);
	return other ? other : first;
}

size_t prompt_pending_pick(struct prompt_run *run, const struct py **blamed)
{
	size_t node = pick_ready(run);

	while (node == PROMPT_NO_NODE && run->waiting) {
		wait_for_tasks(run);
		node = pick_ready(run);
	}
	if (node == PROMPT_NO_NODE)
		*blamed = blame(run);
	return node;
}
