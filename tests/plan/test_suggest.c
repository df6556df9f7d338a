/* Suggestions: they fit, they are what a node would store, and nothing simpler is faster. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/string/node_string.h"
#include "core/plan/place/plan_model.h"
#include "core/plan/suggest/costs.h"
#include "core/plan/suggest/suggest.h"
#include "scenarios/placed/plan_trial.h"
#include "tests/harness/harness.h"
#include "tests/plan/fixture.h"

static const struct {
	const char *loadlist, *topology, *version;
	double keep_free_gb;
} wanted[] = {
	{ "flux1_dev_transformer.bf16", "mixed.json", "HEAD", 2 },
	{ "flux1_dev_transformer.bf16", "mixed.json", "exact", 2 },
	{ "flux1_dev_transformer.bf16", "2x3090-nvlink.json", "01df082", 10 },
	{ "flux1_dev_transformer.f8_e4m3", "p2p-x4.json", "HEAD", 16 },
	{ "qwen_image_transformer.bf16", "2x3090-nvlink.json", "HEAD", 3 },
	{ "qwen_image_transformer.bf16", "pcie3-x8.json", "exact", 3 },
	{ "qwen_image_transformer.bf16", "mixed.json", "V1", 3 },
	{ "wan2.2_t2v_high_noise_14b.f16", "p2p-x8.json", "HEAD", 8 },
};

struct situation {
	struct topology *topology;
	struct block_list list;
	struct pass_costs costs;
	uint64_t room_bytes[DEVICE_MAX];
	struct suggest_request request;
};

static void set_up(struct situation *s, const char *loadlist, const char *topology, const char *version, double keep_free_gb)
{
	struct picture picture = { 1024, 1024, 1 };
	struct error e = ERROR_INIT;

	s->topology = fixture_builtin(topology);
	s->list = fixture_loadlist(loadlist);
	ck_assert_ok(costs_make(s->list.blocks, s->list.count, &picture, &s->costs, &e), &e);
	for (size_t i = 0; i < s->topology->device_count; i++) {
		uint64_t kept = (uint64_t)(keep_free_gb * 1e9);
		uint64_t whole = s->topology->devices[i].capacity_bytes;

		s->room_bytes[i] = whole > kept ? whole - kept : 0;
	}
	s->request = (struct suggest_request) { .rules = plan_rules_find(version),
						.topology = s->topology,
						.blocks = s->list.blocks,
						.block_count = s->list.count,
						.room_bytes = s->room_bytes,
						.compute = -1,
						.profile = &s->costs.profile,
						.resident_seconds = NAN,
						.converts_at_source = true,
						.wanted = 8 };
}

static void tear_down(struct situation *s)
{
	costs_free(&s->costs);
	block_list_free(&s->list);
	topology_free(s->topology);
}

static struct plan *plan_on(const struct situation *s, const char *allocation)
{
	struct plan_device devices[DEVICE_MAX];
	struct plan_request request = { .rules = s->request.rules,
					.allocation = allocation,
					.blocks = s->list.blocks,
					.block_count = s->list.count,
					.devices = devices,
					.device_count = s->topology->device_count };
	struct error e = ERROR_INIT;
	struct plan *plan;

	for (size_t i = 0; i < s->topology->device_count; i++)
		devices[i] = (struct plan_device) { s->topology->devices[i].name, s->topology->devices[i].capacity_bytes };
	plan = plan_make(&request, NULL, &e);
	ck_assert_ok(plan, &e);
	return plan;
}

START_TEST(every_suggestion_fits_and_plans_to_what_it_says)
{
	struct situation s;
	struct suggestions list;
	struct error e = ERROR_INIT;

	set_up(&s, wanted[_i].loadlist, wanted[_i].topology, wanted[_i].version, wanted[_i].keep_free_gb);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	ck_assert_uint_gt(list.count, 0);
	for (size_t i = 0; i < list.count; i++) {
		const struct suggestion *found = &list.items[i];
		struct predict_load load;
		struct plan *plan;

		if (!found->allocation[0])
			continue;
		plan = plan_on(&s, found->allocation);
		profile_load(plan, s.list.blocks, s.topology, found->compute, &load);
		for (size_t d = 0; d < s.topology->device_count; d++) {
			ck_assert_uint_eq(load.bytes_on[d], found->load.bytes_on[d]);
			ck_assert_msg(load.bytes_on[d] <= s.room_bytes[d], "%s puts too much on %s", found->allocation,
				      s.topology->devices[d].name);
		}
		ck_assert(i == 0 || list.items[i - 1].seconds <= found->seconds);
		plan_free(plan);
	}
	suggest_free(&list);
	tear_down(&s);
}
END_TEST

START_TEST(the_node_inputs_store_the_string)
{
	struct situation s;
	struct suggestions list;
	struct error e = ERROR_INIT;

	set_up(&s, wanted[_i].loadlist, wanted[_i].topology, "HEAD", wanted[_i].keep_free_gb);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	for (size_t i = 0; i < list.count; i++) {
		const struct suggestion *found = &list.items[i];
		struct node_inputs inputs = { .class = NODE_CLASS_SAFETENSOR_V2,
					      .compute = s.topology->devices[found->compute].name,
					      .expert = found->expert,
					      .virtual_vram_gb = found->virtual_vram_gb,
					      .donor = found->donors };
		bool stored;
		char *text = node_string(&inputs, s.request.rules, &stored, NULL, &e);

		ck_assert_str_eq(text ? text : "", found->allocation);
		free(text);
	}
	suggest_free(&list);
	tear_down(&s);
}
END_TEST

/* Every tenth of a GiB to every donor alone. */
START_TEST(no_amount_on_one_donor_is_faster_than_the_first_suggestion)
{
	struct situation s;
	struct suggestions list;
	struct error e = ERROR_INIT;
	struct predict_terms terms;

	set_up(&s, "flux1_dev_transformer.bf16", "2x3090-nvlink.json", "HEAD", 8);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	terms = profile_terms(&s.costs.profile, &s.topology->devices[1]);
	for (unsigned donor = 0; donor < 3; donor += 2) {
		for (unsigned tenths = 1; tenths < 230; tenths++) {
			struct predict_load load;
			char allocation[80];
			struct plan *plan;
			bool fits = true;

			snprintf(allocation, sizeof(allocation), "#cuda:0;%u.%u;%s", tenths / 10, tenths % 10,
				 s.topology->devices[donor].name);
			plan = plan_on(&s, allocation);
			profile_load(plan, s.list.blocks, s.topology, 1, &load);
			for (size_t d = 0; d < s.topology->device_count; d++)
				fits = fits && load.bytes_on[d] <= s.room_bytes[d];
			ck_assert_msg(!fits || predict(s.topology, 1, &load, &terms).seconds >= list.items[0].seconds - 1e-9,
				      "%s is faster than %s", allocation, list.items[0].allocation);
			plan_free(plan);
		}
	}
	suggest_free(&list);
	tear_down(&s);
}
END_TEST

START_TEST(a_model_that_fits_needs_no_string)
{
	struct situation s;
	struct suggestions list;
	struct error e = ERROR_INIT;

	set_up(&s, "flux1_dev_transformer.f8_e4m3", "pcie4-x16.json", "HEAD", 2);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	ck_assert_str_eq(list.items[0].allocation, "");
	ck_assert_double_eq(list.items[0].prediction.copy_seconds, 0);
	suggest_free(&list);
	tear_down(&s);
}
END_TEST

START_TEST(what_cannot_fit_is_refused_with_what_is_lacking)
{
	struct situation s;
	struct suggestions list;
	struct error e = ERROR_INIT;

	set_up(&s, "qwen_image_transformer.bf16", "2x3090-nvlink.json", "HEAD", 2);
	s.room_bytes[0] = 10 * GB;
	s.room_bytes[1] = 10 * GB;
	s.room_bytes[2] = 10 * GB;
	ck_assert(!suggest(&s.request, &list, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_msg(strstr(e.text, "10.9 GB too much"), "%s", e.text);
	suggest_free(&list);
	tear_down(&s);
}
END_TEST

START_TEST(a_near_donor_is_taken_before_a_far_one)
{
	struct situation s;
	struct suggestions list;
	struct error e = ERROR_INIT;

	set_up(&s, "qwen_image_transformer.bf16", "2x3090-nvlink.json", "HEAD", 2);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	ck_assert_uint_eq(list.items[0].load.bytes_on[0], 0); /* NVLink's twin holds the rest, not the host */
	suggest_free(&list);
	tear_down(&s);
	set_up(&s, "flux1_dev_transformer.bf16", "p2p-x8.json", "HEAD", 8);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	ck_assert_uint_gt(list.items[0].load.bytes_on[0], 0); /* the host is nearer than a card behind x8 */
	suggest_free(&list);
	tear_down(&s);
}
END_TEST

/* ---- run in the simulator ---- */

struct counting {
	struct suggest_runner inner;
	unsigned count;
};

static bool count_run(void *context, const struct plan *plan, unsigned compute, struct suggest_run *run, struct error *e)
{
	struct counting *counting = context;

	counting->count++;
	return counting->inner.run(counting->inner.context, plan, compute, run, e);
}

/* A trial of a situation: all of each device is free, whatever the strings keep free of it. */
struct tried {
	uint64_t free_bytes[DEVICE_MAX];
	struct plan_trial *trial;
	struct counting counting;
	struct suggest_runner runner;
};

static void try_on(struct tried *tried, struct situation *s)
{
	struct error e = ERROR_INIT;
	struct plan_trial_request request = { .topology = s->topology,
					      .free_bytes = tried->free_bytes,
					      .blocks = s->list.blocks,
					      .costs = &s->costs,
					      .resident_seconds = NAN,
					      .converts_at_source = true };

	for (size_t i = 0; i < s->topology->device_count; i++)
		tried->free_bytes[i] = s->topology->devices[i].capacity_bytes;
	tried->trial = plan_trial_new(&request, &e);
	ck_assert_ok(tried->trial, &e);
	tried->counting = (struct counting) { .inner = plan_trial_runner(tried->trial) };
	tried->runner = (struct suggest_runner) { &tried->counting, count_run };
	s->request.runner = &tried->runner;
}

static const struct {
	const char *loadlist, *topology, *version;
	double keep_free_gb;
} run[] = {
	{ "flux1_dev_transformer.f8_e4m3", "mixed.json", "HEAD", 16 },
	{ "qwen_image_transformer.bf16", "2x3090-nvlink.json", "HEAD", 3 },
	{ "qwen_image_transformer.scaled_f8_e4m3", "p2p-x8.json", "exact", 10 },
	{ "wan2.2_ti2v_5b.f16", "pcie3-x8.json", "01df082", 18 },
	{ "hunyuan_video_transformer.bf16", "mixed.json", "HEAD", 3 },
	{ "ltxv_2b_transformer.bf16", "2x3090-nvlink.json", "HEAD", 22 },
	{ "mochi_transformer.bf16", "mixed.json", "V1", 8 },
	{ "sdxl_base_unet.f16", "2x3090-nvlink.json", "HEAD", 22 },
	{ "sd15_unet.f16", "pcie4-x16.json", "exact", 25 },
	{ "flux_clip.f16", "2x3090-nvlink.json", "HEAD", 20 },
};

START_TEST(of_any_family_the_first_is_the_fastest_that_was_run_and_all_of_them_fit)
{
	struct situation s;
	struct tried tried;
	struct suggestions list;
	struct error e = ERROR_INIT;

	set_up(&s, run[_i].loadlist, run[_i].topology, run[_i].version, run[_i].keep_free_gb);
	try_on(&tried, &s);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	ck_assert_uint_gt(list.count, 0);
	for (size_t i = 0; i < list.count; i++) {
		ck_assert(list.items[i].was_run);
		ck_assert(list.items[i].seconds > 0 && list.items[i].seconds >= list.items[i].copy_seconds);
		ck_assert(i == 0 || list.items[i - 1].seconds <= list.items[i].seconds);
		ck_assert(list.items[i].allocation[0] || list.items[i].copy_seconds == 0);
	}
	suggest_free(&list);
	plan_trial_free(tried.trial);
	tear_down(&s);
}
END_TEST

/* Every tenth of a GiB to every donor alone, run. */
START_TEST(no_amount_on_one_donor_runs_faster_than_the_first_suggestion)
{
	struct situation s;
	struct tried tried;
	struct suggestions list;
	struct error e = ERROR_INIT;

	set_up(&s, "sdxl_base_unet.f16", "2x3090-nvlink.json", "HEAD", 22);
	try_on(&tried, &s);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	for (unsigned donor = 0; donor < 3; donor += 2) {
		for (unsigned tenths = 1; tenths < 48; tenths++) {
			struct suggest_run result;
			struct predict_load load;
			char allocation[80];
			struct plan *plan;
			bool fits = true;

			snprintf(allocation, sizeof(allocation), "#cuda:0;%u.%u;%s", tenths / 10, tenths % 10,
				 s.topology->devices[donor].name);
			plan = plan_on(&s, allocation);
			profile_load(plan, s.list.blocks, s.topology, 1, &load);
			for (size_t d = 0; d < s.topology->device_count; d++)
				fits = fits && load.bytes_on[d] <= s.room_bytes[d];
			ck_assert_ok(tried.runner.run(tried.runner.context, plan, 1, &result, &e), &e);
			ck_assert_msg(!fits || result.seconds >= list.items[0].seconds - 1e-9, "%s is faster than %s",
				      allocation, list.items[0].allocation);
			plan_free(plan);
		}
	}
	suggest_free(&list);
	plan_trial_free(tried.trial);
	tear_down(&s);
}
END_TEST

/* With nothing kept free, the weights alone would fill the card. */
START_TEST(room_is_made_for_activations_that_nobody_kept_free)
{
	struct situation s;
	struct tried tried;
	struct suggestions list;
	struct error e = ERROR_INIT;
	struct suggest_run result;
	struct plan *plan;

	set_up(&s, "qwen_image_transformer.bf16", "2x3090-nvlink.json", "HEAD", 0);
	try_on(&tried, &s);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	plan = plan_on(&s, list.items[0].allocation);
	ck_assert_ok(tried.runner.run(tried.runner.context, plan, list.items[0].compute, &result, &e), &e);
	ck_assert(result.fits);
	ck_assert_uint_lt(list.items[0].load.bytes_on[list.items[0].compute] + 100000000, tried.free_bytes[1]);
	plan_free(plan);
	suggest_free(&list);
	plan_trial_free(tried.trial);
	tear_down(&s);
}
END_TEST

START_TEST(activations_that_fit_nowhere_are_refused_with_what_they_lack)
{
	struct situation s;
	struct tried tried;
	struct suggestions list;
	struct picture huge = { 16384, 16384, 1 };
	struct error e = ERROR_INIT;

	set_up(&s, "flux1_dev_transformer.bf16", "2x3090-nvlink.json", "HEAD", 0);
	costs_free(&s.costs);
	ck_assert_ok(costs_make(s.list.blocks, s.list.count, &huge, &s.costs, &e), &e);
	try_on(&tried, &s);
	ck_assert(!suggest(&s.request, &list, &e));
	ck_assert_int_eq(e.kind, ERROR_DEVICE_MEMORY);
	ck_assert_msg(strstr(e.text, "beside its weights does not: the nearest string lacks "), "%s", e.text);
	suggest_free(&list);
	plan_trial_free(tried.trial);
	tear_down(&s);
}
END_TEST

START_TEST(of_ten_thousand_blocks_few_strings_are_run)
{
	struct situation s;
	struct tried tried;
	struct suggestions list;
	struct picture picture = { 1024, 1024, 1 };
	struct error e = ERROR_INIT;

	set_up(&s, "flux1_dev_transformer.bf16", "mixed.json", "HEAD", 3);
	costs_free(&s.costs);
	block_list_free(&s.list);
	s.list = fixture_blocks(10000, 4000000);
	s.request.blocks = s.list.blocks;
	s.request.block_count = s.list.count;
	ck_assert_ok(costs_make(s.list.blocks, s.list.count, &picture, &s.costs, &e), &e);
	try_on(&tried, &s);
	ck_assert_ok(suggest(&s.request, &list, &e), &e);
	ck_assert_uint_eq(list.count, s.request.wanted);
	ck_assert_uint_le(tried.counting.count, 40);
	suggest_free(&list);
	plan_trial_free(tried.trial);
	tear_down(&s);
}
END_TEST

HARNESS_SUITE(suggest_suite)
{
	Suite *suite = suite_create("suggest");
	TCase *strings = tcase_create("strings");
	TCase *simulated = tcase_create("simulated");

	tcase_set_timeout(strings, 60);
	tcase_add_loop_test(strings, every_suggestion_fits_and_plans_to_what_it_says, 0, ARRAY_SIZE(wanted));
	tcase_add_loop_test(strings, the_node_inputs_store_the_string, 0, ARRAY_SIZE(wanted));
	tcase_add_test(strings, no_amount_on_one_donor_is_faster_than_the_first_suggestion);
	tcase_add_test(strings, a_model_that_fits_needs_no_string);
	tcase_add_test(strings, what_cannot_fit_is_refused_with_what_is_lacking);
	tcase_add_test(strings, a_near_donor_is_taken_before_a_far_one);
	suite_add_tcase(suite, strings);
	tcase_set_timeout(simulated, 60);
	tcase_add_loop_test(simulated, of_any_family_the_first_is_the_fastest_that_was_run_and_all_of_them_fit, 0,
			    ARRAY_SIZE(run));
	tcase_add_test(simulated, no_amount_on_one_donor_runs_faster_than_the_first_suggestion);
	tcase_add_test(simulated, room_is_made_for_activations_that_nobody_kept_free);
	tcase_add_test(simulated, activations_that_fit_nowhere_are_refused_with_what_they_lack);
	tcase_add_test(simulated, of_ten_thousand_blocks_few_strings_are_run);
	suite_add_tcase(suite, simulated);
	return suite;
}
