/* heap.h - who keeps what alive.
 *
 * Objects live as long as something holds them. A strong reference is an edge with a label, from an owner (another object, or a
 * root) to a target; a target without one dies at once, and what it held may die with it. A cycle that nothing outside holds
 * lives on until heap_collect(). Weak references hold nothing; they are empty once their target is dead, and may call back.
 * So "who keeps this alive" and "what let it die" are facts that can be queried.
 *
 * The order of death is CPython's, because upstream's bugs are made of it:
 *	by count	finalize (contents whole, weak references still valid) -> all weak references empty -> their callbacks,
 *			newest first -> contents are dropped, first taken first, each dying in full before the next
 *	in a collection	all weak references to all garbage empty -> callbacks of those whose owner lives -> finalize of each ->
 *			all garbage at once
 * An object whose finalizer gave it an owner again is not dead; it is not finalized twice.
 *
 * Edges are memory of whoever uses them (a member of the owner, as a rule), zero-initialised, so that taking and dropping a
 * reference never fails and costs O(1). They must not be moved in memory while set, and must be dropped before their memory
 * goes: references of a dying object are, by the heap; weak references of one are not, its destroy does that.
 *
 *	struct shelf { struct object object; struct reference book; };
 *	static const struct object_class shelf_class = { .name = "shelf" };
 *
 *	struct shelf *shelf = object_new(heap, &shelf_class, "top", sizeof(*shelf), e);
 *	reference_set(&shelf->book, &shelf->object, book, "third from left");
 */
#ifndef RESIDENCY_OBJECT_HEAP_H
#define RESIDENCY_OBJECT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct heap;
struct object;
struct weak;

struct object_class {
	const char *name; /* the kind of holder that its objects are: "cache" */
	bool transparent; /* a wrapper: who holds it holds what it holds (heap_holders) */
	void (*finalize)(struct object *object); /* once, at death, contents whole; may be NULL */
	void (*destroy)(struct object *object); /* frees what is not of the heap; touches no other object; may be NULL */
};

/* A strong reference. Private, apart from target and label, which may be read. */
struct reference {
	struct object *target;
	struct object *owner;
	const char *label; /* borrowed: lives as long as the reference */
	struct reference *in_next, *in_previous; /* of the target */
	struct reference *out_next, *out_previous; /* of the owner */
};

/* A weak reference. target is NULL once it is dead. */
struct weak {
	struct object *target;
	struct object *owner;
	const char *label;
	void (*callback)(struct weak *weak); /* the target is dead or dying; may be NULL */
	struct object *listed; /* private: whose list this is in */
	struct weak *next, *previous;
};

/* The head of every object; the first member of its struct. class, name and id may be read, the rest is private. */
struct object {
	const struct object_class *class;
	const char *name; /* borrowed; "" for none */
	uint64_t id; /* counts from 1 in a heap, never used twice */
	struct heap *heap;
	struct reference *in, *out, *out_last;
	struct weak *weak;
	struct object *next, *previous; /* of the heap */
	struct object *pending; /* of the walk or the cascade that this object is part of */
	struct reference *via; /* of a walk: the reference it was reached by */
	size_t size_bytes;
	uint32_t strong_count;
	bool is_root, finalized, dying;
	bool marked; /* by the last collection: reached from a root */
	bool seen; /* by the query that runs */
};

struct heap_counts {
	uint64_t objects; /* alive, roots among them */
	uint64_t references; /* strong */
	uint64_t weak_references;
	uint64_t size_bytes; /* of the objects' structs */
	uint64_t made; /* objects ever */
	uint64_t collections;
};

/* The caller frees with heap_free(). */
struct heap *heap_new(struct error *e);

/* Frees every object without finalizers and callbacks: the end of the world, not a death. */
void heap_free(struct heap *heap);

struct heap_counts heap_counts(const struct heap *heap);

/* size_bytes of zeros with the head filled in. Nothing holds it yet: hold it, or object_discard it. */
void *object_new(struct heap *heap, const struct object_class *class, const char *name, size_t size_bytes, struct error *e);

/* An object that is held by itself, until the heap goes. */
struct object *heap_root(struct heap *heap, const struct object_class *class, const char *name, struct error *e);

/* Lets an object die that nothing holds; does nothing if something does. */
void object_discard(struct object *object);

/* Takes the new target, then drops the old one. A NULL target only drops. */
void reference_set(struct reference *reference, struct object *owner, struct object *target, const char *label);
void reference_drop(struct reference *reference);

/* Drops all that owner holds, oldest first. */
void object_release_all(struct object *owner);

void weak_set(struct weak *weak, struct object *owner, struct object *target, const char *label,
	      void (*callback)(struct weak *weak));
void weak_clear(struct weak *weak);

/* How many strong references. Stands where upstream asks Python for its count. */
static inline uint32_t object_strong_count(const struct object *object)
{
	return object->strong_count;
}

/* Collects cycles. Returns how many objects died. In a finalizer or callback of another collection it does nothing. */
size_t heap_collect(struct heap *heap);

/* True while heap_collect runs: what dies now dies of that. */
bool heap_is_collecting(const struct heap *heap);

/* One who refers to an object. */
struct holder {
	const struct object *owner;
	const char *label;
	bool strong;
};

/* Calls visit for everybody who refers to object: strong ones first; owners of a transparent class are looked through, each
 * once. Allocates nothing. */
void heap_holders(struct object *object, void (*visit)(void *context, const struct holder *holder), void *context);

/* The shortest chain of strong references from a root: fills path from the root's reference to the one that holds object.
 * Returns its length, which may exceed capacity (then the first `capacity` are filled), or 0 when no root reaches it. */
size_t heap_path(struct object *object, const struct reference **path, size_t capacity);

#endif
