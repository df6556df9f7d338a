/* References are edges in two lists, the owner's and the target's. Dropping the last one of a target starts its death: a
 * finalizer, weak references, contents. The cascade that follows is depth first and without recursion; the objects whose
 * contents are being dropped are chained through themselves, so that a death needs no memory.
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

void reference_unlink(struct reference *reference)
{
	struct object *target = reference->target;
	struct object *owner = reference->owner;

	if (reference->in_previous)
		reference->in_previous->in_next = reference->in_next;
	else
		target->in = reference->in_next;
	if (reference->in_next)
		reference->in_next->in_previous = reference->in_previous;
	if (reference->out_previous)
		reference->out_previous->out_next = reference->out_next;
	else
		owner->out = reference->out_next;
	if (reference->out_next)
		reference->out_next->out_previous = reference->out_previous;
	else
		owner->out_last = reference->out_previous;
	target->strong_count--;
	target->heap->counts.references--;
	*reference = (struct reference) { .target = NULL };
}

static void reference_link(struct reference *reference, struct object *owner, struct object *target, const char *label)
{
	*reference = (struct reference) { .target = target, .owner = owner, .label = label };
	reference->in_next = target->in;
	if (target->in)
		target->in->in_previous = reference;
	target->in = reference;
	reference->out_previous = owner->out_last;
	if (owner->out_last)
		owner->out_last->out_next = reference;
	else
		owner->out = reference;
	owner->out_last = reference;
	target->strong_count++;
	target->heap->counts.references++;
}

/* Empties every weak reference before any is told: a callback must find none that still leads here. Those that were told, or
 * were cleared by another's callback, are off the list. */
void object_clear_weaks(struct object *object)
{
	for (struct weak *weak = object->weak; weak; weak = weak->next)
		weak->target = NULL;
}

void object_call_weaks(struct object *object, bool (*wanted)(const struct weak *weak))
{
	while (object->weak) {
		struct weak *weak = object->weak;
		void (*callback)(struct weak *) = weak->callback;
		bool call = callback && (!wanted || wanted(weak));

		weak_unlist(weak);
		if (call)
			callback(weak);
	}
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

void reference_drop(struct reference *reference)
{
	struct object *target = reference->target;

	if (!target)
		return;
	reference_unlink(reference);
	object_discard(target);
}

void reference_set(struct reference *reference, struct object *owner, struct object *target, const char *label)
{
	struct object *old = reference->target;

	if (old)
		reference_unlink(reference);
	if (target)
		reference_link(reference, owner, target, label);
	if (old)
		object_discard(old);
}

void object_let_go(struct object *owner)
{
	while (owner->out)
		reference_drop(owner->out);
}

void weak_unlist(struct weak *weak)
{
	struct object *object = weak->listed;

	if (weak->previous)
		weak->previous->next = weak->next;
	else
		object->weak = weak->next;
	if (weak->next)
		weak->next->previous = weak->previous;
	weak->next = NULL;
	weak->previous = NULL;
	weak->listed = NULL;
	object->heap->counts.weak_references--;
}

void weak_clear(struct weak *weak)
{
	if (weak->listed)
		weak_unlist(weak);
	weak->target = NULL;
}

void weak_set(struct weak *weak, struct object *owner, struct object *target, const char *label,
	      void (*callback)(struct weak *weak))
{
	weak_clear(weak);
	*weak = (struct weak) { .target = target, .owner = owner, .label = label, .callback = callback, .listed = target };
	if (!target)
		return;
	weak->next = target->weak;
	if (target->weak)
		target->weak->previous = weak;
	target->weak = weak;
	target->heap->counts.weak_references++;
}
