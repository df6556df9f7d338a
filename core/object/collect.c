/* Mark and sweep over what counting cannot free. Marking starts from the roots and from what is dying by count, and keeps
 * its own stack. Garbage then dies in Python's order: weak references are emptied, their callbacks and the finalizers run
 * while all of it is held, and only then are its edges cut.
 */
#include "core/object/heap.h"
#include "core/object/heap_private.h"

bool heap_is_collecting(const struct heap *heap)
{
	return heap->collecting;
}

static void mark_targets(const struct object *object, struct object **stack)
{
	for (struct reference *out = object->out; out; out = out->out_next) {
		if (out->target->marked)
			continue;
		out->target->marked = true;
		out->target->pending = *stack;
		*stack = out->target;
	}
}

/* Marks what the roots reach, and what is in the middle of dying by count (its cascade will see to it, and needs its
 * `pending`). */
static void mark_living(struct heap *heap)
{
	struct object *stack = NULL;

	for (struct object *object = heap->first; object; object = object->next)
		object->marked = object->is_root || object->dying;
	for (struct object *object = heap->first; object; object = object->next) {
		if (object->is_root || object->dying)
			mark_targets(object, &stack);
	}
	while (stack) {
		struct object *object = stack;

		stack = object->pending;
		mark_targets(object, &stack);
	}
}

static bool owner_lives(const struct weak *weak)
{
	return !weak->owner || weak->owner->marked;
}

/* All weak references empty before anybody is told, then those who live are told, then finalizers. What is made on the way is
 * marked from the start. */
static void tell_of_death(struct heap *heap)
{
	for (struct object *object = heap->first; object; object = object->next) {
		if (!object->marked)
			object_clear_weaks(object);
	}
	for (struct object *object = heap->first; object; object = object->next) {
		if (!object->marked && object->weak)
			object_call_weaks(object, owner_lives);
	}
	for (struct object *object = heap->first; object; object = object->next) {
		if (object->marked || object->finalized || !object->class->finalize)
			continue;
		object->finalized = true;
		object->class->finalize(object);
	}
}

/* Cuts every edge from garbage (what is not garbage has another owner, too), then frees. */
static size_t sweep(struct heap *heap)
{
	size_t died = 0;
	struct object *object;
	struct object *next;

	for (object = heap->first; object; object = object->next) {
		while (!object->marked && object->out)
			reference_unlink(object->out);
	}
	for (object = heap->first; object; object = next) {
		next = object->next;
		if (object->marked)
			continue;
		object_release_memory(object);
		died++;
	}
	return died;
}

/* Garbage is held while code of others runs, so that none of it goes by count in the middle. Returns whether there is any. */
static bool hold_garbage(struct heap *heap)
{
	bool any = false;

	for (struct object *object = heap->first; object; object = object->next) {
		if (object->marked)
			continue;
		object->strong_count++;
		any = true;
	}
	return any;
}

size_t heap_collect(struct heap *heap)
{
	size_t died = 0;

	if (heap->collecting)
		return 0;
	heap->collecting = true;
	heap->counts.collections++;
	mark_living(heap);
	if (hold_garbage(heap)) {
		tell_of_death(heap);
		for (struct object *object = heap->first; object; object = object->next) {
			if (!object->marked)
				object->strong_count--;
		}
		mark_living(heap);
		died = sweep(heap);
	}
	heap->collecting = false;
	return died;
}
