/* weak.c - weak references: a list at the target, newest first.
 *
 * A death empties all of them first (object_clear_weaks), then takes them off the list one by one and calls back
 * (object_call_weaks): a callback may clear others, but never finds one that still leads to the object.
 */
#include "core/object/heap_private.h"

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
