#include <check.h>

#include "core/object/heap.h"
#include "tests/harness/harness.h"
#include "tests/object/things.h"

static struct heap *heap;
static struct object *root;
static struct reference held, also_held;

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

START_TEST(a_cycle_outlives_its_last_owner_until_the_next_collection)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *b = thing_new(heap, "b");

	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, b);
	thing_hold(b, 0, a);
	reference_drop(&held);
	ck_assert_str_eq(things_story(), "");
	ck_assert_uint_eq(heap_collect(heap), 2);
	ck_assert_str_eq(things_story(), "finalize a; finalize b; destroy a; destroy b; ");
}
END_TEST

START_TEST(what_hangs_on_a_dropped_cycle_dies_with_it)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *b = thing_new(heap, "b");
	struct thing *leaf = thing_new(heap, "leaf");

	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, b);
	thing_hold(b, 0, a);
	thing_hold(b, 1, leaf);
	reference_drop(&held);
	ck_assert_uint_eq(heap_collect(heap), 3);
	ck_assert_uint_eq(heap_counts(heap).objects, 1);
}
END_TEST

START_TEST(what_somebody_else_holds_survives_the_cycle)
{
	struct thing *a = thing_new(heap, "a");
	struct thing *kept = thing_new(heap, "kept");

	reference_set(&held, root, &a->object, "it");
	reference_set(&also_held, root, &kept->object, "kept");
	thing_hold(a, 0, a);
	thing_hold(a, 1, kept);
	reference_drop(&held);
	ck_assert_uint_eq(heap_collect(heap), 1);
	ck_assert_str_eq(things_story(), "finalize a; destroy a; ");
	ck_assert_uint_eq(object_strong_count(&kept->object), 1);
}
END_TEST

START_TEST(a_held_cycle_is_left_alone)
{
	struct thing *a = thing_new(heap, "a");

	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, a);
	ck_assert_uint_eq(heap_collect(heap), 0);
	ck_assert_str_eq(things_story(), "");
}
END_TEST

START_TEST(in_a_collection_the_watchers_come_before_the_finalizers)
{
	struct thing *watcher = thing_new(heap, "watcher");
	struct thing *a = thing_new(heap, "a");

	reference_set(&also_held, root, &watcher->object, "watcher");
	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, a);
	thing_watch(watcher, a);
	reference_drop(&held);
	heap_collect(heap);
	ck_assert_str_eq(things_story(), "told watcher; finalize a; destroy a; ");
}
END_TEST

START_TEST(a_watcher_that_is_garbage_itself_is_not_told)
{
	struct thing *watcher = thing_new(heap, "watcher");
	struct thing *a = thing_new(heap, "a");

	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, a);
	thing_hold(a, 1, watcher);
	thing_watch(watcher, a);
	reference_drop(&held);
	heap_collect(heap);
	ck_assert_str_eq(things_story(), "finalize watcher; finalize a; destroy watcher; destroy a; ");
}
END_TEST

START_TEST(a_finalizer_can_bring_garbage_back)
{
	struct thing *rescuer = thing_new(heap, "rescuer");
	struct thing *a = thing_new(heap, "a");

	reference_set(&also_held, root, &rescuer->object, "rescuer");
	reference_set(&held, root, &a->object, "it");
	thing_hold(a, 0, a);
	a->rescuer = rescuer;
	reference_drop(&held);
	ck_assert_uint_eq(heap_collect(heap), 0);
	ck_assert_ptr_eq(rescuer->holds[3].target, &a->object);
}
END_TEST

static size_t collected_within;

static void collect_again(struct object *object)
{
	ck_assert(heap_is_collecting(object->heap));
	collected_within = heap_collect(object->heap);
}

static const struct object_class collector_class = { .name = "collector", .finalize = collect_again };

START_TEST(a_collection_within_a_collection_does_nothing)
{
	struct thing *a = object_new(heap, &collector_class, "a", sizeof(*a), NULL);

	ck_assert_ptr_nonnull(a);
	collected_within = 99;
	thing_hold(a, 0, a);
	ck_assert_uint_eq(heap_collect(heap), 1);
	ck_assert_uint_eq(collected_within, 0);
	ck_assert(!heap_is_collecting(heap));
}
END_TEST

static struct reference *dropped_by_finalizer;

static void drop_another(struct object *object)
{
	(void)object;
	reference_drop(dropped_by_finalizer);
}

static const struct object_class dropper_class = { .name = "dropper", .finalize = drop_another };

START_TEST(a_finalizer_may_drop_what_the_living_and_the_dead_hold)
{
	struct thing *a = object_new(heap, &dropper_class, "a", sizeof(*a), NULL);
	struct thing *b = thing_new(heap, "b");
	struct thing *live = thing_new(heap, "live");

	ck_assert_ptr_nonnull(a);
	reference_set(&also_held, root, &live->object, "live");
	thing_hold(a, 0, b);
	thing_hold(b, 0, a);
	thing_hold(live, 0, thing_new(heap, "of the living"));
	dropped_by_finalizer = &live->holds[0];
	ck_assert_uint_eq(heap_collect(heap), 2);
	ck_assert_uint_eq(heap_counts(heap).objects, 2);
}
END_TEST

HARNESS_SUITE(collect_suite)
{
	Suite *suite = suite_create("collect");
	TCase *tests = tcase_create("collect");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_cycle_outlives_its_last_owner_until_the_next_collection);
	tcase_add_test(tests, what_hangs_on_a_dropped_cycle_dies_with_it);
	tcase_add_test(tests, what_somebody_else_holds_survives_the_cycle);
	tcase_add_test(tests, a_held_cycle_is_left_alone);
	tcase_add_test(tests, in_a_collection_the_watchers_come_before_the_finalizers);
	tcase_add_test(tests, a_watcher_that_is_garbage_itself_is_not_told);
	tcase_add_test(tests, a_finalizer_can_bring_garbage_back);
	tcase_add_test(tests, a_collection_within_a_collection_does_nothing);
	tcase_add_test(tests, a_finalizer_may_drop_what_the_living_and_the_dead_hold);
	suite_add_tcase(suite, tests);
	return suite;
}
