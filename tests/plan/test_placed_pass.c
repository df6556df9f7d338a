/* The placed pass: what FLUX.1's own forward takes, time and memory; conversion, order, and what is lacking. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/plan/place/plan_model.h"
#include "scenarios/placed/placed_pass.h"
#include "scenarios/placed/placed_run.h"
#include "scenarios/placed/plan_trial.h"
#include "tests/harness/harness.h"
#include "tests/plan/fixture.h"

/* A load list on a machine. */
struct situation {
	struct topology *topology;
	struct block_list list;
	struct pass_costs costs;
	unsigned *device_of; /* all on cuda:0 */
	struct pass_request request;
};

static void set_up_list(struct situation *s, struct block_list list, const char *topology, struct picture picture)
{
	struct error e = ERROR_INIT;

	s->list = list;
	s->topology = fixture_builtin(topology);
	ck_assert_ok(costs_make(list.blocks, list.count, &picture, &s->costs, &e), &e);
	s->device_of = array_new(list.count, sizeof(*s->device_of), &e);
	ck_assert_ok(s->device_of, &e);
	for (size_t i = 0; i < list.count; i++)
		s->device_of[i] = 1;
	s->request = (struct pass_request) { .topology = s->topology,
					     .blocks = s->list.blocks,
					     .costs = &s->costs,
					     .device_of = s->device_of,
					     .compute = 1,
					     .passes = s->costs.profile.passes,
					     .converts_at_source = true };
}

static void set_up(struct situation *s, const char *loadlist, const char *topology)
{
	set_up_list(s, fixture_loadlist(loadlist), topology, (struct picture) { 1024, 1024, 1 });
}

static void tear_down(struct situation *s)
{
	free(s->device_of);
	costs_free(&s->costs);
	block_list_free(&s->list);
	topology_free(s->topology);
}

static struct pass_result run(const struct situation *s)
{
	struct pass_result result;
	struct error e = ERROR_INIT;

	ck_assert_ok(placed_pass(&s->request, &result, &e), &e);
	return result;
}

/* ---- against the forward ---- */

static const struct {
	const char *loadlist, *model, *allocation;
	unsigned side;
} forwards[] = {
	{ "flux1_dev_transformer.bf16", "flux1-dev.safetensors", "#cuda:0;0.0;cpu", 1024 },
	{ "flux1_dev_transformer.bf16", "flux1-dev.safetensors", "#cuda:0;4.0;cpu", 1024 },
	{ "flux1_dev_transformer.bf16", "flux1-dev.safetensors", "#cuda:0;8.0;cuda:1", 1024 },
	{ "flux1_dev_transformer.bf16", "flux1-dev.safetensors", "#cuda:0;20.0;cuda:1,cpu", 1024 },
	{ "flux1_dev_transformer.bf16", "flux1-dev.safetensors", "#cuda:0;8.0;cpu", 512 },
	{ "flux1_dev_transformer.bf16", "flux1-dev.safetensors", "#cuda:0;12.0;cuda:1", 2048 },
	{ "flux1_dev_transformer.f8_e4m3", "flux1-dev-fp8.safetensors", "#cuda:0;0.0;cpu", 1024 },
	{ "flux1_dev_transformer.f8_e4m3", "flux1-dev-fp8.safetensors", "#cuda:0;6.0;cpu", 1024 },
};

struct wish {
	const struct topology *topology;
	const char *allocation;
};

static bool place(void *context, const struct model *model, unsigned *device_of, struct error *e)
{
	const struct wish *wish = context;

	return plan_model(model, wish->topology, wish->allocation, plan_rules_find("HEAD"), 1, device_of, e);
}

static void place_list(struct situation *s, const char *allocation)
{
	struct plan_device devices[DEVICE_MAX];
	struct plan_request request = { .rules = plan_rules_find("HEAD"),
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
	ck_assert_ok(plan_devices(plan, s->topology, 1, s->device_of, &e), &e);
	plan_free(plan);
}

static void assert_near(uint64_t found, uint64_t wanted, double tolerance)
{
	ck_assert_double_le(fabs((double)found - (double)wanted), tolerance * (double)wanted);
}

/* Time within a hundredth, the most memory within a tenth. */
START_TEST(a_placed_pass_takes_what_the_forward_of_flux_takes)
{
	struct situation s;
	struct pass_result found;
	struct placed_result wanted;
	struct error e = ERROR_INIT;
	unsigned side = forwards[_i].side;
	struct wish wish;
	struct placer placer = { &wish, place };
	struct placed_request request = {
		.backend = &sim_backend, .model = forwards[_i].model, .compute = 1, .width = side / 8, .height = side / 8
	};

	set_up_list(&s, fixture_loadlist(forwards[_i].loadlist), "2x3090-nvlink.json", (struct picture) { side, side, 1 });
	place_list(&s, forwards[_i].allocation);
	found = run(&s);
	wish = (struct wish) { s.topology, forwards[_i].allocation };
	request.topology = s.topology;
	ck_assert_ok(placed_run(&request, &placer, &wanted, NULL, &e), &e);
	ck_assert(found.fits);
	ck_assert_double_eq_tol(found.seconds, wanted.seconds, 0.01 * wanted.seconds);
	assert_near(found.moved_bytes, wanted.moved_bytes, 0.01);
	assert_near(found.peak_bytes[1], wanted.peak_bytes, 0.10);
	tear_down(&s);
}
END_TEST

/* ---- against what was published ---- */

static void store_as_q8_0(struct block_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		list->blocks[i].size_bytes = list->blocks[i].size_bytes / 64 * 34;
}

/* On an RTX 3090 with all weights on it. Kontext sees a reference as large as the picture: as many tokens as 1448 x 1448 has. */
static const struct {
	const char *loadlist;
	bool as_q8_0;
	unsigned side;
	double seconds, tolerance;
} published[] = {
	{ "flux1_dev_transformer.bf16", true, 1024, 1.29, 0.03 },
	{ "flux1_kontext_dev_transformer.bf16", false, 1448, 2.66, 0.03 },
	{ "qwen_image_transformer.f8_e4m3", false, 1328, 4.28, 0.12 },
};

START_TEST(an_iteration_takes_what_was_published)
{
	struct situation s;
	struct block_list list = fixture_loadlist(published[_i].loadlist);
	struct pass_result result;

	if (published[_i].as_q8_0)
		store_as_q8_0(&list);
	set_up_list(&s, list, "2x3090-nvlink.json", (struct picture) { published[_i].side, published[_i].side, 1 });
	result = run(&s);
	ck_assert_double_eq_tol(result.seconds, published[_i].seconds, published[_i].tolerance * published[_i].seconds);
	tear_down(&s);
}
END_TEST

/* ---- memory ---- */

START_TEST(what_is_lacking_is_what_would_make_it_fit)
{
	struct situation s;
	struct pass_result result;

	set_up(&s, "qwen_image_transformer.bf16", "2x3090-nvlink.json");
	result = run(&s);
	ck_assert(!result.fits);
	ck_assert_uint_eq(result.short_device, 1);
	ck_assert(isnan(result.seconds));
	s.topology->devices[1].capacity_bytes += result.lacking_bytes;
	ck_assert(run(&s).fits);
	s.topology->devices[1].capacity_bytes -= 64000000;
	ck_assert(!run(&s).fits);
	tear_down(&s);
}
END_TEST

START_TEST(a_donor_that_is_too_small_is_named)
{
	struct situation s;
	struct pass_result result;

	set_up(&s, "flux1_dev_transformer.bf16", "mixed.json");
	for (size_t i = 0; i < s.list.count; i++)
		s.device_of[i] = 3;
	result = run(&s);
	ck_assert(!result.fits);
	ck_assert_uint_eq(result.short_device, 3);
	/* PyTorch's allocator takes more than the blocks have. */
	ck_assert_double_eq_tol((double)result.lacking_bytes, 23.8e9 - 12884901888.0, 1e9);
	tear_down(&s);
}
END_TEST

/* ---- copies ---- */

START_TEST(every_block_that_waits_crosses_once_a_pass)
{
	struct situation s;
	struct pass_result result;
	double *seconds;
	double sum = 0;
	uint64_t waiting_bytes = 0;
	struct error e = ERROR_INIT;

	set_up(&s, "wan2.2_ti2v_5b.f16", "2x3090-nvlink.json");
	seconds = array_new(s.list.count, sizeof(*seconds), &e);
	s.request.block_copy_seconds = seconds;
	for (size_t i = 0; i < s.list.count; i += 3) {
		s.device_of[i] = i % 2 ? 0 : 2;
		waiting_bytes += s.list.blocks[i].size_bytes;
	}
	result = run(&s);
	ck_assert_uint_eq(result.moved_bytes, 2 * waiting_bytes);
	for (size_t i = 0; i < s.list.count; i++) {
		sum += seconds[i];
		ck_assert((seconds[i] > 0) == (s.device_of[i] != 1 && s.list.blocks[i].size_bytes > 0));
	}
	ck_assert_double_eq_tol(sum, result.copy_seconds, 1e-6);
	free(seconds);
	tear_down(&s);
}
END_TEST

/* Between cards twice the bytes, from the host as stored; where the target converts, as stored from both. */
START_TEST(eight_bit_weights_are_converted_before_they_cross_from_a_card)
{
	static const struct {
		unsigned donor;
		bool at_source;
		double crossing;
	} ways[] = { { 2, true, 2 }, { 2, false, 1 }, { 0, true, 1 }, { 0, false, 1 } };
	struct situation s;

	set_up(&s, "qwen_image_transformer.f8_e4m3", "2x3090-nvlink.json");
	for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
		for (size_t i = 0; i < s.list.count; i++)
			s.device_of[i] = ways[w].donor;
		s.request.converts_at_source = ways[w].at_source;
		ck_assert_double_eq_tol((double)run(&s).moved_bytes, ways[w].crossing * 2 * 20.43e9, 0.1e9);
	}
	tear_down(&s);
}
END_TEST

/* The donor converts while the compute device computes: what that takes off the compute device is gained. */
START_TEST(a_donor_converts_while_the_compute_device_is_busy)
{
	struct situation s;
	struct pass_result resident;
	struct pass_result offloaded;

	set_up(&s, "qwen_image_transformer.f8_e4m3", "2x3090-nvlink.json");
	resident = run(&s);
	for (size_t i = 0; i < s.list.count; i++)
		s.device_of[i] = 2;
	offloaded = run(&s);
	ck_assert_double_lt(offloaded.seconds, resident.seconds + offloaded.copy_seconds);
	ck_assert_double_gt(offloaded.seconds, 0.8 * resident.seconds + offloaded.copy_seconds);
	tear_down(&s);
}
END_TEST

/* ---- what blocks cost ---- */

/* As files in Q4_K_M have it: some tensors in six bits, some vectors in 32. */
START_TEST(a_quantised_file_computes_what_the_whole_one_computes)
{
	struct block_list whole = fixture_loadlist("flux1_dev_transformer.bf16");
	struct block_list quantised = fixture_loadlist("flux1_dev_transformer.bf16");
	struct picture picture = { 1024, 1024, 1 };
	struct pass_costs of_whole;
	struct pass_costs of_quantised;
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < quantised.count; i++) {
		struct plan_block *block = &quantised.blocks[i];
		bool more = strstr(block->name, "linear2") || strstr(block->name, "attn.proj");

		block->size_bytes =
			block->size_bytes < 100000 ? 2 * block->size_bytes : block->size_bytes / 512 * (more ? 210 : 144);
	}
	ck_assert_ok(costs_make(whole.blocks, whole.count, &picture, &of_whole, &e), &e);
	ck_assert_ok(costs_make(quantised.blocks, quantised.count, &picture, &of_quantised, &e), &e);
	ck_assert_str_eq(of_quantised.profile.family, "flux");
	ck_assert_double_eq_tol(of_quantised.profile.flops, of_whole.profile.flops, 1e-9 * of_whole.profile.flops);
	for (size_t i = 0; i < whole.count; i++) {
		ck_assert_double_eq(of_quantised.blocks[i].elements, of_whole.blocks[i].elements);
		ck_assert(of_quantised.blocks[i].is_cast || whole.blocks[i].size_bytes == 0);
		ck_assert(!of_whole.blocks[i].is_cast && !of_quantised.blocks[i].is_eight_bits);
	}
	costs_free(&of_whole);
	costs_free(&of_quantised);
	block_list_free(&whole);
	block_list_free(&quantised);
}
END_TEST

/* SDXL's UNet at 1024 x 1024 is known to take 5.98e12 operations beside attention, which takes 0.75e12; guidance runs two. */
START_TEST(levels_of_a_unet_see_fewer_and_fewer_tokens)
{
	struct situation s;

	set_up(&s, "sdxl_base_unet.f16", "2x3090-nvlink.json");
	ck_assert_double_eq_tol(s.costs.profile.flops, 2 * 6.73e12, 0.2e12);
	tear_down(&s);
}
END_TEST

START_TEST(blocks_run_in_the_order_of_the_forward_whatever_that_of_the_list)
{
	static const char *const names[] = { "double_blocks.0.img_mlp.0", "final_layer.linear", "img_in",
					     "single_blocks.0.linear1" };
	static const size_t order[] = { 2, 0, 3, 1 };
	static const uint64_t sizes[] = { 75522048, 393344, 399360, 132163584 };
	struct block_list list = { .blocks = NULL };
	struct picture picture = { 1024, 1024, 1 };
	struct pass_costs costs;
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct plan_block block = { .size_bytes = sizes[i], .weight_size_bytes = sizes[i], .has_bias = true };

		ck_assert_ok(block_list_add(&list, &block, span_of(names[i]), "Linear", &e), &e);
	}
	ck_assert_ok(costs_make(list.blocks, list.count, &picture, &costs, &e), &e);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		ck_assert_uint_eq(costs.order[i], order[i]);
	costs_free(&costs);
	block_list_free(&list);
}
END_TEST

START_TEST(what_text_alone_does_not_use_is_not_brought)
{
	struct situation s;
	uint64_t used_bytes = 0;

	set_up(&s, "qwen_image_te.bf16", "2x3090-nvlink.json");
	for (size_t i = 0; i < s.list.count; i++) {
		bool is_vision = strstr(s.list.blocks[i].name, "visual.") != NULL;

		s.device_of[i] = 0;
		ck_assert(s.costs.blocks[i].is_skipped == is_vision);
		used_bytes += is_vision ? 0 : s.list.blocks[i].size_bytes;
	}
	ck_assert_uint_eq(run(&s).moved_bytes, used_bytes);
	tear_down(&s);
}
END_TEST

START_TEST(a_measured_iteration_grows_by_what_offloading_adds)
{
	struct situation s;
	struct suggest_runner runner;
	struct suggest_run measured;
	struct plan *plan;
	struct plan_trial *trial;
	struct error e = ERROR_INIT;
	uint64_t free_bytes[DEVICE_MAX];
	struct plan_trial_request request = { .free_bytes = free_bytes, .resident_seconds = 3, .converts_at_source = true };

	set_up(&s, "flux1_dev_transformer.bf16", "2x3090-nvlink.json");
	for (size_t i = 0; i < s.topology->device_count; i++)
		free_bytes[i] = s.topology->devices[i].capacity_bytes;
	request.topology = s.topology;
	request.blocks = s.list.blocks;
	request.costs = &s.costs;
	trial = plan_trial_new(&request, &e);
	ck_assert_ok(trial, &e);
	runner = plan_trial_runner(trial);
	plan = fixture_plan("HEAD", "#cuda:0;6.0;cpu", &s.list);
	ck_assert_ok(runner.run(runner.context, plan, 1, &measured, &e), &e);
	ck_assert_double_eq_tol(measured.seconds, 3 + measured.copy_seconds, 1e-3);
	plan_free(plan);
	plan_trial_free(trial);
	tear_down(&s);
}
END_TEST

static struct plan_outlook look(struct situation *s, const char *allocation)
{
	struct plan *plan = fixture_plan("HEAD", allocation, &s->list);
	uint64_t free_bytes[DEVICE_MAX];
	struct plan_trial_request request = { .topology = s->topology,
					      .free_bytes = free_bytes,
					      .blocks = s->list.blocks,
					      .costs = &s->costs,
					      .resident_seconds = NAN,
					      .converts_at_source = true };
	struct plan_outlook outlook;
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < s->topology->device_count; i++)
		free_bytes[i] = s->topology->devices[i].capacity_bytes;
	ck_assert_ok(plan_outlook(plan, &request, &outlook, &e), &e);
	plan_outlook_free(&outlook);
	plan_free(plan);
	return outlook;
}

START_TEST(a_card_of_unknown_rates_tells_its_copies_alone)
{
	struct situation s;
	struct plan_outlook outlook;

	set_up(&s, "flux1_dev_transformer.bf16", "2x3090-nvlink.json");
	s.topology->devices[1].memory_bytes_per_s = NAN;
	outlook = look(&s, "#cuda:0;4.0;cpu");
	ck_assert(outlook.run.fits && isnan(outlook.run.seconds));
	ck_assert_double_eq_tol(outlook.run.copy_seconds, 0.85, 0.01);
	tear_down(&s);
}
END_TEST

START_TEST(a_donor_that_no_way_leads_from_is_said_to_be_one)
{
	struct situation s;
	struct plan_outlook outlook;

	set_up(&s, "flux1_dev_transformer.bf16", "2x3090-nvlink.json");
	s.topology->link_count = 2; /* cpu and cuda:0 */
	outlook = look(&s, "#cuda:0;4.0;cuda:1");
	ck_assert_int_eq(outlook.refusal.kind, ERROR_ABSENT);
	ck_assert(!outlook.run.fits && isnan(outlook.run.seconds));
	ck_assert_msg(strstr(outlook.refusal.text, "no way from cuda:1 to cuda:0"), "%s", outlook.refusal.text);
	tear_down(&s);
}
END_TEST

HARNESS_SUITE(placed_pass_suite)
{
	Suite *suite = suite_create("placed pass");
	TCase *forward = tcase_create("forward");
	TCase *memory = tcase_create("memory and copies");
	TCase *costs = tcase_create("costs");

	tcase_set_timeout(forward, 60);
	tcase_add_loop_test(forward, a_placed_pass_takes_what_the_forward_of_flux_takes, 0, ARRAY_SIZE(forwards));
	tcase_add_loop_test(forward, an_iteration_takes_what_was_published, 0, ARRAY_SIZE(published));
	suite_add_tcase(suite, forward);
	tcase_add_test(memory, what_is_lacking_is_what_would_make_it_fit);
	tcase_add_test(memory, a_donor_that_is_too_small_is_named);
	tcase_add_test(memory, every_block_that_waits_crosses_once_a_pass);
	tcase_add_test(memory, eight_bit_weights_are_converted_before_they_cross_from_a_card);
	tcase_add_test(memory, a_donor_converts_while_the_compute_device_is_busy);
	suite_add_tcase(suite, memory);
	tcase_add_test(costs, a_quantised_file_computes_what_the_whole_one_computes);
	tcase_add_test(costs, levels_of_a_unet_see_fewer_and_fewer_tokens);
	tcase_add_test(costs, blocks_run_in_the_order_of_the_forward_whatever_that_of_the_list);
	tcase_add_test(costs, what_text_alone_does_not_use_is_not_brought);
	tcase_add_test(costs, a_measured_iteration_grows_by_what_offloading_adds);
	tcase_add_test(costs, a_card_of_unknown_rates_tells_its_copies_alone);
	tcase_add_test(costs, a_donor_that_no_way_leads_from_is_said_to_be_one);
	suite_add_tcase(suite, costs);
	return suite;
}
