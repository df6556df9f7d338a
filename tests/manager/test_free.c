/* test_free.c - freeing memory: how much is unloaded, which model first, and which are spared.
 *
 * Each test asks for bytes on one device and counts what is left on the card afterwards. */
#include "core/base/units.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "tests/harness/harness.h"
#include "tests/manager/card.h"

START_TEST(nothing_is_unloaded_where_enough_is_free)
{
	struct patcher *patcher = card_model("a");
	size_t unloaded = 1;

	card_load(&patcher, 1);
	ck_assert_ok(manager_free_memory(card.scene.manager, (double)GIB, card.device, &unloaded, &card.e), &card.e);
	ck_assert_uint_eq(unloaded, 0);
	ck_assert_uint_eq(card_bytes(patcher), BLOCKS * MIB);
}
END_TEST

START_TEST(space_on_one_device_is_made_by_no_model_of_another)
{
	struct patcher *patcher = card_model("a");
	size_t unloaded = 1;

	card_load(&patcher, 1);
	ck_assert_ok(manager_free_memory(card.scene.manager, 1e30, card.cpu, &unloaded, &card.e), &card.e);
	ck_assert_uint_eq(unloaded, 0);
	ck_assert_uint_eq(card_bytes(patcher), BLOCKS * MIB);
	ck_assert_ok(manager_free_memory(card.scene.manager, 1e30, card.device, &unloaded, &card.e), &card.e);
	ck_assert_uint_eq(unloaded, 1);
	ck_assert_uint_eq(card_bytes(patcher), 0);
	ck_assert_uint_eq(card.scene.manager->list_count, 0);
}
END_TEST

START_TEST(the_most_offloaded_model_is_unloaded_first_and_a_spared_one_stays)
{
	struct patcher *whole = card_model("a");
	struct patcher *partial = card_model("b");
	uint64_t freed_bytes;
	size_t unloaded;

	card_load((struct patcher *[]) { whole, partial }, 2);
	ck_assert_ok(place_partially_unload(partial, 0, &freed_bytes, &card.e), &card.e);
	card.free_bytes = 0;
	ck_assert_ok(manager_free_memory_sparing(card.scene.manager, ALL_MEMORY, card.device, &whole, 1, &unloaded, &card.e),
		     &card.e);
	ck_assert_uint_eq(unloaded, 1);
	ck_assert_uint_eq(card_bytes(partial), 0);
	ck_assert_uint_eq(card_bytes(whole), BLOCKS * MIB);
}
END_TEST

START_TEST(a_manager_that_is_not_smart_unloads_every_other_model)
{
	struct patcher *first = card_model("a");
	struct patcher *second = card_model("b");

	card_load(&first, 1);
	card_load(&second, 1);
	ck_assert_uint_eq(card_bytes(first), BLOCKS * MIB);
	card.scene.manager->rules.is_smart = false;
	card_load(&second, 1);
	ck_assert_uint_eq(card_bytes(first), 0);
	ck_assert_uint_eq(card_bytes(second), BLOCKS * MIB);
}
END_TEST

START_TEST(a_partial_unload_frees_one_block_more_at_equality)
{
	struct patcher *patcher = card_model("a");
	uint64_t freed_bytes;

	card_load(&patcher, 1);
	ck_assert_ok(place_partially_unload(patcher, 2.0 * (double)MIB, &freed_bytes, &card.e), &card.e);
	ck_assert_uint_eq(freed_bytes, 3 * MIB);
	ck_assert_uint_eq(card_bytes(patcher), (BLOCKS - 3) * MIB);
}
END_TEST

HARNESS_SUITE(free_suite)
{
	Suite *suite = suite_create("free");
	TCase *tests = tcase_create("free");

	tcase_add_checked_fixture(tests, card_open_stock, card_close);
	tcase_add_test(tests, nothing_is_unloaded_where_enough_is_free);
	tcase_add_test(tests, space_on_one_device_is_made_by_no_model_of_another);
	tcase_add_test(tests, the_most_offloaded_model_is_unloaded_first_and_a_spared_one_stays);
	tcase_add_test(tests, a_manager_that_is_not_smart_unloads_every_other_model);
	tcase_add_test(tests, a_partial_unload_frees_one_block_more_at_equality);
	suite_add_tcase(suite, tests);
	return suite;
}
