/* heap.c - objects that hold each other and die: by count, in a collection, and with their heap.
 *
 * References are memory of their owners, so only objects and the heap itself are allocated. What fails to be made must leave
 * the rest whole: the collection afterwards still finds the cycle. */
#include "core/object/heap.h"
#include "tests/torture/torture.h"

#define NODES 6

struct node {
	struct object object;
	struct reference next;
};

static const struct object_class node_class = { .name = "node" };

/* A chain held by the root, its last two nodes a cycle. */
static bool build(struct heap *heap, struct reference *hold, struct object *root, struct error *e)
{
	struct node *nodes[NODES] = { NULL };

	for (size_t i = 0; i < NODES; i++) {
		nodes[i] = object_new(heap, &node_class, "node", sizeof(*nodes[i]), e);
		if (!nodes[i])
			return false;
		if (i)
			reference_set(&nodes[i - 1]->next, &nodes[i - 1]->object, &nodes[i]->object, "next");
		else
			reference_set(hold, root, &nodes[i]->object, "first");
	}
	reference_set(&nodes[NODES - 1]->next, &nodes[NODES - 1]->object, &nodes[NODES - 2]->object, "back");
	return true;
}

TORTURE_PIECE(torture_heap, "objects")
{
	static struct reference hold; /* must not move while it is set */
	struct heap *heap = heap_new(e);
	struct object *root = heap ? heap_root(heap, &node_class, "root", e) : NULL;
	bool fine;

	hold = (struct reference) { .target = NULL };
	fine = root && build(heap, &hold, root, e);
	if (fine) {
		reference_drop(&hold);
		fine = heap_collect(heap) == 2 || torture_bug(e, "a cycle of two was not collected");
	}
	if (heap)
		heap_free(heap);
	return fine;
}
