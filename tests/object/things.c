#include "tests/object/things.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static char story[8192];

static void tell(const char *what, const char *whom)
{
	size_t length = strlen(story);

	snprintf(story + length, sizeof(story) - length, "%s %s; ", what, whom);
}

static void finalize(struct object *object)
{
	struct thing *thing = (struct thing *)object;

	tell("finalize", object->name);
	if (thing->rescuer)
		thing_hold(thing->rescuer, 3, thing);
}

static void destroy(struct object *object)
{
	weak_clear(&((struct thing *)object)->watches);
	tell("destroy", object->name);
}

const struct object_class thing_class = { .name = "thing", .finalize = finalize, .destroy = destroy };
const struct object_class wrapper_class = { .name = "wrapper", .transparent = true, .destroy = destroy };
static const struct object_class root_class = { .name = "root" };

const char *things_story(void)
{
	return story;
}

void things_forget(void)
{
	story[0] = '\0';
}

static struct thing *make(struct heap *heap, const struct object_class *class, const char *name)
{
	struct error e = ERROR_INIT;
	struct thing *thing = object_new(heap, class, name, sizeof(*thing), &e);

	ck_assert_msg(thing != NULL, "%s", e.text);
	return thing;
}

struct thing *thing_new(struct heap *heap, const char *name)
{
	return make(heap, &thing_class, name);
}

struct thing *patcher_wrapper_new(struct heap *heap, const char *name)
{
	return make(heap, &wrapper_class, name);
}

struct object *thing_root(struct heap *heap)
{
	struct object *root = heap_root(heap, &root_class, "root", NULL);

	ck_assert_ptr_nonnull(root);
	return root;
}

void thing_hold(struct thing *owner, unsigned slot, struct thing *target)
{
	static const char *const labels[] = { "first", "second", "third", "fourth" };

	reference_set(&owner->holds[slot], &owner->object, target ? &target->object : NULL, labels[slot]);
}

static void saw_death(struct weak *weak)
{
	ck_assert_ptr_null(weak->target);
	tell("told", weak->owner->name);
}

void thing_watch(struct thing *owner, struct thing *target)
{
	weak_set(&owner->watches, &owner->object, &target->object, "watches", saw_death);
}
