/* Loading under pressure: what a budget takes, what goes first, what the loaded list then holds, whose an allocation is.
 * Blocks of 1 MiB on a card of 100 MiB. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/units.h"
#include "core/manager/list/list.h"
#include "core/manager/manager.h"
#include "core/manager/place/place.h"
#include "core/manager/state.h"
#include "core/manager/view.h"
#include "tests/harness/harness.h"

#define BLOCKS 8
#define PATCHERS_MAX 4

static struct topology *topology;
static struct machine *machine;
static struct heap *heap;
static struct manager *manager;
static struct object *root;
static struct reference holds[PATCHERS_MAX];
static size_t hold_count;
static struct error e;

static const struct object_class root_class = { .name = "test" };

/* The card as it is believed to be; weights always find room. */
static double free_bytes;
static bool is_full;

static double view_free(void *context, const struct device *device)
{
	(void)context;
	return device_is_cpu(device) ? (double)GIB : free_bytes;
}

static bool view_admit(void *context, const struct device *device, uint64_t size_bytes, struct error *error)
{
	(void)context;
	(void)size_bytes;
	if (is_full && !device_is_cpu(device))
		return error_set(error, ERROR_DEVICE_MEMORY, "full");
	return true;
}

static void make(const struct policy *policy)
{
	static const char text[] = "{\"schema\":1,\"name\":\"x\",\"devices\":["
				   "{\"name\":\"cpu\",\"capacity_bytes\":1073741824},"
				   "{\"name\":\"cuda:0\",\"capacity_bytes\":104857600}],\"links\":["
				   "{\"from\":\"cpu\",\"to\":\"cuda:0\",\"bandwidth_bytes_per_s\":1e10,\"latency_ns\":0},"
				   "{\"from\":\"cuda:0\",\"to\":\"cpu\",\"bandwidth_bytes_per_s\":1e10,\"latency_ns\":0}]}";
	static const struct memory_rules rules = { .state = VRAM_NORMAL, .is_smart = true };
	static const struct memory_view view = { .free_bytes = view_free, .admit = view_admit };

	error_clear(&e);
	free_bytes = 4.0 * (double)GIB;
	is_full = false;
	hold_count = 0;
	memset(holds, 0, sizeof(holds));
	topology = topology_parse(text, sizeof(text) - 1, "x", &e);
	machine = machine_open(topology, &backend_sim, &e);
	heap = heap_new(&e);
	root = heap_root(heap, &root_class, "test", &e);
	manager = manager_new(&(struct manager_options) { .heap = heap,
							  .machine = machine,
							  .policy = policy,
							  .rules = &rules,
							  .view = &view,
							  .load_device = machine_device(machine, 1),
							  .offload_device = machine_device(machine, 0) },
			      &e);
	ck_assert_ok(manager, &e);
}

static void make_stock(void)
{
	make(&policy_stock);
}

static void unmake(void)
{
	heap_free(heap);
	manager_free(manager);
	machine_close(machine);
	topology_free(topology);
}

static void hold(struct patcher *patcher)
{
	ck_assert_uint_lt(hold_count, PATCHERS_MAX);
	reference_set(&holds[hold_count++], root, &patcher->object, "test");
}

/* A model of BLOCKS blocks "b0", "b1", ... of a MiB each. */
static struct patcher *patcher_of_blocks(const char *name)
{
	static char names[BLOCKS][8];
	struct block_description blocks[BLOCKS];
	struct parameter_description parameters[BLOCKS];
	struct patcher *patcher;
	struct model *model;

	for (size_t i = 0; i < BLOCKS; i++) {
		snprintf(names[i], sizeof(names[i]), "b%zu", i);
		blocks[i] = (struct block_description) { .name = names[i],
							 .type = "Linear",
							 .parameter_count = 1,
							 .weight_size_bytes = MIB,
							 .has_bias = true,
							 .castable = true };
		parameters[i] = (struct parameter_description) {
			.name = names[i], .dtype = DTYPE_F16, .rank = 2, .shape = { 1024, 512 }
		};
	}
	model = model_new(machine, machine_device(machine, 0), name, MODEL_UNET, blocks, BLOCKS, parameters, BLOCKS, &e);
	ck_assert_ok(model, &e);
	patcher = patcher_new(manager, model, machine_device(machine, 1), name, &e);
	ck_assert_ok(patcher, &e);
	hold(patcher);
	return patcher;
}

static void load(struct patcher *const *patchers, size_t count)
{
	ck_assert_ok(manager_load(manager, patchers, count, &(struct load_request) { .minimum_bytes = NAN }, &e), &e);
}

static uint64_t on_card(const struct patcher *patcher)
{
	return patcher_model(patcher)->bytes_on[1];
}

START_TEST(a_block_that_reaches_the_budget_exactly_is_left_out)
{
	struct patcher *patcher = patcher_of_blocks("a");

	ck_assert_ok(patcher_partially_load(patcher, 3.0 * (double)MIB, false, NULL, &e), &e);
	ck_assert_uint_eq(on_card(patcher), 2 * MIB);
	ck_assert(patcher_inner(patcher)->is_partial);
}
END_TEST

START_TEST(of_equal_blocks_the_larger_name_goes_first)
{
	struct patcher *patcher = patcher_of_blocks("a");

	ck_assert_ok(patcher_partially_load(patcher, 1.5 * (double)MIB, false, NULL, &e), &e);
	ck_assert_uint_eq(patcher_model(patcher)->blocks[7].device, 1);
	ck_assert_uint_eq(patcher_model(patcher)->blocks[0].device, 0);
}
END_TEST

START_TEST(a_partial_unload_frees_one_block_more_at_equality)
{
	struct patcher *patcher = patcher_of_blocks("a");
	uint64_t freed_bytes;

	load(&patcher, 1);
	ck_assert_ok(patcher_partially_unload(patcher, 2.0 * (double)MIB, &freed_bytes, &e), &e);
	ck_assert_uint_eq(freed_bytes, 3 * MIB);
	ck_assert_uint_eq(on_card(patcher), (BLOCKS - 3) * MIB);
}
END_TEST

START_TEST(a_model_named_twice_in_one_request_is_listed_once)
{
	struct patcher *patcher = patcher_of_blocks("a");

	load((struct patcher *[]) { patcher, patcher }, 2);
	ck_assert_uint_eq(manager_loaded_patchers(manager, false, NULL, 0), 1);
}
END_TEST

START_TEST(with_nothing_free_less_than_any_block_is_loaded_where_no_vram_is_the_rule)
{
	struct patcher *patcher = patcher_of_blocks("a");

	manager->rules.state = VRAM_NO;
	load(&patcher, 1);
	ck_assert_uint_eq(on_card(patcher), 0);
	ck_assert_uint_eq(manager_loaded_patchers(manager, true, NULL, 0), 1);
}
END_TEST

START_TEST(a_manager_that_is_not_smart_lets_every_other_model_go)
{
	struct patcher *first = patcher_of_blocks("a");
	struct patcher *second = patcher_of_blocks("b");

	load(&first, 1);
	load(&second, 1);
	ck_assert_uint_eq(on_card(first), BLOCKS * MIB);
	manager->rules.is_smart = false;
	load(&second, 1);
	ck_assert_uint_eq(on_card(first), 0);
	ck_assert_uint_eq(on_card(second), BLOCKS * MIB);
}
END_TEST

START_TEST(under_pressure_the_most_offloaded_model_goes_first_and_a_spared_one_stays)
{
	struct patcher *whole = patcher_of_blocks("a");
	struct patcher *partial = patcher_of_blocks("b");
	uint64_t freed_bytes;
	size_t unloaded;

	load((struct patcher *[]) { whole, partial }, 2);
	ck_assert_ok(patcher_partially_unload(partial, 0, &freed_bytes, &e), &e);
	free_bytes = 0;
	ck_assert_ok(manager_free_memory_sparing(manager, ALL_MEMORY, machine_device(machine, 1), &whole, 1, &unloaded, &e),
		     &e);
	ck_assert_uint_eq(unloaded, 1);
	ck_assert_uint_eq(on_card(partial), 0);
	ck_assert_uint_eq(on_card(whole), BLOCKS * MIB);
}
END_TEST

START_TEST(a_model_that_finds_no_room_is_back_whole_and_off_the_list)
{
	struct patcher *patcher = patcher_of_blocks("a");

	is_full = true;
	ck_assert(!manager_load(manager, &patcher, 1, &(struct load_request) { .minimum_bytes = NAN }, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_uint_eq(on_card(patcher), 0);
	ck_assert(!inner_is_patched(patcher_inner(patcher)));
	ck_assert_uint_eq(manager_loaded_patchers(manager, false, NULL, 0), 0);
}
END_TEST

/* Two models of one class, size and names. */
static void make_twins(struct patcher *twins[2])
{
	twins[0] = patcher_of_blocks("a");
	twins[1] = patcher_of_blocks("b");
	patcher_inner(twins[0])->model->class_name = "Twin";
	patcher_inner(twins[1])->model->class_name = "Twin";
	ck_assert_ok(inner_set_allocation(patcher_inner(twins[0]), "#cuda:0;1.0;cpu", 1.0 * (double)GIB, &e), &e);
}

START_TEST(upstream_gives_models_of_one_shape_one_allocation)
{
	struct patcher *twins[2];

	make_twins(twins);
	ck_assert_str_eq(inner_allocation(patcher_inner(twins[1])), "#cuda:0;1.0;cpu");
}
END_TEST

START_TEST(strict_gives_a_model_its_own_allocation)
{
	struct patcher *twins[2];

	unmake();
	make(&policy_strict);
	make_twins(twins);
	ck_assert_str_eq(inner_allocation(patcher_inner(twins[0])), "#cuda:0;1.0;cpu");
	ck_assert_ptr_null(inner_allocation(patcher_inner(twins[1])));
}
END_TEST

/* The card as it is: what is on it is not free. */
static double view_what_is_there(void *context, const struct device *device)
{
	(void)context;
	return device_is_cpu(device) ? (double)GIB : free_bytes - (double)device_memory_use(device).allocated_bytes;
}

static struct listed_model listed_of(const struct patcher *patcher)
{
	struct manager_view view = manager_view(manager);
	struct listed_model listed = { .patcher = NULL };

	for (size_t i = 0; i < manager_listed_count(&view) && listed.patcher != patcher; i++)
		listed = manager_listed(&view, i);
	ck_assert_ptr_eq(listed.patcher, patcher);
	return listed;
}

START_TEST(strict_lets_the_model_go_that_is_cheapest_to_bring_back_by_the_byte)
{
	struct listed_model listed_whole;
	struct listed_model listed_spread;
	struct patcher *spread;
	struct patcher *whole;

	unmake();
	make(&policy_strict);
	manager->view.free_bytes = view_what_is_there;
	spread = patcher_of_blocks("a");
	whole = patcher_of_blocks("b");
	ck_assert_ok(inner_set_allocation(patcher_inner(spread), "#cuda:0;0.005;cpu", 0.005 * (double)GIB, &e), &e);
	load((struct patcher *[]) { whole, spread }, 2);
	ck_assert_uint_gt(on_card(spread), 0);
	ck_assert_uint_lt(on_card(spread), BLOCKS * MIB);
	listed_whole = listed_of(whole);
	listed_spread = listed_of(spread);
	ck_assert_double_lt(policy_strict.reload_cost(&listed_whole, machine_device(machine, 1)),
			    policy_strict.reload_cost(&listed_spread, machine_device(machine, 1)));
	free_bytes = (double)device_memory_use(machine_device(machine, 1)).allocated_bytes;
	ck_assert_ok(manager_free_memory(manager, 7.5 * (double)MIB, machine_device(machine, 1), NULL, &e), &e);
	ck_assert_uint_eq(on_card(whole), 0);
	ck_assert_uint_gt(on_card(spread), 0);
}
END_TEST

START_TEST(strict_lets_a_kept_model_go_last_however_cheap)
{
	struct patcher *spread;
	struct patcher *whole;

	unmake();
	make(&policy_strict);
	manager->view.free_bytes = view_what_is_there;
	spread = patcher_of_blocks("a");
	whole = patcher_of_blocks("b");
	ck_assert_ok(inner_set_allocation(patcher_inner(spread), "#cuda:0;0.005;cpu", 0.005 * (double)GIB, &e), &e);
	ck_assert_ok(manager_loader_ran(manager, whole, KEEP_YES, true, &e), &e);
	load((struct patcher *[]) { whole, spread }, 2);
	free_bytes = (double)device_memory_use(machine_device(machine, 1)).allocated_bytes;
	ck_assert_ok(manager_free_memory(manager, (double)MIB, machine_device(machine, 1), NULL, &e), &e);
	ck_assert_uint_eq(on_card(spread), 0);
	ck_assert_uint_eq(on_card(whole), BLOCKS * MIB);
}
END_TEST

START_TEST(inference_is_thought_to_need_less_on_a_small_card)
{
	const struct device *card = machine_device(machine, 1);

	manager->rules = memory_rules_default();
	ck_assert_double_eq_tol(memory_inference_bytes(manager, card), 1278423859.2 * 100 / 4096, 1);
	manager->rules.least_device_bytes = 0;
	ck_assert_double_eq(memory_inference_bytes(manager, card), 1278423859.2);
}
END_TEST

START_TEST(the_newest_loaded_model_is_on_top_of_the_list)
{
	struct patcher *older = patcher_of_blocks("a");
	struct patcher *newer = patcher_of_blocks("b");
	struct patcher *never_loaded = patcher_of_blocks("c");

	load(&older, 1);
	load(&newer, 1);
	ck_assert_uint_eq(manager->list_count, 2);
	ck_assert_ptr_eq(list_find(manager, newer), manager->list[0]);
	ck_assert_ptr_eq(list_find(manager, older), manager->list[1]);
	ck_assert_ptr_null(list_find(manager, never_loaded));
}
END_TEST

START_TEST(a_model_that_dies_leaves_the_list_and_the_others_keep_their_places)
{
	struct patcher *first = patcher_of_blocks("a");
	struct patcher *second = patcher_of_blocks("b");
	struct patcher *third = patcher_of_blocks("c");

	load(&first, 1);
	load(&second, 1);
	load(&third, 1);
	reference_drop(&holds[1]);
	ck_assert_uint_eq(manager->list_count, 2);
	ck_assert_ptr_eq(list_find(manager, third), manager->list[0]);
	ck_assert_ptr_eq(list_find(manager, first), manager->list[1]);
}
END_TEST

START_TEST(the_entry_of_a_clone_that_dies_goes_over_to_its_parent)
{
	struct patcher_change change = { .key = "x", .sampling_shift = NAN };
	struct patcher *parent = patcher_of_blocks("a");
	struct patcher *clone = patcher_clone(parent, &change, &e);

	ck_assert_ok(clone, &e);
	hold(clone);
	load(&clone, 1);
	ck_assert_ptr_null(list_find(manager, parent));
	reference_drop(&holds[1]);
	ck_assert_uint_eq(manager->list_count, 1);
	ck_assert_ptr_eq(list_find(manager, parent), manager->list[0]);
}
END_TEST

START_TEST(nothing_goes_where_enough_is_free)
{
	struct patcher *patcher = patcher_of_blocks("a");
	size_t unloaded = 1;

	load(&patcher, 1);
	ck_assert_ok(manager_free_memory(manager, (double)GIB, machine_device(machine, 1), &unloaded, &e), &e);
	ck_assert_uint_eq(unloaded, 0);
	ck_assert_uint_eq(on_card(patcher), BLOCKS * MIB);
}
END_TEST

START_TEST(room_on_one_device_is_made_by_no_model_of_another)
{
	struct patcher *patcher = patcher_of_blocks("a");
	size_t unloaded = 1;

	load(&patcher, 1);
	ck_assert_ok(manager_free_memory(manager, 1e30, machine_device(machine, 0), &unloaded, &e), &e);
	ck_assert_uint_eq(unloaded, 0);
	ck_assert_uint_eq(on_card(patcher), BLOCKS * MIB);
	ck_assert_ok(manager_free_memory(manager, 1e30, machine_device(machine, 1), &unloaded, &e), &e);
	ck_assert_uint_eq(unloaded, 1);
	ck_assert_uint_eq(on_card(patcher), 0);
	ck_assert_uint_eq(manager->list_count, 0);
}
END_TEST

HARNESS_SUITE(pressure_suite)
{
	Suite *suite = suite_create("pressure");
	TCase *tests = tcase_create("pressure");

	tcase_add_checked_fixture(tests, make_stock, unmake);
	tcase_add_test(tests, a_block_that_reaches_the_budget_exactly_is_left_out);
	tcase_add_test(tests, of_equal_blocks_the_larger_name_goes_first);
	tcase_add_test(tests, a_partial_unload_frees_one_block_more_at_equality);
	tcase_add_test(tests, a_model_named_twice_in_one_request_is_listed_once);
	tcase_add_test(tests, with_nothing_free_less_than_any_block_is_loaded_where_no_vram_is_the_rule);
	tcase_add_test(tests, a_manager_that_is_not_smart_lets_every_other_model_go);
	tcase_add_test(tests, under_pressure_the_most_offloaded_model_goes_first_and_a_spared_one_stays);
	tcase_add_test(tests, a_model_that_finds_no_room_is_back_whole_and_off_the_list);
	tcase_add_test(tests, upstream_gives_models_of_one_shape_one_allocation);
	tcase_add_test(tests, strict_gives_a_model_its_own_allocation);
	tcase_add_test(tests, strict_lets_the_model_go_that_is_cheapest_to_bring_back_by_the_byte);
	tcase_add_test(tests, strict_lets_a_kept_model_go_last_however_cheap);
	tcase_add_test(tests, inference_is_thought_to_need_less_on_a_small_card);
	tcase_add_test(tests, the_newest_loaded_model_is_on_top_of_the_list);
	tcase_add_test(tests, a_model_that_dies_leaves_the_list_and_the_others_keep_their_places);
	tcase_add_test(tests, the_entry_of_a_clone_that_dies_goes_over_to_its_parent);
	tcase_add_test(tests, nothing_goes_where_enough_is_free);
	tcase_add_test(tests, room_on_one_device_is_made_by_no_model_of_another);
	suite_add_tcase(suite, tests);
	return suite;
}
