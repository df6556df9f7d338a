/* heap.c - making objects, and their death by count.
 *
 * Dropping the last reference of a target starts its death: a finalizer, weak references, contents. The cascade that follows is
 * depth first and without recursion; the objects whose contents are being dropped are chained through themselves, so that a death
 * needs no memory. References are in reference.c, weak ones in weak.c.
 */
#include "core/object/heap.h"

#include <stdlib.h>

#include "core/base/array.h"
#include "core/object/heap_private.h"

struct heap *heap_new(struct error *e)
{
	return array_new(1, sizeof(struct heap), e);
}

static void unlink_object(struct object *object)
{
	struct heap *heap = object->heap;

	if (object->previous)
		object->previous->next = object->next;
	else
		heap->first = object->next;
	if (object->next)
		object->next->previous = object->previous;
	else
		heap->last = object->previous;
}

void object_release_memory(struct object *object)
{
	struct heap *heap = object->heap;

	unlink_object(object);
	heap->counts.objects--;
	heap->counts.size_bytes -= object->size_bytes;
	if (object->class->destroy)
		object->class->destroy(object);
	free(object);
}

void heap_free(struct heap *heap)
{
	if (!heap)
		return;
	/* Emptied first, so that a destroy which clears its weak references does not reach into memory that is gone. */
	for (struct object *object = heap->first; object; object = object->next) {
		while (object->weak)
			weak_clear(object->weak);
	}
	while (heap->first)
		object_release_memory(heap->first);
	free(heap);
}

struct heap_counts heap_counts(const struct heap *heap)
{
	return heap->counts;
}

void *object_new(struct heap *heap, const struct object_class *class, const char *name, size_t size_bytes, struct error *e)
{
	struct object *object = array_new(1, size_bytes, e);

	if (!object)
		return NULL;
	object->class = class;
	object->name = name ? name : "";
	object->id = ++heap->counts.made;
	object->heap = heap;
	object->size_bytes = size_bytes;
	object->marked = heap->collecting;
	object->previous = heap->last;
	if (heap->last)
		heap->last->next = object;
	else
		heap->first = object;
	heap->last = object;
	heap->counts.objects++;
	heap->counts.size_bytes += size_bytes;
	return object;
}

struct object *heap_root(struct heap *heap, const struct object_class *class, const char *name, struct error *e)
{
	struct object *object = object_new(heap, class, name, sizeof(*object), e);

	if (object)
		object->is_root = true;
	return object;
}

/* Everything of a death by count but the contents. false if the object lives after all. */
static bool begin_death(struct object *object)
{
	object->dying = true;
	if (object->class->finalize && !object->finalized) {
		object->finalized = true;
		object->class->finalize(object);
		if (object->strong_count) {
			object->dying = false;
			return false;
		}
	}
	object_clear_weaks(object);
	object_call_weaks(object, NULL);
	return true;
}

/* Depth first without recursion: `pending` chains the objects whose contents are being dropped, innermost first. */
static void die(struct object *object)
{
	struct object *innermost;

	if (!begin_death(object))
		return;
	object->pending = NULL;
	innermost = object;
	while (innermost) {
		struct reference *reference = innermost->out;
		struct object *target;

		if (!reference) {
			struct object *outer = innermost->pending;

			object_release_memory(innermost);
			innermost = outer;
			continue;
		}
		target = reference->target;
		reference_unlink(reference);
		if (target->strong_count || target->is_root || target->dying || !begin_death(target))
			continue;
		target->pending = innermost;
		innermost = target;
	}
}

void object_discard(struct object *object)
{
	if (object && !object->strong_count && !object->is_root && !object->dying)
		die(object);
}

void object_release_all(struct object *owner)
{
	while (owner->out)
		reference_drop(owner->out);
}
