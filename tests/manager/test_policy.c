/* What holds of every policy, reasons that nest, and what a view shows, with real managers on a simulated machine. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/base/units.h"
#include "core/manager/manager.h"
#include "core/manager/state.h"
#include "core/manager/view.h"
#include "tests/fixtures/machine.h"
#include "tests/fixtures/manager.h"
#include "tests/harness/harness.h"

static struct managed scene;
static struct reference hold;
static struct error e;
static enum reason reasons[8];
static size_t reason_count;

static void on_departure(void *context, const struct departure_event *event)
{
	(void)context;
	ck_assert_uint_lt(reason_count, sizeof(reasons) / sizeof(reasons[0]));
	reasons[reason_count++] = event->reason;
}

static const struct observer observer = { .departure = on_departure };

static void make(void)
{
	const struct manager_options options = { .policy = &policy_stock, .observer = &observer };

	error_clear(&e);
	reason_count = 0;
	hold = (struct reference) { .target = NULL };
	ck_assert_ok(managed_open(&scene, fixture_card(&sim_backend, GIB, 100 * MIB, &e), &options, &e), &e);
}

static void unmake(void)
{
	managed_close(&scene);
}

static struct patcher *new_patcher(const char *name)
{
	static const struct block_description block = { .name = "b",
							.type = "Linear",
							.parameter_count = 1,
							.weight_size_bytes = MIB,
							.has_bias = true,
							.castable = true };
	static const struct parameter_description parameter = {
		.name = "b", .dtype = DTYPE_F16, .rank = 2, .shape = { 1024, 512 }
	};
	struct model *model =
		model_new(scene.machine, machine_device(scene.machine, 0), name, MODEL_UNET, &block, 1, &parameter, 1, &e);
	struct patcher *patcher = model ? patcher_new(scene.manager, model, machine_device(scene.machine, 1), name, &e) : NULL;

	ck_assert_ok(patcher, &e);
	reference_set(&hold, scene.root, patcher_object(patcher), "test");
	return patcher;
}

/* A model that is made, loaded, and unloaded; the reason that is told. */
static enum reason reason_of_an_unload(void)
{
	struct patcher *patcher = new_patcher("a");
	enum reason reason;

	ck_assert_ok(manager_load(scene.manager, &patcher, 1, &(struct load_request) { .minimum_bytes = NAN }, &e), &e);
	ck_assert_ok(manager_free_memory(scene.manager, ALL_MEMORY, machine_device(scene.machine, 1), NULL, &e), &e);
	ck_assert_uint_eq(reason_count, 1);
	reason = reasons[0];
	reference_drop(&hold);
	manager_tell_departures(scene.manager);
	reason_count = 0;
	return reason;
}

/* The reason of a patcher that dies with its model. */
static enum reason reason_of_a_death(void)
{
	new_patcher("a");
	reference_drop(&hold);
	manager_tell_departures(scene.manager);
	ck_assert_uint_eq(reason_count, 1);
	reason_count = 0;
	return reasons[0];
}

START_TEST(the_end_of_a_reason_restores_the_one_that_held_before)
{
	struct reason_scope outer = manager_reason_begin(scene.manager, REASON_EVICTED_BY_LOAD);
	struct reason_scope inner = manager_reason_begin(scene.manager, REASON_UNLOADED_BY_POLICY);

	ck_assert_int_eq(reason_of_an_unload(), REASON_UNLOADED_BY_POLICY);
	manager_reason_end(&inner);
	ck_assert_int_eq(reason_of_an_unload(), REASON_EVICTED_BY_LOAD);
	manager_reason_end(&outer);
	ck_assert_int_eq(reason_of_an_unload(), REASON_EVICTED_BY_PRESSURE);
}
END_TEST

START_TEST(a_reason_of_deaths_nests_apart_from_one_of_unloads)
{
	struct reason_scope unload = manager_reason_begin(scene.manager, REASON_UNLOADED_BY_POLICY);
	struct reason_scope death = manager_reason_begin(scene.manager, REASON_DIED_WITH_CACHE);
	struct reason_scope inner = manager_reason_begin(scene.manager, REASON_DROPPED_BY_WORKFLOW);

	ck_assert_int_eq(reason_of_a_death(), REASON_DROPPED_BY_WORKFLOW);
	manager_reason_end(&inner);
	ck_assert_int_eq(reason_of_a_death(), REASON_DIED_WITH_CACHE);
	manager_reason_end(&death);
	ck_assert_int_eq(reason_of_a_death(), REASON_DIED_BY_REFCOUNT);
	ck_assert_int_eq(reason_of_an_unload(), REASON_UNLOADED_BY_POLICY);
	manager_reason_end(&unload);
}
END_TEST

START_TEST(freeing_everything_inside_another_reason_leaves_that_one_in_force)
{
	struct reason_scope scope = manager_reason_begin(scene.manager, REASON_EVICTED_BY_LOAD);

	ck_assert_ok(manager_free_everything(scene.manager, &e), &e);
	ck_assert_int_eq(reason_of_an_unload(), REASON_EVICTED_BY_LOAD);
	manager_reason_end(&scope);
}
END_TEST

START_TEST(a_policy_that_unloads_inside_another_reason_leaves_that_one_in_force)
{
	static const struct policy *const unloading[] = { &policy_strict, &policy_delegate, &policy_selective,
							  &policy_anchors };

	for (size_t i = 0; i < sizeof(unloading) / sizeof(unloading[0]); i++) {
		struct reason_scope scope = manager_reason_begin(scene.manager, REASON_EVICTED_BY_LOAD);

		scene.manager->policy = unloading[i];
		ck_assert_ok(manager_unload_all(scene.manager, &e), &e);
		ck_assert_int_eq(reason_of_an_unload(), REASON_EVICTED_BY_LOAD);
		manager_reason_end(&scope);
	}
}
END_TEST

START_TEST(every_policy_of_the_list_passes_the_check_at_start)
{
	ck_assert_ok(policies_check(&e), &e);
}
END_TEST

/* No manager can be made for it, and the error names what is wrong. */
static void is_rejected(const struct policy *policy, const char *why)
{
	struct manager_options options = { .heap = scene.heap,
					   .machine = scene.machine,
					   .policy = policy,
					   .load_device = machine_device(scene.machine, 1),
					   .offload_device = machine_device(scene.machine, 0) };

	ck_assert_ptr_null(manager_new(&options, &e));
	ck_assert_int_eq(e.kind, ERROR_BUG);
	ck_assert_ptr_nonnull(strstr(e.text, why));
	error_clear(&e);
}

START_TEST(a_policy_that_is_not_whole_is_rejected_when_a_manager_is_made)
{
	struct policy policy = policy_strict;

	policy.name = NULL;
	is_rejected(&policy, "without a name");
	policy = policy_strict;
	policy.summary = NULL;
	is_rejected(&policy, "no summary");
	policy = policy_strict;
	policy.planner = "no such planner";
	is_rejected(&policy, "unknown planner no such planner");
	policy = policy_strict;
	policy.loader_ran = NULL;
	is_rejected(&policy, "no loader_ran");
	policy = policy_anchors;
	policy.unload_all = NULL;
	is_rejected(&policy, "no unload_all");
}
END_TEST

START_TEST(a_watched_object_is_seen_unloaded_loaded_leaked_and_dead)
{
	struct manager_view view = manager_view(scene.manager);
	struct object_watch watch = { .id = 0 };
	struct reference model = { .target = NULL };
	struct patcher *patcher = new_patcher("a");
	struct managed_object object;

	view_watch_begin(&watch, &view, patcher_object(patcher)->id);
	object = manager_watched(&view, &watch);
	ck_assert(!object.is_loaded && object.listed_at == -1 && object.bytes_elsewhere == MIB);
	ck_assert_ok(manager_load(scene.manager, &patcher, 1, &(struct load_request) { .minimum_bytes = NAN }, &e), &e);
	object = manager_watched(&view, &watch);
	ck_assert(object.is_loaded && object.listed_at == 0 && object.bytes_on_compute == MIB);
	reference_set(&model, scene.root, patcher_model_object(patcher), "leak");
	reference_drop(&hold);
	object = manager_watched(&view, &watch);
	ck_assert(!object.patcher && object.model && object.holders_of == model.target && object.listed_at == 0);
	reference_drop(&model);
	object = manager_watched(&view, &watch);
	ck_assert(!object.model && !object.holders_of && object.listed_at == -1);
	view_watch_end(&watch);
}
END_TEST

HARNESS_SUITE(policy_suite)
{
	Suite *suite = suite_create("policy");
	TCase *tests = tcase_create("policy");

	tcase_add_checked_fixture(tests, make, unmake);
	tcase_add_test(tests, the_end_of_a_reason_restores_the_one_that_held_before);
	tcase_add_test(tests, a_reason_of_deaths_nests_apart_from_one_of_unloads);
	tcase_add_test(tests, freeing_everything_inside_another_reason_leaves_that_one_in_force);
	tcase_add_test(tests, a_policy_that_unloads_inside_another_reason_leaves_that_one_in_force);
	tcase_add_test(tests, every_policy_of_the_list_passes_the_check_at_start);
	tcase_add_test(tests, a_policy_that_is_not_whole_is_rejected_when_a_manager_is_made);
	tcase_add_test(tests, a_watched_object_is_seen_unloaded_loaded_leaked_and_dead);
	suite_add_tcase(suite, tests);
	return suite;
}
