/* prompt_queue.c - heapq's push, pop and heapify, step by step, so that the list lies as Python's would. */
#include "core/workflow/prompt/prompt_queue.h"

/* Tuples: the first items that are not equal decide. Two maps or lists of texts that differ cannot be compared: TypeError for maps. */
static bool item_less(const struct py *a, const struct py *b, bool *less, struct py_raised *raised)
{
	*less = false;
	for (size_t i = 0; i <= PROMPT_ITEM_OUTPUTS; i++) {
		const struct py *x = py_at(a, i);
		const struct py *y = py_at(b, i);

		if (!py_equal(x, y))
			return py_less(x, y, less, raised);
	}
	return true;
}

static void swap(struct py *queue, size_t a, size_t b)
{
	struct py *held = queue->list.items[a];

	queue->list.items[a] = queue->list.items[b];
	queue->list.items[b] = held;
}

/* Python's _siftdown: up from `at` towards `top`. */
static bool sift_down(struct py *queue, size_t top, size_t at, struct py_raised *raised)
{
	while (at > top) {
		size_t parent = (at - 1) / 2;
		bool less;

		if (!item_less(py_at(queue, at), py_at(queue, parent), &less, raised))
			return false;
		if (!less)
			break;
		swap(queue, at, parent);
		at = parent;
	}
	return true;
}

/* Python's _siftup: down to a leaf along the smaller children, then back up. What cannot be compared counts as not less: upstream's
 * worker would end here. */
static void sift_up(struct py *queue, size_t at)
{
	struct py_raised ignored = PY_RAISED_INIT;
	size_t top = at;
	size_t count = py_count(queue);

	for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
		bool less = true;

		if (child + 1 < count && (!item_less(py_at(queue, child), py_at(queue, child + 1), &less, &ignored) || !less))
			child++;
		swap(queue, at, child);
		at = child;
	}
	sift_down(queue, top, at, &ignored);
	py_raised_clear(&ignored);
}

bool prompt_queue_push(struct py *queue, struct py *item, struct py_raised *raised)
{
	if (!py_append(queue, item))
		return py_raise_no_memory(raised);
	return sift_down(queue, 0, py_count(queue) - 1, raised);
}

struct py *prompt_queue_pop(struct py *queue)
{
	size_t count = py_count(queue);
	struct py *first;

	if (!count)
		return NULL;
	swap(queue, 0, count - 1);
	first = queue->list.items[--queue->list.count];
	if (py_count(queue))
		sift_up(queue, 0);
	return first;
}

void prompt_queue_remove(struct py *queue, size_t at)
{
	py_drop(queue->list.items[at]);
	for (size_t i = at + 1; i < queue->list.count; i++)
		queue->list.items[i - 1] = queue->list.items[i];
	queue->list.count--;
	for (size_t i = py_count(queue) / 2; i > 0; i--)
		sift_up(queue, i - 1);
}
