/* things.h - objects to try the heap with: each holds up to four others, watches one, and writes down what happens to it. */
#ifndef RESIDENCY_TESTS_OBJECT_THINGS_H
#define RESIDENCY_TESTS_OBJECT_THINGS_H

#include "core/object/heap.h"

struct thing {
	struct object object;
	struct reference holds[4];
	struct weak watches;
	struct thing *rescuer; /* whose finalizer-made reference brings this one back; NULL for none */
};

extern const struct object_class thing_class;
extern const struct object_class wrapper_class; /* a thing that is looked through */

/* What happened, in order: "finalize a; callback b saw a; destroy a; ". */
const char *things_story(void);
void things_forget(void);

struct thing *thing_new(struct heap *heap, const char *name);
struct thing *patcher_wrapper_new(struct heap *heap, const char *name);
struct object *thing_root(struct heap *heap);
/* owner->holds[slot] = target. */
void thing_hold(struct thing *owner, unsigned slot, struct thing *target);
/* owner watches target, and says so when target dies. */
void thing_watch(struct thing *owner, struct thing *target);

#endif
