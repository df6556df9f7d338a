/* test_pressure.c - loading under pressure: what a budget takes, which model strict unloads first, whose an allocation is.
 *
 * Budgets are compared at equality, where upstream's rounding shows. */
#include "core/base/units.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "core/manager/view.h"
#include "tests/harness/harness.h"
#include "tests/manager/card.h"

START_TEST(a_block_that_reaches_the_budget_exactly_is_left_out)
{
	struct patcher *patcher = card_model("a");

	ck_assert_ok(place_partially_load(patcher, 3.0 * (double)MIB, false, NULL, &card.e), &card.e);
	ck_assert_uint_eq(card_bytes(patcher), 2 * MIB);
	ck_assert(patcher_inner(patcher)->is_partial);
}
END_TEST

START_TEST(of_equal_blocks_the_larger_name_is_loaded_first)
{
	struct patcher *patcher = card_model("a");

	ck_assert_ok(place_partially_load(patcher, 1.5 * (double)MIB, false, NULL, &card.e), &card.e);
	ck_assert_uint_eq(patcher_model(patcher)->blocks[7].device, 1);
	ck_assert_uint_eq(patcher_model(patcher)->blocks[0].device, 0);
}
END_TEST

START_TEST(with_nothing_free_no_block_is_loaded_where_no_vram_is_the_rule)
{
	struct patcher *patcher = card_model("a");

	card.scene.manager->rules.state = VRAM_NO;
	card_load(&patcher, 1);
	ck_assert_uint_eq(card_bytes(patcher), 0);
	ck_assert_uint_eq(manager_loaded_patchers(card.scene.manager, true, NULL, 0), 1);
}
END_TEST

START_TEST(a_model_without_space_is_back_whole_and_off_the_list)
{
	struct patcher *patcher = card_model("a");

	card.is_full = true;
	ck_assert(!manager_load(card.scene.manager, &patcher, 1, &(struct load_request) { .minimum_bytes = NAN }, &card.e));
	ck_assert_int_eq(card.e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_uint_eq(card_bytes(patcher), 0);
	ck_assert(!inner_is_patched(patcher_inner(patcher)));
	ck_assert_uint_eq(manager_loaded_patchers(card.scene.manager, false, NULL, 0), 0);
}
END_TEST

/* Two models of one class, size and names. */
static void make_twins(struct patcher *twins[2])
{
	twins[0] = card_model("a");
	twins[1] = card_model("b");
	patcher_inner(twins[0])->model->class_name = "Twin";
	patcher_inner(twins[1])->model->class_name = "Twin";
	ck_assert_ok(place_set_allocation(patcher_inner(twins[0]), "#cuda:0;1.0;cpu", 1.0 * (double)GIB, &card.e), &card.e);
}

START_TEST(upstream_gives_models_of_one_shape_one_allocation)
{
	struct patcher *twins[2];

	make_twins(twins);
	ck_assert_str_eq(place_allocation(patcher_inner(twins[1])), "#cuda:0;1.0;cpu");
}
END_TEST

START_TEST(strict_gives_a_model_its_own_allocation)
{
	struct patcher *twins[2];

	card_close();
	card_open(&policy_strict);
	make_twins(twins);
	ck_assert_str_eq(place_allocation(patcher_inner(twins[0])), "#cuda:0;1.0;cpu");
	ck_assert_ptr_null(place_allocation(patcher_inner(twins[1])));
}
END_TEST

/* The card as it is: what is on it is not free. */
static double view_what_is_there(void *context, const struct device *device)
{
	(void)context;
	return device_is_cpu(device) ? (double)GIB : card.free_bytes - (double)device_memory_use(device).allocated_bytes;
}

static struct listed_model listed_of(const struct patcher *patcher)
{
	struct manager_view view = manager_view(card.scene.manager);
	struct listed_model listed = { .patcher = NULL };

	for (size_t i = 0; i < manager_listed_count(&view) && listed.patcher != patcher; i++)
		listed = manager_listed(&view, i);
	ck_assert_ptr_eq(listed.patcher, patcher);
	return listed;
}

START_TEST(strict_unloads_the_model_that_is_cheapest_to_reload_per_byte)
{
	struct listed_model listed_whole;
	struct listed_model listed_spread;
	struct patcher *spread;
	struct patcher *whole;

	card_close();
	card_open(&policy_strict);
	card.scene.manager->view.free_bytes = view_what_is_there;
	spread = card_model("a");
	whole = card_model("b");
	ck_assert_ok(place_set_allocation(patcher_inner(spread), "#cuda:0;0.005;cpu", 0.005 * (double)GIB, &card.e), &card.e);
	card_load((struct patcher *[]) { whole, spread }, 2);
	ck_assert_uint_gt(card_bytes(spread), 0);
	ck_assert_uint_lt(card_bytes(spread), BLOCKS * MIB);
	listed_whole = listed_of(whole);
	listed_spread = listed_of(spread);
	ck_assert_double_lt(policy_strict.reload_cost(&listed_whole, card.device),
			    policy_strict.reload_cost(&listed_spread, card.device));
	card.free_bytes = (double)device_memory_use(card.device).allocated_bytes;
	ck_assert_ok(manager_free_memory(card.scene.manager, 7.5 * (double)MIB, card.device, NULL, &card.e), &card.e);
	ck_assert_uint_eq(card_bytes(whole), 0);
	ck_assert_uint_gt(card_bytes(spread), 0);
}
END_TEST

START_TEST(strict_unloads_a_kept_model_last_however_cheap)
{
	struct patcher *spread;
	struct patcher *whole;

	card_close();
	card_open(&policy_strict);
	card.scene.manager->view.free_bytes = view_what_is_there;
	spread = card_model("a");
	whole = card_model("b");
	ck_assert_ok(place_set_allocation(patcher_inner(spread), "#cuda:0;0.005;cpu", 0.005 * (double)GIB, &card.e), &card.e);
	ck_assert_ok(manager_loader_ran(card.scene.manager, whole, KEEP_YES, true, &card.e), &card.e);
	card_load((struct patcher *[]) { whole, spread }, 2);
	card.free_bytes = (double)device_memory_use(card.device).allocated_bytes;
	ck_assert_ok(manager_free_memory(card.scene.manager, (double)MIB, card.device, NULL, &card.e), &card.e);
	ck_assert_uint_eq(card_bytes(spread), 0);
	ck_assert_uint_eq(card_bytes(whole), BLOCKS * MIB);
}
END_TEST

START_TEST(inference_is_thought_to_need_less_on_a_small_card)
{
	card.scene.manager->rules = memory_rules_default();
	ck_assert_double_eq_tol(memory_inference_bytes(card.scene.manager, card.device), 1278423859.2 * 100 / 4096, 1);
	card.scene.manager->rules.least_device_bytes = 0;
	ck_assert_double_eq(memory_inference_bytes(card.scene.manager, card.device), 1278423859.2);
}
END_TEST

HARNESS_SUITE(pressure_suite)
{
	Suite *suite = suite_create("pressure");
	TCase *tests = tcase_create("pressure");

	tcase_add_checked_fixture(tests, card_open_stock, card_close);
	tcase_add_test(tests, a_block_that_reaches_the_budget_exactly_is_left_out);
	tcase_add_test(tests, of_equal_blocks_the_larger_name_is_loaded_first);
	tcase_add_test(tests, with_nothing_free_no_block_is_loaded_where_no_vram_is_the_rule);
	tcase_add_test(tests, a_model_without_space_is_back_whole_and_off_the_list);
	tcase_add_test(tests, upstream_gives_models_of_one_shape_one_allocation);
	tcase_add_test(tests, strict_gives_a_model_its_own_allocation);
	tcase_add_test(tests, strict_unloads_the_model_that_is_cheapest_to_reload_per_byte);
	tcase_add_test(tests, strict_unloads_a_kept_model_last_however_cheap);
	tcase_add_test(tests, inference_is_thought_to_need_less_on_a_small_card);
	suite_add_tcase(suite, tests);
	return suite;
}
