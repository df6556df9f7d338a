#include <check.h>

#include "core/object/heap.h"
#include "tests/harness/harness.h"
#include "tests/object/things.h"

static struct heap *heap;
static struct object *root;
static struct reference held; /* what the root holds */

static void set_up(void)
{
	heap = heap_new(NULL);
	ck_assert_ptr_nonnull(heap);
	root = thing_root(heap);
	things_forget();
}

static void tear_down(void)
{
	heap_free(heap);
}

START_TEST(what_nobody_holds_dies_when_let_go)
{
	struct thing *a = thing_new(heap, "a");

	reference_set(&held, root, &a->object, "it");
	reference_drop(&held);
	ck_assert_str_eq(things_story(), "finalize a; destroy a; ");
	ck_assert_uint_eq(heap_counts(heap).objects, 1);
}
END_TEST

START_TEST(what_two_hold_outlives_one_of_them)
{
	struct reference second = { .target = NULL };
	struct thing *a = thing_new(heap, "a");

	reference_set(&held, root, &a->object, "one");
	reference_set(&second, root, &a->object, "two");
	reference_drop(&held);
	ck_assert_str_eq(things_story(), "");
	ck_assert_uint_eq(object_strong_count(&a->object), 1);
	reference_drop(&second);
	ck_assert_str_eq(things_story(), "finalize a; destroy a; ");
}
END_TEST

START_TEST(by_count_the_finalizer_comes_before_the_watchers_and_these_before_the_contents)
{
	struct reference watcher_held = { .target = NULL };
	struct thing *watcher = thing_new(heap, "watcher");
	struct thing *outer = thing_new(heap, "outer");
	struct thing *inner = thing_new(heap, "inner");

	reference_set(&watcher_held, root, &watcher->object, "watcher");
	reference_set(&held, root, &outer->object, "it");
	thing_hold(outer, 0, inner);
	thing_watch(watcher, outer);
	reference_drop(&held);
	ck_assert_str_eq(things_story(), "finalize outer; told watcher; finalize inner; destroy inner; destroy outer; ");
	reference_drop(&watcher_held);
}
END_TEST

START_TEST(the_newest_watcher_is_told_first)
{
	struct reference first_held = { .target = NULL };
	struct reference second_held = { .target = NULL };
	struct thing *first = thing_new(heap, "first");
	struct thing *second = thing_new(heap, "second");
	struct thing *a = thing_new(heap, "a");

	reference_set(&first_held, root, &first->object, "first");
	reference_set(&second_held, root, &second->object, "second");
	reference_set(&held, root, &a->object, "it");
	thing_watch(first, a);
	thing_watch(second, a);
	reference_drop(&held);
	ck_assert_str_eq(things_story(), "finalize a; told second; told first; destroy a; ");
}
END_TEST

START_TEST(contents_die_each_in_full_in_the_order_they_were_taken)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *b = thing_new(heap, "b");
	struct thing *c = thing_new(heap, "c");
	struct thing *d = thing_new(heap, "d");

	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, b);
	thing_hold(a, 1, d);
	thing_hold(b, 0, c);
	reference_drop(&held);
	ck_assert_str_eq(things_story(),
			 "finalize a; finalize b; finalize c; destroy c; destroy b; finalize d; destroy d; destroy a; ");
}
END_TEST

START_TEST(a_finalizer_can_bring_its_object_back_once)
{
	struct reference rescuer_held = { .target = NULL };
	struct thing *rescuer = thing_new(heap, "rescuer");
	struct thing *a = thing_new(heap, "a");

	reference_set(&rescuer_held, root, &rescuer->object, "rescuer");
	reference_set(&held, root, &a->object, "it");
	a->rescuer = rescuer;
	reference_drop(&held);
	ck_assert_str_eq(things_story(), "finalize a; ");
	thing_hold(rescuer, 3, NULL);
	ck_assert_str_eq(things_story(), "finalize a; destroy a; ");
}
END_TEST

START_TEST(a_new_target_is_taken_before_the_old_one_goes)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *b = thing_new(heap, "b");

	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, b);
	reference_set(&held, root, &b->object, "it");
	ck_assert_str_eq(things_story(), "finalize a; destroy a; ");
	ck_assert_uint_eq(object_strong_count(&b->object), 1);
}
END_TEST

START_TEST(a_dead_watcher_is_not_told)
{
	struct reference watcher_held = { .target = NULL };
	struct thing *watcher = thing_new(heap, "watcher");
	struct thing *a = thing_new(heap, "a");

	reference_set(&watcher_held, root, &watcher->object, "watcher");
	reference_set(&held, root, &a->object, "it");
	thing_watch(watcher, a);
	reference_drop(&watcher_held);
	things_forget();
	reference_drop(&held);
	ck_assert_str_eq(things_story(), "finalize a; destroy a; ");
}
END_TEST

START_TEST(a_long_chain_dies_without_running_out_of_stack)
{
	struct thing *last = thing_new(heap, "link");

	for (int i = 0; i < 300000; i++) {
		struct thing *next = patcher_wrapper_new(heap, "link");

		thing_hold(next, 0, last);
		last = next;
	}
	reference_set(&held, root, &last->object, "chain");
	reference_drop(&held);
	ck_assert_uint_eq(heap_counts(heap).objects, 1);
	ck_assert_uint_eq(heap_counts(heap).references, 0);
}
END_TEST

START_TEST(an_object_that_nobody_took_can_be_discarded)
{
	object_discard(&thing_new(heap, "a")->object);
	ck_assert_str_eq(things_story(), "finalize a; destroy a; ");
}
END_TEST

START_TEST(the_end_of_the_heap_is_no_death)
{
	struct heap *other = heap_new(NULL);
	struct reference other_held = { .target = NULL };
	struct thing *watcher = thing_new(other, "watcher");
	struct thing *a = thing_new(other, "a");

	reference_set(&other_held, thing_root(other), &a->object, "it");
	thing_hold(a, 0, watcher);
	thing_watch(watcher, a);
	heap_free(other);
	ck_assert_str_eq(things_story(), "destroy watcher; destroy a; ");
}
END_TEST

HARNESS_SUITE(heap_suite)
{
	Suite *suite = suite_create("heap");
	TCase *tests = tcase_create("heap");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_nobody_holds_dies_when_let_go);
	tcase_add_test(tests, what_two_hold_outlives_one_of_them);
	tcase_add_test(tests, by_count_the_finalizer_comes_before_the_watchers_and_these_before_the_contents);
	tcase_add_test(tests, the_newest_watcher_is_told_first);
	tcase_add_test(tests, contents_die_each_in_full_in_the_order_they_were_taken);
	tcase_add_test(tests, a_finalizer_can_bring_its_object_back_once);
	tcase_add_test(tests, a_new_target_is_taken_before_the_old_one_goes);
	tcase_add_test(tests, a_dead_watcher_is_not_told);
	tcase_add_test(tests, a_long_chain_dies_without_running_out_of_stack);
	tcase_add_test(tests, an_object_that_nobody_took_can_be_discarded);
	tcase_add_test(tests, the_end_of_the_heap_is_no_death);
	suite_add_tcase(suite, tests);
	return suite;
}
