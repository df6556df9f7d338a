#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/object/heap.h"
#include "tests/harness/harness.h"
#include "tests/object/things.h"

static struct heap *heap;
static struct object *root;
static struct reference held;
static char seen[512];

static void set_up(void)
{
	heap = heap_new(NULL);
	ck_assert_ptr_nonnull(heap);
	root = thing_root(heap);
	seen[0] = '\0';
}

static void tear_down(void)
{
	heap_free(heap);
}

static void note(void *context, const struct holder *holder)
{
	size_t length = strlen(seen);

	(void)context;
	snprintf(seen + length, sizeof(seen) - length, "%s %s %s; ", holder->owner->name, holder->label,
		 holder->strong ? "strong" : "weak");
}

START_TEST(holders_are_named_by_owner_and_label)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *b = thing_new(heap, "b");

	reference_set(&held, root, &b->object, "kept");
	thing_hold(b, 2, a);
	thing_watch(b, a);
	heap_holders(&a->object, note, NULL);
	ck_assert_str_eq(seen, "b third strong; b watches weak; ");
}
END_TEST

START_TEST(wrappers_are_looked_through_and_each_once)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *inner = patcher_wrapper_new(heap, "inner");
	struct thing *outer = patcher_wrapper_new(heap, "outer");

	reference_set(&held, root, &outer->object, "it");
	thing_hold(outer, 0, inner);
	thing_hold(inner, 0, outer); /* wrappers in a circle */
	thing_hold(inner, 1, a);
	thing_hold(outer, 1, a);
	heap_holders(&a->object, note, NULL);
	ck_assert_str_eq(seen, "root it strong; ");
}
END_TEST

START_TEST(a_second_query_sees_the_same)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *wrapper = patcher_wrapper_new(heap, "wrapper");

	reference_set(&held, root, &wrapper->object, "it");
	thing_hold(wrapper, 0, a);
	heap_holders(&a->object, note, NULL);
	seen[0] = '\0';
	heap_holders(&a->object, note, NULL);
	ck_assert_str_eq(seen, "root it strong; ");
}
END_TEST

START_TEST(the_shortest_path_from_a_root_is_found)
{
	const struct reference *path[4];
	struct reference second = { .target = NULL };
	struct thing *a = thing_new(heap, "a");
	struct thing *near = thing_new(heap, "near");
	struct thing *far = thing_new(heap, "far");
	struct thing *farther = thing_new(heap, "farther");

	reference_set(&held, root, &farther->object, "long way");
	reference_set(&second, root, &near->object, "short way");
	thing_hold(farther, 0, far);
	thing_hold(far, 0, a);
	thing_hold(near, 1, a);
	ck_assert_uint_eq(heap_path(&a->object, path, 4), 2);
	ck_assert_str_eq(path[0]->label, "short way");
	ck_assert_str_eq(path[1]->label, "second");
}
END_TEST

START_TEST(what_no_root_reaches_has_no_path)
{
	const struct reference *path[1];
	struct thing *a = thing_new(heap, "a");

	thing_hold(a, 0, a);
	ck_assert_uint_eq(heap_path(&a->object, path, 1), 0);
}
END_TEST

START_TEST(a_path_longer_than_there_is_room_for_is_counted)
{
	const struct reference *path[1];
	struct thing *a = thing_new(heap, "a");
	struct thing *b = thing_new(heap, "b");

	reference_set(&held, root, &b->object, "it");
	thing_hold(b, 0, a);
	ck_assert_uint_eq(heap_path(&a->object, path, 1), 2);
	ck_assert_str_eq(path[0]->label, "it");
}
END_TEST

HARNESS_SUITE(query_suite)
{
	Suite *suite = suite_create("query");
	TCase *tests = tcase_create("query");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, holders_are_named_by_owner_and_label);
	tcase_add_test(tests, wrappers_are_looked_through_and_each_once);
	tcase_add_test(tests, a_second_query_sees_the_same);
	tcase_add_test(tests, the_shortest_path_from_a_root_is_found);
	tcase_add_test(tests, what_no_root_reaches_has_no_path);
	tcase_add_test(tests, a_path_longer_than_there_is_room_for_is_counted);
	suite_add_tcase(suite, tests);
	return suite;
}
