/* Traps: what of advice goes into a store, for strings of every version on a model whose blocks are known. */
#include <string.h>

#include "core/base/array.h"
#include "core/device/topology/topology.h"
#include "core/plan/advise/advise.h"
#include "tests/harness/harness.h"
#include "tests/plan/fixture.h"

#define STEPS_LOST "quotas rounded to four decimals"

/* A string and the trap that must be among those found, by its place; "" where there must be none. */
static const struct {
	const char *version;
	const char *allocation;
	const char *place;
	const char *detail; /* a part of it */
} traps[] = {
	{ .version = "HEAD", .allocation = "#cuda:0;14.0;cuda:1,cpu", .place = "" },
	{ .version = "01df082",
	  .allocation = "cuda:0,60%;cpu,40%#",
	  .place = "column 20",
	  .detail = "a plan was meant, it says KeyError" },
	{ .version = "HEAD", .allocation = "#cuda:0;4gb;cpu", .place = "column 9", .detail = "it says ValueError" },
	{ .version = "HEAD", .allocation = "", .place = "column 1", .detail = "\"\": a plan was meant" },
	{ .version = "V1",
	  .allocation = "cuda:0,0.9;cpu,0.2#",
	  .place = "a trailing '#'",
	  .detail = "it says a compute device without a name" },
	{ .version = "HEAD",
	  .allocation = "mps,50%;cuda:0,50%#cuda:0",
	  .place = "a letter of a device's name",
	  .detail = "a share was meant, it says bytes" },
	{ .version = "HEAD",
	  .allocation = "cuda:0,20gb;cpu,5gb*#cuda:0",
	  .place = "a number before a '*'",
	  .detail = "5gb* was meant, it says whatever is left over" },
	{ .version = "exact", .allocation = "cuda:0,20gb;cpu,5gb*#cuda:0", .place = "" },
	{ .version = "HEAD",
	  .allocation = "cuda:0,0.6;cuda:1,0.4#cuda:0",
	  .place = "fractions that add up to 1",
	  .detail = "it says fractions of each device's memory" },
	{ .version = "exact", .allocation = "cuda:0,0.6;cuda:1,0.4#cuda:0", .place = "" },
	{ .version = "V1",
	  .allocation = "cuda:0,0.6;cuda:1,0.4#cuda:0",
	  .place = "fractions that add up to 1",
	  .detail = "shares of the model was meant" },
	{ .version = "HEAD",
	  .allocation = "cuda:0,70%;cpu,30%#cuda:0",
	  .place = STEPS_LOST,
	  .detail = "with the others was meant" },
	{ .version = "exact", .allocation = "cuda:1,100%#cuda:0", .place = "cuda:1", .detail = "which has 12.9 GB" },
};

static struct block_list list;

static void open_list(void)
{
	list = fixture_loadlist("flux1_dev_transformer.bf16");
}

static void close_list(void)
{
	block_list_free(&list);
}

static struct advice_list ask(const char *version, const char *allocation, const struct block_list *blocks,
			      const struct topology *topology)
{
	struct advise_request request = { .rules = plan_rules_find(version),
					  .allocation = allocation,
					  .blocks = blocks ? blocks->blocks : NULL,
					  .block_count = blocks ? blocks->count : 0,
					  .devices = fixture_devices,
					  .device_count = FIXTURE_DEVICES,
					  .topology = topology };
	struct error e = ERROR_INIT;
	struct advice_list advice;

	ck_assert_ok(advise(&request, &advice, &e), &e);
	return advice;
}

static const struct advice_trap *find(const struct advice_list *advice, const char *place)
{
	for (size_t i = 0; i < advice->trap_count; i++) {
		if (strcmp(advice->traps[i].place, place) == 0)
			return &advice->traps[i];
	}
	return NULL;
}

START_TEST(a_trap_says_what_was_meant_and_what_the_string_says)
{
	struct advice_list advice = ask(traps[_i].version, traps[_i].allocation, &list, NULL);
	const struct advice_trap *trap = find(&advice, traps[_i].place);
	const char *first = advice.trap_count ? advice.traps[0].place : "nothing";

	if (traps[_i].place[0] == '\0')
		ck_assert_msg(advice.trap_count == 0, "%s by %s: %s", traps[_i].allocation, traps[_i].version, first);
	else
		ck_assert_msg(trap && strstr(trap->detail, traps[_i].detail), "%s by %s: %s", traps[_i].allocation,
			      traps[_i].version, trap ? trap->detail : first);
	advise_list_free(&advice);
}
END_TEST

/* A string that stops the planner after a trap was found has no plan, and so nothing but that to record. */
START_TEST(a_string_that_cannot_be_planned_has_one_trap)
{
	struct advice_list advice = ask("HEAD", "mps,50%;cuda:0,x%;cpu,5*#cuda:0", &list, NULL);

	ck_assert_uint_eq(advice.trap_count, 1);
	ck_assert_int_eq(advice.traps[0].kind, ADVICE_TRAP_MISREAD);
	ck_assert_str_eq(advice.traps[0].expected, "a plan");
	advise_list_free(&advice);
}
END_TEST

static const char *const versions[] = { "01df082", "HEAD", "V1" };

START_TEST(what_a_device_cannot_hold_is_both_advice_and_a_trap)
{
	struct advice_list advice = ask(versions[_i], "cuda:1,1.5#cuda:0", &list, NULL);
	const struct advice_trap *trap = find(&advice, "cuda:1");
	bool advised = false;

	for (size_t i = 0; i < advice.count; i++)
		advised |= advice.items[i].kind == ADVICE_OVER_COMMIT;
	ck_assert(advised);
	ck_assert_ptr_nonnull(trap);
	ck_assert_int_eq(trap->kind, ADVICE_TRAP_OVER_COMMITTED);
	ck_assert_uint_gt(trap->size_bytes, UINT64_C(12) << 30);
	advise_list_free(&advice);
}
END_TEST

START_TEST(a_donor_without_a_link_is_a_trap_only_where_links_are_known)
{
	static const char text[] =
		"{\"schema\": 1, \"name\": \"t\", \"title\": \"t\", \"devices\": ["
		"{\"name\": \"cpu\", \"capacity_bytes\": 68719476736, \"memory_bytes_per_s\": 3e10},"
		"{\"name\": \"cuda:0\", \"capacity_bytes\": 25769803776, \"flops_per_s\": 6e13, \"memory_bytes_per_s\": 8e11},"
		"{\"name\": \"cuda:1\", \"capacity_bytes\": 12884901888, \"flops_per_s\": 6e13, \"memory_bytes_per_s\": 8e11}],"
		"\"links\": ["
		"{\"from\": \"cpu\", \"to\": \"cuda:0\", \"bandwidth_bytes_per_s\": 7e9, \"latency_ns\": 9000},"
		"{\"from\": \"cuda:0\", \"to\": \"cpu\", \"bandwidth_bytes_per_s\": 7e9, \"latency_ns\": 9000},"
		"{\"from\": \"cpu\", \"to\": \"cuda:1\", \"bandwidth_bytes_per_s\": 7e9, \"latency_ns\": 9000},"
		"{\"from\": \"cuda:1\", \"to\": \"cpu\", \"bandwidth_bytes_per_s\": 7e9, \"latency_ns\": 9000}]}";
	struct error e = ERROR_INIT;
	struct topology *topology = topology_parse(text, strlen(text), "here", &e);
	struct advice_list advice = ask("HEAD", "#cuda:0;4.0;cuda:1", &list, topology);
	const struct advice_trap *trap = find(&advice, "cuda:1 -> cuda:0");

	ck_assert_ok(topology != NULL, &e);
	ck_assert_ptr_nonnull(trap);
	ck_assert_int_eq(trap->kind, ADVICE_TRAP_NO_PEER_ACCESS);
	ck_assert_ptr_nonnull(strstr(trap->detail, "wait on cuda:1, which has no link to cuda:0"));
	advise_list_free(&advice);
	advice = ask("HEAD", "#cuda:0;4.0;cuda:1", &list, NULL);
	ck_assert_ptr_null(find(&advice, "cuda:1 -> cuda:0"));
	advise_list_free(&advice);
	topology_free(topology);
}
END_TEST

HARNESS_SUITE(trap_suite)
{
	Suite *suite = suite_create("traps");
	TCase *tests = tcase_create("traps");

	tcase_add_checked_fixture(tests, open_list, close_list);
	tcase_add_loop_test(tests, a_trap_says_what_was_meant_and_what_the_string_says, 0, ARRAY_SIZE(traps));
	tcase_add_test(tests, a_string_that_cannot_be_planned_has_one_trap);
	tcase_add_loop_test(tests, what_a_device_cannot_hold_is_both_advice_and_a_trap, 0, ARRAY_SIZE(versions));
	tcase_add_test(tests, a_donor_without_a_link_is_a_trap_only_where_links_are_known);
	suite_add_tcase(suite, tests);
	return suite;
}
