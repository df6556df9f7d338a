/* Advice: every trap of allocation strings is told at its column. */
#include <string.h>

#include "core/base/array.h"
#include "core/plan/advise/advise.h"
#include "tests/harness/harness.h"
#include "tests/plan/fixture.h"

/* One trap: what is told, where, how grave, and a word of what upstream does with it. */
struct trap {
	const char *version;
	const char *allocation;
	const char *kind;
	enum advice_weight weight;
	size_t column;
	const char *upstream; /* NULL: anything */
};

static const struct trap traps[] = {
	{ "01df082", "cuda:0,50%;cpu,50%#", "trailing_hash", ADVICE_WARNING, 19, "KeyError" },
	{ "HEAD", "cuda:0,50%;cpu,50%#", "trailing_hash", ADVICE_WARNING, 19, "cuda:0" },
	{ "HEAD", "cuda:0,0.5;cpu,0.5#cuda:0", "fraction_of_device", ADVICE_WARNING, 8, "12.00 GiB" },
	{ "HEAD", "mps,50%;cuda:0,50%#cuda:0", "letter_in_name", ADVICE_WARNING, 1, "bytes" },
	{ "HEAD", "mlu:0,50%;cuda:0,50%#cuda:0", "letter_in_name", ADVICE_WARNING, 1, "bytes" },
	{ "HEAD", "mps,50%;cuda:0,50%#cuda:0", "no_unit", ADVICE_WARNING, 5, "50 bytes" },
	{ "HEAD", "cuda:0,2gb;cpu,5gb*#cuda:0", "wildcard_size", ADVICE_WARNING, 16, "ignored" },
	{ "HEAD", "cuda:0,*;cpu,*;cuda:1,2gb#cuda:0", "second_wildcard", ADVICE_WARNING, 14, "last" },
	{ "HEAD", "cuda:0,2gb#cuda:0", "default_wildcard", ADVICE_NOTE, 1, "cpu" },
	{ "HEAD", "cuda:0,2gb;cpu,*#cuda:0", "rounding", ADVICE_NOTE, 8, "steps of 2.58 MB" },
	{ "HEAD", "#cuda:0;4.0;cpu", "rounding", ADVICE_NOTE, 9, "on cuda:0" },
	{ "HEAD", "cuda:7,4gb;cpu,*#cuda:0", "absent_device", ADVICE_WARNING, 1, "fails" },
	{ "HEAD", "#cuda:0;4;cuda:5", "absent_device", ADVICE_WARNING, 11, "fails" },
	{ "HEAD", "#xpu:0;4;cpu", "absent_device", ADVICE_WARNING, 2, "fails" },
	{ "exact", "#cuda:0;4;cuda:5", "absent_device", ADVICE_WARNING, 11, NULL },
	{ "HEAD", "cuda:0,50%;cpu,50%#cuda:5", "unknown_compute", ADVICE_WARNING, 20, "KeyError" },
	{ "HEAD", "cuda,50%;cpu,50%#cuda:0", "bare_kind", ADVICE_WARNING, 1, "another row" },
	{ "HEAD", "cuda:256,50%;cpu,50%#cuda:0", "wrapped_index", ADVICE_WARNING, 1, "cuda:0" },
	{ "HEAD", "cuda:255,50%;cpu,50%#cuda:0", "wrapped_index", ADVICE_WARNING, 1, "cuda:0" },
	{ "V1", "cuda:255,0.5;cpu,0.5", "wrapped_index", ADVICE_WARNING, 1, "cuda:0" },
	{ "exact", "cuda:255,50%;cpu,50%#cuda:0", "absent_device", ADVICE_WARNING, 1, NULL },
	{ "HEAD", "cuda:2147483392,50%;cpu,50%#cuda:0", "wrapped_index", ADVICE_WARNING, 1, "cuda:0" },
	{ "HEAD", "cpu:1,50%;cuda:0,50%#cuda:0", "host_alias", ADVICE_WARNING, 1, "host" },
	{ "HEAD", "cuda:0,5tb;cpu,*#cuda:0", "rest_ignored", ADVICE_WARNING, 9, "5 bytes" },
	{ "HEAD", "cuda:0,4g4m;cpu,*#cuda:0", "rest_ignored", ADVICE_WARNING, 10, "\"4g4m\" is 4g" },
	{ "HEAD", "cuda:0,4;cpu,8gb#cuda:0", "no_unit", ADVICE_WARNING, 8, "4 bytes" },
	{ "HEAD", "cuda:0,2gb;cuda:0,1gb;cpu,*#cuda:0", "repeated_device", ADVICE_WARNING, 12, "no device's quota" },
	{ "HEAD", "#cuda:0;4;cpu,cpu", "repeated_device", ADVICE_WARNING, 15, "overwritten" },
	{ "HEAD", "#cuda:0;4;cuda:0,cpu", "donor_is_compute", ADVICE_WARNING, 11, "one row" },
	{ "HEAD", "#cuda:0;40;cuda:1", "donors_too_small", ADVICE_WARNING, 12, "28.00 GiB are dropped" },
	{ "HEAD", "#cuda:0;-1;cpu", "out_of_range", ADVICE_WARNING, 9, NULL },
	{ "HEAD", "#cuda:0;nan;cpu", "out_of_range", ADVICE_WARNING, 9, NULL },
	{ "HEAD", "cuda:0,1.5;cpu,0.1#cuda:0", "out_of_range", ADVICE_WARNING, 8, "nothing checks" },
	{ "HEAD", "cuda:0,-50%;cpu,150%#cuda:0", "out_of_range", ADVICE_WARNING, 8, NULL },
	{ "HEAD", "cuda:0,50%;cpu,20%#cuda:0", "ratio_scaled", ADVICE_NOTE, 1, "divided by their sum" },
	{ "HEAD", "cuda:0,50%;cpu;cuda:1,50%#cuda:0", "item_skipped", ADVICE_WARNING, 12, "passed over" },
	{ "HEAD", "None#cuda:0;4.0;cpu", "nothing_usable", ADVICE_WARNING, 1, "compute device" },
	{ "HEAD", "cuda:0,50%;cpu,50%#cuda:0;4.0;cpu", "tail_ignored", ADVICE_NOTE, 26, "never read" },
	{ "HEAD", "cuda:0,50%;cpu,50%", "no_hash", ADVICE_NOTE, 19, "01df082 refuses" },
	{ "HEAD", "cuda:0,50%;cpu,50%#cuda:0#", "second_hash", ADVICE_WARNING, 26, NULL },
	{ "HEAD", "", "off", ADVICE_NOTE, 0, NULL },
	{ "01df082", "cuda:0,50%;cpu,50%", "malformed", ADVICE_MALFORMED, 19, "ValueError" },
	{ "HEAD", "#cuda:0;4gb;cpu", "malformed", ADVICE_MALFORMED, 9, "ValueError" },
	{ "HEAD", "#cuda:0;4;", "malformed", ADVICE_MALFORMED, 11, "RuntimeError" },
	{ "HEAD", "#cuda:0;4;cpu;cuda:1", "malformed", ADVICE_MALFORMED, 2, "ValueError" },
	{ "HEAD", "cuda:0,.5g#cuda:0", "malformed", ADVICE_MALFORMED, 8, "ValueError" },
	{ "HEAD", "CUDA:0,50%#cuda:0", "malformed", ADVICE_MALFORMED, 1, "RuntimeError" },
	{ "HEAD", "#cuda:0;4; cpu", "malformed", ADVICE_MALFORMED, 11, "RuntimeError" },
	{ "exact", "cuda:0,4#cuda:0", "malformed", ADVICE_MALFORMED, 8, NULL },
	{ "V1", "cuda:0,4gb", "malformed", ADVICE_MALFORMED, 8, "ValueError" },
	{ "V1", "cuda:0,0.5;cuda:0,0.2;cpu,0.5", "repeated_device", ADVICE_WARNING, 12, "replaces the first" },
	{ "V1", "cuda:0,0.5;cpu,0.5", "fraction_of_device", ADVICE_NOTE, 8, "in proportion" },
	{ "V1", "cuda:0,1.5;cpu,0.5", "out_of_range", ADVICE_WARNING, 8, "nothing checks" },
	{ "V1", "cuda,0.5;cpu,0.5", "bare_kind", ADVICE_WARNING, 1, "another row" },
	{ "V1", "cuda:0,0.5;cpu,0.5#cuda:0;4.0;cpu", "tail_ignored", ADVICE_NOTE, 26, "never read" },
	{ "V1", "#cuda:0;4;cuda:1,cuda:1", "repeated_device", ADVICE_WARNING, 18, "overwritten" },
	{ "V1", "#cuda:0;4;cuda:0,cpu", "donor_is_compute", ADVICE_WARNING, 11, "one row" },
	{ "V1", "#cuda:0;0;cpu", "out_of_range", ADVICE_NOTE, 9, NULL },
};

static struct advice_list ask(const char *version, const char *allocation, const struct block_list *blocks,
			      const uint64_t *free_bytes)
{
	struct advise_request request = { .rules = plan_rules_find(version),
					  .allocation = allocation,
					  .blocks = blocks ? blocks->blocks : NULL,
					  .block_count = blocks ? blocks->count : 0,
					  .devices = fixture_devices,
					  .free_bytes = free_bytes,
					  .device_count = 3 }; /* mps is not one */
	struct error e = ERROR_INIT;
	struct advice_list list;

	ck_assert_ok(advise(&request, &list, &e), &e);
	return list;
}

static const struct advice *find(const struct advice_list *list, const char *kind)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(advise_kind_name(list->items[i].kind), kind) == 0)
			return &list->items[i];
	}
	return NULL;
}

START_TEST(a_trap_is_told_at_its_column_with_what_upstream_does)
{
	const struct trap *trap = &traps[_i];
	struct advice_list list = ask(trap->version, trap->allocation, NULL, NULL);
	const struct advice *advice = find(&list, trap->kind);

	ck_assert_msg(advice, "%s by %s: no %s", trap->allocation, trap->version, trap->kind);
	ck_assert_msg(advice->weight == trap->weight && advice->column == trap->column, "%s by %s: %s at column %zu",
		      trap->allocation, trap->version, advise_weight_name(advice->weight), advice->column);
	if (trap->upstream)
		ck_assert_msg(advice->upstream && strstr(advice->upstream, trap->upstream), "%s by %s: \"%s\"",
			      trap->allocation, trap->version, advice->upstream);
	advise_list_free(&list);
}
END_TEST

/* V1 is not among them: it deals layers and asks no device for its size. */
static const char *const versions[] = { "01df082", "HEAD", "exact" };

START_TEST(a_card_is_told_absent_exactly_where_the_planner_finds_none)
{
	struct block_list blocks = fixture_blocks(4, 1000);

	for (int index = 0; index <= 600; index++) {
		struct plan_request request = { .rules = plan_rules_find(versions[_i]),
						.blocks = blocks.blocks,
						.block_count = blocks.count,
						.devices = fixture_devices,
						.device_count = 3 };
		struct plan_failure failure;
		struct advice_list advice;
		struct plan *plan;
		char text[64];

		snprintf(text, sizeof(text), "cuda:%d,50%%;cpu,50%%#cuda:0", index);
		request.allocation = text;
		advice = ask(versions[_i], text, NULL, NULL);
		plan = plan_make(&request, &failure, NULL);
		ck_assert_msg(!plan == !!find(&advice, "absent_device"), "%s by %s", text, versions[_i]);
		plan_free(plan);
		advise_list_free(&advice);
	}
	block_list_free(&blocks);
}
END_TEST

/* What upstream documents and its nodes write. */
static const char *const fine[] = {
	"#cuda:0;4.0;cpu",
	"#cuda:0;14.0;cuda:1,cpu",
	"cuda:0,500mb;cuda:1,3.0g;cpu,*#cuda:0",
	"cuda:0,8%;cuda:1,8%;cpu,4%#cuda:0",
	"cuda:0,60%;cpu,40%#cuda:0",
};

START_TEST(a_string_that_does_what_it_says_has_notes_at_most)
{
	struct block_list list = fixture_loadlist("flux1_dev_transformer.f8_e4m3");

	for (unsigned with_model = 0; with_model < 2; with_model++) {
		struct advice_list advice = ask("HEAD", fine[_i], with_model ? &list : NULL, NULL);

		for (size_t i = 0; i < advice.count; i++)
			ck_assert_msg(advice.items[i].weight == ADVICE_NOTE, "%s: %s", fine[_i], advice.items[i].found);
		advise_list_free(&advice);
	}
	block_list_free(&list);
}
END_TEST

START_TEST(a_device_is_planned_against_what_it_has_free)
{
	static const uint64_t free_bytes[] = { UINT64_C(60) << 30, UINT64_C(10) << 30, UINT64_C(12) << 30 };
	struct block_list list = fixture_loadlist("flux1_dev_transformer.bf16");
	struct advice_list advice = ask("HEAD", "#cuda:0;4.0;cpu", &list, NULL);
	const struct advice *found;

	ck_assert_ptr_null(find(&advice, "over_commit"));
	advise_list_free(&advice);
	advice = ask("HEAD", "#cuda:0;4.0;cpu", &list, free_bytes);
	found = find(&advice, "over_commit");
	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(found->column, 2);
	ck_assert_ptr_nonnull(strstr(found->found, "10.7 GB free"));
	advise_list_free(&advice);
	block_list_free(&list);
}
END_TEST

START_TEST(slices_of_layers_are_held_against_what_is_free_too)
{
	static const uint64_t free_bytes[] = { UINT64_C(60) << 30, UINT64_C(1) << 30, UINT64_C(12) << 30 };
	struct block_list list = fixture_loadlist("flux1_dev_transformer.bf16");
	struct advice_list advice = ask("V1", "#cuda:0;4.0;cpu", &list, free_bytes);
	const struct advice *found = find(&advice, "over_commit");

	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(found->column, 2);
	ck_assert_ptr_nonnull(find(&advice, "by_count"));
	advise_list_free(&advice);
	block_list_free(&list);
}
END_TEST

START_TEST(a_recipient_with_more_than_its_memory_is_told_though_upstream_lets_it_be)
{
	struct block_list list = fixture_loadlist("qwen_image_transformer.bf16");
	struct advice_list advice = ask("HEAD", "#cuda:0;4.0;cpu", &list, NULL);
	const struct advice *found = find(&advice, "over_commit");

	ck_assert_ptr_nonnull(found);
	ck_assert_ptr_nonnull(strstr(found->upstream, "nothing is changed"));
	advise_list_free(&advice);
	block_list_free(&list);
}
END_TEST

START_TEST(blocks_under_the_threshold_that_are_the_whole_model_are_told)
{
	struct block_list list = fixture_blocks(10001, 1 << 20);
	struct advice_list advice = ask("HEAD", "#cuda:0;4.0;cpu", &list, NULL);

	ck_assert_ptr_nonnull(find(&advice, "all_tiny"));
	ck_assert_ptr_nonnull(find(&advice, "nothing_moves"));
	advise_list_free(&advice);
	block_list_free(&list);
}
END_TEST

START_TEST(a_model_in_many_runs_is_told)
{
	struct block_list list = fixture_loadlist("flux1_dev_transformer.bf16");
	struct advice_list advice = ask("HEAD", "cuda:0,0.3;cuda:1,0.9#cuda:0", &list, NULL);

	ck_assert_ptr_nonnull(find(&advice, "fragmented"));
	advise_list_free(&advice);
	block_list_free(&list);
}
END_TEST

START_TEST(large_blocks_without_a_bias_are_told_where_the_version_leaves_them)
{
	struct block_list list = fixture_blocks(20, 1 << 28);
	struct advice_list advice;

	for (size_t i = 0; i < list.count; i++)
		list.blocks[i].has_bias = i % 2 == 0;
	advice = ask("HEAD", "#cuda:0;4.0;cpu", &list, NULL);
	ck_assert_ptr_nonnull(find(&advice, "no_bias"));
	advise_list_free(&advice);
	advice = ask("01df082", "#cuda:0;4.0;cpu", &list, NULL);
	ck_assert_ptr_null(find(&advice, "no_bias"));
	advise_list_free(&advice);
	block_list_free(&list);
}
END_TEST

HARNESS_SUITE(advise_suite)
{
	Suite *suite = suite_create("advise");
	TCase *text = tcase_create("the string");
	TCase *plan = tcase_create("the plan");

	tcase_add_loop_test(text, a_trap_is_told_at_its_column_with_what_upstream_does, 0, ARRAY_SIZE(traps));
	tcase_add_loop_test(text, a_card_is_told_absent_exactly_where_the_planner_finds_none, 0, ARRAY_SIZE(versions));
	tcase_add_loop_test(text, a_string_that_does_what_it_says_has_notes_at_most, 0, ARRAY_SIZE(fine));
	suite_add_tcase(suite, text);
	tcase_add_test(plan, a_device_is_planned_against_what_it_has_free);
	tcase_add_test(plan, slices_of_layers_are_held_against_what_is_free_too);
	tcase_add_test(plan, a_recipient_with_more_than_its_memory_is_told_though_upstream_lets_it_be);
	tcase_add_test(plan, blocks_under_the_threshold_that_are_the_whole_model_are_told);
	tcase_add_test(plan, a_model_in_many_runs_is_told);
	tcase_add_test(plan, large_blocks_without_a_bias_are_told_where_the_version_leaves_them);
	suite_add_tcase(suite, plan);
	return suite;
}
