/* test_list.c - the loaded list: an entry's place, and what becomes of it when its model or its clone dies.
 *
 * The newest load is first. Entries refer to patchers weakly, so the list is looked at after each death, not before. */
#include "core/manager/list/list.h"
#include "core/manager/state.h"
#include "tests/harness/harness.h"
#include "tests/manager/card.h"

START_TEST(the_newest_loaded_model_is_on_top_of_the_list)
{
	struct patcher *older = card_model("a");
	struct patcher *newer = card_model("b");
	struct patcher *never_loaded = card_model("c");

	card_load(&older, 1);
	card_load(&newer, 1);
	ck_assert_uint_eq(card.scene.manager->list_count, 2);
	ck_assert_ptr_eq(list_find(card.scene.manager, newer), card.scene.manager->list[0]);
	ck_assert_ptr_eq(list_find(card.scene.manager, older), card.scene.manager->list[1]);
	ck_assert_ptr_null(list_find(card.scene.manager, never_loaded));
}
END_TEST

START_TEST(a_model_that_dies_leaves_the_list_and_the_others_keep_their_places)
{
	struct patcher *first = card_model("a");
	struct patcher *second = card_model("b");
	struct patcher *third = card_model("c");

	card_load(&first, 1);
	card_load(&second, 1);
	card_load(&third, 1);
	reference_drop(&card.holds[1]);
	ck_assert_uint_eq(card.scene.manager->list_count, 2);
	ck_assert_ptr_eq(list_find(card.scene.manager, third), card.scene.manager->list[0]);
	ck_assert_ptr_eq(list_find(card.scene.manager, first), card.scene.manager->list[1]);
}
END_TEST

START_TEST(the_entry_of_a_clone_that_dies_passes_to_its_parent)
{
	struct patcher_change change = { .key = "x", .sampling_shift = NAN };
	struct patcher *parent = card_model("a");
	struct patcher *clone = patcher_clone(parent, &change, &card.e);

	ck_assert_ok(clone, &card.e);
	card_hold(clone);
	card_load(&clone, 1);
	ck_assert_ptr_null(list_find(card.scene.manager, parent));
	reference_drop(&card.holds[1]);
	ck_assert_uint_eq(card.scene.manager->list_count, 1);
	ck_assert_ptr_eq(list_find(card.scene.manager, parent), card.scene.manager->list[0]);
}
END_TEST

START_TEST(a_model_named_twice_in_one_request_is_listed_once)
{
	struct patcher *patcher = card_model("a");

	card_load((struct patcher *[]) { patcher, patcher }, 2);
	ck_assert_uint_eq(manager_loaded_patchers(card.scene.manager, false, NULL, 0), 1);
}
END_TEST

HARNESS_SUITE(list_suite)
{
	Suite *suite = suite_create("list");
	TCase *tests = tcase_create("list");

	tcase_add_checked_fixture(tests, card_open_stock, card_close);
	tcase_add_test(tests, the_newest_loaded_model_is_on_top_of_the_list);
	tcase_add_test(tests, a_model_that_dies_leaves_the_list_and_the_others_keep_their_places);
	tcase_add_test(tests, the_entry_of_a_clone_that_dies_passes_to_its_parent);
	tcase_add_test(tests, a_model_named_twice_in_one_request_is_listed_once);
	suite_add_tcase(suite, tests);
	return suite;
}
