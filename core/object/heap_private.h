/* heap_private.h - what the files of this room share. Private to core/object. */
#ifndef RESIDENCY_OBJECT_HEAP_PRIVATE_H
#define RESIDENCY_OBJECT_HEAP_PRIVATE_H

#include "core/object/heap.h"

struct heap {
	struct object *first, *last; /* in the order they were made */
	struct heap_counts counts;
	bool collecting;
};

/* Takes the edge out of both lists; frees nothing. */
void reference_unlink(struct reference *reference);

void weak_unlist(struct weak *weak);
void object_clear_weaks(struct object *object);

/* Takes every weak reference off the list and calls back those that are wanted (all, for NULL). */
void object_call_weaks(struct object *object, bool (*wanted)(const struct weak *weak));

/* destroy, and the memory. */
void object_release_memory(struct object *object);

#endif
