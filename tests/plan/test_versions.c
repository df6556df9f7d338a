/* Versions and names: every row of the table does all that is asked of a version, and a device's name has one splitter. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/advise/advise.h"
#include "core/plan/string/device_name.h"
#include "core/plan/string/node_string.h"
#include "core/plan/versions.h"
#include "tests/harness/harness.h"
#include "tests/plan/fixture.h"

/* Virtual VRAM and fractions are what every version reads. */
static const char *const strings[] = { "#cuda:0;4.0;cpu", "cuda:0,0.5;cpu,0.5#cuda:0" };

static void check_plan(const struct plan_rules *rules, const char *allocation, const struct block_list *list, bool is_clip)
{
	struct plan_request request = { .rules = rules,
					.allocation = allocation,
					.is_clip = is_clip,
					.blocks = list->blocks,
					.block_count = list->count,
					.devices = fixture_devices,
					.device_count = FIXTURE_DEVICES };
	struct error e = ERROR_INIT;
	struct plan *plan = plan_make(&request, NULL, &e);
	json_t *answer;

	ck_assert_ok(plan, &e);
	answer = rules->answer(plan, &request);
	ck_assert_uint_eq(json_array_size(json_array_get(json_object_get(answer, "assign"), 0)), 2);
	json_decref(answer);
	plan_free(plan);
}

static void check_advice(const struct plan_rules *rules, const char *allocation, const struct block_list *list)
{
	struct advise_request request = { .rules = rules,
					  .allocation = allocation,
					  .blocks = list->blocks,
					  .block_count = list->count,
					  .devices = fixture_devices,
					  .device_count = FIXTURE_DEVICES };
	struct error e = ERROR_INIT;
	struct advice_list advice;

	ck_assert_ok(advise(&request, &advice, &e), &e);
	ck_assert_int_ne(advise_list_weight(&advice), ADVICE_MALFORMED);
	advise_list_free(&advice);
}

START_TEST(every_version_plans_advises_and_answers)
{
	struct block_list list = fixture_blocks(64, UINT64_C(1) << 26);
	size_t count = 0;

	for (const struct plan_rules *rules = plan_rules; rules->name; rules++, count++) {
		ck_assert_ptr_eq(plan_rules_find(rules->name), rules);
		ck_assert_str_ne(rules->summary, "");
		for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
			check_plan(rules, strings[i], &list, false);
			check_plan(rules, strings[i], &list, true);
			check_advice(rules, strings[i], &list);
		}
	}
	ck_assert_uint_eq(count, 4);
	ck_assert_ptr_null(plan_rules_find("HEAD2"));
	block_list_free(&list);
}
END_TEST

START_TEST(every_version_stores_a_string_that_it_reads)
{
	static const char *const names[] = { "cuda:0", "cpu" };
	struct block_list list = fixture_blocks(64, UINT64_C(1) << 26);

	for (const struct plan_rules *rules = plan_rules; rules->name; rules++) {
		for (unsigned i = 0; i < NODE_CLASS_COUNT; i++) {
			struct node_inputs inputs = { .class = (enum node_class)i,
						      .compute = "cuda:0",
						      .expert = "",
						      .virtual_vram_gb = 4,
						      .donor = "cpu",
						      .device_names = names,
						      .device_count = ARRAY_SIZE(names) };
			struct error e = ERROR_INIT;
			bool stored = false;
			char *text = node_string(&inputs, rules, &stored, NULL, &e);

			ck_assert_ok(text, &e);
			ck_assert(stored);
			check_plan(rules, text, &list, false);
			free(text);
		}
	}
	block_list_free(&list);
}
END_TEST

static const struct {
	const char *text;
	enum device_name_fault fault;
	const char *type;
	int64_t index;
} names[] = {
	{ .text = "cpu", .type = "cpu", .index = DEVICE_NAME_NO_INDEX },
	{ .text = "cuda:0", .type = "cuda", .index = 0 },
	{ .text = "cuda:255", .type = "cuda", .index = 255 },
	{ .text = "cuda:2147483647", .type = "cuda", .index = INT32_MAX },
	{ .text = "cuda:2147483648", .type = "cuda", .fault = DEVICE_NAME_INDEX_TOO_LARGE },
	{ .text = "cuda:99999999999999999999x", .fault = DEVICE_NAME_MALFORMED },
	{ .text = "cuda:00", .fault = DEVICE_NAME_MALFORMED },
	{ .text = "cuda:", .fault = DEVICE_NAME_MALFORMED },
	{ .text = "cuda:-1", .fault = DEVICE_NAME_MALFORMED },
	{ .text = "cuda0", .fault = DEVICE_NAME_MALFORMED },
	{ .text = ":0", .fault = DEVICE_NAME_MALFORMED },
	{ .text = " cpu", .fault = DEVICE_NAME_MALFORMED },
	{ .text = "", .fault = DEVICE_NAME_MALFORMED },
};

START_TEST(a_device_name_is_a_type_and_an_index_without_leading_zeros)
{
	struct device_name name;

	ck_assert_int_eq(device_name_split(span_of(names[_i].text), &name), names[_i].fault);
	if (names[_i].type)
		ck_assert(span_is(name.type, names[_i].type));
	if (names[_i].fault == DEVICE_NAME_OK)
		ck_assert_int_eq(name.index, names[_i].index);
}
END_TEST

START_TEST(an_index_is_cut_to_a_signed_byte_of_which_minus_1_is_the_first_device)
{
	ck_assert_int_eq(device_name_meant_index(1), 1);
	ck_assert_int_eq(device_name_meant_index(128), -128);
	ck_assert_int_eq(device_name_meant_index(254), -2);
	ck_assert_int_eq(device_name_meant_index(255), 0);
	ck_assert_int_eq(device_name_meant_index(INT32_MAX), 0);
	ck_assert_int_eq(device_name_meant_index(INT32_MAX - 255), 0);
	ck_assert_int_eq(device_name_meant_index(DEVICE_NAME_NO_INDEX), 0);
}
END_TEST

START_TEST(a_type_alone_means_its_first_device)
{
	ck_assert(device_name_means(span_of("CUDA"), "cuda:0"));
	ck_assert(device_name_means(span_of("Cuda:1"), "cuda:1"));
	ck_assert(!device_name_means(span_of("cuda"), "cuda:1"));
	ck_assert(!device_name_means(span_of("cpu:0"), "cpu"));
	ck_assert(!device_name_means(span_of("cud"), "cuda:0"));
}
END_TEST

HARNESS_SUITE(versions_suite)
{
	Suite *suite = suite_create("versions");
	TCase *rows = tcase_create("rows");
	TCase *splitter = tcase_create("device names");

	tcase_add_test(rows, every_version_plans_advises_and_answers);
	tcase_add_test(rows, every_version_stores_a_string_that_it_reads);
	suite_add_tcase(suite, rows);
	tcase_add_loop_test(splitter, a_device_name_is_a_type_and_an_index_without_leading_zeros, 0, ARRAY_SIZE(names));
	tcase_add_test(splitter, an_index_is_cut_to_a_signed_byte_of_which_minus_1_is_the_first_device);
	tcase_add_test(splitter, a_type_alone_means_its_first_device);
	suite_add_tcase(suite, splitter);
	return suite;
}
