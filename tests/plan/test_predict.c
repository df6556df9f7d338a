/* Prediction: the formula's terms, the profile of real models, and the simulator's word on it. */
#include <math.h>

#include "scenarios/placed/plan_trial.h"
#include "tests/harness/harness.h"
#include "tests/plan/fixture.h"

START_TEST(eight_bit_weights_cross_doubled_between_cards_and_as_stored_from_the_host)
{
	struct topology *topology = fixture_builtin("2x3090-nvlink.json");
	struct predict_terms terms = { .passes = 2, .expansion = 2, .converts_at_source = true };
	double from_card = predict_seconds_per_byte(topology, 2, 1, &terms);
	double from_host = predict_seconds_per_byte(topology, 0, 1, &terms);

	ck_assert_double_eq_tol(from_card, 2 * 2 / (5.08e10 * 0.93), 1e-15);
	ck_assert_double_eq_tol(from_host, 2 / (6.8e9 * 0.74), 1e-15);
	terms.converts_at_source = false;
	ck_assert_double_eq_tol(predict_seconds_per_byte(topology, 2, 1, &terms), from_card / 2, 1e-15);
	ck_assert_double_eq_tol(predict_seconds_per_byte(topology, 0, 1, &terms), from_host, 1e-15);
	ck_assert_double_eq(predict_seconds_per_byte(topology, 1, 1, &terms), 0);
	topology_free(topology);
}
END_TEST

START_TEST(a_donor_without_a_link_is_reached_through_the_host)
{
	static const char text[] = "{\"schema\":1,\"name\":\"t\",\"devices\":[{\"name\":\"cpu\",\"capacity_bytes\":9},"
				   "{\"name\":\"cuda:0\",\"capacity_bytes\":9},{\"name\":\"cuda:1\",\"capacity_bytes\":9}],"
				   "\"links\":[{\"from\":\"cpu\",\"to\":\"cuda:0\",\"bandwidth_bytes_per_s\":10},"
				   "{\"from\":\"cuda:1\",\"to\":\"cpu\",\"bandwidth_bytes_per_s\":5}]}";
	struct error e = ERROR_INIT;
	struct topology *topology = topology_parse(text, sizeof(text) - 1, "test", &e);
	struct predict_terms terms = { .passes = 1, .expansion = 1 };

	ck_assert_ok(topology, &e);
	ck_assert_double_eq_tol(predict_seconds_per_byte(topology, 2, 1, &terms), 0.3, 1e-12);
	ck_assert(isinf(predict_seconds_per_byte(topology, 0, 2, &terms)));
	topology_free(topology);
}
END_TEST

static struct pass_costs costs_of(const struct block_list *list, unsigned side, unsigned frames)
{
	struct picture picture = { side, side, frames };
	struct pass_costs costs;
	struct error e = ERROR_INIT;

	ck_assert_ok(costs_make(list->blocks, list->count, &picture, &costs, &e), &e);
	return costs;
}

static const struct {
	const char *loadlist, *family;
	unsigned side;
	double passes, expansion;
} known[] = {
	{ "flux1_dev_transformer.bf16", "flux", 1024, 1, 1 },
	{ "flux1_dev_transformer.f8_e4m3", "flux", 1024, 1, 2 },
	{ "qwen_image_transformer.bf16", "qwen_image", 1328, 2, 1 },
	{ "qwen_image_transformer.scaled_f8_e4m3", "qwen_image", 1328, 2, 2 },
	{ "wan2.1_i2v_14b.f16", "wan_14b", 640, 2, 1 },
	{ "wan2.2_t2v_high_noise_14b.scaled_f8_e4m3", "wan_14b", 640, 2, 2 },
	{ "wan2.2_ti2v_5b.f16", "wan_5b", 640, 2, 1 },
	{ "wan2.2_ti2v_5b.f8_e4m3", "wan_5b", 640, 2, 2 },
	{ "hunyuan_video_transformer.bf16", "hunyuan_video", 640, 1, 1 },
	{ "mochi_transformer.f8_e4m3", "mochi", 640, 2, 2 },
	{ "ltxv_2b_transformer.bf16", "ltxv", 640, 2, 1 },
	{ "sd15_unet.f16", "sd15", 512, 1, 1 },
	{ "sdxl_base_unet.f16", "sdxl", 1024, 1, 1 },
	{ "sdxl_base_unet.f8_e4m3", "sdxl", 1024, 1, 2 },
	{ "sd15_clip.f16", "clip_l", 512, 1, 1 },
	{ "sdxl_clip.f16", "text encoders", 512, 1, 1 },
	{ "flux_clip.f8_e4m3", "text encoders", 512, 1, 2 },
	{ "wan_te.f16", "umt5", 512, 1, 1 },
	{ "ltxv_te.f8_e4m3", "t5", 512, 1, 2 },
	{ "qwen_image_te.bf16", "qwen2.5_vl", 512, 1, 1 },
	{ "flux_ae_vae.f32", "unknown", 1024, 1, 1 },
};

START_TEST(a_family_is_known_by_its_blocks)
{
	struct block_list list = fixture_loadlist(known[_i].loadlist);
	struct pass_costs costs = costs_of(&list, known[_i].side, 1);
	struct topology *topology = fixture_builtin("2x3090-nvlink.json");
	struct predict_terms terms = profile_terms(&costs.profile, &topology->devices[1]);

	ck_assert_str_eq(costs.profile.family, known[_i].family);
	ck_assert_double_eq(terms.passes, known[_i].passes);
	ck_assert_double_eq(terms.expansion, known[_i].expansion);
	ck_assert(isnan(costs.profile.flops) || costs.profile.flops > 1e9);
	topology_free(topology);
	costs_free(&costs);
	block_list_free(&list);
}
END_TEST

START_TEST(quantised_blocks_cross_as_they_are_stored)
{
	struct block_list list = fixture_loadlist("flux1_dev_transformer.f8_e4m3");
	struct topology *topology = fixture_builtin("2x3090-nvlink.json");
	struct pass_costs costs;

	for (size_t i = 0; i < list.count; i++)
		list.blocks[i].size_bytes += list.blocks[i].size_bytes / 16; /* Q8_0 */
	costs = costs_of(&list, 1024, 1);
	ck_assert_str_eq(costs.profile.family, "flux");
	ck_assert_double_eq(profile_terms(&costs.profile, &topology->devices[1]).expansion, 1);
	topology_free(topology);
	costs_free(&costs);
	block_list_free(&list);
}
END_TEST

static const char *const placed[] = { "#cuda:0;0.0;cpu", "#cuda:0;4.0;cpu", "#cuda:0;8.0;cuda:1", "#cuda:0;20.0;cuda:1,cpu" };

START_TEST(the_simulator_and_the_formula_agree_within_a_tenth)
{
	struct block_list list = fixture_loadlist("flux1_dev_transformer.bf16");
	struct topology *topology = fixture_builtin("2x3090-nvlink.json");
	struct pass_costs costs = costs_of(&list, 1024, 1);
	uint64_t free_bytes[DEVICE_MAX];
	struct plan *plan = fixture_plan("HEAD", placed[_i], &list);
	struct plan_trial_request request = { .topology = topology,
					      .free_bytes = free_bytes,
					      .blocks = list.blocks,
					      .costs = &costs,
					      .resident_seconds = NAN,
					      .converts_at_source = true };
	struct plan_outlook outlook;
	struct error e = ERROR_INIT;

	for (size_t i = 0; i < topology->device_count; i++)
		free_bytes[i] = topology->devices[i].capacity_bytes;
	ck_assert_ok(plan_outlook(plan, &request, &outlook, &e), &e);
	ck_assert(outlook.run.fits);
	ck_assert_double_eq_tol(outlook.run.seconds, outlook.prediction.seconds, 0.10 * outlook.run.seconds);
	plan_outlook_free(&outlook);
	plan_free(plan);
	costs_free(&costs);
	topology_free(topology);
	block_list_free(&list);
}
END_TEST

HARNESS_SUITE(predict_suite)
{
	Suite *suite = suite_create("predict");
	TCase *formula = tcase_create("formula");
	TCase *models = tcase_create("models");

	tcase_add_test(formula, eight_bit_weights_cross_doubled_between_cards_and_as_stored_from_the_host);
	tcase_add_test(formula, a_donor_without_a_link_is_reached_through_the_host);
	suite_add_tcase(suite, formula);
	tcase_add_loop_test(models, a_family_is_known_by_its_blocks, 0, sizeof(known) / sizeof(known[0]));
	tcase_add_test(models, quantised_blocks_cross_as_they_are_stored);
	tcase_add_loop_test(models, the_simulator_and_the_formula_agree_within_a_tenth, 0, sizeof(placed) / sizeof(placed[0]));
	suite_add_tcase(suite, models);
	return suite;
}
