/* `exact`: the same strings as upstream's, without what upstream loses on the way. */
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/harness.h"
#include "tests/plan/fixture.h"

#define GIB_D 0x1p30

static const char *const strings[] = {
	"#cuda:0;4.0;cpu",
	"#cuda:0;6.5;cuda:1,cpu",
	"cuda:0,40%;cuda:1,30%;cpu,30%#cuda:0",
	"cuda:0,6gb;cuda:1,3.3gb;cpu,*#cuda:0",
	"cuda:0,0.3;cuda:1,0.2#cuda:0",
	"cpu,500mb*;cuda:1,7gb;cuda:0,2gb",
};

START_TEST(a_size_is_kept_to_the_byte)
{
	struct block_list list = fixture_blocks(1000, 1000001);
	struct plan *plan = fixture_plan("exact", "cuda:0,123457b;cpu,*#cuda:0", &list);

	ck_assert_double_eq(fixture_share(plan, "cuda:0")->quota_bytes, 123457);
	ck_assert_double_eq(fixture_share(plan, "cpu")->quota_bytes, 1000001000.0 - 123457);
	plan_free(plan);
	plan = fixture_plan("exact", "#cuda:0;0.5;cpu", &list);
	ck_assert_double_eq(fixture_share(plan, "cpu")->quota_bytes, GIB_D / 2);
	plan_free(plan);
	block_list_free(&list);
}
END_TEST

START_TEST(a_device_may_have_a_unit_s_letter_in_its_name)
{
	struct block_list list = fixture_blocks(100, 1 << 20);
	struct plan *plan = fixture_plan("exact", "mps,50%;cuda:0,50%#cuda:0", &list);

	ck_assert_int_eq(plan->mode, PLAN_RATIO);
	ck_assert_double_eq(fixture_share(plan, "mps")->block_bytes, 50 << 20);
	plan_free(plan);
	plan = fixture_plan("HEAD", "mps,50%;cuda:0,50%#cuda:0", &list);
	ck_assert_int_eq(plan->mode, PLAN_BYTE); /* 50 bytes each */
	plan_free(plan);
	block_list_free(&list);
}
END_TEST

START_TEST(a_wildcard_with_a_size_asks_for_the_size_and_takes_the_rest)
{
	struct block_list list = fixture_blocks(12, 1 << 30);
	struct plan *plan = fixture_plan("exact", "cpu,5gb*;cuda:0,10gb#cuda:0", &list);

	ck_assert_double_eq(fixture_share(plan, "cpu")->block_bytes, 5 * GIB_D);
	ck_assert_double_eq(fixture_share(plan, "cuda:0")->block_bytes, 7 * GIB_D);
	plan_free(plan);
	plan = fixture_plan("exact", "cuda:1,2gb;cpu,5gb*#cuda:0", &list);
	ck_assert_double_eq(fixture_share(plan, "cpu")->block_bytes, 10 * GIB_D);
	plan_free(plan);
	block_list_free(&list);
}
END_TEST

START_TEST(what_upstream_reads_as_the_second_alone_adds_up)
{
	struct block_list list = fixture_blocks(8, 1 << 30);
	struct plan *plan = fixture_plan("exact", "cuda:0,2gb;cuda:0,1gb;cpu,*#cuda:0", &list);

	ck_assert_double_eq(fixture_share(plan, "cuda:0")->block_bytes, 3 * GIB_D);
	plan_free(plan);
	plan = fixture_plan("exact", "#cuda:0;3;cpu,cpu", &list);
	ck_assert_double_eq(fixture_share(plan, "cpu")->block_bytes, 3 * GIB_D);
	plan_free(plan);
	plan = fixture_plan("exact", "cuda,2gb;cpu,*#cuda", &list);
	ck_assert_str_eq(plan->compute, "cuda:0");
	ck_assert_double_eq(fixture_share(plan, "cuda:0")->block_bytes, 2 * GIB_D);
	plan_free(plan);
	block_list_free(&list);
}
END_TEST

START_TEST(each_device_has_one_run_of_a_real_model)
{
	struct block_list list = fixture_loadlist("flux1_dev_transformer.bf16");

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct plan *plan = fixture_plan("exact", strings[i], &list);
		size_t used = 0;

		for (size_t row = 0; row < plan->share_count; row++)
			used += plan->shares[row].block_count > 0;
		ck_assert_msg(fixture_runs(plan) == used, "%s: %zu runs on %zu devices", strings[i], fixture_runs(plan), used);
		plan_free(plan);
	}
	block_list_free(&list);
}
END_TEST

START_TEST(no_run_but_the_last_is_past_its_quota_and_blocks_that_are_say_so)
{
	struct block_list list = fixture_loadlist("flux1_dev_transformer.bf16");

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct plan *plan = fixture_plan("exact", strings[i], &list);
		size_t past = 0;
		size_t overflowing = 0;

		for (size_t row = 0; row < plan->share_count; row++)
			past += plan->shares[row].left_bytes < 0;
		ck_assert_msg(past <= 1, "%s: %zu devices past their quotas", strings[i], past);
		for (size_t block = 0; block < plan->block_count; block++)
			overflowing += plan->reason_of[block] == PLAN_REASON_OVERFLOW;
		ck_assert_msg((overflowing > 0) == (past > 0), "%s: %zu blocks overflow", strings[i], overflowing);
		plan_free(plan);
	}
	block_list_free(&list);
}
END_TEST

START_TEST(the_compute_device_has_the_first_blocks)
{
	struct block_list list = fixture_blocks(10, 1 << 20);
	struct plan *plan = fixture_plan("exact", "cpu,40%;cuda:1,60%#cuda:1", &list);

	ck_assert_str_eq(plan->shares[plan->share_of[0]].name, "cuda:1");
	ck_assert_str_eq(plan->shares[plan->share_of[9]].name, "cpu");
	plan_free(plan);
	block_list_free(&list);
}
END_TEST

START_TEST(another_order_is_taken_where_it_alone_keeps_to_the_quotas)
{
	struct block_list list = { .blocks = NULL };
	struct plan_block block = { .size_bytes = UINT64_C(2) << 30, .weight_size_bytes = 0, .has_bias = true };
	struct error e = ERROR_INIT;
	struct plan *plan;

	ck_assert_ok(block_list_add(&list, &block, span_of("two"), "Linear", &e), &e);
	block.size_bytes = 1 << 30;
	ck_assert_ok(block_list_add(&list, &block, span_of("one"), "Linear", &e), &e);
	plan = fixture_plan("exact", "cuda:0,1gb;cpu,2gb#cuda:0", &list);
	ck_assert_double_eq(fixture_share(plan, "cuda:0")->left_bytes, 0);
	ck_assert_double_eq(fixture_share(plan, "cpu")->left_bytes, 0);
	plan_free(plan);
	block_list_free(&list);
}
END_TEST

START_TEST(ten_thousand_and_one_equal_blocks_are_placed)
{
	struct block_list list = fixture_blocks(10001, 1 << 20);
	struct plan *plan = fixture_plan("exact", "#cuda:0;4;cpu", &list);

	ck_assert_double_ge(fixture_share(plan, "cpu")->block_bytes, 4 * GIB_D);
	plan_free(plan);
	plan = fixture_plan("HEAD", "#cuda:0;4;cpu", &list);
	ck_assert_double_eq(fixture_share(plan, "cpu")->block_bytes, 0);
	plan_free(plan);
	block_list_free(&list);
}
END_TEST

START_TEST(the_final_string_is_sizes_and_plans_to_the_same)
{
	struct block_list list = fixture_loadlist("flux1_dev_transformer.f8_e4m3");

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		struct plan *plan = fixture_plan("exact", strings[i], &list);
		char again[400];
		struct plan *second;

		snprintf(again, sizeof(again), "%s#%s", plan->final, plan->compute);
		second = fixture_plan("exact", again, &list);
		ck_assert_str_eq(plan->final, second->final);
		ck_assert_mem_eq(plan->share_of, second->share_of, plan->block_count * sizeof(*plan->share_of));
		plan_free(second);
		plan_free(plan);
	}
	block_list_free(&list);
}
END_TEST

static const struct {
	const char *allocation;
	size_t column;
	const char *said;
} refused[] = {
	{ "cuda:0,2gb;cpu,50%#cuda:0", 16, "do not add up" },
	{ "cuda:0,4#cuda:0", 8, "unit" },
	{ "cuda:7,4gb#cuda:0", 1, "there is no device" },
	{ "#cuda:0;4;cuda:9", 11, "there is no device" },
	{ "#cuda:0;4;", 11, "there is no device" },
	{ "#cuda:0;4gb;cpu", 9, "no amount" },
	{ "#cuda:0;-1;cpu", 9, "negative" },
	{ "#cuda:0;nan;cpu", 9, "no amount" },
	{ "#cuda:0;4;cpu;cuda:1", 2, "4 pieces" },
	{ "cuda:0,4,5gb#cuda:0", 8, "no amount" },
	{ "cuda:0,4gb;cuda:1#cuda:0", 12, "device,value" },
	{ "cuda:0,*;cpu,*#cuda:0", 14, "wildcard" },
	{ "cuda:0,4gb#cuda:0#", 18, "second '#'" },
	{ "cuda:0,4xb#cuda:0", 8, "no amount" },
	{ "cuda:0,9e99gb#cuda:0", 8, "2^53" },
};

START_TEST(what_would_be_lost_in_silence_is_refused_at_its_column)
{
	struct block_list list = fixture_blocks(8, 1 << 30);
	struct error why = ERROR_INIT;
	struct plan_failure failure = fixture_refused("exact", refused[_i].allocation, &list, &why);

	ck_assert_msg(failure.column == refused[_i].column && strstr(why.text, refused[_i].said), "%s: column %zu, %s",
		      refused[_i].allocation, failure.column, why.text);
	block_list_free(&list);
}
END_TEST

HARNESS_SUITE(exact_suite)
{
	Suite *suite = suite_create("exact");
	TCase *reading = tcase_create("reading");
	TCase *placing = tcase_create("placing");

	tcase_add_test(reading, a_size_is_kept_to_the_byte);
	tcase_add_test(reading, a_device_may_have_a_unit_s_letter_in_its_name);
	tcase_add_test(reading, a_wildcard_with_a_size_asks_for_the_size_and_takes_the_rest);
	tcase_add_test(reading, what_upstream_reads_as_the_second_alone_adds_up);
	tcase_add_test(reading, the_final_string_is_sizes_and_plans_to_the_same);
	tcase_add_loop_test(reading, what_would_be_lost_in_silence_is_refused_at_its_column, 0, ARRAY_SIZE(refused));
	suite_add_tcase(suite, reading);
	tcase_add_test(placing, each_device_has_one_run_of_a_real_model);
	tcase_add_test(placing, no_run_but_the_last_is_past_its_quota_and_blocks_that_are_say_so);
	tcase_add_test(placing, the_compute_device_has_the_first_blocks);
	tcase_add_test(placing, another_order_is_taken_where_it_alone_keeps_to_the_quotas);
	tcase_add_test(placing, ten_thousand_and_one_equal_blocks_are_placed);
	suite_add_tcase(suite, placing);
	return suite;
}
