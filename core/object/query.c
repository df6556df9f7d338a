/* Walks against the edges, from an object to its owners, breadth first; holders are looked for through owners that are
 * transparent, a path through all. The objects seen are chained through a member that only the dying use otherwise, so that
 * a question needs no memory.
 */
#include "core/object/heap.h"
#include "core/object/heap_private.h"

/* Objects in the order they were seen, chained through `pending`. A dying object's `pending` is its cascade's: none is seen. */
struct holder_walk {
	struct object *first, *last;
};

static void see(struct holder_walk *walk, struct object *object, struct reference *via)
{
	if (object->seen || object->dying)
		return;
	object->seen = true;
	object->via = via;
	object->pending = NULL;
	if (walk->last)
		walk->last->pending = object;
	else
		walk->first = object;
	walk->last = object;
}

static void forget(struct holder_walk *walk)
{
	for (struct object *object = walk->first; object; object = object->pending)
		object->seen = false;
}

void heap_holders(struct object *object, void (*visit)(void *context, const struct holder *holder), void *context)
{
	struct holder_walk walk = { .first = NULL };

	see(&walk, object, NULL);
	for (struct object *held = walk.first; held; held = held->pending) {
		for (struct reference *in = held->in; in; in = in->in_next) {
			if (in->owner->class->transparent)
				see(&walk, in->owner, in);
			else
				visit(context, &(struct holder) { .owner = in->owner, .label = in->label, .strong = true });
		}
	}
	forget(&walk);
	for (struct weak *weak = object->weak; weak; weak = weak->next)
		visit(context, &(struct holder) { .owner = weak->owner, .label = weak->label, .strong = false });
}

/* Breadth first, from the object to its owners, until a root is seen; `via` then leads back. */
size_t heap_path(struct object *object, const struct reference **path, size_t capacity)
{
	struct holder_walk walk = { .first = NULL };
	struct object *found = NULL;
	size_t length = 0;

	see(&walk, object, NULL);
	for (struct object *held = walk.first; held && !found; held = held->pending) {
		for (struct reference *in = held->in; in && !found; in = in->in_next) {
			see(&walk, in->owner, in);
			found = in->owner->is_root ? in->owner : NULL;
		}
	}
	for (; found && found != object; found = found->via->target) {
		if (length < capacity)
			path[length] = found->via;
		length++;
	}
	forget(&walk);
	return length;
}
