/* reference.c - strong references: edges in two lists, the owner's in the order of taking and the target's newest first, so that
 * taking and dropping one is O(1). A target that was taken is linked before the old one is dropped: an object that refers to itself
 * through both does not die in between.
 */
#include "core/object/heap_private.h"

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
